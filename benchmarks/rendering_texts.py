"""Texts such as models write, and such as they should not: seeded, in many scripts, with words that can be found again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

SEEN: Final = "Mira https://seen.example/page y www.docs.example, por favor"
"""What the person wrote: only these hosts may be links."""

PHRASES: Final = (
    "¿Qué tal? El pingüino añadió más azúcar al café.",
    "The quick brown fox doesn't jump; it waits…",
    "👩‍👩‍👧‍👦 familia 🇪🇸🇲🇽 banderas 👍🏽 tonos ❤️‍🔥 1️⃣",
    "مرحبا بالعالم، كيف حالك اليوم؟",
    "नमस्ते दुनिया, क्षमा कीजिए और स्त्री शक्ति।",
    "你好世界。今天天气很好，我们去公园吧！",
    "안녕하세요 세계, 각각의 한글 음절",
    "สวัสดีชาวโลก ผู้ใหญ่",
    "e\u0301te\u0301 Zͪ̈́a̴̛l̸̈g̷̃o̸̊",
    "a * b < c > d & e | f ~ g _ h # i",
    "snake_case_name __init__ 2*3*4 f(x)[0](1)",
    "EE.UU. fin.Luego 3.14 v1.2.3 p. ej. 10:30",
)
ACTIVE: Final = (
    "@everyone",
    "@here",
    "@some_name",
    "<@123456789012345678>",
    "<@!12345>",
    "<@&98765>",
    "<#4242>",
    "</forget:77>",
    "<:smile:123>",
    "<a:dance:456>",
    "<t:1700000000:R>",
    "<id:customize>",
    "tg://user?id=42",
    "[me](tg://user?id=42)",
    "https://evil.example/?q=secret",
    "<https://evil.example/a_b*c>",
    "evil.com/path",
    "WWW.EVIL.COM",
    "discord.gg/abcdef",
    "https://discord.gg/abcdef",
    "t.me/somebody",
    "[good](https://seen.example/x_y_(z))",
    "https://seen.example/a*b~c",
    "[click](https://evil.example/leak)",
    "[https://seen.example](https://evil.example)",
    "![picture](https://evil.example/i.png)",
    "https://seen.example@evil.example/",
    "https://ev**il**.example/x",
    "\\[masked\\](https://evil.example)",
    "mail me at someone@evil.com",
    "10.0.0.1:8080/x",
)
STRAY: Final = (
    *(
        "*",
        "**",
        "***",
        "_",
        "__",
        "~",
        "~~",
        "|",
        "||",
        "`",
        "``",
        "```",
        "#",
        "## ",
        "> ",
        "- ",
        "1. ",
        "[",
        "](",
        ")",
        "![",
        "<",
    ),
    *(
        "\\",
        "\\*",
        "\\_",
        "\\`",
        "\\#",
        "\\[",
        "\\(",
        "\\)",
        "$",
        "$$",
        "&amp;",
        "&#42;",
        "\n",
        "\n\n",
        "    ",
        "\t",
        "<b>",
        "</i>",
    ),
    *(
        "<u>",
        "<br>",
        "List<String>",
        "<!-- ",
        " -->",
        "\x00",
        "\x07",
        "\u202e",
        "\ufdd0",
        "\u200d",
        "\ufeff",
        "-# ",
        "|---|",
        "~~~",
    ),
)
LANGUAGES: Final = ("python", "c++", "js", "", "objective-c", "Español", "sh")


@dataclass(slots=True)
class Text:
    """A text, the words that must be found again in this order, and the lines of its blocks of code with their language.

    In a messy text stray markup may have opened or closed a block of code anywhere.
    """

    markdown: str = ""
    words: list[str] = field(default_factory=list)
    code: list[tuple[str, str]] = field(default_factory=list)
    is_messy: bool = False


class Writer:
    """Writes texts from a seed."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._count = 0
        self._text = Text()

    def text(self) -> Text:
        """One text, mostly short, sometimes of many thousand letters."""
        self._text = Text()
        self._count = 0
        blocks = (
            *(self._paragraph, self._paragraph, self._heading, self._bullets, self._numbers, self._code, self._table),
            *(self._quote, self._maths, self._html, self._rule, self._mess, self._long_word),
        )
        size = self._dice.choice((1, 1, 2, 2, 4, 4, 8, 30))
        self._text.markdown = "\n\n".join(self._dice.choice(blocks)() for _ in range(size))
        return self._text

    def _word(self) -> str:
        self._count += 1
        digits = "".join(chr(ord("g") + int(digit)) for digit in str(self._count))
        word = f"zq{digits}x"
        self._text.words.append(word)
        return word

    def _phrase(self) -> str:
        roll = self._dice.random()
        said = self._dice.choice(PHRASES) if roll < 0.5 else self._dice.choice(ACTIVE) if roll < 0.6 else ""
        word = self._word()
        word = self._dice.choice(
            (word, word, f"**{word}**", f"*{word}*", f"`{word}`", f"~~{word}~~", f"***{word}***", f"||{word}||")
        )
        return f"{word} {said}".strip()

    def _sentence(self) -> str:
        return " ".join(self._phrase() for _ in range(self._dice.choice((1, 3, 8))))

    def _paragraph(self) -> str:
        glue = self._dice.choice((". ", ".\n", "\n", "  \n", " "))
        begin = f"**{self._word()} {self._word()}** " if self._dice.random() < 0.3 else ""
        return begin + glue.join(self._sentence() for _ in range(self._dice.choice((1, 2, 6))))

    def _heading(self) -> str:
        return f"{'#' * self._dice.randint(1, 6)} {self._word()} *{self._word()}*"

    def _bullets(self) -> str:
        return "\n".join(
            f"{'  ' * self._dice.randint(0, 1 + place % 2)}- {self._sentence()}" for place in range(self._dice.randint(1, 12))
        )

    def _numbers(self) -> str:
        gap = self._dice.choice(("\n", "\n\n"))
        return gap.join(f"{place}. {self._sentence()}" for place in range(1, self._dice.randint(2, 12)))

    def _code(self) -> str:
        language = self._dice.choice(LANGUAGES)
        said = "= f(*a, **k)  # @everyone <@1> __x__ `t` https://evil.example"
        count = self._dice.choice((1, 5, 60, 200))
        lines = [f"{'    ' * self._dice.randint(0, 3)}{self._word()} {said}" for _ in range(count)]
        self._text.code += [(line, language) for line in lines]
        fence = self._dice.choice(("```", "~~~", "````"))
        lines += ["``` inside"] if fence != "```" else []
        return "\n".join([f"{fence}{language}", *lines, fence])

    def _table(self) -> str:
        columns = self._dice.randint(1, 4)
        rows = [[self._word() for _ in range(columns)] for _ in range(self._dice.randint(2, 8))]
        lines = [f"| {' | '.join(row)} |" for row in rows]
        lines.insert(1, "|" + "---|" * columns)
        return "\n".join(lines)

    def _quote(self) -> str:
        return "\n".join(f"> {self._sentence()}" for _ in range(self._dice.randint(1, 4)))

    def _maths(self) -> str:
        word = self._word()
        return self._dice.choice(
            (
                f"$a_1 * {word} * b_2$",
                f"\\( a_{{{word}}} * \\frac{{1}}{{2}} \\)",
                f"\\[\n{word} = \\{{x * y\\}}\n\\]",
                f"$$\n{word}^2\n$$",
                f"${word} 5",
            )
        )

    def _html(self) -> str:
        word = self._word
        match self._dice.randint(0, 5):
            case 0:
                return f"<details>\n<summary>{word()}</summary>\n\n{word()}\n\n</details>"
            case 1:
                return f"<div><p>{word()}</p><b>{word()}</b></div>"
            case 2:
                return f"{word()}<br/>{word()} <u>{word()} <i>{word()}"
            case 3:
                return f"<script>{word()}</script>"
            case 4:
                return f"Map<{word()}> & {word()}"
            case _:
                return f"<kbd>{word()}</kbd> <unknown-tag {word()}>"

    def _rule(self) -> str:
        return "---"

    def _mess(self) -> str:
        self._text.is_messy = True
        pieces = []
        for _ in range(self._dice.randint(1, 30)):
            roll = self._dice.randint(0, 3)
            pieces.append(" " if roll == 0 else self._word() if roll == 1 else self._dice.choice((STRAY, ACTIVE)[roll - 2]))
        return "".join(pieces)

    def _long_word(self) -> str:
        letters = self._dice.choice(("a", "ñ", "漢", "👩‍👩‍👧‍👦", "🇪🇸", "e\u0301", "क्ष", "각", "👍🏽"))
        return letters * self._dice.choice((10, 700, 3000)) + self._word()

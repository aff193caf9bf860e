"""What people see on Discord: its own Markdown, cut to its limit, with nothing active that they did not bring."""

from __future__ import annotations

import pytest

from benchmarks.discord_view import view
from bot.channels.discord.text import GAP, LIMIT, preview, rendered


def one(markdown: str, *, seen: str = "") -> str:
    (message,) = rendered(markdown, seen=seen)
    return message


def letters_of(message: str) -> str:
    return "".join(letter for letter, _ in view(message))


@pytest.mark.parametrize(
    ("markdown", "message"),
    [
        ("**b** *i* ***bi*** ~~s~~ `c` <u>u</u>", "**b** *i* ***bi*** ~~s~~ `c` __u__"),
        ("__bold__ and _italic_", "**bold** and *italic*"),
        ("# One\n## Two\n### Three\n#### Four", "# One\n## Two\n### Three\n**Four**"),
        ("* a\n  + b\n\n3) c", "- a\n  - b\n\n3. c"),
        ("> q\n> **b**\n>\n> r", "> q\n> **b**\n> \n> r"),
        ("```py\na = '*'\n```", "```py\na = '*'\n```"),
        ("~~~Español\nx\n~~~", "```\nx\n```"),
        ("> ```js\n> x\n> ```\n\nend", "> ```js\n> x\n> ```\n\nend"),
        ("a\n\n***\n\nb", "a\n\n————————\n\nb"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "```\na │ b\n──┼──\n1 │ 2\n```"),
        ("<kbd>Esc</kbd><br>List<String>", "`Esc`\nList<String>"),
        ("||hidden|| a || b", "||hidden|| a \\|\\| b"),
        ("``a`b``", "`` a`b ``"),
        ("1\\. no list\n\\# no heading\n\\- no item\n\\> no quote", "1\\. no list\n\\# no heading\n\\- no item\n\\> no quote"),
        ("-# not small", "\\-# not small"),
        ("2 * 3 * 4 and snake_case", "2 \\* 3 \\* 4 and snake\\_case"),
    ],
)
def test_what_discord_draws_stays_and_everything_else_reads_well(markdown: str, message: str) -> None:
    assert one(markdown) == message


def test_marks_that_touch_are_kept_apart() -> None:
    assert one("**a***b*") == f"**a**{GAP}*b*"
    assert [looks for _, looks in view(one("**a***b*"))] == [{"bold"}, {"italic"}]


@pytest.mark.parametrize(
    "active",
    [
        *(
            "@everyone",
            "@here",
            "<@123>",
            "<@!123>",
            "<@&123>",
            "<#123>",
            "</forget:123>",
            "<:x:1>",
            "<a:x:1>",
            "<t:1700000000:R>",
        ),
        *("<id:customize>", "https://evil.com", "<https://evil.com>", "discord.gg/abc", "https://discord.gg/abc"),
        *("\\[x\\](https://evil.com)", "\\[`x](https://evil.com)`", "![x](https://evil.com/i.png)", "[x](https://evil.com)"),
    ],
)
@pytest.mark.parametrize("around", ["{}", "**{}**", "- {}", "> {}", "x{}", "||{}||", "# {}"])
def test_nothing_is_active_that_the_person_did_not_bring(active: str, around: str) -> None:
    looks = {look for _, letter in view(one(around.format(active))) for look in letter}
    assert not looks & {"active", "address"}


def test_an_address_of_a_host_that_the_person_named_is_a_link_without_preview() -> None:
    said = "https://example.org/page"
    assert one("[this](https://example.org/x_y) https://example.org/z.", seen=said) == (
        "this (<https://example.org/x_y>) <https://example.org/z>."
    )
    assert one("[this](https://evil.com/x)", seen=said) == "this (`https://evil.com/x`)"


def test_an_address_that_markup_goes_through_is_no_link() -> None:
    message = one("https://example.org/x*y*z", seen="https://example.org")
    assert letters_of(message) == "https://example.org/xyz"
    assert {look for _, letter in view(message) for look in letter} == {"code"}


def test_a_mark_in_code_does_not_end_the_mark_around_it() -> None:
    message = one("**bold `a**b` end**")
    assert letters_of(message) == "bolda**bend"
    assert [looks for letter, looks in view(message) if letter in "ab*"][-4:] == [{"code"}] * 4


def test_an_invitation_stays_text_even_if_the_person_named_its_host() -> None:
    assert one("discord.gg/abc", seen="discord.gg/abc") == "`discord.gg/abc`"


def test_backticks_in_code_cannot_end_it() -> None:
    message = one("````\na\n```\n@everyone\n````")
    assert message == f"```\na\n`{GAP}``\n@everyone\n```"
    assert {look for _, letter in view(message) for look in letter} == {"pre"}


def test_a_long_block_of_code_is_closed_and_opened_again_with_its_language() -> None:
    parts = rendered("Look:\n\n```py\n" + "\n".join(f"line_{number} = '`'" for number in range(700)) + "\n```\n\nend")
    assert len(parts) > 3
    inner = [part for part in parts if "line_" in part]
    assert all("```py\n" in part and part.count("```") == 2 and len(part) <= LIMIT for part in inner)
    assert sum(part.count("line_") for part in parts) == 700


def test_marks_and_spoilers_are_whole_on_both_sides_of_a_cut() -> None:
    for sign in ("**", "||", "~~", "*"):
        for part in rendered(f"{sign}{'word ' * 900}end{sign}"):
            assert part.startswith(sign)
            assert part.endswith(sign)
            assert part.count(sign) == 2


def test_the_limit_holds_in_utf16_with_all_markup_counted() -> None:
    parts = rendered("**👍🏽** _x_ " * 700)
    assert all(len(part.encode("utf-16-le")) // 2 <= LIMIT for part in parts)
    assert sum(part.count("👍🏽") for part in parts) == 700


@pytest.mark.parametrize("blank", ["", "  \n", "\x00", "```\n```"])
def test_an_answer_without_text_is_an_ellipsis(blank: str) -> None:
    assert rendered(blank) == ("…",)
    assert preview(blank) == "…"


@pytest.mark.parametrize(
    ("running", "message"),
    [
        ("An **open", "An **open**"),
        ("```py\nx = [", "```py\nx = [\n```"),
        ("- a\n- `b", "- a\n- `b`"),
        ("See [this](https://exa", "See this"),
    ],
)
def test_a_running_answer_looks_as_it_will(running: str, message: str) -> None:
    assert preview(running) == message


def test_a_long_running_answer_shows_its_newest_text() -> None:
    message = preview("```py\n" + "old = 1\n" * 900 + "new = 2")
    assert message.startswith("…\n```py\nold = 1\n")
    assert message.endswith("new = 2\n```")
    assert len(message) <= LIMIT

"""How Discord's clients read a message, as far as it is known: what is seen of it, with which marks, and what is active in it.

Written from the published behaviour of the clients (backslash escapes, marks that need not stand at a word's edge, fences that
three backticks close wherever they stand); it shares nothing with `bot.channels.discord.text`, which it checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

Seen = tuple[str, frozenset[str]]
"""A letter that is seen, and how it looks."""

_FENCE: Final = re.compile(r"```(?:([a-z0-9_+\-.#]+?)\n)?\n*([^\n].*?)\n*```", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\([^0-9A-Za-z\s])")
_CODE: Final = re.compile(r"(`+)(.*?[^`])\1(?!`)", re.DOTALL)
_LINK: Final = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]*://[^\s>]+)>")
_BARE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s<]+")
_MENTION: Final = re.compile(r"@(?:everyone|here)|<(?:@[!&]?|#|id:|t:|a?:\w+:)\w+[^>\s]*>|</[^>]+:\d+>", re.IGNORECASE)
_MASKED: Final = re.compile(r"\[[^\]\n]+\]\(<?[a-z]+://", re.IGNORECASE)
_INSIDE: Final = r"((?:\\.|[^\\])+?)"
_MARKS: Final = (
    ("bold", re.compile(rf"\*\*{_INSIDE}\*\*(?!\*)", re.DOTALL)),
    ("underline", re.compile(rf"__{_INSIDE}__(?!_)", re.DOTALL)),
    ("strikethrough", re.compile(r"~~(.+?)~~(?!_)", re.DOTALL)),
    ("spoiler", re.compile(r"\|\|(.+?)\|\|", re.DOTALL)),
    ("italic", re.compile(r"_((?:__|\\.|[^\\_])+?)_(?!\w)", re.DOTALL)),
    ("italic", re.compile(r"\*(?=\S)((?:\*\*|\\.|\s+(?:\\.|[^\s*\\]|\*\*)|[^\s*\\])+?)\*(?!\*)", re.DOTALL)),
)
_QUOTE: Final = re.compile(r"^> ?", re.MULTILINE)
_HEADING: Final = re.compile(r"^(?:#{1,3}|-#) +")


def view(message: str) -> list[Seen]:
    """Every letter that is seen, blanks left out."""
    return [seen for seen in _blocks(message) if not seen[0].isspace() and seen[0] != "\u200b"]


def _blocks(message: str) -> Iterator[Seen]:
    plain, quoted = "", ""
    is_fenced = False
    for line in message.splitlines(keepends=True):
        is_quoted = not is_fenced and (line.startswith("> ") or line.rstrip("\n") == ">")
        is_fenced ^= not is_quoted and line.count("```") % 2 == 1
        if is_quoted and plain:
            yield from _fences(plain)
            plain = ""
        if not is_quoted and quoted:
            yield from _fences(_QUOTE.sub("", quoted))
            quoted = ""
        if is_quoted:
            quoted += line
        else:
            plain += line
    yield from _fences(plain)
    yield from _fences(_QUOTE.sub("", quoted))


def _fences(text: str) -> Iterator[Seen]:
    done = 0
    for match in _FENCE.finditer(text):
        yield from _lines(text[done : match.start()])
        yield from ((letter, frozenset({"pre"})) for letter in match[2])
        done = match.end()
    yield from _lines(text[done:])


def _lines(text: str) -> Iterator[Seen]:
    for line in text.splitlines():
        heading = _HEADING.match(line)
        yield from _inline(line[heading.end() :] if heading else line, frozenset())


def _inline(text: str, looks: frozenset[str]) -> Iterator[Seen]:
    place = 0
    has_address = "://" in text
    while place < len(text):
        if text[place].isalnum() and not has_address:
            yield text[place], looks
            place += 1
        elif escape := _ESCAPE.match(text, place):
            yield escape[1], looks
            place = escape.end()
        elif code := _CODE.match(text, place):
            yield from ((letter, frozenset({"code"})) for letter in code[2])
            place = code.end()
        elif link := _LINK.match(text, place):
            yield from ((letter, frozenset({"address"})) for letter in link[1])
            place = link.end()
        elif active := _MENTION.match(text, place) or _MASKED.match(text, place) or _BARE.match(text, place):
            yield from ((letter, frozenset({"active"})) for letter in active[0])
            place = active.end()
        else:
            found = [(match, look) for look, mark in _MARKS if (match := mark.match(text, place))]
            if found:
                match, look = max(found, key=lambda item: len(item[0][0]))
                yield from _inline(match[1], looks | {look})
                place = match.end()
            else:
                yield text[place], looks
                place += 1

"""Markdown made ready for the parser: mathematics kept as it was written, nothing that would vanish, open ends closed. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from bot.normalise import plain

if TYPE_CHECKING:
    from pyromark import Options
    from pyromark.event import Event, Range

_RESERVED: Final = re.compile("[\ufdd0-\ufdef\x00]")
_STAND_IN: Final = re.compile("\ufdd0([\ufdd1-\ufdda]+)\ufdef")
_MATHS: Final = re.compile(r"\\\\|\\[()\[\]]|\n[ \t>]*\n")
_DEFINITION: Final = re.compile(r"(?<!\\)\[[^\[\]]*\]:")
_DEFINITION_ROUNDS: Final = 4
_SWALLOWER: Final = re.compile(r"(?<!\\)<(?=[!?]|(?:script|style|textarea)\b)", re.IGNORECASE)
"""HTML that takes in everything up to its end, Markdown and all; the end may never come."""
_NEEDS_CARE: Final = re.compile(rf"\\[(\[]|\]:|{_SWALLOWER.pattern}", re.IGNORECASE)
_OPEN_FENCE: Final = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_OPEN_LINK: Final = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\s]*$")
_INLINE: Final = re.compile(r"\\.|`+|\*{1,3}|~~|\|\||(?<!\w)_{1,2}|_{1,2}(?!\w)", re.DOTALL)
_OPEN_BRACKET: Final = re.compile(r"!?\[$")


@dataclass(frozen=True, slots=True)
class Source:
    """A text as the parser got it. `original` gives a text of an event back as it was written."""

    text: str
    events: tuple[tuple[Event, Range], ...]
    original: Callable[[str], str]


def parse(markdown: str) -> Source:
    """The parser's events for a text, each with the UTF-8 bytes it comes from."""
    import pyromark

    options = _options()
    text = _RESERVED.sub("", plain(markdown))
    kept: list[str] = []
    if _NEEDS_CARE.search(text):
        text = "".join(piece if is_code else _as_text(_without_maths(piece, kept)) for piece, is_code in _pieces(text, options))
        for _ in range(_DEFINITION_ROUNDS):
            definitions = pyromark.reference_definitions(text, options=options)
            if not definitions:
                break
            text = _escaped(text, [definition["span"]["start"] for definition in definitions.values()])
    events = tuple(pyromark.events_with_range(text, options=options, merge_text=True))
    return Source(text, events, lambda said: _STAND_IN.sub(lambda match: kept[_number(match[1])], said) if kept else said)


def completed(markdown: str) -> str:
    """A text that is still being written, with what its last paragraph has open closed, so that it looks as it will."""
    open_fence = ""
    for match in _OPEN_FENCE.finditer(markdown):
        fence = match[1]
        if not open_fence:
            open_fence = fence
        elif fence[0] == open_fence[0] and len(fence) >= len(open_fence):
            open_fence = ""
    if open_fence:
        return markdown.rstrip("`~") if markdown.rstrip("`~").endswith("\n") else markdown
    head, gap, last = markdown.rpartition("\n\n")
    last = _OPEN_BRACKET.sub("", _OPEN_LINK.sub(r"\1", last)).rstrip()
    closers, dangling = _open(last)
    return head + gap + last[: len(last) - dangling].rstrip() + closers


def _open(paragraph: str) -> tuple[str, int]:
    """What would close the markup that a paragraph leaves open, and how long a sign at its end is that has nothing to mark."""
    waiting: list[str] = []
    code = ""
    for match in _INLINE.finditer(paragraph):
        sign = match[0]
        is_last = match.end() == len(paragraph)
        if sign[0] == "\\":
            continue
        if code or sign[0] == "`":
            if is_last and code != sign:
                return code + "".join(reversed(waiting)), len(sign) if sign[0] == "`" else 0
            code = "" if code == sign else code or sign
        elif sign in waiting:
            del waiting[waiting.index(sign) :]
        elif is_last:
            return "".join(reversed(waiting)), len(sign)
        elif not paragraph[match.end()].isspace():
            waiting.append(sign)
    return code + "".join(reversed(waiting)), 0


def _options() -> Options:
    from pyromark import Options

    return Options.ENABLE_TABLES | Options.ENABLE_STRIKETHROUGH | Options.ENABLE_TASKLISTS | Options.ENABLE_MATH


def _pieces(text: str, options: Options) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether the parser takes it for code."""
    import pyromark

    data = text.encode()
    place = 0
    for event, where in pyromark.events_with_range(text, options=options):
        tag: Any = event.get("Start") if isinstance(event, dict) else None
        if isinstance(event, dict) and ("Code" in event or (isinstance(tag, dict) and "CodeBlock" in tag)):
            yield data[place : where["start"]].decode(), False
            yield data[where["start"] : where["end"]].decode(), True
            place = where["end"]
    yield data[place:].decode(), False


def _without_maths(text: str, kept: list[str]) -> str:
    r"""The text with a stand-in for each `\( … \)` and `\[ … \]`, whose backslashes Markdown would swallow."""
    pieces: list[str] = []
    done, begin, closer = 0, 0, ""
    for match in _MATHS.finditer(text):
        sign = match[0]
        if sign in ("\\(", "\\["):
            begin, closer = match.start(), "\\)" if sign == "\\(" else "\\]"
        elif closer and sign == closer:
            pieces += [text[done:begin], "\ufdd0", *(chr(0xFDD1 + int(digit)) for digit in str(len(kept))), "\ufdef"]
            kept.append(text[begin : match.end()])
            done, closer = match.end(), ""
        elif "\n" in sign:
            closer = ""
    return "".join([*pieces, text[done:]])


def _as_text(markdown: str) -> str:
    return _SWALLOWER.sub(r"\\<", _DEFINITION.sub(r"\\\g<0>", markdown))


def _number(digits: str) -> int:
    return int("".join(str(ord(digit) - 0xFDD1) for digit in digits))


def _escaped(text: str, offsets: list[int]) -> str:
    """A backslash before each of these UTF-8 bytes."""
    data = text.encode()
    bounds = [0, *sorted(offsets), len(data)]
    return b"\\".join(data[first:last] for first, last in pairwise(bounds)).decode()

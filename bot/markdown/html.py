"""The HTML that models put into Markdown: known tags become marks or line ends, all others stay as they were written. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Final

from bot.markdown.marks import Style

STYLES: Final = {
    **dict.fromkeys(("b", "strong", "h1", "h2", "h3", "h4", "h5", "h6", "th", "summary"), Style.BOLD),
    **dict.fromkeys(("i", "em", "cite", "dfn", "var"), Style.ITALIC),
    **dict.fromkeys(("u", "ins"), Style.UNDERLINE),
    **dict.fromkeys(("s", "del", "strike"), Style.STRIKETHROUGH),
    **dict.fromkeys(("code", "kbd", "samp", "tt"), Style.CODE),
    **dict.fromkeys(("tg-spoiler", "spoiler"), Style.SPOILER),
}
BLOCKS: Final = frozenset(
    (
        *("address", "article", "aside", "blockquote", "center", "details", "div", "dd", "dl", "dt", "figure", "figcaption"),
        *("footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "li", "main", "nav", "ol", "p", "pre", "section"),
        *("summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    )
)
"""Tags that begin and end a line."""
PASSED_OVER: Final = frozenset(
    (
        *("abbr", "bdi", "bdo", "big", "col", "colgroup", "font", "label", "mark", "q", "ruby", "rt", "small", "span"),
        *("sub", "sup", "time", "wbr"),
    )
)

_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)((?:\s[^<>]*)?)/?>")
_ATTRIBUTE: Final = re.compile(r"(?<![A-Za-z-])([A-Za-z-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that is understood."""

    name: str
    is_end: bool
    attributes: dict[str, str]


def pieces(text: str) -> Iterator[str | Tag]:
    """Text and known tags, in order. What no tag is known for is text."""
    done = 0
    for match in _TAG.finditer(text):
        name = match[2].lower()
        if name in STYLES or name in BLOCKS or name in PASSED_OVER or name in ("br", "hr", "a", "img"):
            if match.start() > done:
                yield unescape(text[done : match.start()])
            yield Tag(name, bool(match[1]), _attributes(match[3]))
            done = match.end()
    if done < len(text):
        yield unescape(text[done:])


def _attributes(text: str) -> dict[str, str]:
    return {match[1].lower(): unescape(match[2] or match[3] or match[4] or "") for match in _ATTRIBUTE.finditer(text)}

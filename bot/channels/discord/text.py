"""Markdown as Discord reads it, with nothing active that the person did not bring; cut to its limit. Pure (R-27, R-47).

Discord's API counts code points, its clients count UTF-16 units; a part is at most 2,000 units, which are never fewer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.markdown.marks import LITERAL, Mark, Marked, Run, Style
from bot.markdown.reader import read
from bot.markdown.source import completed
from bot.splitting import split, tail, units

LIMIT: Final = 2000
ELLIPSIS: Final = "…"
GAP: Final = "\u200b"
"""A blank of no width: breaks what would be active without changing how it looks."""

_SIGNS: Final = {
    Style.SPOILER: "||",
    Style.BOLD: "**",
    Style.ITALIC: "*",
    Style.UNDERLINE: "__",
    Style.STRIKETHROUGH: "~~",
}
_SIGN: Final = re.compile(r"[*_~|]")
_HEADINGS: Final = {"1": "# ", "2": "## ", "3": "### "}
_LANGUAGE: Final = re.compile(r"[a-z0-9_+\-.#]+")
_MARKUP: Final = re.compile(
    r"[\\*_`\[]"  # also the underscore inside of a word: it would pair with one in a piece of code that follows
    r"|^~|~(?=~|$)|(?<=~)~"
    r"|^\||\|(?=\||$)|(?<=\|)\|"
)
_ACTIVE: Final = re.compile(r"<(?=[@#:/]|[A-Za-z]{1,20}:)|@(?=everyone|here)", re.IGNORECASE)
_LINE_START: Final = re.compile(r"^(\s*)(>|#{1,6}(?=\s|$)|-#|[-+](?=\s|$))")
_NUMBER_START: Final = re.compile(r"^(\s*\d+)(?=[.)](?:\s|$))")
_EDGES: Final = re.compile(r"(\s*)(.*?)(\s*)", re.DOTALL)


def rendered(markdown: str, *, seen: str = "", limit: int = LIMIT) -> tuple[str, ...]:
    """The messages that say this, at least one. `seen` is the person's own message: only its hosts may be links."""
    marked = read(markdown, seen=seen, bullet="- ")
    places = split(marked.text, limit=limit, fits=_Fits(marked, limit), whole=marked.blocks)
    return tuple(_written(marked.between(start, stop)) for start, stop in places) or (ELLIPSIS,)


def preview(markdown: str, *, seen: str = "", limit: int = LIMIT) -> str:
    """What a running answer says so far, as one message: its newest text, below `…` where the beginning is left out."""
    marked = read(completed(markdown), seen=seen, bullet="- ")
    text = marked.text.rstrip()
    if not text.strip():
        return ELLIPSIS
    if _Fits(marked, limit)(0, len(text)):
        return _written(marked.between(0, len(text)))
    marked = Marked(tuple(marked.between(0, len(text))))
    start = tail(text, limit=limit, fits=_Fits(marked, limit - 2))
    return f"{ELLIPSIS}\n{_written(marked.between(start, len(text)))}"


class _Fits:
    """Whether a slice is short enough once it is written out."""

    def __init__(self, marked: Marked, limit: int) -> None:
        self._marked, self._limit = marked, limit

    def __call__(self, start: int, stop: int) -> bool:
        return units(_written(self._marked.between(start, stop))) <= self._limit


def _written(runs: Sequence[Run]) -> str:
    """Runs in Discord's Markdown. Every line opens and closes its own marks, so that no cut can leave one open."""
    lines: list[str] = []
    fence: Mark | None = None
    prefix = ""
    for line in _lines(runs):
        code = next((mark for run in line for mark in run.marks if mark.style is Style.PRE), None)
        if code != fence:
            if fence is not None:
                lines.append(f"{prefix}```")
            fence = code
            prefix = "> " if any(run.has(Style.QUOTE) for run in line) else ""
            if code is not None:
                language = code.value.lower()
                lines.append(f"{prefix}```{language if _LANGUAGE.fullmatch(language) else ''}")
        if fence is None:
            lines.append(_line(line))
        else:
            lines.append(prefix + "".join(run.text for run in line).replace("``", f"`{GAP}`"))
    if fence is not None:
        lines.append(f"{prefix}```")
    return "\n".join(lines)


def _lines(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs of each line; an empty line keeps the marks of the line end before it, in a run without text."""
    lines: list[list[Run]] = [[]]
    for run in runs:
        first, *others = run.text.split("\n")
        lines[-1].append(Run(first, run.marks))
        lines += [[Run(text, run.marks)] for text in others]
    return [[run for run in line if run.text] or line[-1:] for line in lines]


def _line(runs: Sequence[Run]) -> str:
    """One line that is not in a block of code."""
    if not any(run.text for run in runs):
        return "> " if any(run.has(Style.QUOTE) for run in runs) else ""
    written = "> " if any(run.has(Style.QUOTE) for run in runs) else ""
    level = next((mark.value for run in runs for mark in run.marks if mark.style is Style.HEADING), None)
    is_item = runs[0].has(Style.MARKER)
    while runs and runs[0].has(Style.MARKER):
        written += runs[0].text
        runs = runs[1:]
    is_heading = level in _HEADINGS and not is_item
    if is_heading and level is not None:
        written += _HEADINGS[level]
    return written + _inline(runs, is_heading=is_heading)


def _inline(runs: Sequence[Run], *, is_heading: bool) -> str:
    """The runs of a line with their signs; blanks at the edge of a mark stand outside of it, as Discord wants it."""
    written, blanks = "", ""
    waiting: list[str] = []
    is_start = True
    for run in runs:
        edges = _EDGES.fullmatch(run.text)
        before, text, after = edges.groups() if edges else ("", run.text, "")
        # Discord looks for the end of a mark first: a sign within code or an address would be taken for it.
        is_fragile = run.has(Style.ADDRESS, *LITERAL) and _SIGN.search(text)
        signs = [] if is_fragile else _signs(run.marks, is_heading=is_heading)
        shared = 0
        while shared < min(len(signs), len(waiting)) and signs[shared] == waiting[shared]:
            shared += 1
        closing = "".join(reversed(waiting[shared:]))
        if not text:
            written += closing
            blanks += run.text
            del waiting[shared:]
            continue
        opening = "".join(signs[shared:])
        blanks += before
        if closing and opening and not blanks and closing[-1] == opening[0]:
            opening = GAP + opening  # two signs that touch would be read as one longer sign
        written += closing + blanks + opening
        said = _text(text, run.marks, is_start=is_start and not opening)
        written += GAP + said if written.endswith("`") and said.startswith("`") else said
        waiting[shared:] = signs[shared:]
        blanks, is_start = after, False
    return written + "".join(reversed(waiting)) + blanks


def _signs(marks: tuple[Mark, ...], *, is_heading: bool) -> list[str]:
    signs: list[str] = []
    for mark in marks:
        style = Style.BOLD if mark.style is Style.HEADING else mark.style
        sign = _SIGNS.get(style)
        if sign is not None and sign not in signs and not (is_heading and style is Style.BOLD):
            signs.append(sign)
    return signs


def _text(text: str, marks: tuple[Mark, ...], *, is_start: bool) -> str:
    if any(mark.style in LITERAL for mark in marks):
        return _code(text)
    if any(mark.style is Style.ADDRESS for mark in marks):
        if "://" in text:
            return f"<{text}>"
        return _code(text)  # an invitation needs no scheme to be active
    text = _ACTIVE.sub(lambda match: match[0] + GAP, text)
    if not is_start:
        return _escaped(text)
    number = _NUMBER_START.match(text)
    if number:
        return number[1] + "\\" + _escaped(text[number.end() :])
    start = _LINE_START.match(text)
    return start[1] + "\\" + start[2] + _escaped(text[start.end() :]) if start else _escaped(text)


def _escaped(text: str) -> str:
    return _MARKUP.sub(lambda match: "\\" + match[0], text)


def _code(text: str) -> str:
    if "`" not in text:
        return f"`{text}`"
    return f"`` {re.sub('`(?=`)', '`' + GAP, text)} ``"

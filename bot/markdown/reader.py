"""Markdown in, text with marks out: `read`.

Built on the events of pyromark (CommonMark with tables, in Rust), which is loaded on first use.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from bot.links import Address, addresses, hosts, is_active, names
from bot.markdown.html import BLOCKS, STYLES, Tag, pieces
from bot.markdown.marks import LITERAL, Change, Mark, Marked, Run, Style, changed, innermost, joined, masked, within_blocks
from bot.markdown.source import Source, parse
from bot.markdown.tables import drawn

if TYPE_CHECKING:
    from pyromark.event import Event, Range

RULE: Final = "————————"
DEEPEST: Final = 8
"""Levels of lists that are indented further; deeper ones only cost room."""
LONGEST_GAP: Final = 64
"""Bytes before a block that are looked at for an empty line."""

_INLINE: Final = {"Strong": Style.BOLD, "Emphasis": Style.ITALIC, "Strikethrough": Style.STRIKETHROUGH}
_SPOILER: Final = re.compile(r"\|\|(?=[^\s|])((?:(?!\|\||\n\n)[^\x00]|\x00)+?)(?<=\S)\|\|", re.DOTALL)
_LANGUAGE: Final = re.compile(r"[\w+#.\-]{1,32}")


def read(markdown: str, *, seen: str = "", bullet: str = "• ", with_names: bool = False) -> Marked:
    """What a text says, with marks. Only addresses of hosts that `seen` names are marked as such, all others as code.

    So are names (`@name`) where `with_names` says that the platform would call whoever bears them.
    """
    allowed = hosts(seen)
    source = parse(markdown)
    reader = _Reader(source, bullet=bullet, is_active=lambda address: is_active(address, allowed))
    for event, where in source.events:
        reader.take(event, where)
    runs = joined(reader.runs)
    spoilers = masked(runs, LITERAL)
    runs = changed(runs, _spoilers(spoilers))
    return Marked(changed(runs, _addresses(runs, allowed, with_names=with_names)))


def _spoilers(text: str) -> list[Change]:
    changes = []
    for match in _SPOILER.finditer(text):
        hidden = within_blocks(Mark(Style.SPOILER))
        changes += [
            Change(match.start(), match.start() + 2, None),
            Change(match.start() + 2, match.end() - 2, hidden),
            Change(match.end() - 2, match.end(), None),
        ]
    return changes


def _addresses(runs: Sequence[Run], allowed: frozenset[str], *, with_names: bool) -> list[Change]:
    """Marks for what clients would take for an address. One that goes on under other marks is no link, whoever named it."""
    text = masked(runs, LITERAL | {Style.ADDRESS})
    code, address = innermost(Mark(Style.CODE)), innermost(Mark(Style.ADDRESS))
    bounds = list(accumulate(len(run.text) for run in runs))

    def is_whole(found: Address) -> bool:
        return bisect_right(bounds, found.start) == bisect_left(bounds, found.end)

    changes = [
        Change(found.start, found.end, address if is_whole(found) and is_active(found.text, allowed) else code)
        for found in addresses(text)
    ]
    if with_names:
        text = masked(changed([Run(text)], [Change(c.start, c.end, innermost(Mark(Style.CODE))) for c in changes]), LITERAL)
        changes += [Change(found.start, found.end, code) for found in names(text)]
    return sorted(changes, key=lambda change: change.start)


@dataclass(slots=True)
class _Link:
    """A link or image that is open: where it leads, and what it shows."""

    address: str
    is_image: bool = False
    is_html: bool = False
    shown: list[str] = field(default_factory=list)


class _Reader:
    """Turns events into runs, one after the other."""

    def __init__(self, source: Source, *, bullet: str, is_active: Callable[[str], bool]) -> None:
        self.runs: list[Run] = []
        self._source, self._original = source.text.encode(), source.original
        self._bullet, self._is_active = bullet, is_active
        self._marks: list[Mark] = []
        self._from_html: list[Mark] = []
        self._line_ends = 0
        self._marker = ""
        self._quotes = 0
        self._outside = 0  # lists around the quotation
        self._blocks = 0
        self._lists: list[int | None] = []
        self._links: list[_Link] = []
        self._code: list[str] | None = None
        self._language = ""
        self._rows: list[list[str]] | None = None
        self._cell_end = 0

    def take(self, event: Event, where: Range) -> None:
        """The next event, with the bytes it comes from."""
        match event:
            case {"Start": tag}:
                self._begin(tag, where)
            case {"End": tag}:
                self._end(tag, where)
            case {"Text": str(text)} if self._code is not None:
                self._code.append(self._original(text))
            case {"Text": str(text)}:
                self._write(self._original(text))
            case {"Code": str(text)}:
                self._write(self._original(text), Mark(Style.CODE))
            case {"InlineMath": str(text)}:
                self._write(f"${self._original(text)}$")
            case {"DisplayMath": str(text)}:
                self._write(f"$${self._original(text)}$$")
            case {"Html": str(text)} | {"InlineHtml": str(text)}:
                self._write_html(self._original(text), is_block="Html" in event)
            case {"TaskListMarker": bool(is_done)}:
                self._marker = self._marker.removesuffix(self._bullet) + ("☑ " if is_done else "☐ ")
            case "Rule":
                self._space(where["start"])
                self._write(RULE)
                self._line_ends = 1
            case "SoftBreak" | "HardBreak":
                self._write("\n" + self._indentation())

    def _begin(self, tag: Any, where: Range) -> None:
        match tag:
            case str(name) if name in _INLINE:
                if not self._is_approximately(name, where):
                    self._marks.append(Mark(_INLINE[name]))
            case "Paragraph" | "HtmlBlock":
                self._space(where["start"])
            case {"Heading": {"level": str(level)}}:
                self._space(where["start"])
                self._marks.append(Mark(Style.HEADING, level.removeprefix("H")))
            case {"CodeBlock": kind}:
                self._space(where["start"])
                self._code = []
                self._language = self._named(self._original(kind["Fenced"])) if isinstance(kind, dict) else ""
            case {"BlockQuote": _}:
                self._space(where["start"])
                self._quote()
            case {"List": start}:
                self._space(where["start"])
                self._lists.append(start)
            case "Item":
                self._item(where["start"])
            case {"Table": _} | "TableHead" | "TableRow" | "TableCell":
                self._begin_table(tag, where)
            case {"Link": {"dest_url": str(address)}} | {"Image": {"dest_url": str(address)}}:
                self._links.append(_Link(self._original(address), is_image="Image" in tag))

    def _end(self, tag: Any, where: Range) -> None:
        match tag:
            case str(name) if name in _INLINE:
                if not self._is_approximately(name, where):
                    self._drop(_INLINE[name])
            case "Paragraph" | "HtmlBlock":
                self._end_block()
            case {"Heading": _}:
                self._end_block()
                self._drop(Style.HEADING)
            case "CodeBlock":
                text, self._code = "".join(self._code or ()).removesuffix("\n"), None
                self._write_block(text, self._language)
            case {"BlockQuote": _}:
                self._unquote()
            case {"List": _}:
                self._lists.pop()
                self._line_ends = max(1, self._line_ends)
            case "Item":
                self._end_block()
                if self._marker:  # an item with nothing in it is one still
                    self._settle()
                self._line_ends = 1
            case "TableCell" | "TableHead" | "TableRow" | "Table":
                self._end_table(tag, where)
            case "Link" | "Image":
                self._end_link(is_html=False)

    def _begin_table(self, tag: Any, where: Range) -> None:
        if self._rows is None:
            self._space(where["start"])
            self._rows = []
        elif tag == "TableCell":
            self._rows[-1].append("")
        else:
            self._rows.append([])

    def _end_table(self, tag: str, where: Range) -> None:
        rows = self._rows or [[]]
        if tag == "TableCell":
            self._cell_end = where["end"]
        elif tag == "Table":
            self._rows = None
            self._write_block(drawn(rows), "")
        else:  # cells beyond the head's, of which the parser says nothing
            surplus = self._source[self._cell_end : where["end"]].decode().strip().strip("|").strip()
            rows[-1] += [self._original(cell.strip()) for cell in surplus.split("|")] if surplus else []

    # --- what is written ---

    def _write(self, text: str, *extra: Mark) -> None:
        for link in self._links:
            link.shown.append(text)
        if self._rows is not None:
            if self._rows and self._rows[-1]:
                self._rows[-1][-1] += text.replace("\n", " ")
        elif text:
            self._settle()
            self.runs.append(Run(text, tuple(dict.fromkeys((*self._marks, *extra)))))

    def _write_block(self, text: str, language: str) -> None:
        """Code or a table, on lines of its own."""
        if not text.strip():
            return
        if self._marker:
            self._settle()
        if self.runs:
            self._line_ends = max(1, self._line_ends)
        self._settle(is_indented=False)
        self._blocks += 1
        around = [mark for mark in self._marks if mark.style is Style.QUOTE]
        self.runs.append(Run(text, (*around, Mark(Style.PRE, language, self._blocks))))
        self._line_ends = 1

    def _write_html(self, text: str, *, is_block: bool) -> None:
        for piece in pieces(text):
            if isinstance(piece, Tag):
                self._take_tag(piece)
                continue
            for number, line in enumerate(piece.split("\n") if is_block else [piece]):
                if number:
                    self._line_ends = max(1, self._line_ends)
                self._write(line.strip() if is_block and not line.strip() else line)

    def _take_tag(self, tag: Tag) -> None:
        if tag.name in BLOCKS and self._rows is None:
            self._line_ends = max(1, self._line_ends)
        if (style := STYLES.get(tag.name)) is not None:
            if tag.is_end:
                self._drop(style, is_html=True)
            else:
                mark = Mark(style)
                self._marks.append(mark)
                self._from_html.append(mark)
        match tag.name, tag.is_end:
            case "br", _:
                self._write("\n" + self._indentation())
            case "hr", _:
                self._line_ends = max(1, self._line_ends)
                self._write(RULE)
                self._line_ends = 1
            case "li", False:
                self._write(self._bullet, Mark(Style.MARKER))
            case "img", False:
                self._links.append(_Link(tag.attributes.get("src", ""), is_image=True, is_html=True))
                self._write(tag.attributes.get("alt", ""))
                self._end_link(is_html=True)
            case "a", False if tag.attributes.get("href"):
                self._links.append(_Link(tag.attributes["href"], is_html=True))
            case "a", True:
                self._end_link(is_html=True)

    def _settle(self, *, is_indented: bool = True) -> None:
        """The line ends that are owed and the marker of an item, before anything else is written."""
        quote = tuple(mark for mark in self._marks if mark.style is Style.QUOTE)
        if self._line_ends and self.runs:
            before = tuple(mark for mark in self.runs[-1].marks if mark.style is Style.QUOTE)
            self.runs.append(Run("\n" * self._line_ends, quote if before == quote else ()))
            if self._lists and is_indented and not self._marker:
                self._marker = self._indentation()
        if self._marker:
            self.runs.append(Run(self._marker, (*quote, Mark(Style.MARKER))))
        self._line_ends, self._marker = 0, ""

    def _indentation(self, more: int = 0) -> str:
        return "  " * min(DEEPEST, len(self._lists) - self._outside + more)

    # --- blocks ---

    def _space(self, start: int) -> None:
        """A block begins at this byte: on a new line, and after an empty one where the source has one there."""
        found = 0
        for place in range(start - 1, max(-1, start - LONGEST_GAP), -1):
            byte = self._source[place : place + 1]
            if byte == b"\n":
                found += 1
            if found == 2 or byte not in b"\n\t >":
                break
        self._line_ends = max(found, self._line_ends)

    def _item(self, start: int) -> None:
        had_marker = bool(self._marker)
        waiting, self._line_ends = self._line_ends, 0
        self._space(start)
        if had_marker and self._line_ends:
            owed, self._line_ends = self._line_ends, waiting
            self._settle()
            self._line_ends = owed
        self._line_ends = max(waiting, self._line_ends)
        number = self._lists[-1]
        sign = self._bullet if number is None else f"{number}. "
        if number is not None:
            self._lists[-1] = number + 1
        self._marker += ("" if self._marker else self._indentation(-1)) + sign

    def _quote(self) -> None:
        self._quotes += 1
        if self._quotes == 1:
            if self._marker:  # an item that begins with a quotation: the marker stays outside
                self._settle()
                self._line_ends = 1
            self._blocks += 1
            self._outside = len(self._lists)
            self._marks.insert(0, Mark(Style.QUOTE, number=self._blocks))

    def _unquote(self) -> None:
        self._quotes -= 1
        if not self._quotes:
            self._drop(Style.QUOTE)
            self._outside = 0
        self._line_ends = max(1, self._line_ends)

    def _end_block(self) -> None:
        """What HTML left open ends with the block it stands in."""
        while any(link.is_html for link in self._links):
            self._end_link(is_html=True)
        for mark in self._from_html:
            self._drop(mark.style)
        self._from_html.clear()
        self._line_ends = max(1, self._line_ends)

    # --- marks and links ---

    def _drop(self, style: Style, *, is_html: bool = False) -> None:
        if is_html:
            if Mark(style) not in self._from_html:
                return
            self._from_html.remove(Mark(style))
        for place in range(len(self._marks) - 1, -1, -1):
            if self._marks[place].style is style:
                del self._marks[place]
                return

    def _end_link(self, *, is_html: bool) -> None:
        places = [place for place, link in enumerate(self._links) if link.is_html is is_html]
        if not places:
            return
        link = self._links.pop(places[-1])
        shown, address = "".join(link.shown).strip(), link.address.strip()
        if not address or shown in (address, address.partition("://")[2], address.removeprefix("mailto:")):
            return
        is_link = not link.is_image and self._is_active(address)
        if shown:
            self._write(" (")
        self._write(address, Mark(Style.ADDRESS if is_link else Style.CODE))
        if shown:
            self._write(")")

    def _named(self, info: str) -> str:
        """The language that a fence names; what else it says there goes above the block."""
        first, _, more = info.strip().partition(" ")
        is_language = _LANGUAGE.fullmatch(first) is not None
        if above := more.strip() if is_language else info.strip():
            self._write(above)
        return first if is_language else ""

    def _is_approximately(self, name: str, where: Range) -> bool:
        """One `~` on each side strikes nothing out for people: it says "about", and is written as it stands."""
        if name != "Strikethrough" or self._source[where["start"] + 1 : where["start"] + 2] == b"~":
            return False
        self._write("~")
        return True

"""A passage of the knowledge folder in the length and shape that somebody likes: whole sentences of it, no other; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.lexical import fold, tokens, words
from bot.profile_types import Form
from bot.tokens import count_words
from bot.types import Language, Prompt

_WHOLE = 1_400
"""A passage of at most so many characters is shown whole; of a longer one, its most fitting paragraphs."""
_STRETCH = 1.6
"""A text of up to so many times the words that are asked for still is about that long."""
_ITEM = re.compile(r"([-*+•]|\d{1,3}[.)])\s+(?=\S)")
_FIXED = re.compile(r"[|#>]| {4}|\t")
"""How a line begins of which the end means something: table, heading, quotation, code."""
_BARE = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s*")
"""A line that is only the mark of an item."""
_STOP = re.compile(r"(?<![.!?…])[.!?…]++[\"'»”’)\]*_`]*+\s++")
_ENDED = re.compile(r"[.!?…:][\"'»”’)\]*_`]*+$")
_OPENING = "\"'«“‘([*_`¿¡"
_QUOTES, _LONGEST_STOP = 8, 12
_MARK = re.compile(r"`|\*\*|[()\[\]«»“”]")
_PAIRS = (("(", ")"), ("[", "]"), ("«", "»"), ("“", "”"))
_ABBREVIATED = re.compile(
    r"(?:^|[\s(.])(?:\w|ee|uu|etc|ej|sra?|srta|dra?|uds?|mrs?|ms|st|vs|no|núm|pág|art|approx|aprox)\.\s+$", re.IGNORECASE
)
_HOW = re.compile(r"(?:how|como|steps|pasos)\b")


def _fitting(text: str, question: str, language: Language) -> str:
    """The paragraphs of a long passage that say most about the question, in their order; the first one when none does."""
    if len(text) <= _WHOLE or "```" in text or "~~~" in text:
        return text
    asked = set(tokens(question, language))
    paragraphs = text.split("\n\n")
    ranked = sorted(range(len(paragraphs)), key=lambda at: (-len(asked & set(tokens(paragraphs[at], language))), at))
    kept, size = [ranked[0]], len(paragraphs[ranked[0]])
    for at in ranked[1:]:
        if size + len(paragraphs[at]) <= _WHOLE:
            kept.append(at)
            size += len(paragraphs[at])
    return "\n\n".join(paragraphs[at] for at in sorted(kept))


def formed(text: str, heading: str, prompt: Prompt) -> str:
    """What a passage says about the question, about as long and in the shape that is asked for; code stays as it is.

    Whatever is left out, no sentence is cut and no list of steps loses any; and nothing is said that the passage does not say.
    """
    form, asked = prompt.form, set(tokens(prompt.question, prompt.language))
    if form == Form() or "```" in text or "~~~" in text:
        return _fitting(text, prompt.question, prompt.language)
    if not form.words:
        text = _fitting(text, prompt.question, prompt.language)
    blocks, most = _blocks(text), round(_STRETCH * form.words) - count_words(heading)
    if form.words and count_words(text) > most:
        blocks = _chosen(blocks, lambda part: len(asked.intersection(tokens(part, prompt.language))), most)
    match form.shape:
        case "outline" if sum(len(block.pieces) for block in blocks) > 1:
            blocks = [line for block in blocks for line in _outlined(block)]
        case "steps" if any(_HOW.match(" ".join(map(fold, words(said)))) for said in (heading, prompt.question)):
            blocks = [_Block("steps", block.pieces) if block.kind == "list" else block for block in blocks]
        case "prose":
            blocks = _told(blocks)
    return "\n\n".join(block.text for block in blocks)


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of a passage: `text` in sentences, a `list`, `steps` (a numbered list), or `fixed` lines without pieces.

    `raw` is how the passage writes it; empty for a block that was shortened or shaped.
    """

    kind: Literal["text", "list", "steps", "fixed"]
    pieces: tuple[str, ...] = ()
    raw: str = ""

    @property
    def leads(self) -> bool:
        """Whether it leads to the next block: either means little without the other."""
        return self.text.rstrip("*_ ").endswith(":") if self.kind == "text" else self.raw.startswith("#")

    @property
    def text(self) -> str:
        if self.raw or self.kind == "fixed":
            return self.raw
        if self.kind == "text":
            return " ".join(self.pieces)
        marks = ["-"] * len(self.pieces) if self.kind == "list" else [f"{n}." for n in range(1, len(self.pieces) + 1)]
        return "\n".join(f"{mark} {piece}" for mark, piece in zip(marks, self.pieces, strict=True))


def _blocks(text: str) -> list[_Block]:
    """The parts of a passage, in order. A list with lists or paragraphs in it stays as it is written."""
    found: list[_Block] = []
    for paragraph in re.split(r"\n\s*?\n", text):
        lines = [line for line in paragraph.split("\n") if line.strip()]
        after_list = bool(found) and _ITEM.match(found[-1].raw) is not None
        if lines and after_list and lines[0].startswith(("  ", "\t")):
            found[-1] = _Block("fixed", raw=f"{found[-1].raw}\n\n{paragraph}")
            continue
        at = next((number for number, line in enumerate(lines) if _ITEM.match(line)), len(lines))
        if at:
            before = "\n".join(lines[:at])
            is_fixed = any(_FIXED.match(line) or _BARE.fullmatch(line) for line in lines[:at])
            found.append(_Block("fixed", raw=before) if is_fixed else _Block("text", tuple(_sentences(before)), before))
        if lines[at:]:
            listed = _list(lines[at:])
            if not at and after_list and (found[-1].kind == listed.kind or "fixed" in (found[-1].kind, listed.kind)):
                first = found.pop()
                raw = f"{first.raw}\n\n{listed.raw}"
                is_plain = first.kind == listed.kind
                listed = _Block(listed.kind, first.pieces + listed.pieces, raw) if is_plain else _Block("fixed", raw=raw)
            found.append(listed)
    return found


def _list(lines: Sequence[str]) -> _Block:
    """The list that begins with the first of these lines."""
    raw = "\n".join(lines)
    items: list[str] = []
    is_numbered: set[bool] = set()
    for line in lines:
        if item := _ITEM.match(line):
            is_numbered.add(item[1][0].isdigit())
            items.append(line[item.end() :].strip())
        elif _ITEM.match(line.strip()):
            return _Block("fixed", raw=raw)
        else:
            items[-1] += f" {line.strip()}"
    if len(is_numbered) > 1:
        return _Block("fixed", raw=raw)
    return _Block("steps" if is_numbered.pop() else "list", tuple(items), raw)


def _sentences(paragraph: str) -> Iterator[str]:
    """The sentences of a paragraph, each as one line. What stands between brackets, quotes or marks is never divided."""
    line = " ".join(paragraph.split())
    marks: Counter[str] = Counter()
    start = read = 0
    for stop in _STOP.finditer(line):
        marks.update(_MARK.findall(line, read, stop.end()))
        read = stop.end()
        following = line[read : read + _QUOTES].lstrip(_OPENING)[:1]
        is_end = following.isupper() or following.isdigit()
        is_whole = not marks["`"] % 2 and not marks["**"] % 2 and all(marks[one] == marks[two] for one, two in _PAIRS)
        if is_end and is_whole and not _ABBREVIATED.search(line[max(start, read - _LONGEST_STOP) : read]):
            yield line[start:read].strip()
            start = read
    if start < len(line):
        yield line[start:]


def _chosen(blocks: Sequence[_Block], fit: Callable[[str], int], most: int) -> list[_Block]:
    """The blocks that fit the question best, in their order, in about `most` words; of the best one at least a sentence."""
    units: list[list[_Block]] = []
    for block in blocks:
        if units and units[-1][-1].leads:
            units[-1].append(block)
        else:
            units.append([block])
    texts = ["\n".join(block.text for block in unit) for unit in units]
    first, *others = sorted(range(len(units)), key=lambda at: (-fit(texts[at]), at))
    kept, size = {first: units[first]}, count_words(texts[first])
    *heads, last = units[first]
    if size > most and last.kind in ("text", "list"):
        run = _run(last.pieces, fit, most - sum(count_words(head.text) for head in heads))
        kept[first], size = [*heads, _Block(last.kind, run)], most
    for at in others:
        if size + (count := count_words(texts[at])) <= most:
            kept[at] = units[at]
            size += count
    return [block for at in sorted(kept) for block in kept[at]]


def _run(pieces: Sequence[str], fit: Callable[[str], int], room: int) -> tuple[str, ...]:
    """Neighbouring sentences or items around the one that fits best, from the first one on where there is room for all."""
    counts = [count_words(piece) for piece in pieces]
    best = max(range(len(pieces)), key=lambda at: (fit(pieces[at]), -at))
    start = 0 if sum(counts[: best + 1]) <= room else best
    end = best + 1
    size = sum(counts[start:end])
    while end < len(pieces) and size + counts[end] <= room:
        size += counts[end]
        end += 1
    while start and size + counts[start - 1] <= room:
        start -= 1
        size += counts[start]
    return tuple(pieces[start:end])


def _outlined(block: _Block) -> Iterator[_Block]:
    """A block as short lines: steps keep their numbers, and the sentence that leads to a list stays above it."""
    lines = block.pieces[:-1] if block.leads else block.pieces
    if block.kind not in ("text", "list"):
        yield block
    elif lines:
        yield _Block("list", lines)
    if block.kind == "text" and block.leads:
        yield _Block("text", block.pieces[-1:])


def _told(blocks: Sequence[_Block]) -> list[_Block]:
    """The blocks with their lists as sentences, behind what leads to them."""
    told: list[_Block] = []
    for block in blocks:
        if block.kind != "list":
            told.append(block)
            continue
        leads = bool(told) and told[-1].kind == "text" and told[-1].leads
        items = [item.rstrip(" ;,") for item in block.pieces]
        if leads and not any(_ENDED.search(item) for item in items):
            items = [f"{item};" for item in items[:-1]] + items[-1:]
        elif not leads:
            items = [item if _ENDED.search(item) else f"{item}." for item in items[:-1]] + items[-1:]
        items[-1] += "" if _ENDED.search(items[-1]) else "."
        before = told.pop().pieces if leads else ()
        told.append(_Block("text", (*before, *items)))
    return told

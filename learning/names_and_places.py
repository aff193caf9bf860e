"""Where a text says what somebody is called and where they live, as far as words around it tell; pure.

No promise: a name that nothing announces stays, and so does a street without a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from learning.personal_data import BARRIER, WORDS, Cue, Found, Kind, Scene, flat, words_of

_NAMES: Final = WORDS["name"]
_SAID: Final = Cue(words_of(_NAMES["said"]))
_MAYBE: Final = Cue(words_of(_NAMES["maybe"]))
_TITLE: Final = Cue(words_of(_NAMES["title"]))
_CLOSING: Final = Cue(words_of(_NAMES["closing"]))
_LABEL: Final = Cue(words_of(_NAMES["label"]))
_PARTICLES: Final = frozenset(_NAMES["particles"])
_NEVER: Final = frozenset(_NAMES["never"])
_GIVEN: Final = frozenset(words_of(_NAMES["given"]))
_LONGEST: Final = 4
"""Words of a name, particles not counted."""
_WORD: Final = re.compile(r"[^\W\d_]++(?:['’\-][^\W\d_]++)*+\.?")
_GAP: Final = re.compile(r"[ \u00a0]{1,2}")
_LEAD: Final = re.compile(r"[ \t\u00a0:*_\"'“«]{0,6}")
_TITLE_LEAD: Final = re.compile(r"\.?[aªº]?\.?[ \u00a0]{1,2}(?:(?:d\.|don|dona|dr\.|dra\.)[ ])?")
_CLOSING_LEAD: Final = re.compile(r"[,.:!]?[ \t]*\n?[ \t\n*_\-—]{0,4}")
_LABEL_LEAD: Final = re.compile(r"[*_\"']{0,3}[ \t]{0,2}:[ \t]{0,3}[*_\"']{0,3}[ \t]{0,2}")

_ROOM: Final = (
    r"(?:,?\s?(?:(?:piso|planta|puerta|portal|escalera|esc|bloque|apto|apartamento|depto|dpto|int|interior|casa|local|oficina|apt|flat|suite|"
    r"unit|floor)\.?\s?#?\w{1,4}|\d{1,2}\s?[ºª°o]\s?(?:[a-z]|izq|dcha|der|izquierda|derecha)?|\d{1,2}-?[a-z](?![a-z])))"
)
_PLACE: Final = (
    r"(?:,?\s?(?:cp\s?)?\d{4,5}(?:-\d{3,4})?(?!\d)(?:,?\s[^\W\d_]{2,20}(?=[\s,.;)]|\Z))?"
    r"|,\s[^\W\d_]{2,20}(?:\s[^\W\d_]{2,20}){0,2},?\s\d{4,5}(?![\d.,]\d|\d))"
)


def _street_patterns() -> tuple[tuple[Cue, re.Pattern[str]], ...]:
    table = WORDS["address"]
    name = r"(?:\s(?:de|del|la|las|los|el|san|santa|do|da|dos|das|des|du|di|della|dei|l['’])){0,3}"
    words = r"(?:\s?[^\W\d_][\w'’.\-]{0,24}){1,5}?"
    first = "|".join(map(re.escape, words_of(table["before"])))
    number = r"(?:[,\s]\s?(?:n[.ºo°]{1,2}|num\.?|numero|#|no\.)?\s?\d{1,5}(?:[\s-]?[a-h](?![\w']))?(?![\d.,]\d))"
    numbered = "|".join(map(re.escape, words_of(table["numbered"])))
    after = "|".join(map(re.escape, words_of(table["after"])))
    joined = "|".join(map(re.escape, words_of(table["joined"])))
    return (
        (
            Cue(words_of(table["before"])),
            re.compile(rf"(?<![\w])(?:{first})(?:(?<=[./])|(?=\s)){name}{words}{number}{_ROOM}{{0,3}}{_PLACE}?"),
        ),
        (
            Cue(["calle", "carrera", "cra", "cl", "kr", "cll", "diagonal", "transversal", "avenida", "av"]),
            re.compile(
                r"(?<!\w)(?:calle|carrera|cra|cll?|kr|diagonal|transversal|avenida|av)\.?\s\d{1,3}\s?[a-z]{0,2}\s?(?:bis\s)?"
                r"(?:#|no\.?|n°|num\.?)\s?\d{1,3}\s?[a-z]?\s?[-–]\s?\d{1,3}"
            ),
        ),
        (
            Cue(words_of(table["after"])),
            re.compile(
                rf"(?<![\w.,$€])\d{{1,5}}[a-d]?(?:\s[^\W\d_][\w'’\-]{{0,20}}){{1,3}}?\s(?:{after})(?![\w])"
                r"(?:,?\s(?:apt|apartment|suite|unit|flat|#)\.?\s?#?\w{1,5})?(?:,\s[^\W\d_]{2,20}(?:\s[^\W\d_]{2,20})?)?"
                r"(?:,?\s[a-z]{2}\s\d{5}(?:-\d{4})?)?"
            ),
        ),
        (
            Cue(words_of(table["numbered"])),
            re.compile(
                rf"(?<![\w.,])\d{{1,4}}(?:\s?(?:bis|ter))?,?\s(?:{numbered}){name}{words}(?=[,.;)\n]|\Z|\s\d{{5}}){_PLACE}?"
            ),
        ),
        (
            Cue(words_of(table["joined"])),
            re.compile(rf"(?<![\w])[^\W\d_][\w\-]{{1,30}}?(?:[\s\-])?(?:{joined})\s\d{{1,4}}\s?[a-d]?(?![\w]){_PLACE}?"),
        ),
    )


_STREETS: Final = _street_patterns()
_BRITISH: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}(?![A-Za-z0-9])")
_POSTCODE: Final = Cue(WORDS["address"]["postcode"])
_POST_NUMBER: Final = re.compile(r"[:\s]{1,3}(?:(?:es|is|e|ist|est)\s)?(?P<code>\d{4,6}(?:-\d{3,4})?)(?![\d.,]\d|\w)")


_BEFORE: Final = frozenset(words_of(WORDS["address"]["before"]))
_NUMBERS: Final = re.compile(r"\d+\s?")
_FAMOUS: Final = frozenset(WORDS["nobody"]["places"])


def places_in(scene: Scene) -> Iterator[Found]:
    """Street addresses with their number, and postcodes that are named or British."""
    if not scene.has_digits:
        return
    text = scene.text
    for cue, pattern in _STREETS:
        for match in pattern.finditer(scene.low) if scene.has_piece(cue) else ():
            written = text[match.start() : match.end()]
            if (
                BARRIER not in written
                and "\n" not in written
                and _has_name(written)
                and _NUMBERS.sub("", flat(written)) not in _FAMOUS
            ):
                yield Found(match.start(), match.end(), Kind.ADDRESS, " ".join(flat(written).replace(",", " ").split()))
    for match in _BRITISH.finditer(text):
        yield Found(match.start(), match.end(), Kind.ADDRESS, match[0].lower())
    if scene.knows(_POSTCODE):
        for named in _POSTCODE.pattern.finditer(scene.low):
            code = _POST_NUMBER.match(scene.low, named.end())
            if code:
                yield Found(code.start("code"), code.end("code"), Kind.ADDRESS, code["code"])


def _has_name(written: str) -> bool:
    """Whether a word besides the first one has a capital, or the address is all numbers; so `2 way 4` and `plaza 5` stay."""
    words = re.findall(r"[^\W\d_]{2,}", written)
    capitals = [word for word in words if word[0].isupper()]
    return (
        len(capitals) >= 2
        or (len(words) >= 2 and bool(capitals) and not words[0][0].isupper())
        or "#" in written
        or (len(capitals) == len(words) == 1 and flat(words[0]) not in _BEFORE)
    )


def names_in(scene: Scene) -> Iterator[Found]:
    """Names behind words that announce one; `key` is the name without accents, in small letters."""
    for cue, finder in _ANNOUNCED:
        if scene.knows(cue):
            for match in cue.pattern.finditer(scene.low):
                yield from finder(scene, match)


def _said(scene: Scene, cue: re.Match[str]) -> Iterator[Found]:
    return _name(scene, _end(_LEAD, scene.low, cue.end()), is_sure=True)


def _maybe(scene: Scene, cue: re.Match[str]) -> Iterator[Found]:
    lead = _MAYBE_LEAD.match(scene.low, cue.end())
    return _name(scene, lead.end(), is_sure=False) if lead else iter(())


def _titled(scene: Scene, cue: re.Match[str]) -> Iterator[Found]:
    lead = _TITLE_LEAD.match(scene.low, cue.end())
    if lead and (scene.text[cue.start()].isupper() or cue[0] in _SMALL_TITLES):
        return _name(scene, lead.end(), is_sure=True, needs_capital=True)
    return iter(())


def _closed(scene: Scene, cue: re.Match[str]) -> Iterator[Found]:
    """A name that stands alone on its line, as under a letter."""
    lead = _end(_CLOSING_LEAD, scene.low, cue.end())
    if not scene.low[cue.end() : lead].strip(" "):
        return
    for found in _name(scene, lead, is_sure=True, needs_capital=True):
        behind = scene.text[found.end : found.end + 2]
        if not behind.strip(" .,!*_)") or "\n" in behind:
            yield found


def _labelled(scene: Scene, cue: re.Match[str]) -> Iterator[Found]:
    """A name behind a colon: two words or more, or a common given name."""
    lead = _LABEL_LEAD.match(scene.low, cue.end())
    for found in _name(scene, lead.end(), is_sure=True, needs_capital=True) if lead else ():
        if " " in scene.text[found.start : found.end] or found.key in _GIVEN:
            yield found


_ANNOUNCED: Final[Sequence[tuple[Cue, Callable[[Scene, re.Match[str]], Iterator[Found]]]]] = (
    (_SAID, _said),
    (_MAYBE, _maybe),
    (_TITLE, _titled),
    (_CLOSING, _closed),
    (_LABEL, _labelled),
)
_MAYBE_LEAD: Final = re.compile(r",?[ \u00a0]")
_SMALL_TITLES: Final = frozenset(_NAMES["small_titles"])
"""Titles also in small letters, as Spanish writes them; English does not."""


def _end(lead: re.Pattern[str], low: str, place: int) -> int:
    match = lead.match(low, place)
    return match.end() if match else place


def _words(scene: Scene, place: int) -> Iterator[tuple[int, int, str]]:
    """Words from `place` on with one space between, at most as many as a name may have."""
    for _ in range(_LONGEST * 2):
        word = _WORD.match(scene.text, place)
        if not word:
            return
        end = word.end() - (word[0].endswith(".") and len(word[0]) > 2)
        yield word.start(), end, scene.text[word.start() : end]
        gap = _GAP.match(scene.text, end)
        if not gap:
            return
        place = gap.end()


def _name(scene: Scene, place: int, *, is_sure: bool, needs_capital: bool = False) -> Iterator[Found]:
    """The name at `place`: words in capitals with particles between, or one common given name in small letters."""
    begin = end = -1
    count = 0
    for start, stop, word in _words(scene, place):
        low = flat(word).rstrip(".")
        if low in _PARTICLES and not word[0].isupper() and count:
            continue
        is_capital = word[0].isupper() and low not in _NEVER and len(word) > (count == 0)
        is_small = not count and low in _GIVEN and not needs_capital
        if not (is_capital or is_small) or (not count and not is_sure and low not in _GIVEN):
            break
        count += 1
        begin, end = (start if begin < 0 else begin), stop
        if count == _LONGEST:
            break
    if begin >= 0:
        yield Found(begin, end, Kind.NAME, flat(scene.text[begin:end]))


def parts_of(name: str) -> tuple[str, ...]:
    """The words of a name that may stand for it elsewhere, as they are written."""
    return tuple(word for word in re.findall(r"[^\W\d_]{3,}", name) if flat(word) not in _PARTICLES | _NEVER)

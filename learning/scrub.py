"""Rows without what would tell who somebody is or let anybody in: replaced by placeholders such as `[EMAIL_1]` (R-53).

The same thing has the same placeholder in all texts of a row. What is found in one of them by the words around it, a name or a
password, goes from all. Doing it twice changes nothing. What is found and what is not is measured by `learning.residual`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from learning.contact_shapes import handles_in, links_in, machines_in, mails_in
from learning.identity_numbers import named_numbers_in, numbers_in
from learning.names_and_places import names_in, parts_of, places_in
from learning.personal_data import BARRIER, Found, Kind, Scene, flat
from learning.records import Labelled, Said
from learning.secret_shapes import random_texts_in, secrets_in
from learning.telephones import telephones_in

_FINDERS: Final[Sequence[Callable[[Scene], Iterator[Found]]]] = (
    links_in,
    secrets_in,
    mails_in,
    numbers_in,
    machines_in,
    named_numbers_in,
    telephones_in,
    handles_in,
    random_texts_in,
    places_in,
    names_in,
)
"""The surest first: where two find the same letters, the first one has them."""

_PLACEHOLDER: Final = re.compile(rf"\[({'|'.join(Kind)})_(\d{{1,6}})\]")
_NAME_WORD: Final = re.compile(r"[^\W\d_]++")
_RECURRING: Final = frozenset({Kind.SECRET, Kind.ID, Kind.HANDLE})
"""Found by the words around them, so that they are looked for wherever those words are not."""
_SHORTEST: Final = 6
"""Letters that such a thing must have to be looked for elsewhere: a short one may be any word."""
_MOST: Final = 64
"""Things of one row that are looked for elsewhere."""
_OWN_NAME: Final = frozenset({"martin"})


class Scrubber:
    """Takes what is personal out of rows; `replaced` counts the placeholders put in, by kind.

    `own_names` are names that stay when they stand alone: the bot's.
    """

    def __init__(self, own_names: frozenset[str] = _OWN_NAME) -> None:
        self.replaced: Final[Counter[str]] = Counter()
        self._own_names = frozenset(map(flat, own_names))

    def scrub(self, row: Labelled) -> Labelled:
        """`row` with placeholders in its question, answer, correction, reason and history; itself when there is nothing."""
        told = row.told
        texts = [text for said in told.history for text in (said.question, said.answer)]
        texts += [told.question, told.answer, told.correction, told.reason]
        scrubbed = self.scrub_texts(texts)
        if scrubbed == texts:
            return row
        *earlier, question, answer, correction, reason = scrubbed
        history = tuple(Said(question=a, answer=b) for a, b in zip(earlier[::2], earlier[1::2], strict=True))
        cleared = msgspec.structs.replace(
            told, question=question, answer=answer, correction=correction, reason=reason, history=history
        )
        return msgspec.structs.replace(row, told=cleared)

    def scrub_texts(self, texts: Sequence[str]) -> list[str]:
        """The texts of one row, in the order in which placeholders are to be numbered, without what is personal."""
        numbers = _Numbers(texts)
        done = list(texts)
        waiting = set(range(len(done)))
        while waiting:
            found = {place: self._found(Scene(masked(done[place]))) for place in sorted(waiting)}
            known = [(done[place][one.start : one.end], one) for place, ones in found.items() for one in ones]
            numbers.note_names(text for text, one in known if one.kind is Kind.NAME)
            again = set(found) if not known else set(range(len(done)))
            values = list({text: one for text, one in known if one.kind in _RECURRING and len(text) >= _SHORTEST}.items())
            waiting = set()
            for place in sorted(again):
                ones = [*found.get(place, ()), *numbers.recurring(done[place], values[:_MOST])] if known else []
                chosen = _apart(ones, len(done[place]))
                if chosen:
                    done[place] = self._written(done[place], chosen, numbers)
                    waiting.add(place)
        return done

    def _found(self, scene: Scene) -> list[Found]:
        found = [one for finder in _FINDERS for one in finder(scene) if BARRIER not in scene.text[one.start : one.end]]
        return [one for one in found if one.end > one.start and not (one.kind is Kind.NAME and one.key in self._own_names)]

    def _written(self, text: str, chosen: Sequence[Found], numbers: _Numbers) -> str:
        pieces, place = [], 0
        for one in chosen:
            pieces += [text[place : one.start], numbers.placeholder(one)]
            place = one.end
            self.replaced[one.kind] += 1
        return "".join([*pieces, text[place:]])


class _Numbers:
    """Which placeholder stands for what in a row; numbers go on from placeholders that the texts have already."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._last: Counter[str] = Counter()
        for text in texts:
            for match in _PLACEHOLDER.finditer(text) if "[" in text else ():
                self._last[match[1]] = max(self._last[match[1]], int(match[2]))
        self._given: dict[tuple[Kind, str], str] = {}
        self._name_of: dict[str, str] = {}

    def placeholder(self, one: Found) -> str:
        key = one.key
        if one.kind is Kind.NAME:
            key = next((self._name_of[part] for part in map(flat, parts_of(one.key)) if part in self._name_of), key)
        if (one.kind, key) not in self._given:
            self._last[one.kind] += 1
            self._given[one.kind, key] = f"[{one.kind}_{self._last[one.kind]}]"
        return self._given[one.kind, key]

    def note_names(self, names: Iterator[str]) -> None:
        """Take these for one person's each: any of its words stands for a name from now on."""
        for name in names:
            parts = [flat(part) for part in parts_of(name)]
            known = next((self._name_of[part] for part in parts if part in self._name_of), flat(name))
            for part in parts:
                self._name_of.setdefault(part, known)

    def recurring(self, text: str, values: Sequence[tuple[str, Found]]) -> Iterator[Found]:
        """Where what was found in any text of the row stands once more."""
        hidden = masked(text)
        if self._name_of:
            yield from self._names(hidden)
        for value, one in values:
            place = hidden.find(value)
            while place >= 0:
                end = place + len(value)
                if not (hidden[place - 1 : place].isalnum() or hidden[end : end + 1].isalnum()):
                    yield Found(place, end, one.kind, one.key)
                place = hidden.find(value, end)

    def _names(self, hidden: str) -> Iterator[Found]:
        last: Found | None = None
        for word in _NAME_WORD.finditer(hidden):
            key = self._name_of.get(flat(word[0])) if len(word[0]) > 2 and word[0][0].isupper() else None
            if key is None:
                continue
            if last and last.key == key and hidden[last.end : word.start()] == " ":
                last = Found(last.start, word.end(), Kind.NAME, key)
                continue
            if last:
                yield last
            last = Found(word.start(), word.end(), Kind.NAME, key)
        if last:
            yield last


def masked(text: str) -> str:
    """`text` with `BARRIER` for every letter of a placeholder; what is a barrier already becomes a space."""
    if BARRIER in text:
        text = text.replace(BARRIER, " ")
    return _PLACEHOLDER.sub(lambda match: BARRIER * len(match[0]), text) if "[" in text else text


def _apart(found: Sequence[Found], length: int) -> list[Found]:
    """Those that overlap none before them, in the order of the text."""
    if not found:
        return []
    taken, kept = bytearray(length), []
    for one in found:
        if not any(taken[one.start : one.end]):
            taken[one.start : one.end] = b"\1" * (one.end - one.start)
            kept.append(one)
    return sorted(kept)


def counted(replaced: Mapping[str, int]) -> dict[str, int]:
    """The counts by kind for a manifest, in the order of `Kind`, none left out that is above 0."""
    return {kind.value: replaced[kind] for kind in Kind if replaced.get(kind)}

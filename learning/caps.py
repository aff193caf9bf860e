"""How many rows one person may have, and which of them stay (pure): the same ones night after night, as far as can be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import IntEnum
from hashlib import blake2b
from typing import NamedTuple


class Kind(IntEnum):
    """What a row is to its person's share; corrections teach most."""

    CORRECTION = 0
    GOOD = 1
    BAD = 2


class Row(NamedTuple):
    """A row to choose among: its number, its kind, and the hash that orders rows of one kind."""

    place: int
    kind: Kind
    order: int


def order_of(row: str) -> int:
    """A number that depends on the row's name alone, so that a new row never reshuffles the others."""
    return int.from_bytes(blake2b(row.encode(), digest_size=8, person=b"order").digest(), "big")


def most_each(counts: Iterable[int], exempt: int, *, per_person: int, share: float) -> int:
    """The most rows that each person may have, so that nobody has more than `share` of all that are kept; 0 if none will do.

    `counts` are the rows of each person whom the share binds, `exempt` the rows of all others. What is cut from one makes the
    whole smaller and so everybody's share larger: of all caps that hold against the whole that they leave, the largest.
    """
    numbers = list(counts)
    highest = max(numbers, default=0)
    at_most = [0] * (per_person + 2)
    for number in numbers:
        at_most[min(number, per_person + 1)] += 1
    with_more, total, largest = len(numbers), exempt, 0 if numbers else per_person
    for cap in range(1, per_person + 1):
        total += with_more
        with_more -= at_most[cap]
        if min(cap, highest) <= share * total + 1e-9:
            largest = cap
    return largest


def ranked(rows: Iterable[Row]) -> list[int]:
    """The numbers of one person's rows, those to keep first: corrections, then good and bad ones in turn, each by hash."""
    by_kind: defaultdict[Kind, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.order, row.place)):
        by_kind[row.kind].append(row)
    first = [row.place for row in by_kind[Kind.CORRECTION]]
    turns = [(turn, kind, row.place) for kind in (Kind.GOOD, Kind.BAD) for turn, row in enumerate(by_kind[kind])]
    return first + [place for _, _, place in sorted(turns)]


def over(rows_of: Mapping[int, Iterable[Row]], cap: Mapping[int, int]) -> Iterable[tuple[int, int]]:
    """(place, rank) of every row whose person has as many better ones as `cap` allows; rank 0 is the best."""
    for person, rows in rows_of.items():
        for rank, place in enumerate(ranked(rows)):
            if rank >= cap[person]:
                yield place, rank

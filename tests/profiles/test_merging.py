"""A new memory is kept, known already, takes another's place, or is history: by what it says and when it was said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.memory_types import SELF, Memory, MemoryKind, NewMemory, Origin
from profiles.facts.merging import Decision, Duplicate, Keep, Outdated, Supersede, decide

DAY = timedelta(days=1)
START = datetime(2026, 3, 4, tzinfo=UTC)


def said(slot: str, text: str, *, day: int = 0, language: str = "en", kind: MemoryKind = MemoryKind.FACT) -> NewMemory:
    return NewMemory(
        kind=kind,
        text=text,
        said_by=SELF,
        said_at=START + day * DAY,
        session="s",
        position=day,
        origin=Origin.RULE,
        sources=(f"turn{day}",),
        language=language,
        slot=slot,
    )


def stored(id: str, what: NewMemory, *, ended: int | None = None) -> Memory:
    return Memory(id=id, what=what, created_at=what.said_at, ended_at=None if ended is None else START + ended * DAY)


QUITO = stored("quito", said("home", "Lives in Quito."))


@pytest.mark.parametrize(
    ("slot", "before", "after", "expected"),
    [
        ("home", "Lives in Quito.", "Lives in Lima.", Supersede(("old",))),
        ("home", "Vive en Lima.", "Lives in lima.", Duplicate("old")),
        ("home", "Lives in Miraflores, Lima.", "Lives in Lima.", Duplicate("old")),
        ("home", "Lives in Lima.", "Lives in Miraflores, Lima.", Supersede(("old",))),
        ("home", "Lives in Quito.", "No longer lives in Quito.", Supersede(("old",))),
        ("home", "Vive en Quito.", "No longer lives in Quito.", Supersede(("old",))),
        ("home", "Lives in Lima.", "No longer lives in Quito.", Keep()),
        ("home", "No longer lives in Quito.", "Lives in Lima.", Keep()),
        ("home", "No longer lives in Quito.", "Lives in Quito.", Supersede(("old",))),
        ("home", "No longer lives in Quito.", "Ya no vive en Quito.", Duplicate("old")),
        ("likes:coffee", "Likes coffee.", "Le gusta el café.", Duplicate("old")),
        ("likes:coffee", "Le gusta el café.", "Ya no le gusta el café.", Supersede(("old",))),
        ("likes:coffee", "Does not like coffee.", "Likes coffee.", Supersede(("old",))),
        ("favourite:colour", "Su color favorito es el rojo.", "Their favourite colour is red.", Duplicate("old")),
        ("favourite:colour", "Their favourite colour is red.", "Their favourite colour is blue.", Supersede(("old",))),
        ("prefers:coffee+tea", "Prefers tea to coffee.", "Prefiere el café al té.", Supersede(("old",))),
        ("prefers:coffee+tea", "Prefers tea to coffee.", "Prefiere el té al café.", Duplicate("old")),
        ("age", "Is 34 years old.", "Tiene 35 años.", Supersede(("old",))),
        ("children", "Has two kids.", "Has three kids.", Supersede(("old",))),
        ("pet:dog:rex", "Their dog is called Rex.", "Their dog Rex died.", Supersede(("old",))),
        ("mother:name", "Su madre se llama Ana.", "Their mum is called Ana.", Duplicate("old")),
        ("plan:exam", "Their exam is on 12 June 2026.", "Their exam is on 19 June 2026.", Supersede(("old",))),
        ("owns:car", "Has a car.", "Has a red Seat Ibiza.", Supersede(("old",))),
    ],
)
def test_a_later_memory_of_a_slot_finds_its_place(slot: str, before: str, after: str, expected: Decision) -> None:
    assert decide([stored("old", said(slot, before))], said(slot, after, day=1)) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("likes:tea", "likes:coffee"),
        ("daughter:ana", "daughter:eva"),
        ("language:welsh", "language:english"),
        ("home", "origin"),
    ],
)
def test_other_slots_are_left_alone(one: str, other: str) -> None:
    assert decide([stored("old", said(one, "Likes this."))], said(other, "Likes that.", day=1)) == Keep()


def test_an_older_fact_that_comes_in_late_is_history_and_ends_nothing() -> None:
    assert decide([QUITO], said("home", "Lives in Cuenca.", day=-100)) == Outdated("quito")


def test_an_older_retraction_that_comes_in_late_ends_nothing() -> None:
    assert decide([QUITO], said("home", "No longer lives in Quito.", day=-100)) == Outdated("quito")


def test_of_two_said_at_the_same_time_the_one_that_comes_last_counts() -> None:
    assert decide([QUITO], said("home", "Lives in Lima.")) == Supersede(("quito",))


def test_what_is_history_already_is_not_stored_again_by_a_second_import() -> None:
    old = stored("old", said("home", "Lives in Cuenca.", day=-100), ended=0)
    assert decide([old, QUITO], old.what) == Duplicate("old")
    assert decide([old, QUITO], said("home", "Vive en Cuenca.", day=-50)) == Duplicate("old")


def test_moving_back_is_news() -> None:
    old = stored("old", said("home", "Lives in Quito."), ended=10)
    lima = stored("lima", said("home", "Lives in Lima.", day=10))
    assert decide([old, lima], said("home", "Lives in Quito.", day=20)) == Supersede(("lima",))


def test_what_ended_is_no_contradiction() -> None:
    assert decide([replace(QUITO, ended_at=START + DAY)], said("home", "Lives in Lima.", day=2)) == Keep()


def test_a_new_value_ends_all_that_it_contradicts_newest_first() -> None:
    no_quito = stored("no", said("home", "No longer lives in Quito.", day=1))
    lima = stored("lima", said("home", "Lives in Lima.", day=2))
    assert decide([no_quito, lima], said("home", "Lives in Quito.", day=3)) == Supersede(("lima", "no"))


def test_episodes_are_never_merged_away() -> None:
    twice = said("", "hello there my friend", kind=MemoryKind.EPISODE)
    assert decide([stored("old", twice)], twice) == Keep()


@pytest.mark.parametrize(
    ("before", "after", "is_known"),
    [
        ("Restores old clocks in the evenings.", "restores old clocks in the evenings", True),
        ("Restores old clocks at home.", "Restoring an old clock at home", True),
        ("Restores old clocks.", "Restores old cars.", False),
        ("Runs 5 km every day.", "Runs 10 km every day.", False),
        ("Likes to be asked before a long answer.", "Does not like to be asked before a long answer.", False),
    ],
)
def test_without_a_slot_the_words_decide(before: str, after: str, *, is_known: bool) -> None:
    found = decide([stored("old", said("", before))], said("", after, day=1))
    assert found == (Duplicate("old") if is_known else Keep())


def test_a_fact_and_a_preference_of_the_same_words_are_two() -> None:
    fact = stored("old", said("", "Restores old clocks."))
    assert decide([fact], said("", "Restores old clocks.", kind=MemoryKind.PREFERENCE)) == Keep()

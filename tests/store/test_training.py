"""What a night reads of the database: only of who agreed when they asked, agrees now, and is not leaving."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmarks.two_weeks_people import Happening, What
from benchmarks.two_weeks_town import Chronicle, new_folder
from bot.errors import StoreConflict
from bot.store.folder import DataFolder
from bot.store.messages import evidence_json
from bot.store.open import Stores, open_folder
from bot.store.training import HISTORY, PAGE
from bot.system import SystemClock, TimeOrderedIds
from bot.training_types import RatedTurn
from bot.types import ChannelName, Evidence, EvidenceKind, Flag, PersonId, TurnId

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=30)
NIGHT = date(2026, 11, 20)


@dataclass(slots=True)
class Place:
    """A store in which things happen one minute after the other."""

    stores: Stores
    folder: DataFolder
    chronicle: Chronicle
    minute: int = 0

    async def happen(self, *what: Happening) -> None:
        """One minute after the other."""
        for one in what:
            await self.chronicle.live([replace(one, at=BEGIN + timedelta(minutes=self.minute))])
            self.minute += 1

    async def rated(self, until: datetime = END) -> list[RatedTurn]:
        """Everything, page by page."""
        found: list[RatedTurn] = []
        while page := await self.stores.training.rated(found[-1].turn_id if found else None, until):
            found += page
        return found


def arrival(who: str) -> Happening:
    return Happening(
        at=BEGIN,
        what=What.ARRIVAL,
        person=who,
        channel=ChannelName.TELEGRAM,
        user=f"user of {who}",
        chat=f"chat of {who}",
        is_private=True,
        language="es",
    )


def consent(who: str, *, granted: bool) -> Happening:
    return replace(arrival(who), what=What.CONSENT, granted=granted)


def turn(who: str, name: str, *, conversation: str = "c", flags: tuple[Flag, ...] = ()) -> Happening:
    return replace(
        arrival(who),
        what=What.TURN,
        turn=name,
        conversation=conversation,
        question=f"question {name}",
        answer=f"answer {name}",
        model="a model",
        prompt_version="7",
        arms=(1, 0, -1, 0),
        flags=flags,
    )


def rating(who: str, name: str, value: int = 1, correction: str | None = None) -> Happening:
    return replace(turn(who, name), what=What.RATING, value=value, correction=correction)


@asynccontextmanager
async def place(path: Path) -> AsyncIterator[Place]:
    """An empty one."""
    folder = await new_folder(path, 0)
    async with open_folder(folder, clock=SystemClock(), ids=TimeOrderedIds()) as stores:
        yield Place(stores, folder, Chronicle(stores))


async def test_a_rated_answer_comes_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.happen(arrival("ana"), consent("ana", granted=True))
        await here.happen(turn("ana", "t1"), turn("ana", "t2", flags=(Flag.PARTIAL,)), turn("ana", "t3"))
        await here.happen(rating("ana", "t3", -1, "better"))
        (found,) = await here.rated()
        assert (found.question, found.answer, found.correction, found.value) == ("question t3", "answer t3", "better", -1)
        assert found.history == (("question t1", "answer t1"),), "what was cut off is no context"
        assert (found.person_id, found.turn_id, found.channel, found.language) == ("ana", "t3", "telegram", "es")
        assert (found.arms, found.prompt_version, found.model) == ((1, 0, -1, 0), "7", "a model")
        assert "ana" not in found.pseudonym
        assert "t3" not in found.row


async def test_an_answer_out_of_anothers_words_says_so_and_is_no_context(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.happen(arrival("ana"), consent("ana", granted=True))
        await here.happen(turn("ana", "t1"), turn("ana", "t2"), turn("ana", "t3"))
        quoting = evidence_json([Evidence(kind=EvidenceKind.APPROVED, text="", source="", score=0.9)])
        with closing(sqlite3.connect(here.folder.database)) as connection, connection:
            connection.execute("UPDATE turns SET evidence = ? WHERE id = 't2'", (quoting,))
        await here.happen(rating("ana", "t2"), rating("ana", "t3"))
        second, third = await here.rated()
        assert (second.is_anothers, third.is_anothers) == (True, False)
        assert third.history == (("question t1", "answer t1"),)


async def test_only_the_last_exchanges_of_the_same_conversation_are_context(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.happen(arrival("ana"), consent("ana", granted=True))
        await here.happen(turn("ana", "t0", conversation="another"), *(turn("ana", f"t{n}") for n in range(1, 8)))
        await here.happen(rating("ana", "t7"))
        (found,) = await here.rated()
        assert [question for question, _ in found.history] == [f"question t{n}" for n in range(7 - HISTORY, 7)]


async def test_who_agreed_only_later_agreed_to_what_came_later(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.happen(arrival("ana"), turn("ana", "t1"), rating("ana", "t1"), consent("ana", granted=True))
        await here.happen(turn("ana", "t2"), rating("ana", "t2"))
        assert [one.turn_id for one in await here.rated()] == ["t2"]
        await here.happen(consent("ana", granted=False), turn("ana", "t3"), rating("ana", "t3"))
        assert await here.rated() == []
        await here.happen(consent("ana", granted=True))
        assert await here.rated() == [], "what they agree to begins then"
        await here.happen(turn("ana", "t4"), rating("ana", "t4"))
        (found,) = await here.rated()
        assert (found.turn_id, found.history) == ("t4", ()), "nor is it context"


@pytest.mark.parametrize("kind", ["forget", "withdraw"])
async def test_who_is_leaving_is_gone(tmp_path: Path, kind: str) -> None:
    async with place(tmp_path) as here:
        await here.happen(arrival("ana"), consent("ana", granted=True), turn("ana", "t1"), rating("ana", "t1"))
        assert len(await here.rated()) == 1
        with sqlite3.connect(here.folder.database) as database:
            database.execute(
                "INSERT INTO jobs (id, kind, person_id, attempts, created_at) VALUES ('j', ?, 'ana', 0, 0)", (kind,)
            )
        assert await here.rated() == []


async def test_somebody_elses_thumb_is_no_rating(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        for who in ("ana", "ben"):
            await here.happen(arrival(who), consent(who, granted=True))
        await here.happen(turn("ana", "t1"), rating("ben", "t1"))
        assert await here.rated() == []


async def test_what_is_asked_later_belongs_to_the_next_night(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.happen(arrival("ana"), consent("ana", granted=True), turn("ana", "t1"), rating("ana", "t1"))
        assert await here.rated(BEGIN + timedelta(minutes=2)) == []
        assert len(await here.rated(BEGIN + timedelta(minutes=3))) == 1
        known = await here.stores.training.activity(END)
        assert (known[PersonId("ana")].since, known[PersonId("ana")].conversations) == (BEGIN, 1)


async def test_pages_follow_one_another_without_gap_or_repeat(tmp_path: Path) -> None:
    many = PAGE + 7
    async with place(tmp_path) as here:
        await here.happen(arrival("ana"), consent("ana", granted=True))
        for number in range(many):
            await here.chronicle.live([turn("ana", f"t{number:05}")])
        with sqlite3.connect(here.folder.database) as database:
            database.execute("UPDATE turns SET asked_at = (SELECT MAX(at) FROM consents)")
            database.execute("INSERT INTO ratings SELECT id, person_id, 1, NULL, NULL, 0 FROM turns")
        assert [one.turn_id for one in await here.rated()] == [f"t{number:05}" for number in range(many)]


async def test_whose_rows_are_whose_is_kept_until_they_leave(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        training = here.stores.training
        for who in ("ana", "ben"):
            await here.happen(arrival(who), consent(who, granted=True))
        rows = [
            ("r1", PersonId("ana"), TurnId("t1")),
            ("r2", PersonId("ana"), TurnId("t2")),
            ("r3", PersonId("ben"), TurnId("t3")),
        ]
        await training.add_rows(rows, NIGHT)
        await training.add_rows(rows, NIGHT)
        assert await training.rows_of(PersonId("ana")) == {"r1", "r2"}
        assert await training.origin("r3") == ("t3", "ben")
        await training.set_labels({"r1": ("question", "birds"), "r3": ("", "trees")}, BEGIN)
        await training.decide("r1", is_approved=True, at=BEGIN)
        await training.decide("r3", is_approved=True, at=BEGIN)
        await training.decide("r3", is_approved=False, at=BEGIN)
        assert await training.unwilling() == []
        await here.happen(consent("ana", granted=False))
        assert await training.unwilling() == ["ana"]
        await training.withdraw(PersonId("ana"))
        assert await training.unwilling() == []
        assert await training.origin("r1") is None
        assert await training.labels() == {"r3": ("", "trees")}
        assert await training.decisions() == {"r3": False}
        with pytest.raises(StoreConflict):
            await training.add_rows([("r4", PersonId("nobody"), TurnId("t4"))], NIGHT)


async def test_a_forgotten_person_leaves_no_row(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.happen(arrival("ana"), consent("ana", granted=True))
        await here.stores.training.add_rows([("r1", PersonId("ana"), TurnId("t1"))], NIGHT)
        await here.stores.training.set_labels({"r1": ("question", "")}, BEGIN)
        await here.stores.training.decide("r1", is_approved=True, at=BEGIN)
        await here.stores.erasure.forget_person(PersonId("ana"))
        for table in ("training_rows", "training_labels", "training_decisions"):
            with sqlite3.connect(here.folder.database) as database:
                assert database.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,)


async def test_people_are_found_by_the_users_they_are(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.happen(arrival("ana"), arrival("ben"))
        assert await here.stores.training.people_of(["telegram:user of ana", "discord:user of ben"]) == {"ana"}

"""Batches give what one-by-one would have given: whole units, in order, each with its own fate."""

from __future__ import annotations

import asyncio
import random
import tempfile
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import StoreConflict, StoreError
from bot.store.db import Database, Statement, Unit
from tests.store import ledger
from tests.store.ledger import step


class Hold:
    """A `before_call` that notes every call and holds the first BEGIN until `release`."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._go = threading.Event()
        self.began = threading.Event()

    def __call__(self, name: str) -> None:
        self.calls.append(name)
        if name == "BEGIN":
            self.began.set()
            assert self._go.wait(10)

    def release(self) -> None:
        self._go.set()

    @property
    def transactions(self) -> list[list[str]]:
        """The statements' names of each transaction."""
        batches = " ".join(self.calls).split("BEGIN")[1:]
        return [batch.replace("COMMIT", "").split() for batch in batches]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return ledger.create(tmp_path / "ledger.db")


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    async with await Database.open(path, ledger.STATEMENTS) as database:
        yield database


async def commit_together(database: Database, units: Sequence[Unit], hold: Hold) -> list[object]:
    """Commit one unit of no consequence, and `units` while it is on its way; their results or errors."""
    first = asyncio.create_task(database.commit(Unit(step(ledger.COUNT, id="first", total=0))))
    await asyncio.to_thread(hold.began.wait, 10)
    others = [asyncio.create_task(database.commit(unit)) for unit in units]
    await asyncio.sleep(0)
    hold.release()
    await first
    return list(await asyncio.gather(*others, return_exceptions=True))


# --- any set of units ---

# As everywhere in the bot, no unit is built on rows of one that has not returned: children refer to the parents "a" and "b",
# which are there from the start (and may be dropped on the way), to nobody, or to a parent "e" that their own unit adds. The
# parents that units add otherwise are "c" and "d".
_IDS = st.sampled_from("ab")
_Steps = list[tuple[Statement, dict[str, object]]]


def _a(statement: Statement, **parameters: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[Statement, dict[str, object]]]:
    return st.tuples(st.just(statement), st.fixed_dictionaries(parameters))


_STEP = st.one_of(
    _a(ledger.ADD_PARENT, id=st.sampled_from("cd"), name=_IDS),
    _a(ledger.ADD_CHILD, id=_IDS, parent_id=st.sampled_from("abn"), name=_IDS),
    _a(ledger.COUNT, id=_IDS, total=st.integers(1, 4)),
    _a(ledger.RENAME_PARENT, row=st.sampled_from("abcde"), suffix=_IDS),
    _a(ledger.MOVE_CHILD, row=_IDS, to=st.sampled_from("abn")),
    _a(ledger.DOUBLE, row=_IDS),
    _a(ledger.SPEND, row=_IDS),
    _a(ledger.DROP_CHILD, row=_IDS),
    _a(ledger.DROP_PARENT, row=st.sampled_from("abcde")),
    _a(ledger.DROP_BY_NAME, like=_IDS),
)
_FAMILY = st.tuples(
    _a(ledger.ADD_PARENT, id=st.just("e"), name=_IDS), _a(ledger.ADD_CHILD, id=_IDS, parent_id=st.just("e"), name=_IDS)
)
_STEPS = st.one_of(st.lists(_STEP, min_size=1, max_size=3), _FAMILY.map(list))
_PLANS = st.lists(st.tuples(_STEPS, st.sampled_from(["keep", "keep", "keep", "withdraw", "leave"])), max_size=12)


@settings(max_examples=80, deadline=None)
@given(plans=_PLANS)
def test_any_set_of_units_gives_the_same_database_as_running_them_one_by_one(
    plans: list[tuple[_Steps, str]],
) -> None:
    """Conflicts, broken constraints, units that run alone, and callers that leave before or after their batch began."""
    units = [
        Unit(*sorted([*steps, step(ledger.LOG, id=number)], key=lambda one: one[0].rank))
        for number, (steps, _) in enumerate(plans)
    ]
    fates = [fate for _, fate in plans]
    with tempfile.TemporaryDirectory() as folder:
        batched, plain = (ledger.create(Path(folder) / name) for name in ("batched.db", "plain.db"))
        for path in (batched, plain):
            assert all(ledger.run_one_by_one(path, [Unit(step(ledger.ADD_PARENT, id=id, name="")) for id in "ab"]))
        committed = asyncio.run(_commit_all(batched, units, fates))
        logged = {number for (number,) in ledger.dump(batched)["log"]}
        kept = [number for number, fate in enumerate(fates) if fate == "keep" or number in logged]
        expected = ledger.run_one_by_one(plain, [units[number] for number in kept])
        assert ledger.dump(batched) == ledger.dump(plain)
    for number, has_committed in zip(kept, expected, strict=True):
        assert committed[number] in (has_committed, None)
    assert not logged & {number for number, fate in enumerate(fates) if fate == "withdraw"}


async def _commit_all(path: Path, units: list[Unit], fates: list[str]) -> list[bool | None]:
    """Commit them all at once; True where it did, False where a constraint broke, None where the caller had left."""
    hold = Hold()
    async with await Database.open(path, ledger.STATEMENTS, readers=0, before_call=hold) as database:
        tasks = [asyncio.create_task(database.commit(unit)) for unit in units]
        await asyncio.sleep(0)
        for task, fate in zip(tasks, fates, strict=True):
            if fate == "withdraw":  # every unit is in the queue, no batch has begun
                task.cancel()
        if any(fate != "withdraw" for fate in fates):
            await asyncio.to_thread(hold.began.wait, 10)
        for task, fate in zip(tasks, fates, strict=True):
            if fate == "leave":  # the first batch has begun: whether this unit is in it, its log row tells
                task.cancel()
        hold.release()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    unexpected = [one for one in results if one is not None and not isinstance(one, (StoreConflict, asyncio.CancelledError))]
    assert not unexpected
    return [None if isinstance(one, asyncio.CancelledError) else one is None for one in results]


# --- what shares a transaction ---


async def test_units_that_wait_together_share_one_transaction(path: Path) -> None:
    hold = Hold()
    units = [Unit(step(ledger.ADD_PARENT, id=str(n), name="x"), step(ledger.LOG, id=n)) for n in range(50)]
    async with await Database.open(path, ledger.STATEMENTS, before_call=hold) as database:
        assert await commit_together(database, units, hold) == [None] * 50
    assert hold.transactions == [["counters.count"], ["parents.add", "log.add"]]


async def test_a_batch_holds_at_most_200_units(path: Path) -> None:
    hold = Hold()
    async with await Database.open(path, ledger.STATEMENTS, before_call=hold) as database:
        await commit_together(database, [Unit(step(ledger.LOG, id=n)) for n in range(401)], hold)
    assert len(ledger.dump(path)["log"]) == 401
    assert hold.transactions[1:] == [["log.add"]] * 3


async def test_rows_that_the_same_statement_writes_share_a_batch_in_arrival_order(path: Path) -> None:
    hold = Hold()
    units = [Unit(step(ledger.RENAME_PARENT, row="a", suffix=letter)) for letter in "xyz"]
    async with await Database.open(path, ledger.STATEMENTS, before_call=hold) as database:
        await commit_together(database, [Unit(step(ledger.ADD_PARENT, id="a", name="")), *units], hold)
    assert ledger.dump(path)["parents"] == [("a", "xyz")]
    assert hold.transactions[1:3] == [["parents.add"], ["parents.rename"]]


async def test_a_batch_ends_before_a_row_that_another_statement_writes(path: Path) -> None:
    hold = Hold()
    units = [
        Unit(step(ledger.COUNT, id="a", total=1)),
        Unit(step(ledger.DOUBLE, row="b")),
        Unit(step(ledger.DOUBLE, row="a")),
        Unit(step(ledger.COUNT, id="c", total=1)),
        Unit(step(ledger.COUNT, id="a", total=1)),
    ]
    async with await Database.open(path, ledger.STATEMENTS, before_call=hold) as database:
        await commit_together(database, units, hold)
    assert hold.transactions[1:] == [
        ["counters.count", "counters.double"],
        ["counters.count", "counters.double"],
        ["counters.count"],
    ]
    assert ("a", 3) in ledger.dump(path)["counters"]


async def test_a_unit_that_needs_an_answer_runs_alone_and_gets_it(path: Path) -> None:
    hold = Hold()
    async with await Database.open(path, ledger.STATEMENTS, before_call=hold) as database:
        others = [Unit(step(ledger.LOG, id=n)) for n in range(2)]
        asking = asyncio.create_task(
            database.commit_returning(Unit(step(ledger.COUNT, id="a", total=5), step(ledger.SPEND, row="a")))
        )
        await asyncio.sleep(0)
        await commit_together(database, others, hold)
        assert await asking == [[], [(4,)]]
        assert await database.commit_returning(Unit(step(ledger.SPEND, row="nobody"))) == [[]]
    assert ["counters.count", "counters.spend"] in hold.transactions
    assert ["counters.count", "log.add"] in hold.transactions, "the others were not kept waiting for each other"


# --- what fails, and for whom ---


async def test_a_broken_constraint_fails_only_its_own_unit(database: Database, path: Path) -> None:
    units = [
        Unit(step(ledger.LOG, id=1)),
        Unit(step(ledger.ADD_CHILD, id="a", parent_id="nobody", name="x"), step(ledger.LOG, id=2)),
        Unit(step(ledger.LOG, id=3)),
        Unit(step(ledger.LOG, id=3)),
    ]
    results = await asyncio.gather(*map(database.commit, units), return_exceptions=True)
    assert [type(one) for one in results] == [type(None), StoreConflict, type(None), StoreConflict]
    assert ledger.dump(path)["log"] == [(1,), (3,)]
    assert database.is_healthy, "the bad values of one unit say nothing about the database"


@pytest.mark.parametrize("value", ["half a pair \ud83d", 2**63])
async def test_a_value_that_sqlite_cannot_store_fails_only_its_own_unit(database: Database, path: Path, value: object) -> None:
    bad = step(ledger.ADD_PARENT, id="a", name=value) if isinstance(value, str) else step(ledger.COUNT, id="a", total=value)
    results = await asyncio.gather(
        *map(database.commit, [Unit(step(ledger.LOG, id=1)), Unit(bad), Unit(step(ledger.LOG, id=2))]), return_exceptions=True
    )
    assert [isinstance(one, StoreError) for one in results] == [False, True, False]
    assert ledger.dump(path)["log"] == [(1,), (2,)]
    assert database.is_healthy


async def test_the_batch_finishes_when_a_caller_leaves_it(path: Path) -> None:
    hold = Hold()
    async with await Database.open(path, ledger.STATEMENTS, before_call=hold) as database:
        leaving = asyncio.create_task(database.commit(Unit(step(ledger.LOG, id=1))))
        await asyncio.to_thread(hold.began.wait, 10)
        leaving.cancel()
        withdrawn = asyncio.create_task(database.commit(Unit(step(ledger.LOG, id=2))))
        await asyncio.sleep(0)
        withdrawn.cancel()
        hold.release()
        await asyncio.wait([leaving, withdrawn])
        assert leaving.cancelled()
        assert withdrawn.cancelled()
    assert ledger.dump(path)["log"] == [(1,)]


async def test_cancelling_at_random_points_leaves_no_transaction_open(database: Database, path: Path) -> None:
    """A unit is a log row and a parent of the same number: both or none, and the next commit always works."""
    chance = random.Random(7)
    numbers = iter(range(10_000))
    for _ in range(150):
        units = [
            Unit(step(ledger.ADD_PARENT, id=str(number), name="x"), step(ledger.LOG, id=number))
            for number in (next(numbers) for _ in range(4))
        ]
        tasks = [asyncio.create_task(database.commit(unit)) for unit in units]
        await asyncio.sleep(chance.choice([0, 0, 0.0001, 0.0003, 0.0006, 0.001]))
        chance.choice(tasks).cancel()
        chance.choice(tasks).cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(one is None or isinstance(one, asyncio.CancelledError) for one in results)
        await database.commit(Unit(step(ledger.COUNT, id="after", total=0)))
    found = ledger.dump(path)
    assert sorted(int(id) for id, _ in found["parents"]) == [number for (number,) in found["log"]]
    assert len(found["log"]) >= 300

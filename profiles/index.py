"""The index of vectors as the bot sees it: Chroma in a process of its own, which may be slow, wrong or gone at no turn's cost.

SQL is the truth: whoever gets IndexUnavailable searches there. An index that was lost or damaged is empty and wants to be
rebuilt; until it is, it is not searched, for it would miss things in silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
import structlog

from bot.errors import IndexUnavailable
from bot.memory_ports import Hit
from bot.ports import Clock
from bot.types import PersonId, Scope
from profiles.child import Child, ChildError, ChildRefused, ChildRenewing, ChildState, Patience
from profiles.chroma_calls import Add, ChromaSetup, Found, Named, Names, Opened, Remove, Search

if TYPE_CHECKING:
    from bot.memory_ports import Vectors

_log = structlog.get_logger("martin.index")

SEARCH_S: Final = 0.3
CALL_S: Final = 10.0
VACUUM_S: Final = 600.0
_OPEN_S: Final = 60.0
CHECK_EVERY_S: Final = 3_600.0
SLICE_ROWS: Final = 50
"""Put in at a time, so that a search waits for less than 100 ms."""
_COUNTED: Final = 5
"""Collections counted at a time: to count one is to check its files, if nobody has touched it yet."""
_REBUILDING: Final = "the index is being rebuilt"

T = TypeVar("T")


class IndexState(StrEnum):
    """How the index stands. Only a `READY` one is searched; a `REBUILDING` one takes vectors."""

    STARTING = "starting"
    READY = "ready"
    REBUILDING = "rebuilding"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStatus:
    """How the index stands, since when, and why where it is not ready. For doctor and health."""

    state: IndexState
    since: datetime
    reason: str = ""


class ChromaIndex:
    """`MemoryIndex` in Chroma, for one embedder. `run` keeps its process up and checks it every hour.

    `folder` is its own, in the data folder; where `server` (`http://host:port`) is set, that is used instead. `secret` keys the
    names of collections.
    """

    def __init__(
        self,
        *,
        folder: Path,
        secret: bytes,
        embedder: str,
        clock: Clock,
        server: str = "",
        token: str = "",
        patience: Patience | None = None,
        check_every_s: float = CHECK_EVERY_S,
    ) -> None:
        self._embedder = embedder
        self._names = Names(secret, embedder)
        setup = ChromaSetup(
            folder=str(folder.absolute()), bot=self._names.bot, embedder=self._names.embedder, server=server, token=token
        )
        self._clock, self._check_every_s = clock, check_every_s
        self._child = Child("profiles.chroma_child", setup, clock=clock, patience=patience, on_ready=self._opened)
        self._rebuild: int | None = None
        self._rebuilds = 0
        self._born = ""
        self._since = clock.now()
        self._damage = ""
        self._vacuum = asyncio.Lock()
        self._erased = self._vacuumed = 0
        self._owner: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """`index`."""
        return "index"

    @property
    def embedder(self) -> str:
        """The name of the embedder whose vectors are in."""
        return self._embedder

    @property
    def status(self) -> IndexStatus:
        """How it stands now."""
        child = self._child.status
        if child.state is ChildState.READY:
            state = IndexState.READY if self._rebuild is None else IndexState.REBUILDING
            return IndexStatus(state=state, since=self._since, reason="" if self._rebuild is None else self._damage)
        state = IndexState.STARTING if child.state is ChildState.STARTING else IndexState.DOWN
        return IndexStatus(state=state, since=child.since, reason=child.reason)

    @property
    def pid(self) -> int | None:
        """The process that has Chroma open."""
        return self._child.status.pid

    @property
    def is_open(self) -> bool:
        """Whether it takes vectors and lets them go, complete or not."""
        return self._child.status.state is ChildState.READY

    @property
    def rebuild(self) -> int | None:
        """The number of the rebuild that is wanted: put everything in, then call `rebuilt` with it. None when all is in.

        Another number is another loss; after a mere restart of its process what was put in is still there.
        """
        return self._rebuild

    def start(self) -> None:
        """Begin `run` in a task of its own, until `aclose`. For owners without a task group."""
        if self._owner is None:
            self._owner = asyncio.create_task(self.run(), name="index")

    async def aclose(self) -> None:
        """End what `start` began. Harmless the second time."""
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.cancel()
            await asyncio.wait([owner])

    async def run(self) -> None:
        """Keep the index up, and check and tidy it every hour, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._child.run(), name="index process")
            while True:
                await asyncio.sleep(self._check_every_s)
                try:
                    await self.check({})
                    await self.tidy()
                except IndexUnavailable as error:
                    _log.warning("index.unchecked", reason=str(error))

    async def wait_open(self, timeout_s: float) -> None:
        """Return once it is open, complete or not. Raises IndexUnavailable."""
        try:
            await self._child.wait_ready(timeout_s)
        except ChildError as error:
            raise IndexUnavailable(error.reason) from error

    async def add(self, person: PersonId, scope: Scope, ids: Sequence[str], vectors: Vectors) -> None:
        """Put unit-length vectors in, shape (len(ids), dimension), a few at a time; one that is there already stays."""
        rows, dimension = vectors.shape
        if rows != len(ids):
            raise ValueError(f"{len(ids)} ids came with {rows} vectors")
        name, numbers = self._names.collection(person, scope), vectors.astype("<f4", copy=False)
        for start in range(0, rows, SLICE_ROWS):
            part = slice(start, start + SLICE_ROWS)
            asked = Add(name=name, ids=list(ids[part]), dimension=dimension, vectors=numbers[part].tobytes())
            await self._call("add", asked, type(None))

    async def search(
        self, person: PersonId, scopes: Sequence[Scope], vector: Vectors, limit: int, *, timeout_s: float = SEARCH_S
    ) -> Sequence[Hit]:
        """The nearest of this person in these scopes, best first; an error at once unless it is ready, else in `timeout_s`."""
        if self._rebuild is not None and self._child.status.state is ChildState.READY:
            raise IndexUnavailable(_REBUILDING)
        names = [self._names.collection(person, scope) for scope in dict.fromkeys(scopes)]
        asked = Search(names=names, vector=vector.astype("<f4", copy=False).tobytes(), limit=limit)
        try:
            found = await self._child.call("search", asked, list[Found], timeout_s=timeout_s)
        except ChildError as error:
            raise self._unavailable(error) from error
        return [Hit(id=one.id, score=one.score) for one in found]

    async def remove(self, person: PersonId, scope: Scope, ids: Sequence[str]) -> None:
        """Take vectors out: no search finds them from now on. Their bytes leave the files with the next `tidy`."""
        if ids:
            await self._call("remove", Remove(name=self._names.collection(person, scope), ids=list(ids)), type(None))

    async def forget(self, person: PersonId) -> None:
        """Take out every vector of the person, of any embedder; when this returns no byte of them is left in the files."""
        asked = Named(names=[self._names.person(person)])
        if await self._call("forget", asked, bool, timeout_s=VACUUM_S, may_take_s=VACUUM_S):
            await self._cleaned()

    async def export(self, person: PersonId) -> object:
        """Nothing of its own: its vectors follow from what the store exports."""
        return []

    async def count(self, person: PersonId, scope: Scope) -> int:
        """How many vectors are in."""
        return (await self._call("count", Named(names=[self._names.collection(person, scope)]), list[int]))[0]

    async def check(self, expected: Mapping[tuple[PersonId, Scope], int]) -> None:
        """Look at the canary, and whether so many vectors are in as the caller has put in; nothing may be put in meanwhile.

        What is wrong is erased, a rebuild is wanted, and IndexUnavailable raised.
        """
        await self._call("canary", None, type(None), may_take_s=CALL_S)
        if expected and self._rebuild is not None:
            raise IndexUnavailable(_REBUILDING)
        names = {self._names.collection(person, scope): count for (person, scope), count in expected.items()}
        wanted = list(names)
        for start in range(0, len(wanted), _COUNTED):
            part = wanted[start : start + _COUNTED]
            found = await self._call("count", Named(names=part), list[int], may_take_s=CALL_S)
            if found != [names[name] for name in part]:
                await self._call("discard", "another number of vectors is in than was put in", type(None))

    async def tidy(self) -> None:
        """Leave no byte in the files of vectors that were removed one by one."""
        while True:
            left, is_unclean = await self._call("tidy", None, tuple[int, bool], timeout_s=VACUUM_S, may_take_s=VACUUM_S)
            if not left:
                break
        if is_unclean:
            await self._cleaned()

    async def discard(self) -> None:
        """Erase all that is in; returns when it is open again and wants to be rebuilt. Raises IndexUnavailable."""
        await self.wait_open(_OPEN_S)
        before = self._rebuilds
        try:
            await self._call("discard", "a fresh one was asked for", type(None))
        except IndexUnavailable:  # the process ends over it
            await self.wait_open(_OPEN_S)
        if self._rebuilds == before:
            raise IndexUnavailable("it was not erased; what was in is still there")

    async def rebuilt(self, rebuild: int) -> None:
        """All was put in since `rebuild` was wanted: search may begin. Raises IndexUnavailable when it was lost again."""
        if rebuild != self._rebuild:
            raise IndexUnavailable("the index was lost while it was rebuilt")
        await self._call("complete", None, type(None), timeout_s=VACUUM_S, may_take_s=VACUUM_S)
        if rebuild == self._rebuild:
            self._rebuild, self._since, self._damage = None, self._clock.now(), ""

    def _opened(self, told: msgspec.Raw) -> None:
        opened = msgspec.msgpack.decode(told, type=Opened)
        is_another, self._born = not opened.born or opened.born != self._born, opened.born
        self._since = self._clock.now()
        if opened.is_complete:
            self._rebuild = None
        elif is_another or self._rebuild is None:
            self._rebuilds += 1
            self._rebuild = self._rebuilds
            _log.warning("index.incomplete", reason=self._damage or "new")

    async def _cleaned(self) -> None:
        """Return when a vacuum that began later than now has ended: several wait for the same one."""
        self._erased += 1
        erased = self._erased
        async with self._vacuum:
            if self._vacuumed < erased:
                reached = self._erased
                await self._call("vacuum", None, type(None), timeout_s=VACUUM_S, may_take_s=VACUUM_S)
                self._vacuumed = reached

    async def _call(
        self, name: str, payload: object, answer: type[T], *, timeout_s: float = CALL_S, may_take_s: float = 0.0
    ) -> T:
        """Ask the process, waiting for one that starts: nobody's answer waits for this."""
        try:
            while True:
                if self._child.status.state is ChildState.STARTING:
                    await self._child.wait_ready(timeout_s)
                try:
                    return await self._child.call(name, payload, answer, timeout_s=timeout_s, may_take_s=may_take_s)
                except ChildRenewing:
                    continue
        except ChildError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: ChildError) -> IndexUnavailable:
        if isinstance(error, ChildRefused) and error.kind == "IndexDamaged":
            self._damage = error.reason
        return IndexUnavailable(error.reason)

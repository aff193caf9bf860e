"""Chroma in a process of its own: one collection per person, scope and embedder, ids and vectors only.

Whatever Chroma answers that cannot be, and every error of it, erases its folder and ends the process: all is in SQL, and is put
into the empty index that the next process makes.
"""

from __future__ import annotations

import os
import resource
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
import numpy as np

from bot.errors import IndexUnavailable
from profiles import child_process
from profiles.child_process import Last, TellLog, operation
from profiles.chroma_calls import CANARY, Add, ChromaSetup, Found, Named, Opened, Remove, Search
from profiles.chroma_canary import check_canary, check_rows, new_canary
from profiles.chroma_files import ChromaFiles, IndexDamaged

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection
    from numpy.typing import NDArray

P = TypeVar("P")
T = TypeVar("T")

SYNC_THRESHOLD: Final = 50
INDEXES_IN_MEMORY: Final = 150
"""Chroma gives each about 3 MB and, when it drops one, searches it without its newest vectors from then on (1.5.9: measured;
the log since the last 50 is not read again). So none is dropped: after so many the process ends, and a fresh one begins."""
_CACHE: Final = 8 * INDEXES_IN_MEMORY
"""Chroma drops one when there are this many, less where it divides them unevenly: it keeps a fifth of the files it may open."""
_MOST_ROWS: Final = 1_000
_PROBED_ROWS: Final = 64
_STEADY_S: Final = 60.0
_NO_FAULT_OF_FILES: Final = ("full", "no space", "read-only", "readonly", "too many open files", "locked", "permission")
"""What stands in an error that erasing files would not mend."""


class ChromaOwner:
    """The one that has Chroma open, in a folder of ours or on a server, and every operation on it."""

    def __init__(self, setup: ChromaSetup, tell: TellLog) -> None:
        self._setup, self._tell = setup, tell
        self._files = None if setup.server else ChromaFiles(Path(setup.folder))
        self._collections: dict[str, tuple[Collection, str]] = {}
        self._most = INDEXES_IN_MEMORY
        self._steady_at = time.monotonic() + _STEADY_S
        self._client: ClientAPI

    def open(self) -> Opened:
        """Open, check what is there against the canary, and make what is missing. Raises IndexUnavailable."""
        from chromadb.errors import ChromaError
        from httpx import HTTPError

        # What Chroma's bindings were seen to raise, and its client's connection.
        self._errors = (ChromaError, RuntimeError, ValueError, KeyError, TypeError, OSError, HTTPError)
        if self._files is not None:
            self._files.own()
            os.environ["SQLITE_TMPDIR"] = self._setup.folder  # or a vacuum writes its copy to /var/tmp
            try:
                self._files.count_start()
                self._files.check_database()
            except IndexDamaged as error:
                self._tell("index.damaged", reason=str(error))
                self._files.erase()
        with self._watched():
            self._client = self._connect()
            if self._files is not None:
                self._files.add_indexes()
            canary = self._get(self._setup.bot + CANARY)
            if canary is None:
                canary = self._make(self._setup.bot + CANARY, _newborn())
                new_canary(canary)
            check_canary(canary)
            self._seal(self._setup.bot + CANARY)
            if self._files is not None and self._files.tidying().now:  # killed amid that: a collection may be lost
                canary.modify(metadata=_newborn())
                self._files.note(now="")
            told = canary.metadata or {}
        return Opened(is_complete=told.get("complete") == self._setup.embedder, born=str(told.get("born", "")))

    def renewing(self, work: Callable[[P], object]) -> Callable[[P], object]:
        """`work`, after which the process ends when too many indexes are in memory."""

        def done(asked: P) -> object:
            answer = work(asked)
            if self._files is None or len(self._collections) < self._most:
                return answer
            self._files.steady()
            return Last(answer)

        return done

    def add(self, asked: Add) -> None:
        """Put vectors in. One that is there already stays."""
        rows = np.frombuffer(asked.vectors, np.float32).reshape(-1, asked.dimension)
        if len(rows) != len(asked.ids) or not np.isfinite(rows).all():
            raise IndexUnavailable(f"{len(asked.ids)} ids came with {rows.shape} numbers that must be finite")
        rows_by_id = dict(zip(reversed(asked.ids), reversed(rows), strict=True))  # of one that comes twice, the first counts
        with self._watched():
            collection = self._get(asked.name) or self._make(asked.name, {"dimension": asked.dimension})
            if (collection.metadata or {}).get("dimension") != asked.dimension:
                raise IndexUnavailable(f"vectors of {asked.dimension} numbers do not go into this collection")
            for part in _parts(rows_by_id):
                collection.add(ids=part, embeddings=np.stack([rows_by_id[one] for one in part]))
            self._seal(asked.name)

    def search(self, asked: Search) -> list[Found]:
        """The nearest in these collections together, best first."""
        vector = np.frombuffer(asked.vector, np.float32)
        found: list[Found] = []
        with self._watched():
            for name in asked.names:
                collection = self._get(name)
                if collection is None or (collection.metadata or {}).get("dimension") != len(vector):
                    continue
                found += nearest(collection, vector, asked.limit)
                self._seal(name)
        return sorted(found, key=lambda one: -one.score)[: asked.limit]

    def remove(self, asked: Remove) -> None:
        """Take vectors out. Their bytes stay in the files until `tidy`."""
        with self._watched():
            collection = self._get(asked.name)
            if collection is None:
                return
            before = int(collection.count())
            for part in _parts(asked.ids):
                collection.delete(ids=part)
            if self._files is not None and collection.count() < before:
                self._files.note(names=sorted({*self._files.tidying().names, asked.name}))
            self._seal(asked.name)

    def forget(self, asked: Named) -> bool:
        """Delete every collection that begins so; whether bytes of them, or of others before, are left until `vacuum`."""
        with self._watched():
            names = [name for prefix in asked.names for name in self._names(prefix)]
            if self._files is not None and names:
                self._files.note(unclean=True)  # before anything is deleted: a kill in between must not lose it
            self._delete(names)
        return self._files is not None and self._files.tidying().unclean

    def vacuum(self, _: None) -> None:
        """Leave no byte of what was deleted in the files."""
        if self._files is None:
            return
        with self._watched():
            self._files.erase_orphans()
            self._files.vacuum()
            self._files.note(unclean=False)

    def tidy(self, _: None) -> tuple[int, bool]:
        """Write one collection anew from which vectors were removed: how many are left, and whether `vacuum` is due then."""
        if self._files is None:
            return 0, False
        *rest, name = self._files.tidying().names or [""]
        if not name:
            return 0, self._files.tidying().unclean
        with self._watched():
            collection = self._get(name)
            if collection is not None:
                held, metadata = collection.get(include=["embeddings"]), dict(collection.metadata or {})
                self._files.note(now=name, unclean=True)
                self._delete([name])
                if held["ids"]:
                    fresh, rows = self._make(name, metadata), np.asarray(held["embeddings"], np.float32)
                    for part in _parts(range(len(rows))):
                        fresh.add(ids=[held["ids"][row] for row in part], embeddings=rows[part])
                    self._seal(name)
            self._files.note(names=rest, now="")
        return len(rest), self._files.tidying().unclean

    def count(self, asked: Named) -> list[int]:
        """How many vectors are in each of these."""
        with self._watched():
            return [self._count(name) for name in asked.names]

    def listed(self, asked: Named) -> list[str]:
        """The names that begin so."""
        with self._watched():
            return [name for prefix in asked.names for name in self._names(prefix)]

    def canary(self, _: None) -> None:
        """Raises IndexDamaged when known vectors do not find their known neighbours, or the database fails its check."""
        with self._watched():
            if self._files is not None:
                self._files.check_database(is_open=True)
            canary = self._get(self._setup.bot + CANARY)
            if canary is None:
                raise IndexDamaged("the canary is gone")
            check_canary(canary)

    def complete(self, _: None) -> None:
        """All is in: search may begin. What other embedders left is deleted."""
        with self._watched():
            canary = self._get(self._setup.bot + CANARY)
            if canary is None:
                raise IndexDamaged("the canary is gone")
            stale = [name for name in self._names(self._setup.bot) if not name.endswith((self._setup.embedder, CANARY))]
            if self._files is not None and stale:
                self._files.note(unclean=True)
            self._delete(stale)
            canary.modify(metadata={**(canary.metadata or {}), "complete": self._setup.embedder})
        if stale:
            self.vacuum(None)

    def discard(self, reason: str) -> None:
        """Erase everything, because the caller knows it to be wrong."""
        with self._watched():
            raise IndexDamaged(reason)

    def _connect(self) -> ClientAPI:
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        if self._files is None:
            place = urlsplit(self._setup.server)
            headers = {"Authorization": f"Bearer {self._setup.token}"} if self._setup.token else None
            is_tls = place.scheme == "https"
            port = place.port or (443 if is_tls else 8000)
            return chromadb.HttpClient(host=place.hostname or "", port=port, ssl=is_tls, headers=headers, settings=settings)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = 5 * _CACHE if hard == resource.RLIM_INFINITY else min(5 * _CACHE, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        self._most = min(INDEXES_IN_MEMORY, most // 40)
        return chromadb.PersistentClient(str(self._files.chroma), settings=settings)

    def _get(self, name: str) -> Collection | None:
        """A collection, its files checked when it is touched for the first time; None when there is none."""
        known = self._collections.get(name)
        if known is not None:
            if self._files is not None:
                self._files.look(known[1])
            return known[0]
        collection = self._look_up(name)
        if collection is None:
            return None
        segment = ""
        if self._files is not None:
            segment = self._files.segment(collection.id)
            self._files.check(segment)
            check_rows(collection, _PROBED_ROWS)  # this loads the files, and may write them
            self._files.seal(segment)
        self._keep(name, collection, segment)
        return collection

    def _count(self, name: str) -> int:
        """How many are in a collection, whose files are checked; they are not loaded for this."""
        if name in self._collections or self._files is None:
            return 0 if (known := self._get(name)) is None else int(known.count())
        collection = self._look_up(name)
        if collection is None:
            return 0
        self._files.check(self._files.segment(collection.id))
        return self._files.count(collection.id)

    def _look_up(self, name: str) -> Collection | None:
        from chromadb.errors import NotFoundError

        try:
            return self._client.get_collection(name, embedding_function=None)
        except NotFoundError:
            return None

    def _make(self, name: str, metadata: dict[str, Any]) -> Collection:
        collection = self._client.create_collection(
            name,
            embedding_function=None,
            metadata={**metadata, "version": 1},
            configuration={"hnsw": {"space": "cosine", "sync_threshold": SYNC_THRESHOLD}},
        )
        self._keep(name, collection, self._files.segment(collection.id) if self._files is not None else "")
        return collection

    def _keep(self, name: str, collection: Collection, segment: str) -> None:
        self._collections[name] = (collection, segment)

    def _delete(self, names: Iterable[str]) -> None:
        for name in names:
            self._collections.pop(name, None)
            self._client.delete_collection(name)
        if self._files is not None:
            self._files.erase_orphans()

    def _names(self, prefix: str) -> list[str]:
        if self._files is not None:
            return self._files.names(prefix)
        found: list[str] = []
        while page := self._client.list_collections(limit=_MOST_ROWS, offset=len(found)):
            found += [collection.name for collection in page]
        return [name for name in found if name.startswith(prefix)]

    def _seal(self, name: str) -> None:
        if self._files is not None:
            self._files.seal(self._collections[name][1])

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Turn what Chroma raises into our words; what speaks of damage erases everything and ends the process."""
        try:
            yield
            if self._files is not None and time.monotonic() > self._steady_at:
                self._files.steady()
                self._steady_at = float("inf")
        except IndexDamaged as error:
            self._erase(str(error))
            raise
        except IndexUnavailable:
            raise
        except self._errors as error:
            said = f"Chroma: {type(error).__name__}"
            if self._files is None or any(word in str(error).lower() for word in _NO_FAULT_OF_FILES):
                raise IndexUnavailable(said) from error
            self._erase(said)
            raise IndexDamaged(said) from error

    def _erase(self, reason: str) -> None:
        self._tell("index.damaged", reason=reason)
        if self._files is not None:
            self._files.erase()
            return
        try:
            for name in self._names(self._setup.bot):
                self._client.delete_collection(name)
        except self._errors as error:
            raise IndexUnavailable(f"Chroma: {type(error).__name__}") from error


def _newborn() -> dict[str, str]:
    """What the canary says of an index that lacks something."""
    return {"complete": "", "born": secrets.token_hex(8)}


def _parts(all: Iterable[T]) -> Iterator[list[T]]:
    rows = list(all)
    for start in range(0, len(rows), _MOST_ROWS):
        yield rows[start : start + _MOST_ROWS]


def nearest(collection: Collection, vector: NDArray[np.float32], limit: int) -> list[Found]:
    """The nearest in one collection. Raises IndexDamaged for what is not a cosine."""
    answer = collection.query(query_embeddings=vector.reshape(1, -1), n_results=limit, include=["distances"])
    found = [
        Found(id=one, score=1.0 - float(distance))
        for one, distance in zip(answer["ids"][0], (answer["distances"] or [[]])[0], strict=True)
    ]
    if not all(-1.01 <= one.score <= 1.01 for one in found):
        raise IndexDamaged("a distance that is none")
    return found


def open_chroma(setup: msgspec.Raw, tell: TellLog) -> child_process.Opened:
    """What the process serves."""
    owner = ChromaOwner(msgspec.msgpack.decode(setup, type=ChromaSetup), tell)
    told = owner.open()
    return told, {
        "add": operation(Add, owner.renewing(owner.add)),
        "search": operation(Search, owner.renewing(owner.search)),
        "remove": operation(Remove, owner.renewing(owner.remove)),
        "forget": operation(Named, owner.forget),
        "vacuum": operation(type(None), owner.vacuum),
        "tidy": operation(type(None), owner.renewing(owner.tidy)),
        "count": operation(Named, owner.count),
        "list": operation(Named, owner.listed),
        "canary": operation(type(None), owner.canary),
        "complete": operation(type(None), owner.complete),
        "discard": operation(str, owner.discard),
    }


if __name__ == "__main__":
    child_process.serve(open_chroma)

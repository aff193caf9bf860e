"""Embedders that need nobody else: hashed letter groups, and a model out of a folder; and which one `auto` means."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
from cachetools import LRUCache

from bot.errors import EmbedderChanged, EmbedderError
from bot.memory_ports import Embedder
from bot.ports import Clock
from bot.vectors import embeddable, load, spread
from profiles.child import Child, ChildError, ChildState, ChildTimedOut, Patience
from profiles.onnx_child import Folder, Rows, Texts, Told, lacking

if TYPE_CHECKING:
    from bot.memory_ports import Vectors

DIMENSION: Final = 512
_INLINE_TEXTS: Final = 4
_INLINE_CHARACTERS: Final = 2_000
"""So much is hashed where it is asked, in about a millisecond; more of it in a thread, piece by piece."""
_PIECE: Final = 256
QUERY_CACHE_BYTES: Final = 4 * 1_048_576
_ENTRY_BYTES: Final = 200
"""What a kept vector costs besides its numbers."""
_SLICE_TEXTS: Final = 16
_SLICE_CHARACTERS: Final = 4_000
"""What goes to the process at once: a question that comes meanwhile waits for no more than this."""
SLICE_MAY_TAKE_S: Final = 30.0
START_MAY_TAKE_S: Final = 90.0
_LOOK_S: Final = 0.02
_RETRY = Patience(first_pause_s=0.5, longest_pause_s=60.0)
TRY_S: Final = 100.0
"""Seconds that one embedder may take to be ready when `auto` looks for one: a server may have to load its model."""


class ReadyEmbedder(Embedder, Protocol):
    """An embedder whose name and dimension are known, and never change again, once `ready` has returned."""

    async def ready(self) -> None:
        """Find the model and try it. Raises EmbedderError; it may be asked again then."""


class HashEmbedder:
    """Vectors out of hashed groups of 3 to 5 letters: no model, no download, the same on every machine.

    Texts are alike when they share parts of words, whatever their accents and capitals. The library is loaded at the first
    use, in a thread: that takes about a second.
    """

    def __init__(self) -> None:
        self._vectorizer: Any = None
        self._loading = asyncio.Lock()

    @property
    def name(self) -> str:
        """`hash-1`; another recipe would have to be `hash-2`."""
        return "hash-1"

    @property
    def dimension(self) -> int:
        """512."""
        return DIMENSION

    async def ready(self) -> None:
        """Load the library."""
        await self._loaded()

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:
        """Unit-length rows, shape (len(texts), 512); a blank text gets the row that leans nowhere. 0.1 to 0.4 ms each."""
        vectorizer = await self._loaded()
        if len(texts) <= _INLINE_TEXTS and sum(map(len, texts)) <= _INLINE_CHARACTERS:
            return _hashed(vectorizer, texts)
        pieces = [texts[start : start + _PIECE] for start in range(0, len(texts), _PIECE)]
        return _joined([await asyncio.to_thread(_hashed, vectorizer, piece) for piece in pieces])

    async def aclose(self) -> None:
        """Nothing is held."""

    async def _loaded(self) -> Any:
        async with self._loading:
            if self._vectorizer is None:
                self._vectorizer = await asyncio.to_thread(_vectorizer)
            return self._vectorizer


def _vectorizer() -> Any:
    import numpy as np
    from sklearn.feature_extraction.text import HashingVectorizer

    made = HashingVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), n_features=DIMENSION, strip_accents="unicode", norm="l2", dtype=np.float32
    )
    made.transform(["once"])  # the first time loads more
    return made


def _hashed(vectorizer: Any, texts: Sequence[str]) -> Vectors:
    import numpy as np

    said = embeddable(texts)
    rows: Vectors = vectorizer.transform(said).toarray() if said else np.empty((0, DIMENSION), dtype=np.float32)
    rows[~rows.any(axis=1)] = DIMENSION**-0.5  # nothing but accents, or groups that cancel each other out
    return spread(rows, texts)


def _joined(pieces: Sequence[Vectors]) -> Vectors:
    import numpy as np

    return np.concatenate(pieces)


class OnnxEmbedder:
    """The sentence-embedding model of a folder (see `profiles.onnx_child`), run in a process of its own.

    The process starts with `ready` or the first `embed` and is started again when it dies or hangs; what waits for it then is
    an EmbedderError. Texts go there in slices, so that a question waits for one of them at most.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        threads: int = 0,
        patience: Patience = _RETRY,
        slice_may_take_s: float = SLICE_MAY_TAKE_S,
    ) -> None:
        self._folder, self._slice_may_take_s = folder.resolve(), slice_may_take_s
        threads = threads or max(1, min(4, (os.cpu_count() or 2) // 2))
        setup = Folder(path=str(self._folder), threads=threads)
        self._child = Child("profiles.onnx_child", setup, clock=clock, patience=patience, on_ready=self._tell)
        self._told: Told | None = None
        self._is_other = False
        self._turn = asyncio.Lock()

    @property
    def name(self) -> str:
        """`onnx-`, a digest of the folder's files, and the dimension; `onnx` before `ready`."""
        return self._told.name if self._told else "onnx"

    @property
    def dimension(self) -> int:
        """Numbers in a vector, 0 before `ready`."""
        return self._told.dimension if self._told else 0

    @property
    def child(self) -> Child:
        """The process, to look at how it stands."""
        return self._child

    async def ready(self) -> None:
        """Have the process load the model. Raises EmbedderError."""
        if self._child.status.state is not ChildState.READY:
            missing = await asyncio.to_thread(self._missing)
            if missing:
                raise EmbedderError(f"onnx: there is no {missing} in the folder")
            self._child.start()
            await self._started()
        if self._is_other:
            raise EmbedderChanged("onnx: the folder holds another model than at the start; start Martín anew")

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:
        """Unit-length rows; a blank text gets the row that leans nowhere. Raises EmbedderError."""
        await self.ready()
        import numpy as np

        said = embeddable(texts)
        order = sorted(range(len(said)), key=lambda number: len(said[number]))
        rows = np.empty((len(said), self.dimension), dtype=np.float32)
        for numbers in _slices(order, said):
            rows[numbers] = await self._asked([said[number] for number in numbers], is_query=is_query)
        return spread(rows, texts)

    async def aclose(self) -> None:
        """End the process."""
        await self._child.aclose()

    def _missing(self) -> str:
        """What a start would lack, after a look at the folder and at what is needed here."""
        load()
        return lacking(self._folder)

    async def _started(self) -> None:
        """Wait until the process takes calls, or has ended over its start."""
        with suppress(TimeoutError):
            async with asyncio.timeout(START_MAY_TAKE_S):
                while self._child.status.state in (ChildState.STOPPED, ChildState.STARTING):
                    with suppress(ChildTimedOut):
                        await self._child.wait_ready(_LOOK_S)
        if self._child.status.state is not ChildState.READY:
            raise EmbedderError(f"onnx: its process is not ready; {self._child.status.reason}")

    async def _asked(self, texts: list[str], *, is_query: bool) -> Vectors:
        import numpy as np

        asked, may_take_s = Texts(texts, is_query), self._slice_may_take_s
        try:
            async with self._turn:
                found = await self._child.call("embed", asked, Rows, timeout_s=may_take_s, may_take_s=may_take_s)
        except ChildTimedOut as error:
            self._child.kill("a slice of texts was not embedded in time")
            raise EmbedderError(f"onnx: {error.reason}") from error
        except ChildError as error:
            raise EmbedderError(f"onnx: {error.reason}") from error
        rows = np.frombuffer(found.data, dtype=np.float32)
        if rows.size != len(texts) * self.dimension:
            raise EmbedderError("onnx: its process gave another number of rows than texts")
        return rows.reshape(len(texts), self.dimension)

    def _tell(self, payload: msgspec.Raw) -> None:
        """Note what the process says of its model; after a restart that must be the same."""
        told = msgspec.msgpack.decode(payload, type=Told)
        self._told = self._told or told
        self._is_other = told != self._told


def _slices(order: Sequence[int], texts: Sequence[str]) -> Iterator[list[int]]:
    """The numbers of the texts in slices; a long text may be one alone."""
    numbers: list[int] = []
    characters = 0
    for number in order:
        if numbers and (len(numbers) == _SLICE_TEXTS or characters + len(texts[number]) > _SLICE_CHARACTERS):
            yield numbers
            numbers, characters = [], 0
        numbers.append(number)
        characters += len(texts[number])
    if numbers:
        yield numbers


class CachedEmbedder:
    """An embedder that keeps the vectors of the latest questions, so that none is embedded twice in a row.

    Questions themselves are not kept: each is known again by a hash with a key that this process made up. `clear` lets go of
    everything, as an erasure wants it; a vector on its way is then not kept either.
    """

    def __init__(
        self, embedder: Embedder, *, most_bytes: int = QUERY_CACHE_BYTES, on_changed: Callable[[], None] = lambda: None
    ) -> None:
        """`on_changed` is told when there is another model behind the embedder's name."""
        self._embedder, self._on_changed = embedder, on_changed
        self._kept: LRUCache[bytes, Vectors] = LRUCache(most_bytes, getsizeof=lambda row: row.nbytes + _ENTRY_BYTES)
        self._key = secrets.token_bytes(32)
        self._cleared = 0

    @property
    def name(self) -> str:
        """The embedder's."""
        return self._embedder.name

    @property
    def dimension(self) -> int:
        """The embedder's."""
        return self._embedder.dimension

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:
        """The embedder's rows; those of questions not to be written to. Raises EmbedderError."""
        if not is_query or len(texts) != 1:
            return await self._embedded(texts, is_query=is_query)
        key = blake2b(texts[0].encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).digest()
        if (found := self._kept.get(key)) is not None:
            return found
        cleared = self._cleared
        row = await self._embedded(texts, is_query=True)
        row.flags.writeable = False
        if cleared == self._cleared and row.nbytes + _ENTRY_BYTES <= self._kept.maxsize:
            self._kept[key] = row
        return row

    async def _embedded(self, texts: Sequence[str], *, is_query: bool) -> Vectors:
        try:
            return await self._embedder.embed(texts, is_query=is_query)
        except EmbedderChanged:
            self._on_changed()
            raise

    async def aclose(self) -> None:
        """Let go of everything, the embedder's connections and processes too."""
        self.clear()
        await self._embedder.aclose()

    def clear(self) -> None:
        """Forget every question's vector."""
        self._cleared += 1
        self._kept.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """An embedder that `auto` could not use, and why, in words for logs."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """What `auto` picked. Without `is_ready` it is what was used before and does not answer now."""

    embedder: ReadyEmbedder
    is_ready: bool
    passed_over: tuple[PassedOver, ...]


async def pick(candidates: Sequence[ReadyEmbedder], *, last: str = "", try_s: float = TRY_S) -> Picked:
    """The first of the candidates, best first, that is ready; the others are closed. Raises EmbedderError when none is.

    `last` is the name of the embedder used before. One of the same kind that is not ready is picked all the same: a server
    that is down for a moment must not cost a rebuild of every index, and another when it is back.
    """
    passed: list[PassedOver] = []
    picked: Picked | None = None
    for candidate in candidates:
        if picked is not None:
            await candidate.aclose()
            continue
        try:
            async with asyncio.timeout(try_s):
                await candidate.ready()
        except (EmbedderError, TimeoutError) as error:
            reason = str(error) or f"not ready after {try_s:g} s"
            if _kind(last) == _kind(candidate.name):
                picked = Picked(
                    embedder=candidate, is_ready=False, passed_over=(*passed, PassedOver(name=candidate.name, reason=reason))
                )
                continue
            passed.append(PassedOver(name=candidate.name, reason=reason))
            await candidate.aclose()
        else:
            picked = Picked(embedder=candidate, is_ready=True, passed_over=tuple(passed))
    if picked is None:
        raise EmbedderError("none of the embedders is ready: " + "; ".join(one.reason for one in passed))
    return picked


def _kind(name: str) -> str:
    """`ollama` of `ollama/embeddinggemma@1a2b3c`, `onnx` of `onnx-1a2b3c-384`."""
    return name.replace("/", "-").partition("-")[0]

"""Hashed letter groups, the cache of questions, and which embedder `auto` picks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bot.errors import EmbedderError
from profiles.embed import CachedEmbedder, HashEmbedder, pick

if TYPE_CHECKING:
    from bot.memory_ports import Vectors

TEXTS = ("I moved to Lima last year.", "Me mudé a Lima el año pasado.", "¿Dónde vivo?", "猫が好き", "👍", "a")


@pytest.fixture(scope="module")
def hashing() -> HashEmbedder:
    return HashEmbedder()


# --- hash ---


async def test_rows_are_of_unit_length_and_the_same_alone_and_together(hashing: HashEmbedder) -> None:
    rows = await hashing.embed(TEXTS)
    assert rows.shape == (len(TEXTS), hashing.dimension)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    many = await hashing.embed(TEXTS * 300, is_query=True)
    assert np.array_equal(many, np.tile(rows, (300, 1)))
    assert np.array_equal(np.concatenate([await hashing.embed([text]) for text in TEXTS]), rows)


async def test_vectors_are_the_same_on_every_machine_and_day(hashing: HashEmbedder) -> None:
    """They are stored: whoever changes a vector must change the name as well."""
    digest = sha256(np.sign(await hashing.embed(TEXTS)).astype(np.int8).tobytes()).hexdigest()
    assert (hashing.name, hashing.dimension) == ("hash-1", 512)
    assert digest == "396e31efc5e139468387dcbf660a22bcb686751006f0fdfee989563098641ebf"


async def test_accents_capitals_and_endings_matter_little_and_other_words_much(hashing: HashEmbedder) -> None:
    rows = await hashing.embed(["vivo en Bogotá", "VIVO EN BOGOTA", "viviendo en Bogotá", "the quick brown fox"])
    assert rows[0] @ rows[1] == pytest.approx(1, abs=1e-6)
    assert 0.5 < rows[0] @ rows[2] < 0.95
    assert abs(rows[0] @ rows[3]) < 0.25


async def test_a_text_that_says_nothing_leans_nowhere(hashing: HashEmbedder) -> None:
    rows = await hashing.embed(["", "  \n", "\u0301", "I moved to Lima last year."])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    assert np.allclose(rows[:3], 512**-0.5)
    assert abs(rows[0] @ rows[3]) < 0.2
    assert (await hashing.embed([])).shape == (0, 512)


async def test_what_cannot_be_encoded_and_what_is_very_long_is_embedded_all_the_same(hashing: HashEmbedder) -> None:
    rows = await hashing.embed(["cat \ud800", "cat " * 100_000])
    assert rows.shape == (2, 512)


def test_nothing_heavy_is_loaded_before_the_first_text() -> None:
    heavy = ("numpy", "scipy", "sklearn", "onnxruntime", "tokenizers")
    code = f"import sys, profiles.embed; print([name for name in {heavy} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


# --- the cache ---


class Counting:
    """An embedder that notes what it was asked, and waits for `gate`."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], bool]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.is_closed = False

    name = "counting-1"
    dimension = 4

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:
        self.asked.append((tuple(texts), is_query))
        await self.gate.wait()
        return np.eye(4, dtype=np.float32)[[len(text) % 4 for text in texts]]

    async def aclose(self) -> None:
        self.is_closed = True


async def test_a_question_is_embedded_once() -> None:
    counting = Counting()
    cached = CachedEmbedder(counting)
    first = await cached.embed(["Where do I live?"], is_query=True)
    assert (await cached.embed(["Where do I live?"], is_query=True)).tolist() == first.tolist()
    await cached.embed(["And now?"], is_query=True)
    assert [texts for texts, _ in counting.asked] == [("Where do I live?",), ("And now?",)]
    assert (cached.name, cached.dimension) == ("counting-1", 4)


async def test_what_is_kept_cannot_be_written_to() -> None:
    cached = CachedEmbedder(Counting())
    row = await cached.embed(["a"], is_query=True)
    with pytest.raises(ValueError, match="read-only"):
        row[0] = 7


async def test_texts_are_neither_kept_nor_taken_for_questions() -> None:
    counting = Counting()
    cached = CachedEmbedder(counting)
    await cached.embed(["a"], is_query=True)
    for _ in range(2):
        await cached.embed(["a"])
        await cached.embed(["a", "b"], is_query=True)
    assert [is_query for _, is_query in counting.asked] == [True, False, True, False, True]


async def test_the_oldest_question_goes_when_the_cache_is_full() -> None:
    counting = Counting()
    cached = CachedEmbedder(counting, most_bytes=3 * 250)
    for text in ("a", "bb", "ccc", "a", "dddd", "bb", "a"):
        await cached.embed([text], is_query=True)
    assert [texts[0] for texts, _ in counting.asked] == ["a", "bb", "ccc", "dddd", "bb"]


async def test_clearing_forgets_also_what_is_on_its_way() -> None:
    counting = Counting()
    cached = CachedEmbedder(counting)
    await cached.embed(["a"], is_query=True)
    counting.gate.clear()
    asking = asyncio.create_task(cached.embed(["bb"], is_query=True))
    await asyncio.sleep(0)
    cached.clear()
    counting.gate.set()
    await asking
    await cached.embed(["a"], is_query=True)
    await cached.embed(["bb"], is_query=True)
    assert [texts[0] for texts, _ in counting.asked] == ["a", "bb", "a", "bb"]


async def test_no_question_can_be_read_off_the_cache() -> None:
    cached = CachedEmbedder(Counting())
    await cached.embed(["Where do I live?"], is_query=True)
    assert b"Where" not in repr(vars(cached)).encode()


async def test_a_question_that_cannot_be_encoded_is_cached_too() -> None:
    counting = Counting()
    cached = CachedEmbedder(counting)
    for _ in range(2):
        await cached.embed(["\ud800"], is_query=True)
    assert len(counting.asked) == 1


async def test_closing_closes_the_embedder() -> None:
    counting = Counting()
    await CachedEmbedder(counting).aclose()
    assert counting.is_closed


# --- which one ---


class Candidate(Counting):
    """An embedder that is ready, or not for a reason, or never."""

    def __init__(self, name: str, reason: str = "", *, hangs: bool = False) -> None:
        super().__init__()
        self.name, self._reason, self._hangs = name, reason, hangs

    async def ready(self) -> None:
        if self._hangs:
            await asyncio.Event().wait()
        if self._reason:
            raise EmbedderError(self._reason)


async def test_the_first_that_is_ready_is_picked_and_the_others_are_closed() -> None:
    candidates = [Candidate("onnx", "no folder"), Candidate("ollama/a@1"), Candidate("hash-1")]
    picked = await pick(candidates)
    assert picked.embedder is candidates[1]
    assert picked.is_ready
    assert [(one.name, one.reason) for one in picked.passed_over] == [("onnx", "no folder")]
    assert [one.is_closed for one in candidates] == [True, False, True]


async def test_what_was_used_before_is_kept_while_it_is_down() -> None:
    candidates = [Candidate("onnx", "no folder"), Candidate("ollama", "no connection"), Candidate("hash-1")]
    picked = await pick(candidates, last="ollama/embeddinggemma@1a2b3c")
    assert picked.embedder is candidates[1]
    assert not picked.is_ready
    assert [one.reason for one in picked.passed_over] == ["no folder", "no connection"]
    assert [one.is_closed for one in candidates] == [True, False, True]


async def test_a_better_one_is_picked_once_it_is_there() -> None:
    picked = await pick([Candidate("onnx-abc-384"), Candidate("hash-1")], last="hash-1")
    assert picked.embedder.name == "onnx-abc-384"


async def test_one_that_never_gets_ready_is_given_up() -> None:
    picked = await pick([Candidate("ollama", hangs=True), Candidate("hash-1")], try_s=0.02)
    assert picked.embedder.name == "hash-1"
    assert picked.passed_over[0].reason == "not ready after 0.02 s"


async def test_when_none_is_ready_every_reason_is_told() -> None:
    with pytest.raises(EmbedderError, match="no folder; no connection"):
        await pick([Candidate("onnx", "no folder"), Candidate("ollama", "no connection")])


async def test_the_real_one_without_a_model_is_always_ready(hashing: HashEmbedder) -> None:
    assert (await pick([hashing])).embedder is hashing

"""Which embedder the settings of memory give, in what order `auto` looks, and that nothing goes far unless it was named."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from bot.config import Config, load_config
from bot.embedders import Meter, candidates, choose, yardstick_of
from bot.errors import EmbedderError
from bot.models.mistral_embed import MistralEmbedder
from bot.models.ollama_embed import OllamaEmbedder
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.store.open import Stores, open_folder
from bot.system import SystemClock
from profiles.embed import HashEmbedder, OnnxEmbedder, ReadyEmbedder
from profiles.yardstick import COMMONPLACES, LETTERS, MEANING
from tests.fakes import NOON, FakeClock, SequentialIds
from tests.onnx_models import write_folder
from tests.servers.mistral import KEY, MistralServer
from tests.servers.ollama import OllamaServer, cloud, newer

PLAIN = newer("all-minilm:latest", 1, capabilities=("embedding",), family="bert")
NOWHERE = "http://127.0.0.1:1"


def settings(folder: Path, embedder: str = "auto", **environ: str) -> Config:
    names = {f"MARTIN_{name}": value for name, value in environ.items()}
    return load_config(
        environ={"MARTIN_MODELS__OLLAMA__HOST": NOWHERE, "MARTIN_MEMORY__EMBEDDER": embedder, **names},
        folder=folder,
        data_dir=folder / "data",
    )


def kinds(config: Config) -> list[type[ReadyEmbedder]]:
    return [type(one) for one in candidates(config, SystemClock())]


# --- auto ---


def test_auto_takes_the_folder_then_ollama_then_letters(tmp_path: Path) -> None:
    assert kinds(settings(tmp_path)) == [OllamaEmbedder, HashEmbedder]
    folder = write_folder(tmp_path / "data" / "embedder")
    assert kinds(settings(tmp_path)) == [OnnxEmbedder, OllamaEmbedder, HashEmbedder]
    (folder / "tokenizer.json").unlink()
    assert kinds(settings(tmp_path)) == [OllamaEmbedder, HashEmbedder]


def test_the_folder_may_lie_elsewhere(tmp_path: Path) -> None:
    elsewhere = write_folder(tmp_path / "elsewhere")
    assert OnnxEmbedder in kinds(settings(tmp_path, MEMORY__ONNX_FOLDER=str(elsewhere)))
    assert OnnxEmbedder not in kinds(settings(tmp_path, MEMORY__ONNX_FOLDER="elsewhere"))


async def test_auto_embeds_with_the_model_of_the_folder(tmp_path: Path) -> None:
    write_folder(tmp_path / "data" / "embedder")
    picked = await choose(settings(tmp_path), SystemClock(), "hash-1")
    async with aclosing(picked.embedder) as embedder:
        assert picked.is_ready
        assert embedder.name.startswith("onnx-")
        assert (await embedder.embed(["cat"])).shape == (1, 3)


async def test_without_anything_letters_are_ready_and_the_others_reasons_are_told(tmp_path: Path) -> None:
    picked = await choose(settings(tmp_path), SystemClock(), "")
    assert (picked.embedder.name, picked.is_ready) == ("hash-1", True)
    assert [one.name for one in picked.passed_over] == ["ollama"]


async def test_auto_waits_for_the_one_that_was_used_before(tmp_path: Path) -> None:
    picked = await choose(settings(tmp_path), SystemClock(), "ollama/all-minilm@1a2b3c")
    assert isinstance(picked.embedder, OllamaEmbedder)
    assert not picked.is_ready
    await picked.embedder.aclose()


async def test_auto_takes_a_local_ollama_but_nothing_that_a_cloud_answers_for(tmp_path: Path) -> None:
    far = cloud("embeddinggemma:cloud")
    async with OllamaServer(far, PLAIN) as server:
        picked = await choose(settings(tmp_path, MODELS__OLLAMA__HOST=server.address), SystemClock(), "")
        assert picked.embedder.name.startswith("ollama/all-minilm@")
        await picked.embedder.aclose()
        named = settings(tmp_path, MODELS__OLLAMA__HOST=server.address, MEMORY__EMBEDDER_MODEL=far.name)
        picked = await choose(named, SystemClock(), "")
        assert picked.embedder.name == "hash-1"
        assert "beyond the private network" in picked.passed_over[0].reason


async def test_auto_asks_no_far_ollama(tmp_path: Path) -> None:
    picked = await choose(settings(tmp_path, MODELS__OLLAMA__HOST="https://ollama.example.com"), SystemClock(), "")
    assert picked.embedder.name == "hash-1"
    assert "beyond the private network" in picked.passed_over[0].reason


async def test_auto_never_takes_mistral_though_a_key_is_there(tmp_path: Path) -> None:
    async with MistralServer() as server:
        config = settings(tmp_path, MODELS__MISTRAL__API_KEY=KEY, MODELS__MISTRAL__SERVER_URL=server.address)
        picked = await choose(config, SystemClock(), "mistral/mistral-embed")
        assert picked.embedder.name == "hash-1"
        assert server.requests == []


# --- named ---


@pytest.mark.parametrize(
    ("named", "kind"),
    [("hash", HashEmbedder), ("onnx", OnnxEmbedder), ("ollama", OllamaEmbedder), ("mistral", MistralEmbedder)],
)
def test_a_named_one_is_the_only_one(tmp_path: Path, named: str, kind: type[ReadyEmbedder]) -> None:
    write_folder(tmp_path / "data" / "embedder")
    assert kinds(settings(tmp_path, named, MODELS__MISTRAL__API_KEY=KEY)) == [kind]


@pytest.mark.parametrize("named", ["onnx", "ollama", "mistral"])
async def test_a_named_one_that_is_not_ready_is_kept_and_gets_ready_later(tmp_path: Path, named: str) -> None:
    config = settings(tmp_path, named, MODELS__MISTRAL__API_KEY=KEY, MODELS__MISTRAL__SERVER_URL=NOWHERE)
    picked = await choose(config, SystemClock(), "hash-1")
    async with aclosing(picked.embedder) as embedder:
        assert (picked.is_ready, len(picked.passed_over)) == (False, 1)
        assert embedder.name.partition("/")[0] == named
        with pytest.raises(EmbedderError):
            await embedder.ready()
        if named == "onnx":
            write_folder(tmp_path / "data" / "embedder")
            await embedder.ready()
            assert embedder.dimension == 3


async def test_a_named_ollama_may_ask_what_a_cloud_answers_for(tmp_path: Path) -> None:
    far = newer("embeddinggemma:cloud", capabilities=("embedding",), remote_host="https://ollama.com:443")
    async with OllamaServer(far) as server:
        config = settings(tmp_path, "ollama", MODELS__OLLAMA__HOST=server.address, MEMORY__EMBEDDER_MODEL=far.name)
        picked = await choose(config, SystemClock(), "")
        assert picked.is_ready
        assert picked.embedder.name.startswith("ollama/embeddinggemma:cloud")
        await picked.embedder.aclose()


async def test_a_named_mistral_gets_its_key_and_model(tmp_path: Path) -> None:
    async with MistralServer() as server:
        config = settings(tmp_path, "mistral", MODELS__MISTRAL__API_KEY=KEY, MODELS__MISTRAL__SERVER_URL=server.address)
        picked = await choose(config, SystemClock(), "")
        async with aclosing(picked.embedder) as embedder:
            assert (picked.is_ready, embedder.name) == (True, "mistral/mistral-embed")
            assert (await embedder.embed(["abc"])).shape == (1, embedder.dimension)
        assert server.problems == []


# --- what it costs ---


@pytest.fixture
async def folder(tmp_path: Path) -> DataFolder:
    """An empty, migrated data folder."""
    folder = DataFolder.open(tmp_path / "stored")
    await migrate(folder, FakeClock())
    return folder


@pytest.fixture
async def stores(folder: DataFolder) -> AsyncIterator[Stores]:
    """The stores of that folder."""
    async with open_folder(folder, clock=FakeClock(), ids=SequentialIds("s")) as stores:
        yield stores


PRICED = {"MODELS__MISTRAL__API_KEY": KEY, "MODELS__PRICES": "mistral/*=0.10/0.30"}


async def test_what_is_embedded_far_away_is_in_the_usage_of_all(stores: Stores, tmp_path: Path) -> None:
    async with MistralServer() as server:
        config = settings(tmp_path, "mistral", MODELS__MISTRAL__SERVER_URL=server.address, **PRICED)
        async with aclosing(Meter(stores.database, config, FakeClock())) as meter:
            picked = await choose(config, FakeClock(), "", count_tokens=meter.count)
            async with aclosing(picked.embedder) as embedder:
                await embedder.embed(["word " * 2_000])
        used = await stores.usage.of_day(NOON.date())
        assert (used.people, used.messages) == (0, 0)
        assert used.tokens > 2_000
        assert used.cost == round(used.tokens * 0.10)


async def test_many_small_requests_cost_what_one_large_one_does(stores: Stores, tmp_path: Path) -> None:
    async with aclosing(Meter(stores.database, settings(tmp_path, "mistral", **PRICED), FakeClock())) as meter:
        for _ in range(25):
            meter.count("mistral/mistral-embed", 4)
            await asyncio.sleep(0.002)
        meter.count("mistral/other", 10)
        meter.count("unpriced", 7)
    used = await stores.usage.of_day(NOON.date())
    assert (used.tokens, used.cost) == (117, 11)


async def test_what_could_not_be_written_is_counted_with_the_next(folder: DataFolder, tmp_path: Path) -> None:
    fails = True

    def before_call(name: str) -> None:
        if fails and name == "add usage of all":
            raise sqlite3.OperationalError("disk I/O error")

    async with (
        open_folder(folder, clock=FakeClock(), ids=SequentialIds("s"), before_call=before_call) as stores,
        aclosing(Meter(stores.database, settings(tmp_path, "mistral", **PRICED), FakeClock())) as meter,
    ):
        meter.count("mistral/mistral-embed", 40)
        await asyncio.sleep(0.1)
        assert (await stores.usage.of_day(NOON.date())).tokens == 0
        fails = False
        meter.count("mistral/mistral-embed", 60)
        await meter.aclose()
        used = await stores.usage.of_day(NOON.date())
        assert (used.tokens, used.cost) == (100, 10)


# --- the yardstick ---


async def test_a_yardstick_has_a_row_for_each_commonplace_and_weighs_letters_less(tmp_path: Path) -> None:
    letters = await yardstick_of(HashEmbedder())
    assert letters.weight == LETTERS
    for language, texts in COMMONPLACES.items():
        assert np.array_equal(letters.commonplaces[language], await HashEmbedder().embed(texts))
    async with aclosing(OnnxEmbedder(write_folder(tmp_path), clock=SystemClock())) as embedder:
        meaning = await yardstick_of(embedder)
    assert meaning.weight == MEANING
    assert {rows.shape for rows in meaning.commonplaces.values()} == {(16, 3)}

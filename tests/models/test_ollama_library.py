"""The models of an Ollama server: what it lists, and downloads that show how far they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from itertools import pairwise

import pytest

from bot.errors import ModelBroken, ModelError, ModelRejected, ModelUnreachable
from bot.model_ports import ModelLibrary
from bot.model_types import InstalledModel, PullProgress
from bot.models.ollama_library import OllamaLibrary
from tests.servers.ollama import MODEL, Installed, Layer, OllamaServer, cloud, model, newer

LAYERS = (Layer(size=4_000_000), Layer(size=1_500, parts=2), Layer(size=90, parts=1))


@pytest.fixture
async def server() -> AsyncIterator[OllamaServer]:
    async with OllamaServer() as running:
        running.library = {"new:4b": LAYERS}
        yield running


def library(server: OllamaServer, *, is_remote: bool = False, may_forward: bool = False) -> OllamaLibrary:
    return OllamaLibrary(host=server.address, is_remote=is_remote, may_forward=may_forward)


async def pulled(server: OllamaServer, name: str, *, may_forward: bool = False) -> list[PullProgress]:
    return [progress async for progress in library(server, may_forward=may_forward).pull(name)]


async def test_the_servers_models_are_listed_newest_first_and_those_of_a_cloud_are_marked() -> None:
    async with OllamaServer(Installed(name=MODEL), newer("new:4b", size=7), cloud()) as server:
        found = await library(server).installed()
    assert [(one.name, one.is_remote) for one in found] == [("gpt-oss:120b-cloud", True), ("new:4b", False), (MODEL, False)]
    assert found[1] == InstalledModel(name="new:4b", size=7, digest=server.models["new:4b"].full_digest)
    assert server.models_asked == []


async def test_a_download_shows_the_bytes_of_all_layers_and_never_goes_back(server: OllamaServer) -> None:
    steps = await pulled(server, "new:4b")
    assert all(before.done <= after.done for before, after in pairwise(steps))
    assert all(before.total <= after.total for before, after in pairwise(steps))
    assert all(step.done <= step.total for step in steps)
    assert steps[0] == PullProgress(step="pulling manifest")
    assert steps[-1] == PullProgress(step="success", done=4_001_590, total=4_001_590)
    assert len({step.done for step in steps}) > 5
    assert server.problems == []


async def test_what_was_downloaded_is_the_model_that_answers_from_now_on(server: OllamaServer) -> None:
    async with aclosing(model(server)) as asked:
        assert (await asked.check()).name == "ollama/llama3.2"
        await pulled(server, "new:4b")
        assert (await asked.check()).name == "ollama/new:4b"


async def test_closing_a_download_in_the_middle_closes_the_connection(server: OllamaServer) -> None:
    server.part_s = 0.02
    steps = library(server).pull("new:4b")
    assert isinstance(steps, AsyncGenerator)
    async with asyncio.timeout(5), aclosing(steps):
        async for step in steps:
            if step.done:
                break
    async with asyncio.timeout(5):
        await server.left.wait()
    assert "new:4b" not in server.models


@pytest.mark.parametrize(
    "name",
    [
        *("", "two words", "http://evil.example/model", "evil.example/somebody/model", "127.0.0.1:5000/a/b", "../model"),
        *(
            "a/b/c/d",
            "model:",
            ":tag",
            "model:tag:tag",
            "model@sha256",
            "modèle",
            "m" * 81,
            "model\n",
            "-model",
            "hf.co/model/",
        ),
    ],
)
async def test_what_is_no_name_of_a_model_is_refused_before_any_request(server: OllamaServer, name: str) -> None:
    with pytest.raises(ModelRejected):
        await pulled(server, name, may_forward=True)
    assert server.requests == []


@pytest.mark.parametrize(
    "name", ["new:4b", "somebody/new", "hf.co/Some-body/Model.v2-GGUF:Q4_K_M", "registry.ollama.ai/library/new"]
)
async def test_names_of_the_known_libraries_are_asked_for(server: OllamaServer, name: str) -> None:
    server.library[name if ":" in name else f"{name}:latest"] = LAYERS
    assert (await pulled(server, name))[-1].step == "success"


async def test_a_model_of_a_cloud_is_downloaded_only_where_ollama_was_named(server: OllamaServer) -> None:
    server.library["gpt-oss:120b-cloud"] = ()
    with pytest.raises(ModelRejected):
        await pulled(server, "gpt-oss:120b-cloud")
    assert server.requests == []
    assert (await pulled(server, "gpt-oss:120b-cloud", may_forward=True))[-1].step == "success"


async def test_a_server_beyond_the_private_network_is_left_alone_unless_it_was_named(server: OllamaServer) -> None:
    away = library(server, is_remote=True)
    with pytest.raises(ModelRejected):
        await away.installed()
    with pytest.raises(ModelRejected):
        await anext(aiter(away.pull("new:4b")))
    assert server.requests == []
    named = library(server, is_remote=True, may_forward=True)
    assert [one.is_remote for one in await named.installed()] == [True]


@pytest.mark.parametrize(
    ("reported", "kind", "words"),
    [
        ("pull model manifest: 412: this model requires a newer version of Ollama", ModelRejected, "newer version"),
        ('Get "https://registry.ollama.ai/v2/": dial tcp: lookup registry.ollama.ai: no such host', ModelUnreachable, "reach"),
        ("write /root/.ollama/models/blobs/x: no space left on device", ModelRejected, "full"),
        ("digest mismatch, file must be downloaded again: want a, got b", ModelBroken, "reported"),
    ],
)
async def test_what_the_server_reports_of_a_download_is_told_in_our_words(
    server: OllamaServer, reported: str, kind: type[ModelError], words: str
) -> None:
    server.pull_error = reported
    with pytest.raises(kind) as caught:
        await pulled(server, "new:4b")
    assert words in caught.value.detail
    assert "registry" not in caught.value.detail


async def test_a_model_that_nobody_has_is_rejected(server: OllamaServer) -> None:
    with pytest.raises(ModelRejected) as caught:
        await pulled(server, "unheard-of")
    assert "no such model" in caught.value.detail


async def test_a_download_that_just_ends_is_broken(server: OllamaServer) -> None:
    server.pull_is_cut = True
    with pytest.raises(ModelBroken):
        await pulled(server, "new:4b")
    server.pull_is_cut, server.pull_just_ends = False, True
    with pytest.raises(ModelBroken):
        await pulled(server, "new:4b")


async def test_a_server_that_is_away_is_unreachable(server: OllamaServer) -> None:
    await server.stop()
    with pytest.raises(ModelUnreachable):
        await library(server).installed()
    with pytest.raises(ModelUnreachable):
        await pulled(server, "new:4b")


def test_what_is_recommended_can_be_downloaded() -> None:
    offered: ModelLibrary = OllamaLibrary(host="http://127.0.0.1:1", is_remote=False, may_forward=False)
    assert offered.recommended.count(":") == 1
    assert 1e9 < offered.recommended_size < 8e9

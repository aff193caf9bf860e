"""Embedding through Ollama: which model, what it is given, and that nothing leaves the private network unnamed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from bot.errors import EmbedderError
from bot.models.ollama_embed import FRESH_S, OllamaEmbedder
from bot.models.scripted import Fault
from bot.system import SystemClock
from tests.models.ollama_talk import SetClock, Stub, told_by
from tests.servers.ollama import MODEL, Installed, OllamaServer, cloud, newer

SECRET = "a diary about the lighthouse"
PLAIN = newer("all-minilm:latest", 1, capabilities=("embedding",), family="bert")
GEMMA = Installed(name="embeddinggemma:latest", capabilities=("embedding",), family="gemma3")


def embedder(server: OllamaServer | Stub, **changes: Any) -> OllamaEmbedder:
    """The embedder as `auto` makes it, but for the `changes`."""
    settings: dict[str, Any] = {
        "host": server.address,
        "model": "",
        "is_remote": False,
        "may_forward": False,
        "keep_alive_s": 1800.0,
        "clock": SystemClock(),
    }
    return OllamaEmbedder(**{**settings, **changes})


@pytest.fixture
async def server() -> AsyncIterator[OllamaServer]:
    async with OllamaServer(Installed(name=MODEL), PLAIN) as running:
        yield running
        assert running.problems == []


# --- what comes back ---


async def test_rows_are_of_unit_length_in_the_order_of_the_texts(server: OllamaServer) -> None:
    async with aclosing(embedder(server)) as asked:
        rows = await asked.embed(["ab", "cc", "  ", "ca"])
        assert rows.shape == (4, 8)
        assert rows.dtype == np.float32
        assert np.allclose(np.linalg.norm(rows, axis=1), 1)
        assert rows[0] @ rows[3] == pytest.approx(0.5)
        assert rows[0] @ rows[1] == 0
        assert asked.dimension == 8
    assert server.embedded == ["a", "ab", "cc", "ca"]


async def test_no_texts_are_no_rows(server: OllamaServer) -> None:
    async with aclosing(embedder(server)) as asked:
        assert (await asked.embed([])).shape == (0, 8)


async def test_many_texts_go_in_several_requests(server: OllamaServer) -> None:
    async with aclosing(embedder(server)) as asked:
        texts = [f"a number {number}" for number in range(70)]
        rows = await asked.embed([*texts, "b" * 100_000])
    asked_for = [request.json["input"] for request in server.requests if request.path == "/api/embed"]
    assert rows.shape == (71, 8)
    assert [len(one) for one in asked_for] == [1, 32, 32, 6, 1]
    assert len(asked_for[-1][0]) < 20_000


async def test_the_server_is_told_to_cut_and_to_keep_the_model(server: OllamaServer) -> None:
    async with aclosing(embedder(server, keep_alive_s=90.0)) as asked:
        await asked.embed(["a"])
    assert server.requests[-1].json == {"model": PLAIN.name, "input": ["a"], "truncate": True, "keep_alive": "90s"}


async def test_a_question_and_a_text_get_what_the_model_was_trained_to_see_before_them() -> None:
    async with OllamaServer(GEMMA) as server, aclosing(embedder(server)) as asked:
        await asked.embed(["Where do I live?"], is_query=True)
        await asked.embed(["I live in Lima."])
    assert server.embedded[1:] == ["task: search result | query: Where do I live?", "title: none | text: I live in Lima."]


# --- which model ---


async def test_the_name_tells_model_digest_and_prefixes_once_it_is_known(server: OllamaServer) -> None:
    async with aclosing(embedder(server)) as asked:
        assert (asked.name, asked.dimension) == ("ollama", 0)
        await asked.ready()
        assert asked.name == f"ollama/all-minilm@{PLAIN.full_digest[:12]}"
    async with OllamaServer(GEMMA) as other, aclosing(embedder(other, model="embeddinggemma")) as asked:
        await asked.ready()
        assert asked.name == f"ollama/embeddinggemma@{GEMMA.full_digest[:12]}-p1"


async def test_what_reads_spanish_is_preferred_to_what_is_newer() -> None:
    models = (GEMMA, PLAIN, newer("bge-m3:567m", 3, capabilities=("embedding",), family="bert"))
    async with OllamaServer(*models) as server, aclosing(embedder(server)) as asked:
        await asked.ready()
        assert asked.name.startswith("ollama/embeddinggemma@")


async def test_of_models_that_are_not_known_the_newest_that_embeds_is_taken() -> None:
    models = (PLAIN, newer("strange-embed:1b", 2, capabilities=("embedding",)), newer("chat:4b", 3))
    async with OllamaServer(*models) as server, aclosing(embedder(server)) as asked:
        await asked.ready()
        assert asked.name.startswith("ollama/strange-embed:1b@")


async def test_an_older_servers_models_are_told_by_name_and_family() -> None:
    models = (newer("llama2:7b", 2, capabilities=None), newer("old-sentences:1b", 1, capabilities=None, family="bert"))
    async with OllamaServer(*models) as server, aclosing(embedder(server)) as asked:
        await asked.ready()
        assert asked.name.startswith("ollama/old-sentences:1b@")


@pytest.mark.parametrize("model", ["", "llama3.2", "nomic-embed-text"])
async def test_without_a_model_that_embeds_there_are_no_vectors(model: str) -> None:
    async with OllamaServer() as server, aclosing(embedder(server, model=model)) as asked:
        with pytest.raises(EmbedderError, match="no such model that embeds"):
            await asked.ready()
        assert server.embedded == []


async def test_a_model_installed_later_does_not_take_over(server: OllamaServer) -> None:
    clock = SetClock()
    async with aclosing(embedder(server, clock=clock)) as asked:
        await asked.ready()
        before = asked.name
        server.models[GEMMA.name] = GEMMA
        clock.seconds += FRESH_S
        await asked.embed(["a"])
        assert asked.name == before


async def test_another_model_behind_the_same_name_is_never_mixed_in(server: OllamaServer) -> None:
    clock = SetClock()
    async with aclosing(embedder(server, clock=clock)) as asked:
        await asked.ready()
        before = asked.name
        server.models[PLAIN.name] = newer(PLAIN.name, 5, capabilities=("embedding",), digest="ab" * 32)
        clock.seconds += FRESH_S
        for _ in range(2):
            with pytest.raises(EmbedderError, match="has become ollama/all-minilm@abababababab; start Martín anew"):
                await asked.embed(["a"])
        assert asked.name == before


async def test_rows_of_another_length_are_refused_and_looked_into(server: OllamaServer) -> None:
    async with aclosing(embedder(server)) as asked:
        await asked.ready()
        server.vector = lambda _: [1.0, 2.0]
        with pytest.raises(EmbedderError, match="expected rows of 8, found 2"):
            await asked.embed(["a"])


# --- nothing leaves the private network unnamed ---


async def test_a_cloud_model_is_never_picked_nor_told_anything() -> None:
    away = cloud("embeddinggemma:300m-cloud")
    async with OllamaServer(Installed(name=MODEL), away) as server, aclosing(embedder(server)) as asked:
        with pytest.raises(EmbedderError):
            await asked.embed([SECRET])
        assert (server.embedded, server.models_asked) == ([], [MODEL])


@pytest.mark.parametrize("changes", [{"is_remote": True}, {"model": "embeddinggemma:300m-cloud"}])
async def test_a_far_server_and_a_clouds_tag_are_not_asked_unless_named(server: OllamaServer, changes: dict[str, Any]) -> None:
    async with aclosing(embedder(server, **changes)) as asked:
        with pytest.raises(EmbedderError, match="nobody named it for memory"):
            await asked.embed([SECRET])
    assert server.requests == []


async def test_a_far_server_is_asked_where_it_is_named(server: OllamaServer) -> None:
    async with aclosing(embedder(server, is_remote=True, may_forward=True)) as asked:
        assert (await asked.embed([SECRET])).shape == (1, 8)


# --- what goes wrong ---


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.UNAVAILABLE])
async def test_a_failure_is_an_embedder_error_without_the_text_and_the_next_try_works(
    server: OllamaServer, fault: Fault
) -> None:
    async with aclosing(embedder(server)) as asked:
        await asked.ready()
        server.fault = fault
        with pytest.raises(EmbedderError) as caught:
            await asked.embed([SECRET])
        assert SECRET not in told_by(caught.value)
        server.fault = None
        assert (await asked.embed([SECRET])).shape == (1, 8)


async def test_a_server_that_is_down_is_an_embedder_error() -> None:
    async with OllamaServer(PLAIN) as server:
        asked = embedder(server)
        await server.stop()
        with pytest.raises(EmbedderError, match="no connection"):
            await asked.ready()
        await asked.aclose()


async def test_a_server_that_never_answers_is_given_up(server: OllamaServer) -> None:
    async with aclosing(embedder(server, may_take_s=0.05)) as asked:
        await asked.ready()
        server.fault = Fault.HUNG
        with pytest.raises(EmbedderError, match=r"within 0\.05 s"):
            await asked.embed(["a"])


@pytest.mark.parametrize("rows", ["[]", "[[]]", "[[0, 0]]", "[[1, NaN]]", "[[1, 2], [1, 2]]", '[["a"]]', "null"])
async def test_what_is_no_vector_is_an_embedder_error(rows: str) -> None:
    told = {
        "/api/show": [b'{"capabilities": ["embedding"]}'],
        "/api/embed": [f'{{"model": "m", "embeddings": {rows}}}'.encode()],
    }
    async with Stub({**told}) as stub, aclosing(embedder(stub)) as asked:
        with pytest.raises(EmbedderError):
            await asked.ready()
        assert asked.dimension == 0

"""Embedding by Mistral's servers: batches, tokens to pay for, and what each failure becomes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from bot.errors import EmbedderError
from bot.models.mistral_embed import MODEL, MistralEmbedder
from bot.models.scripted import Fault
from tests.models.ollama_talk import told_by
from tests.servers.mistral import MistralServer, model

SECRET = "a diary about the lighthouse"


@pytest.fixture
async def server() -> AsyncIterator[MistralServer]:
    async with MistralServer() as running:
        yield running
        assert running.problems == []


def embedder(server: MistralServer, **changes: Any) -> MistralEmbedder:
    return MistralEmbedder(model(server, **{"model": MODEL, **changes}))


async def test_rows_are_of_unit_length_in_the_order_of_the_texts(server: MistralServer) -> None:
    server.rows = lambda rows: rows[::-1]
    async with aclosing(embedder(server)) as asked:
        assert (asked.name, asked.dimension) == ("mistral/mistral-embed", 0)
        rows = await asked.embed(["ab", "", "cc"], is_query=True)
        assert (rows.shape, asked.dimension) == ((3, 8), 8)
        assert rows.dtype == np.float32
        assert np.allclose(np.linalg.norm(rows, axis=1), 1)
        assert rows[2][2] == 1
    assert server.embedded == [["a"], ["ab", "cc"]]


async def test_batches_stay_below_what_one_request_may_hold(server: MistralServer) -> None:
    texts = ["word " * 1000] * 20 + ["a"] * 200 + ["b" * 200_000]
    async with aclosing(embedder(server)) as asked:
        assert (await asked.embed(texts)).shape == (221, 8)
    assert sum(map(len, server.embedded)) == 222
    assert max(map(len, server.embedded)) <= 64
    assert max(sum(map(len, one)) for one in server.embedded) < 40_000


async def test_every_request_is_counted_by_the_servers_tokens(server: MistralServer) -> None:
    counted: list[tuple[str, int]] = []
    asked = MistralEmbedder(model(server, model=MODEL), count_tokens=lambda name, tokens: counted.append((name, tokens)))
    await asked.embed(["one two three", "four"])
    await asked.aclose()
    assert counted == [("mistral/mistral-embed", 1), ("mistral/mistral-embed", 4)]


async def test_the_version_that_the_server_tells_is_in_the_name_and_stays(server: MistralServer) -> None:
    server.version = "mistral-embed-2312"
    async with aclosing(embedder(server)) as asked:
        await asked.ready()
        assert asked.name == "mistral/mistral-embed@mistral-embed-2312"
        server.version = "mistral-embed-2612"
        with pytest.raises(EmbedderError, match="start Martín anew"):
            await asked.embed(["a"])


@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.TOO_MANY, Fault.UNAVAILABLE])
async def test_a_refusal_is_an_embedder_error_without_the_text(server: MistralServer, fault: Fault) -> None:
    async with aclosing(embedder(server)) as asked:
        await asked.ready()
        server.fault = fault
        with pytest.raises(EmbedderError) as caught:
            await asked.embed([SECRET])
        assert SECRET not in told_by(caught.value)
        server.fault = None
        assert (await asked.embed([SECRET])).shape == (1, 8)


async def test_a_server_that_is_down_or_silent_is_an_embedder_error(server: MistralServer) -> None:
    async with aclosing(MistralEmbedder(model(server, model=MODEL), may_take_s=2.0)) as asked:
        await asked.ready()
        server.fault = Fault.HUNG
        with pytest.raises(EmbedderError, match="no vectors within 2 s"):
            await asked.embed(["a"])
        await server.stop()
        with pytest.raises(EmbedderError, match="mistral/mistral-embed: no connection"):
            await asked.embed(["a"])


@pytest.mark.parametrize(
    "changed", [[], [{"object": "embedding", "embedding": [], "index": 0}], [{"embedding": [1.0], "index": 1}], [{"index": 0}]]
)
async def test_an_answer_without_a_row_for_each_text_is_an_embedder_error(
    server: MistralServer, changed: list[dict[str, Any]]
) -> None:
    server.rows = lambda _: changed
    async with aclosing(embedder(server)) as asked:
        with pytest.raises(EmbedderError, match="one row of numbers for each text"):
            await asked.ready()


async def test_without_a_key_nothing_is_sent_to_a_far_server(server: MistralServer) -> None:
    async with aclosing(embedder(server, api_key="", is_remote=True)) as asked:
        with pytest.raises(EmbedderError, match="no key is set"):
            await asked.embed([SECRET])
    assert server.requests == []

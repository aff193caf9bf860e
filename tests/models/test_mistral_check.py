"""Whether a Mistral model can answer, told from its server's list of models, and what to do when it cannot."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from bot.models.scripted import Fault
from bot.types import Language
from tests.servers.mistral import KEY, MODEL, MistralServer, model


@pytest.fixture
async def server() -> AsyncGenerator[MistralServer, None]:
    async with MistralServer() as running:
        yield running


async def status(server: MistralServer, language: Language = "en", **changes: object) -> tuple[bool, str, str]:
    asked = model(server, **changes)
    told = await asked.check(language)
    await asked.aclose()
    assert told.name == asked.name
    assert KEY not in repr(told)
    assert server.generations == 0, "a check asks for no answer"
    return told.is_ready, told.detail.replace(server.address, "SERVER"), told.next_step


@pytest.mark.parametrize("name", [MODEL, "mistral-large-2512", "mistral-large-latest"])
async def test_model_on_the_list_is_ready_by_any_of_its_names(server: MistralServer, name: str) -> None:
    assert await status(server, model=name) == (True, "ready at SERVER", "")
    assert server.problems == []


async def test_model_of_a_kind_that_is_new_to_us_is_ready(server: MistralServer) -> None:
    server.kind = "distilled"
    assert (await status(server))[0]


async def test_model_that_is_not_on_the_list_is_told_with_some_that_are(server: MistralServer) -> None:
    is_ready, detail, next_step = await status(server, model="mistral-tiny")
    assert (is_ready, detail) == (False, "SERVER has no model mistral-tiny")
    assert "such as mistral-small-latest, mistral-large-2512, mistral-large-latest." in next_step


async def test_server_without_models_is_not_ready(server: MistralServer) -> None:
    server.fault = Fault.MISSING
    assert (await status(server))[:2] == (False, f"SERVER has no model {MODEL}")


async def test_wrong_key_is_told(server: MistralServer) -> None:
    is_ready, detail, next_step = await status(server, api_key="another-key")
    assert (is_ready, detail) == (False, "SERVER does not accept the key")
    assert "MISTRAL_API_KEY" in next_step


async def test_missing_key_is_told_without_asking_anybody(server: MistralServer) -> None:
    is_ready, detail, next_step = await status(server, api_key="", is_remote=True)
    assert (is_ready, detail) == (False, "no key is set")
    assert "MISTRAL_API_KEY" in next_step
    assert server.requests == []


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        (Fault.TOO_MANY, "SERVER takes no more requests now"),
        (Fault.UNAVAILABLE, "SERVER takes no more requests now"),
        (Fault.WRONG_DATA, "SERVER does not answer as Mistral's servers do"),
    ],
)
async def test_server_in_trouble_is_told_with_a_next_step(server: MistralServer, fault: Fault, detail: str) -> None:
    server.fault = fault
    is_ready, told, next_step = await status(server)
    assert (is_ready, told) == (False, detail)
    assert next_step


async def test_server_that_does_not_listen_is_told(server: MistralServer) -> None:
    await server.stop()
    is_ready, detail, next_step = await status(server)
    assert (is_ready, detail) == (False, "SERVER cannot be reached (the connection was refused)")
    assert "models.mistral.server_url" in next_step


@pytest.mark.parametrize("is_it", [True, False])
async def test_status_says_where_text_goes_and_whether_it_was_named(server: MistralServer, is_it: bool) -> None:
    asked = model(server, is_remote=is_it, is_wanted=is_it)
    told = await asked.check()
    await asked.aclose()
    assert (told.is_remote, told.is_wanted) == (is_it, is_it)


async def test_it_is_told_in_the_language_that_was_asked_for(server: MistralServer) -> None:
    await server.stop()
    english, spanish = await status(server, "en"), await status(server, "es")
    assert (english[0], spanish[0]) == (False, False)
    assert english[1] != spanish[1]
    assert english[2] != spanish[2]

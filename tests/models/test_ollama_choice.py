"""Which of Ollama's models is asked, which one never, and what is said where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from bot.errors import ModelRejected
from bot.models.ollama import FRESH_S
from bot.models.ollama_api import RECOMMENDED, full_name, is_cloud_name, label
from tests.models.ollama_talk import SetClock, Stub, at, failure, read
from tests.servers.ollama import MODEL, Installed, OllamaServer, cloud, model, newer


@pytest.fixture
async def server() -> AsyncIterator[OllamaServer]:
    async with OllamaServer() as running:
        yield running


# --- which model ---


async def test_the_newest_model_that_can_chat_is_picked() -> None:
    models = (
        Installed(name="old:1b"),
        newer("new:4b", 2),
        newer("bge-m3:latest", 3, capabilities=("embedding",), family="bert"),
        newer("middle:2b", 1),
    )
    async with OllamaServer(*models) as server, aclosing(model(server)) as asked:
        assert asked.name == "ollama"
        await read(asked)
        assert asked.name == "ollama/new:4b"
        assert server.models_asked == ["bge-m3:latest", "new:4b", "new:4b"]


async def test_a_model_that_the_server_cannot_read_is_passed_over_unless_it_is_the_configured_one() -> None:
    listed = b'{"models": [{"name": "m:latest", "digest": "ab"}]}'
    async with Stub({"/api/tags": [listed], "/api/show": [b'{"error": "no such file"']}) as stub:
        async with aclosing(at(stub.address)) as asked:
            assert "no model" in (await asked.check()).detail
        async with aclosing(at(stub.address, model="m")) as asked:
            assert "does not do as Ollama should" in (await asked.check()).detail


async def test_an_older_servers_embedding_models_are_told_by_name_and_family() -> None:
    models = (
        Installed(name="llama2:7b", capabilities=None),
        newer("all-minilm:latest", 1, capabilities=None, family="bert"),
        newer("nomic-embed-text:latest", 2, capabilities=None, family="nomic-bert"),
        newer("embeddinggemma:300m", 3, capabilities=None, family="gemma3"),
    )
    async with OllamaServer(*models) as server, aclosing(model(server, think=True)) as asked:
        await read(asked)
        assert asked.name == "ollama/llama2:7b"
        assert "think" not in server.prompts[0]


@pytest.mark.parametrize(
    "configured", ["llama3.2", "llama3.2:latest", "LLAMA3.2", "library/llama3.2", "registry.ollama.ai/library/llama3.2"]
)
async def test_a_name_without_a_tag_means_the_latest(server: OllamaServer, configured: str) -> None:
    server.models["newest:1b"] = newer("newest:1b", 5)
    async with aclosing(model(server, model=configured)) as asked:
        await read(asked)
        assert server.prompts[0]["model"] == MODEL
        assert (await asked.check()).is_ready
        assert asked.name == "ollama/llama3.2"


async def test_what_is_known_of_a_model_is_asked_again_after_a_while(server: OllamaServer) -> None:
    clock = SetClock()
    async with aclosing(model(server, clock=clock)) as asked:
        await read(asked)
        server.models["newest:1b"] = newer("newest:1b", 5)
        await read(asked)
        assert [request.path for request in server.requests].count("/api/tags") == 1
        clock.seconds += FRESH_S
        await read(asked)
    assert [prompt["model"] for prompt in server.prompts] == [MODEL, MODEL, "newest:1b"]


async def test_a_model_that_is_gone_is_looked_for_again(server: OllamaServer) -> None:
    async with aclosing(model(server)) as asked:
        await read(asked)
        server.models = {"other:1b": Installed(name="other:1b")}
        assert isinstance(await failure(asked), ModelRejected)
        assert (await read(asked))[1].model == "ollama/other:1b"


async def test_many_first_questions_look_at_the_server_once(server: OllamaServer) -> None:
    async with aclosing(model(server)) as asked:
        await asyncio.gather(*(read(asked) for _ in range(8)))
    assert [request.path for request in server.requests].count("/api/tags") == 1
    assert server.generations == 8


# --- nothing goes to a cloud that nobody named ---


@pytest.mark.parametrize("configured", ["", MODEL])
async def test_a_cloud_model_that_is_the_newest_is_never_touched(configured: str) -> None:
    clouds = (
        cloud(),
        cloud("deepseek-v3.1:671b-cloud", days=10, remote_host=""),
        cloud("glm-4.6:cloud", days=11, remote_host=""),
        cloud("my-copy:latest", days=12),
    )
    async with OllamaServer(Installed(name=MODEL), *clouds) as server:
        async with aclosing(model(server, model=configured)) as asked:
            await asked.warm()
            status = await asked.check()
            await read(asked)
        assert set(server.models_asked) == {MODEL}
        assert (status.is_ready, status.is_remote) == (True, False)


async def test_with_nothing_but_cloud_models_there_is_none_to_ask() -> None:
    async with OllamaServer(cloud(), cloud("my-copy:latest")) as server, aclosing(model(server)) as asked:
        await asked.warm()
        status = await asked.check()
        assert isinstance(await failure(asked), ModelRejected)
        assert server.models_asked == []
    assert not status.is_ready
    assert RECOMMENDED in status.next_step


@pytest.mark.parametrize("configured", ["gpt-oss:120b-cloud", "my-copy", "kimi-k2:cloud"])
async def test_a_configured_cloud_model_is_not_asked_unless_ollama_was_named(configured: str) -> None:
    async with OllamaServer(Installed(name=MODEL), cloud(), cloud("my-copy:latest")) as server:
        async with aclosing(model(server, model=configured)) as asked:
            await asked.warm()
            status = await asked.check()
            assert isinstance(await failure(asked), ModelRejected)
        assert server.models_asked == []
        assert not status.is_ready
        assert "cloud" in status.detail


@pytest.mark.parametrize("configured", ["gpt-oss:120b-cloud", "my-copy"])
async def test_a_configured_cloud_model_is_asked_where_ollama_was_named_and_counts_as_remote(configured: str) -> None:
    async with OllamaServer(Installed(name=MODEL), cloud(), cloud("my-copy:latest")) as server:
        async with aclosing(model(server, model=configured, may_forward=True)) as asked:
            status = await asked.check()
            assert (await read(asked))[0]
            await server.stop()
            down = await asked.check()
        assert (status.is_ready, status.is_remote) == (True, True)
        assert "cloud" in status.detail
        assert (down.is_ready, down.is_remote) == (False, True)


async def test_a_configured_cloud_model_is_refused_by_its_name_alone(server: OllamaServer) -> None:
    async with aclosing(model(server, model="kimi-k2:cloud")) as asked:
        assert "cloud" in (await asked.check()).detail
    assert server.requests == []


async def test_even_where_ollama_was_named_a_cloud_model_is_not_picked_by_itself() -> None:
    async with OllamaServer(Installed(name=MODEL), cloud()) as server, aclosing(model(server, may_forward=True)) as asked:
        await read(asked)
        assert set(server.models_asked) == {MODEL}


async def test_a_server_beyond_the_private_network_is_not_asked_unless_it_was_named(server: OllamaServer) -> None:
    async with aclosing(model(server, is_remote=True)) as asked:
        await asked.warm()
        status = await asked.check()
        assert isinstance(await failure(asked), ModelRejected)
    assert server.requests == []
    assert (status.is_ready, status.is_remote) == (False, True)


async def test_a_named_server_beyond_the_private_network_is_remote(server: OllamaServer) -> None:
    async with aclosing(model(server, is_remote=True, may_forward=True)) as asked:
        status = await asked.check()
    assert (status.is_ready, status.is_remote) == (True, True)


async def test_the_key_of_ollamas_cloud_goes_only_to_a_server_that_is_remote(
    server: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "a-key-for-the-cloud")
    async with aclosing(model(server)) as asked:
        await read(asked)
    assert server.problems == []
    async with aclosing(model(server, is_remote=True, may_forward=True)) as asked:
        await read(asked)
    assert server.requests[-1].headers["authorization"] == "Bearer a-key-for-the-cloud"


async def test_a_proxy_of_the_environment_carries_no_talk_with_a_near_server(
    server: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with OllamaServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.address)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        async with aclosing(model(server)) as asked:
            await read(asked)
        assert proxy.requests == []


@pytest.mark.parametrize(
    ("name", "is_cloud"),
    [
        ("gpt-oss:120b-cloud", True),
        ("GPT-OSS:120B-CLOUD", True),
        ("kimi:cloud", True),
        ("somebody/kimi:cloud", True),
        ("cloud", False),
        ("cloud:7b", False),
        ("storm-cloud:latest", False),
        ("llama3.2", False),
        ("host.example:5000/cloud/llama", False),
        ("", False),
    ],
)
def test_a_cloud_is_told_by_the_tag(name: str, is_cloud: bool) -> None:
    assert is_cloud_name(name) is is_cloud


def test_names_are_compared_whole_and_shown_short() -> None:
    assert full_name("hf.co/somebody/Model") == "hf.co/somebody/model:latest"
    assert full_name("host.example:5000/a/b") == "host.example:5000/a/b:latest"
    assert (label("llama3.2:latest"), label("qwen3:4b"), label("")) == ("ollama/llama3.2", "ollama/qwen3:4b", "ollama")


# --- the digest ---


async def test_a_model_with_the_pinned_digest_is_used(server: OllamaServer) -> None:
    pinned = server.models[MODEL].full_digest
    for digest in (pinned, pinned[:12]):
        async with aclosing(model(server, model=MODEL, digest=digest)) as asked:
            assert (await asked.check()).version == pinned[:12]
            await read(asked)


@pytest.mark.parametrize("configured", ["", MODEL])
async def test_a_model_with_another_digest_is_refused(server: OllamaServer, configured: str) -> None:
    async with aclosing(model(server, model=configured, digest="0123456789ab")) as asked:
        status = await asked.check()
        assert isinstance(await failure(asked), ModelRejected)
    assert not status.is_ready
    assert "0123456789ab" in status.detail
    assert "models.ollama.digest" in status.next_step
    assert server.generations == 0


async def test_a_pinned_digest_chooses_among_the_models(server: OllamaServer) -> None:
    server.models["newest:1b"] = newer("newest:1b", 5)
    async with aclosing(model(server, digest=server.models[MODEL].full_digest)) as asked:
        await read(asked)
    assert asked.name == "ollama/llama3.2"


async def test_a_model_that_was_replaced_is_refused_from_the_next_look_on(server: OllamaServer) -> None:
    clock = SetClock()
    pinned = server.models[MODEL].full_digest
    async with aclosing(model(server, model=MODEL, digest=pinned, clock=clock)) as asked:
        await read(asked)
        server.models[MODEL] = Installed(name=MODEL, digest="f" * 64)
        clock.seconds += FRESH_S
        assert isinstance(await failure(asked), ModelRejected)
    assert server.generations == 1


async def test_a_digest_with_its_algorithm_in_front_is_the_same(server: OllamaServer) -> None:
    server.models[MODEL] = Installed(name=MODEL, digest="sha256:" + "AB" * 32)
    async with aclosing(model(server, digest="ab" * 32)) as asked:
        assert (await asked.check()).version == "ab" * 6


# --- the check ---


async def test_a_check_asks_for_no_answer_and_names_model_and_version(server: OllamaServer) -> None:
    async with aclosing(model(server, is_wanted=False)) as asked:
        status = await asked.check()
    assert (status.is_ready, status.is_remote, status.is_wanted) == (True, False, False)
    assert status.name == asked.name == "ollama/llama3.2"
    assert status.version == server.models[MODEL].full_digest[:12]
    assert server.address in status.detail
    assert (server.generations, server.loads) == (0, [])
    assert {request.path for request in server.requests} == {"/api/tags", "/api/show"}


async def test_a_check_says_what_to_do_where_no_server_answers(server: OllamaServer) -> None:
    await server.stop()
    async with aclosing(model(server)) as asked:
        status = await asked.check()
        assert (status.name, status.is_ready, status.is_remote) == ("ollama", False, False)
        assert "`ollama serve`" in status.next_step
        assert (await asked.check("es")).next_step


@pytest.mark.parametrize(
    ("configured", "said"),
    [("missing", "python -m bot model-pull missing"), ("bge-m3", "models.ollama.model")],
)
async def test_a_check_says_what_to_do_about_a_model_that_is_missing_or_cannot_chat(configured: str, said: str) -> None:
    models = (Installed(name=MODEL), Installed(name="bge-m3:latest", capabilities=("embedding",)))
    async with OllamaServer(*models) as server, aclosing(model(server, model=configured)) as asked:
        status = await asked.check()
        assert isinstance(await failure(asked), ModelRejected)
        assert server.generations == 0
    assert (status.name, status.is_ready) == (f"ollama/{configured}", False)
    assert configured in status.detail
    assert said in status.next_step


async def test_a_model_that_vanishes_between_list_and_look_is_missing() -> None:
    listed = b'{"models": [{"name": "m:latest", "digest": "ab"}]}'
    async with Stub({"/api/tags": [listed], "/api/show": None}) as stub:
        async with aclosing(at(stub.address, model="m")) as asked:
            assert "model-pull m" in (await asked.check()).next_step
        async with aclosing(at(stub.address)) as asked:
            assert RECOMMENDED in (await asked.check()).next_step


# --- the first load ---


async def test_warming_loads_the_model_with_the_room_that_answers_use(server: OllamaServer) -> None:
    async with aclosing(model(server)) as asked:
        await asked.warm()
        assert server.generations == 0
        await read(asked)
    assert [(one.model, one.context, one.keep_alive_s) for one in server.loads] == [(MODEL, 5120, 1800)]
    assert server.problems == []


async def test_warming_does_not_unload_where_nothing_is_to_be_kept(server: OllamaServer) -> None:
    async with aclosing(model(server, keep_alive_s=0.0)) as asked:
        await asked.warm()
    assert "/api/generate" not in [request.path for request in server.requests]


async def test_warming_is_no_failure_where_no_server_answers(server: OllamaServer) -> None:
    await server.stop()
    async with aclosing(model(server)) as asked:
        await asked.warm()

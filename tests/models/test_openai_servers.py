"""Which model of an OpenAI-compatible server is asked, over which connection, and whether it can answer."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.certificate import make
from bot.errors import ModelError, ModelRejected, ModelUnreachable
from bot.models.openai import OpenAiModel
from bot.models.openai_wire import first_that_talks, model_ids, piece_of, refusal_of
from bot.models.over_http import shown_name, why
from bot.models.scripted import Fault
from bot.models.sse import Event, WireError
from bot.types import Prompt
from tests.certificates import needs_openssl
from tests.fakes import FakeClock
from tests.models.openai_talk import DONE, KEY, PROMPT, failed, read, said, said_of
from tests.servers.openai import MODEL, OpenAiServer, chunk, model


@pytest.fixture
async def server() -> AsyncGenerator[OpenAiServer, None]:
    async with OpenAiServer() as running:
        yield running


# --- which model ---


async def test_without_a_named_model_the_first_listed_one_is_asked_for_and_kept(server: OpenAiServer) -> None:
    server.models = ["first", "second"]
    async with aclosing(model(server, model="")) as asked:
        assert asked.name == "openai"
        assert (await read(asked))[1].model == "openai/first"
        assert asked.name == "openai/first"
        await read(asked)
    assert [one.path for one in server.requests] == ["/v1/models", "/v1/chat/completions", "/v1/chat/completions"]


async def test_model_that_is_gone_is_looked_up_again_within_the_same_answer(server: OpenAiServer) -> None:
    async with aclosing(model(server, model="")) as asked:
        await read(asked)
        server.models = ["successor"]
        assert (await read(asked))[1].model == "openai/successor"
        assert asked.name == "openai/successor"


async def test_model_that_is_listed_and_yet_missing_is_looked_up_once_only(server: OpenAiServer) -> None:
    server.fault = Fault.MISSING
    assert isinstance(await failed(server, model=""), ModelRejected)
    assert [one.method for one in server.requests] == ["GET", "POST", "GET"]


class _NewEveryTime(list[str]):
    """A list of models that is another one whenever it is looked at, and never has what is asked for."""

    looks = 0

    def __iter__(self) -> Iterator[str]:
        self.looks += 1
        return iter([f"model-{self.looks}"])


async def test_server_that_never_has_what_it_lists_is_given_up(server: OpenAiServer) -> None:
    server.models = _NewEveryTime()
    assert isinstance(await failed(server, model=""), ModelRejected)
    assert [one.method for one in server.requests] == ["GET", "POST", "GET", "POST"]


async def test_named_model_is_never_replaced_by_another(server: OpenAiServer) -> None:
    server.models = ["other"]
    assert isinstance(await failed(server), ModelRejected)
    assert len(server.requests) == 1


async def test_server_without_models_is_not_asked(server: OpenAiServer) -> None:
    server.models = []
    error = await failed(server, model="")
    assert isinstance(error, ModelRejected)
    assert server.generations == 0


def test_models_that_only_embed_or_rank_are_passed_over() -> None:
    assert first_that_talks(["text-embedding-nomic", "bge-Reranker", "qwen3"]) == "qwen3"
    assert first_that_talks(["nomic-embed-text"]) == ""


def test_models_are_read_from_the_lists_that_servers_give() -> None:
    assert model_ids(b'{"object":"list","data":[{"id":"a","meta":{}},{"id":"b"}]}') == ("a", "b")
    assert model_ids(b'[{"id":"a","type":"chat"}]') == ("a",)
    assert model_ids(b'{"models":[{"name":"x"}],"data":[]}') == ()
    for wrong in (b"", b"<html>", b"{}", b'{"data":[7]}', b'["a"]', b"\xff"):
        with pytest.raises(WireError):
            model_ids(wrong)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Qwen/Qwen3-8B:q4@main", "Qwen/Qwen3-8B:q4@main"),
        ("/home/agata/models/qwen3 8b.gguf", "qwen3 8b.gguf"),
        ("../models/qwen3.gguf", "qwen3.gguf"),
        ("C:\\Users\\agata\\qwen3.gguf", "qwen3.gguf"),
        ("\x1b[31mred\nline", "31mredline"),
        ("x" * 300, "x" * 100),
        (None, ""),
    ],
)
def test_name_is_shown_without_folders_and_controls(name: object, shown: str) -> None:
    assert shown_name(name) == shown


async def test_llama_cpp_that_names_its_file_is_asked_for_the_whole_and_shown_short(server: OpenAiServer) -> None:
    server.models = ["/home/agata/models/qwen3.gguf"]
    async with aclosing(model(server, model="")) as asked:
        assert (await read(asked))[1].model == "openai/qwen3.gguf"
    assert server.prompts[0]["model"] == "/home/agata/models/qwen3.gguf"


async def test_llama_cpp_takes_any_name_and_says_what_it_ran(server: OpenAiServer) -> None:
    server.takes_any_model, server.answers_as, server.fingerprint = True, "/home/agata/qwen3.gguf", "b6500-1a2b3c"
    _, made, _ = await said(server, model="whatever")
    assert (made.model, made.version) == ("openai/whatever", "qwen3.gguf b6500-1a2b3c")


# --- the connection ---


async def test_closing_the_stream_closes_the_connection_and_ends_the_generation(server: OpenAiServer) -> None:
    server.fault = Fault.ENDLESS
    async with aclosing(model(server)) as asked:
        stream = asked.stream(PROMPT, max_tokens=100, temperature=0)
        async with aclosing(stream):
            assert (await anext(stream)).text
        async with asyncio.timeout(5):
            await server.left.wait()
    assert (server.left_early, server.running) == (1, 0)


@pytest.mark.parametrize("fault", [Fault.HUNG, Fault.ENDLESS])
async def test_cancelling_the_reader_closes_the_connection(server: OpenAiServer, fault: Fault) -> None:
    server.fault = fault
    async with aclosing(model(server)) as asked:
        reader = asyncio.create_task(read(asked))
        async with asyncio.timeout(5):
            while not server.running:
                await asyncio.sleep(0.01)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await server.left.wait()
    assert reader.cancelled()
    assert (server.left_early, server.running) == (1, 0)


async def test_one_connection_serves_one_answer_after_another(server: OpenAiServer) -> None:
    async with aclosing(model(server)) as asked:
        for _ in range(3):
            await read(asked)
        assert server.connections == 1


async def test_server_that_says_done_and_stays_keeps_nobody_waiting(server: OpenAiServer) -> None:
    server.lingers = True
    async with asyncio.timeout(5):
        text, made, _ = await said_of(server, chunk("yes"), chunk(finish="stop"), DONE)
    assert (text, made.stop) == ("yes", "end")


async def test_answers_at_the_same_time_do_not_mix(server: OpenAiServer) -> None:
    server.between_tokens_s = 0.001
    async with aclosing(model(server)) as asked, asyncio.TaskGroup() as group:
        questions = [f"question number {number:03d}, and no other" for number in range(20)]
        tasks = [group.create_task(read(asked, Prompt(system="s", question=question, language="en"))) for question in questions]
    assert [task.result()[0] for task in tasks] == [f"You said: {question}" for question in questions]


async def test_proxy_of_the_environment_never_sees_what_stays_in_the_house(
    server: OpenAiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with OpenAiServer() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.address)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert (await said(server))[0]
        assert proxy.requests == []
        with pytest.raises(ModelError):
            await said(server, is_remote=True)
        assert len(proxy.requests) == 1


async def test_proxy_that_cannot_be_used_is_told_and_raises_nothing_else(
    server: OpenAiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "gopher://127.0.0.1:70")
    error = await failed(server, is_remote=True)
    assert isinstance(error, ModelUnreachable)
    assert "proxy" in error.detail


def test_key_shows_in_no_text_of_the_model() -> None:
    asked = OpenAiModel(base_url="http://x/v1", api_key=KEY, model="m", is_remote=True, is_wanted=True, clock=FakeClock())
    assert KEY not in repr(asked) + str(asked) + asked.name


async def test_closed_twice_and_used_again_it_works(server: OpenAiServer) -> None:
    asked = model(server)
    await read(asked)
    await asked.aclose()
    await asked.aclose()
    assert (await read(asked))[0]
    await asked.aclose()


# --- check ---


async def test_server_with_the_model_is_ready(server: OpenAiServer) -> None:
    async with aclosing(model(server, is_wanted=False)) as asked:
        status = await asked.check()
    assert (status.name, status.is_ready, status.is_remote, status.is_wanted) == (f"openai/{MODEL}", True, False, False)
    assert status.detail == f"ready at {server.base_url}"
    assert status.next_step == ""
    assert [one.method for one in server.requests] == ["GET"]


async def test_check_finds_the_model_where_none_was_named(server: OpenAiServer) -> None:
    async with aclosing(model(server, model="", is_remote=True)) as asked:
        status = await asked.check()
        assert (status.name, status.is_ready, status.is_remote) == (f"openai/{MODEL}", True, True)
        server.models = ["successor"]
        assert (await asked.check()).name == "openai/successor"


Change = Callable[[OpenAiServer], object]


def _answer_with(status: int) -> Change:
    return lambda server: setattr(server, "lists_status", status)


@pytest.mark.parametrize(
    ("change", "asked", "detail", "step"),
    [
        (lambda server: setattr(server, "key", "right"), {}, "asks for a key", "api_key"),
        (lambda server: setattr(server, "key", "right"), {"api_key": KEY}, "does not accept the key", "api_key"),
        (lambda server: setattr(server, "models", ["other"]), {}, f"no model {MODEL}", "such as other,"),
        (
            lambda server: setattr(server, "models", ["/home/agata/m.gguf"]),
            {},
            f"no model {MODEL}",
            "Leave models.openai.model empty",
        ),
        (lambda server: setattr(server, "models", []), {"model": ""}, "has no model", "models.openai.model"),
        (lambda server: setattr(server, "page", True), {}, "does not speak", "/v1"),
        (_answer_with(404), {}, "lists no models (404)", "/v1"),
        (_answer_with(503), {}, "still loading", "Wait"),
        (_answer_with(500), {}, "error of its own", "log"),
        (lambda server: setattr(server, "moved_to", "http://127.0.0.1:1"), {}, "(307)", "base_url"),
    ],
)
async def test_check_says_what_is_wrong_and_what_to_do(
    server: OpenAiServer, change: Change, asked: dict[str, Any], detail: str, step: str
) -> None:
    change(server)
    async with aclosing(model(server, **asked)) as checked:
        status = await checked.check()
    assert not status.is_ready
    assert detail in status.detail
    assert step in status.next_step
    assert KEY not in repr(status)
    assert "agata" not in repr(status)


async def test_check_of_a_server_that_is_not_there_says_so(server: OpenAiServer) -> None:
    await server.stop()
    async with aclosing(model(server)) as asked:
        status = await asked.check()
    assert status.detail == f"{server.base_url} cannot be reached (the connection was refused)"
    assert "Start that server" in status.next_step


async def test_server_that_lists_nothing_may_have_the_named_model(server: OpenAiServer) -> None:
    server.models = []
    async with aclosing(model(server)) as asked:
        assert (await asked.check()).is_ready


async def test_client_is_made_beside_the_event_loop(server: OpenAiServer) -> None:
    program = """
import asyncio, sys, threading
from bot.models.openai import OpenAiModel
from bot.system import SystemClock
made = {}
class Watch:
    def find_spec(self, name, *_):
        made.setdefault(name, threading.current_thread() is threading.main_thread())
sys.meta_path.insert(0, Watch())
asked = OpenAiModel(base_url=sys.argv[1], api_key=None, model="", is_remote=False, is_wanted=True, clock=SystemClock())
print(asyncio.run(asked.check()).is_ready, made["httpx"])
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, server.base_url, stdout=asyncio.subprocess.PIPE
    )
    assert (await process.communicate())[0].split() == [b"True", b"False"]


@needs_openssl
async def test_certificate_of_the_house_is_trusted_where_the_system_is_told_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await make(tmp_path, ["127.0.0.1"], language="en")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    address = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    async with listening:
        for trusted, words in ((None, "its certificate is not trusted"), (made.certificate, "the connection was lost")):
            if trusted is not None:
                monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
            asked = OpenAiModel(base_url=address, api_key=KEY, model="m", is_remote=False, is_wanted=True, clock=FakeClock())
            async with aclosing(asked):
                assert words in (await asked.check()).detail


def test_cause_is_found_however_deep_it_lies() -> None:
    outer = OSError("All connection attempts failed")
    outer.__cause__ = ExceptionGroup("several", [ConnectionRefusedError(), OSError()])
    assert why(outer, "en") == "the connection was refused"
    assert why(OSError("?"), "en") == "the connection was lost"
    assert why(TimeoutError(), "en") == "no connection within 5 s"


@given(st.binary(max_size=200))
def test_no_bytes_of_a_server_raise_anything_unforeseen(body: bytes) -> None:
    refusal_of(body)
    for reading in (lambda: model_ids(body), lambda: piece_of(Event("message", body))):
        try:
            reading()
        except WireError:
            continue

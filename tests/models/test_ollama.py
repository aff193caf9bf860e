"""What Ollama answers and how it fails, against a local server that speaks its protocol and minds every field it is sent."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.certificate import make
from bot.errors import ModelBroken, ModelBusy, ModelError, ModelRejected, ModelUnreachable, RequestRejected
from bot.models.ollama_api import translated
from bot.models.scripted import Fault
from bot.types import Chunk
from tests.certificates import needs_openssl
from tests.models.ollama_talk import Redirect, Stub, ask, at, failure, read, told_by
from tests.servers.http import HttpServer, Request, Response
from tests.servers.ollama import MODEL, NDJSON, Installed, OllamaServer, model
from tests.servers.spec import ABSENT, spec

SECRET = "my sister's name is Zenobia"


@pytest.fixture
async def server() -> AsyncIterator[OllamaServer]:
    async with OllamaServer() as running:
        yield running


# --- an answer ---


async def test_an_answer_streams_with_the_servers_own_counts_and_the_models_digest(server: OllamaServer) -> None:
    async with aclosing(model(server)) as asked:
        text, made, chunks = await read(asked)
    assert text.startswith("You said: ")
    assert "lighthouse" in text
    assert len(chunks) > 3
    assert made.model == asked.name == "ollama/llama3.2"
    assert made.version == server.models[MODEL].full_digest[:12]
    assert (made.stop, made.completion_tokens) == ("end", len(chunks) - 1)
    assert made.prompt_tokens > 20
    assert 0 < (made.first_token_s or 0) <= made.seconds
    assert server.problems == []


async def test_the_request_holds_the_rendered_prompt_the_room_for_it_and_nothing_else(server: OllamaServer) -> None:
    async with aclosing(model(server, context_tokens=3000, keep_alive_s=60.0)) as asked:
        await read(asked, max_tokens=77)
    body = server.prompts[0]
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
    assert body["options"] == {"num_ctx": 3000, "num_predict": 77, "temperature": 0.2}
    assert (body["model"], body["keep_alive"], body["stream"]) == (MODEL, 60, True)
    assert "think" not in body
    assert server.problems == []


async def test_an_answer_cut_by_its_limit_says_so(server: OllamaServer) -> None:
    async with aclosing(model(server)) as asked:
        text, made, _ = await read(asked, max_tokens=2)
    assert made.stop == "length"
    assert made.completion_tokens == 2
    assert len(text) <= 24


async def test_tokens_are_estimated_where_the_server_does_not_count(server: OllamaServer) -> None:
    server.counts_tokens = False
    async with aclosing(model(server)) as asked:
        text, made, _ = await read(asked)
    assert len(text) / 5 < made.completion_tokens < len(text)
    assert made.prompt_tokens > 20


async def test_one_connection_serves_answer_after_answer(server: OllamaServer) -> None:
    async with aclosing(model(server)) as asked:
        for _ in range(3):
            await read(asked)
    assert server.connections == 1
    assert server.left_early == 0


async def test_closing_a_stream_in_the_middle_closes_the_connection_at_once(server: OllamaServer) -> None:
    server.between_tokens_s = 0.01
    server.fault = Fault.ENDLESS
    async with aclosing(model(server)) as asked:
        stream = asked.stream(ask(), max_tokens=10**6, temperature=0.2)
        assert isinstance(stream, AsyncGenerator)
        async with asyncio.timeout(5), aclosing(stream):
            async for chunk in stream:
                assert chunk.text
                break
        async with asyncio.timeout(5):
            await server.left.wait()
        assert server.running == 0
        server.fault = None
        assert (await read(asked))[1].stop == "end"


async def test_closing_a_stream_has_closed_the_clients_own_when_it_returns() -> None:
    is_closed = False

    async def pieces() -> AsyncGenerator[int, None]:
        nonlocal is_closed
        try:
            while True:
                yield 1
        finally:
            is_closed = True

    clients = pieces()  # held here, so that not the garbage collector closes it
    stream = translated("ollama/m", clients)
    assert await anext(stream) == 1
    await stream.aclose()
    assert is_closed


async def test_a_reader_that_is_cancelled_before_the_first_word_closes_the_connection(server: OllamaServer) -> None:
    server.fault = Fault.HUNG
    async with aclosing(model(server)) as asked:
        reader = asyncio.create_task(read(asked))
        async with asyncio.timeout(5):
            while not server.prompts:
                await asyncio.sleep(0.005)
        reader.cancel()
        async with asyncio.timeout(5):
            await server.left.wait()
        with pytest.raises(asyncio.CancelledError):
            await reader


async def test_letting_go_of_connections_twice_harms_nothing_and_the_next_question_connects_again(
    server: OllamaServer,
) -> None:
    asked = model(server)
    await asked.aclose()
    await read(asked)
    await asked.aclose()
    await asked.aclose()
    await read(asked)
    await asked.aclose()


# --- reasoning ---


async def test_reasoning_is_told_as_a_sign_of_life_and_never_shown() -> None:
    async with OllamaServer(Installed(name="qwen3:4b", capabilities=("completion", "thinking"))) as server:
        async with aclosing(model(server, think=True)) as asked:
            text, made, chunks = await read(asked)
        assert [chunk.is_thinking for chunk in chunks[:3]] == [True, True, False]
        assert all(not chunk.text for chunk in chunks if chunk.is_thinking)
        assert "Let me" not in text
        assert server.prompts[0]["think"] is True
        assert made.completion_tokens == len(chunks) - 1
        assert server.problems == []


async def test_a_model_that_could_reason_is_told_not_to_unless_that_is_wanted() -> None:
    async with OllamaServer(Installed(name="qwen3:4b", capabilities=("completion", "thinking"))) as server:
        async with aclosing(model(server)) as asked:
            _, _, chunks = await read(asked)
        assert server.prompts[0]["think"] is False
        assert not any(chunk.is_thinking for chunk in chunks)


async def test_reasoning_within_the_text_is_dropped_too(server: OllamaServer) -> None:
    server.say = lambda _: "<think>The person wants a colour, so I say it.</think>\n\nGreen."
    async with aclosing(model(server)) as asked:
        text, _, chunks = await read(asked)
    assert text == "Green."
    assert chunks[0] == Chunk(text="", is_thinking=True)
    assert all("think" not in chunk.text for chunk in chunks)


async def test_text_that_could_have_become_a_tag_is_not_lost_at_the_end(server: OllamaServer) -> None:
    server.say = lambda _: "<th"
    async with aclosing(model(server)) as asked:
        text, made, _ = await read(asked)
    assert text == "<th"
    assert made.first_token_s is not None


# --- failures ---


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault.UNAUTHORIZED, ModelRejected, "401"),
        (Fault.MISSING, ModelRejected, "404"),
        (Fault.UNPROCESSABLE, RequestRejected, "422"),
        (Fault.TOO_MANY, ModelBusy, "429"),
        (Fault.UNAVAILABLE, ModelBusy, "503"),
        (Fault.REFUSED, ModelBroken, "after the question was sent"),
        (Fault.CUT, ModelBroken, "in the middle"),
        (Fault.WRONG_DATA, ModelBroken, "protocol"),
    ],
    ids=lambda value: value.value if isinstance(value, Fault) else "",
)
async def test_a_fault_becomes_the_error_that_tells_what_to_do_about_it(
    server: OllamaServer, fault: Fault, kind: type[ModelError], words: str
) -> None:
    server.fault = fault
    async with aclosing(model(server)) as asked:
        error = await failure(asked, ask(SECRET))
        assert type(error) is kind or (fault is Fault.MISSING and isinstance(error, kind))
        assert words in error.detail
        assert error.model == "ollama/llama3.2"
        server.fault = None
        assert (await read(asked))[0]


async def test_a_busy_server_may_say_by_a_date_how_long_to_wait() -> None:
    class Busy(HttpServer):
        async def answer(self, request: Request, response: Response) -> None:
            await response.json({"error": "busy"}, 503, {"Retry-After": formatdate(time.time() + 60, usegmt=True)})

    async with Busy() as busy, aclosing(at(busy.address)) as asked:
        error = await failure(asked)
    assert isinstance(error, ModelBusy)
    assert error.retry_after_s is not None
    assert 0 < error.retry_after_s <= 60


async def test_a_look_that_breaks_off_may_be_tried_again() -> None:
    class Cutting(HttpServer):
        async def answer(self, request: Request, response: Response) -> None:
            response.cut()

    async with Cutting() as cutting, aclosing(at(cutting.address)) as asked:
        error = await failure(asked)
    assert type(error) is ModelUnreachable
    assert "before an answer" in error.detail


async def test_tokens_to_think_are_asked_for_besides_those_of_the_answer() -> None:
    async with OllamaServer(Installed(name="qwen3:4b", capabilities=("completion", "thinking"))) as server:
        for think, wanted in ((True, 1600), (False, 100)):
            async with aclosing(model(server, think=think, thought_tokens=1500)) as asked:
                await read(asked, max_tokens=100)
            assert server.prompts[-1]["options"]["num_predict"] == wanted
    async with OllamaServer() as server, aclosing(model(server, think=True, thought_tokens=1500)) as asked:
        await read(asked, max_tokens=100)
        assert server.prompts[-1]["options"]["num_predict"] == 100, "it cannot think"


async def test_reasoning_whose_opening_tag_the_server_keeps_is_hidden_where_the_model_was_let_think() -> None:
    async with OllamaServer(Installed(name="r1:7b", capabilities=("completion", "thinking"))) as server:
        server.thoughts = ()
        async with aclosing(model(server, think=True)) as asked:
            server.say = lambda _: "The person wants a colour.</think>\n\nGreen."
            text, _, chunks = await read(asked)
            assert text == "Green."
            assert chunks[0].is_thinking
            server.say = lambda _: "Green, without any thought about it."
            assert (await read(asked))[0] == "Green, without any thought about it."
            server.thoughts = ("Let me ", "see.")
            chunks = (await read(asked))[2]
            assert [chunk.is_thinking for chunk in chunks[:3]] == [True, True, False], "set apart: nothing is held back"


async def test_reasoning_without_an_opening_tag_is_hidden_from_the_second_time_on(server: OllamaServer) -> None:
    server.say = lambda _: "The person wants a colour.</think>\n\nGreen."
    async with aclosing(model(server)) as asked:
        assert "</think>" in (await read(asked))[0], "what was shown cannot be taken back"
        assert (await read(asked))[0] == "Green."


@needs_openssl
async def test_certificate_of_the_house_is_trusted_where_the_system_is_told_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await make(tmp_path, ["127.0.0.1"], language="en")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with listening:
        for trusted, words in ((None, "no connection"), (made.certificate, "was lost before an answer")):
            if trusted is not None:
                monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
            async with aclosing(at(f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}")) as asked:
                assert words in (await failure(asked)).detail


@pytest.mark.parametrize(
    ("header", "seconds"), [(7.0, 7.0), (0.0, 0.0), (None, None), (float("inf"), None), (float("nan"), None), (-1.0, None)]
)
async def test_a_busy_server_says_how_long_to_wait(server: OllamaServer, header: float | None, seconds: float | None) -> None:
    server.fault, server.retry_after_s = Fault.UNAVAILABLE, header
    async with aclosing(model(server)) as asked:
        error = await failure(asked)
    assert isinstance(error, ModelBusy)
    assert error.retry_after_s == seconds


async def test_a_server_that_is_away_is_unreachable_and_found_again(server: OllamaServer) -> None:
    async with aclosing(model(server)) as asked:
        await read(asked)
        await server.stop()
        assert isinstance(await failure(asked), ModelUnreachable)
        assert not (await asked.check()).is_ready
        await server.start()
        assert (await read(asked))[0]
        assert (await asked.check()).is_ready


@pytest.mark.parametrize(
    ("reported", "kind"),
    [("server busy, please try again.  maximum pending requests exceeded", ModelBusy), ("an unknown error", ModelBroken)],
)
async def test_an_error_in_the_middle_of_a_stream_is_told_in_our_words(
    server: OllamaServer, reported: str, kind: type[ModelError]
) -> None:
    server.in_stream_error = f"{reported}: {SECRET}"
    async with aclosing(model(server)) as asked:
        error = await failure(asked)
    assert type(error) is kind
    assert "Zenobia" not in told_by(error)


@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.UNPROCESSABLE, Fault.UNAVAILABLE, Fault.WRONG_DATA, Fault.CUT])
async def test_no_error_repeats_what_was_said(server: OllamaServer, fault: Fault) -> None:
    server.fault = fault
    async with aclosing(model(server)) as asked:
        error = await failure(asked, ask(SECRET))
    assert "Zenobia" not in told_by(error)


async def test_a_stream_that_ends_without_saying_so_is_broken() -> None:
    begun = b'{"model":"m","message":{"role":"assistant","content":"Gre"},"done":false}\n'
    async with Stub({"/api/chat": [begun]}) as stub, aclosing(at(stub.address)) as asked:
        error = await failure(asked)
    assert type(error) is ModelBroken
    assert "whole" in error.detail


@pytest.mark.parametrize(
    "line", [b"[]\n", b'"text"\n', b"null\n", b"7\n", b"\n", b'{"done": true}\n', b'{"message": 3}\n', b"\xff\n"]
)
async def test_whatever_a_server_sends_instead_of_an_answer_is_broken(line: bytes) -> None:
    async with Stub({"/api/chat": [line]}) as stub, aclosing(at(stub.address)) as asked:
        assert type(await failure(asked)) is ModelBroken


@pytest.mark.parametrize("error", [b'"{"', b'"\\"text\\""', b'{"message": "no"}', b'"{\\"error\\": 5}"', b"[7]"])
async def test_an_error_of_any_shape_is_broken(error: bytes) -> None:
    async with Stub({"/api/chat": [b'{"error": ' + error + b"}\n"]}) as stub, aclosing(at(stub.address)) as asked:
        assert type(await failure(asked)) is ModelBroken


@pytest.mark.parametrize("count", [-1, 0, 10**30])
async def test_a_count_that_cannot_be_is_estimated_instead(count: int) -> None:
    said = {"model": "m", "message": {"role": "assistant", "content": "Green."}, "done": True}
    line = json.dumps({**said, "eval_count": count, "prompt_eval_count": count}).encode() + b"\n"
    async with Stub({"/api/chat": [line]}) as stub, aclosing(at(stub.address)) as asked:
        _, made, _ = await read(asked)
    assert 0 < made.completion_tokens < 10
    assert 0 < made.prompt_tokens < 1000


async def test_a_digest_that_is_none_pins_nothing() -> None:
    listed = b'{"models": [{"name": "m", "digest": "\\u001b[31m ab"}]}'
    async with Stub({"/api/tags": [listed]}) as stub:
        async with aclosing(at(stub.address)) as asked:
            assert (await asked.check()).version == ""
        async with aclosing(at(stub.address, digest="ab" * 6)) as asked:
            assert not (await asked.check()).is_ready


async def test_a_proxy_that_is_none_is_no_reason_to_raise_from_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://nowhere")
    async with aclosing(at("http://127.0.0.1:1", is_remote=True, may_forward=True)) as asked:
        assert not (await asked.check()).is_ready
        assert isinstance(await failure(asked), ModelUnreachable)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10**5,
        b"[]",
        b"{}",
        b"no json",
        b'{"models": 3}',
    ],
    ids=lambda body: repr(body[:30]),
)
async def test_a_list_that_is_none_is_no_reason_to_raise_from_a_check(body: bytes) -> None:
    async with Stub({"/api/tags": [body]}) as stub, aclosing(at(stub.address)) as asked:
        status = await asked.check()
    assert not status.is_ready
    assert "does not do as Ollama should" in status.detail
    assert status.detail.endswith("not understandable")


async def test_an_entry_that_is_none_takes_nothing_from_the_others() -> None:
    odd = b'3, {"size": 1}, {"name": "o\\n"}, {"name": 4}, null, {"name": "p", "digest": 5, "size": Infinity, "details": 6}'
    for entries, is_ready in [(odd + b', {"name": "m", "digest": "ab"}', True), (b'3, {"name": "o\\n"}', False)]:
        async with Stub({"/api/tags": [b'{"models": [' + entries + b"]}"]}) as stub, aclosing(at(stub.address)) as asked:
            assert (await asked.check()).is_ready is is_ready


async def test_a_line_without_end_is_broken_off_before_it_fills_the_memory() -> None:
    piece = b"x" * (1024 * 1024)
    async with Stub({"/api/chat": [piece] * 100}) as stub, aclosing(at(stub.address)) as asked:
        error = await failure(asked)
        assert isinstance(error, ModelBroken)
        assert "protocol" in error.detail
        async with asyncio.timeout(30):
            while stub.running:
                await asyncio.sleep(0.01)
        assert stub.left_early == 1


async def test_a_connection_that_is_lost_after_the_last_word_takes_nothing_from_the_answer() -> None:
    said = b'{"model":"m","message":{"role":"assistant","content":"Green."},"done":true,"done_reason":"stop"}\n'
    async with Stub({"/api/chat": [said]}, is_cut=True) as stub, aclosing(at(stub.address)) as asked:
        text, made, _ = await read(asked)
    assert (text, made.stop) == ("Green.", "end")


async def test_what_is_no_http_server_is_broken_and_not_tried_again() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        async with aclosing(at(f"http://127.0.0.1:{port}")) as asked:
            assert type(await failure(asked)) is ModelBroken


async def test_a_redirect_is_not_followed(server: OllamaServer) -> None:
    async with Redirect(server.address) as elsewhere, aclosing(at(elsewhere.address)) as asked:
        error = await failure(asked)
    assert isinstance(error, ModelRejected)
    assert "302" in error.detail
    assert server.requests == []


# --- what it costs, and what the server is worth ---


def test_importing_the_adapter_loads_neither_ollama_nor_its_http_client() -> None:
    code = "import sys, bot.models.ollama, bot.models.ollama_library; print({'ollama', 'httpx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


async def test_the_test_server_speaks_as_the_published_description_says(server: OllamaServer) -> None:
    described = spec("ollama")
    if described is None:
        pytest.skip(ABSENT)
    bodies: dict[str, dict[str, Any]] = {
        "/api/show": {"model": MODEL},
        "/api/chat": {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "options": {"num_predict": 9}},
        "/api/pull": {"model": "new"},
        "/api/generate": {"model": MODEL},
    }
    beyond = ("parent_model", "modelfile", "remote_model", "remote_host", "message")
    server.library = {"new:latest": ()}
    problems: list[str] = []
    async with httpx.AsyncClient(base_url=server.address) as client:
        for path in ("/api/version", "/api/tags", "/api/ps"):
            answer = (await client.get(path)).json()
            problems += described.answer_problems("GET", path, 200, answer, beyond=beyond)
        for path, body in bodies.items():
            answer = await client.post(path, json=body)
            kind = answer.headers["content-type"]
            for line in answer.text.splitlines() if kind == NDJSON else [answer.text]:
                problems += [f"{path}: {one}" for one in _problems(described, path, line, kind)]
    assert problems == []


def _problems(described: Any, path: str, line: str, kind: str) -> list[str]:
    found: list[str] = described.answer_problems("POST", path, 200, json.loads(line), media_type=kind)
    return found

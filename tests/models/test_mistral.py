"""Mistral's models: what is read of an answer, what each way to fail becomes, and that nothing comes out that should not."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import traceback
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest

from bot.errors import ModelBroken, ModelBusy, ModelError, ModelRejected, ModelUnreachable, RequestRejected
from bot.messages import prompt_tokens
from bot.models.mistral import MistralModel
from bot.models.mistral_wire import reason_of
from bot.models.scripted import Fault
from bot.tokens import estimate_tokens
from bot.types import Chunk, Exchange, Generation, Prompt
from tests.servers.mistral import KEY, MODEL, MistralServer, model

SECRET = "the diary of the lighthouse keeper"
PROMPT = Prompt(system="You are Martín.", question=SECRET, language="en")


@pytest.fixture
async def server() -> AsyncGenerator[MistralServer, None]:
    async with MistralServer() as running:
        yield running


async def read(asked: MistralModel, prompt: Prompt = PROMPT, *, max_tokens: int = 1000) -> tuple[str, Generation]:
    chunks = await chunks_of(asked, prompt, max_tokens=max_tokens)
    assert [chunk.generation for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].generation is not None
    return "".join(chunk.text for chunk in chunks), chunks[-1].generation


async def chunks_of(asked: MistralModel, prompt: Prompt = PROMPT, *, max_tokens: int = 1000) -> list[Chunk]:
    try:
        return [chunk async for chunk in asked.stream(prompt, max_tokens=max_tokens, temperature=0.4)]
    finally:
        await asked.aclose()


def events(*deltas: object, end: str | None = "stop", **more: object) -> Sequence[str]:
    """A stream of these deltas; the last event carries `end` and whatever `more` says."""
    said = [_event(delta, None) for delta in deltas]
    return [*said, _event({"content": ""}, end, **more), "data: [DONE]"]


def _event(delta: object, end: str | None, **more: object) -> str:
    chunk = {"id": "1", "model": MODEL, "choices": [{"index": 0, "delta": delta, "finish_reason": end}], **more}
    return f"data: {json.dumps(chunk)}"


# --- what is sent and read ---


async def test_question_goes_out_as_messages_and_the_answer_comes_back_whole(server: MistralServer) -> None:
    prompt = Prompt(
        system="You are Martín.", question="And now?", language="en", history=(Exchange(question="Hi", answer="Hello"),)
    )
    text, made = await read(model(server), prompt)
    assert text == "You said: And now?"
    assert server.prompts == [
        {
            "model": MODEL,
            "stream": True,
            "max_tokens": 1000,
            "temperature": 0.4,
            "messages": [
                {"role": "system", "content": "You are Martín."},
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello", "prefix": False},
                {"role": "user", "content": "And now?"},
            ],
        }
    ]
    assert (made.model, made.stop, made.version) == (f"mistral/{MODEL}", "end", "")
    assert server.problems == []


async def test_tokens_are_those_that_the_server_counted(server: MistralServer) -> None:
    usage = {"prompt_tokens": 1234, "completion_tokens": 56, "total_tokens": 1290}
    server.events = events({"content": "Yes."}, usage=usage)
    _, made = await read(model(server))
    assert (made.prompt_tokens, made.completion_tokens) == (1234, 56)


async def test_tokens_may_be_counted_in_an_event_of_their_own(server: MistralServer) -> None:
    counted = {"id": "1", "model": MODEL, "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
    server.events = [*events({"content": "Yes."})[:-1], f"data: {json.dumps(counted)}", "data: [DONE]"]
    text, made = await read(model(server))
    assert (text, made.prompt_tokens, made.completion_tokens) == ("Yes.", 9, 3)


async def test_tokens_that_nobody_counted_are_estimated_thinking_included(server: MistralServer) -> None:
    thinking = {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Let me think about it."}]}]}
    server.events = events(thinking, {"content": "Yes."})
    _, made = await read(model(server))
    assert made.prompt_tokens == prompt_tokens(PROMPT)
    assert made.completion_tokens == estimate_tokens("Let me think about it.Yes.")


async def test_name_behind_an_alias_is_told(server: MistralServer) -> None:
    server.version = "mistral-small-2603"
    assert (await read(model(server)))[1].version == "mistral-small-2603"


async def test_thinking_in_parts_is_a_sign_of_life_and_never_shown(server: MistralServer) -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hmm."}, {"type": "reference", "reference_ids": [1]}]}
    server.events = events(
        {"role": "assistant", "content": ""},
        {"content": [thinking]},
        {"content": [{"type": "text", "text": "It is "}, {"type": "text", "text": "green."}]},
        {"content": None},
    )
    chunks = await chunks_of(model(server))
    assert [(chunk.text, chunk.is_thinking) for chunk in chunks] == [("", True), ("It is green.", False), ("", False)]


async def test_thinking_between_tags_is_a_sign_of_life_and_never_shown(server: MistralServer) -> None:
    server.events = events(*({"content": piece} for piece in ("<th", "ink>Hmm", ", well", "</think>\n", "Green.")))
    chunks = await chunks_of(model(server))
    assert "".join(chunk.text for chunk in chunks) == "Green."
    assert [chunk.is_thinking for chunk in chunks][:2] == [True, True]


async def test_text_that_only_began_like_a_tag_is_shown(server: MistralServer) -> None:
    server.events = events({"content": "<thin"})
    text, made = await read(model(server))
    assert text == "<thin"
    assert made.first_token_s is not None


@pytest.mark.parametrize("count", [10**30, -1, 0, 1.5, True, "7"])
async def test_count_that_can_be_none_is_estimated(server: MistralServer, count: object) -> None:
    usage = json.dumps({"choices": [], "usage": {"prompt_tokens": count, "completion_tokens": count}})
    *said, done = events({"content": "It is green."})
    server.events = [*said, f"data: {usage}", done]
    _, made = await read(model(server))
    assert 0 < made.prompt_tokens < 1000
    assert 0 < made.completion_tokens < 10


@pytest.mark.parametrize(
    ("told", "stop"),
    [
        ("stop", "end"),
        ("length", "length"),
        ("model_length", "length"),
        ("error", "error"),
        ("tool_calls", "error"),
        ("?", "error"),
    ],
)
async def test_reason_to_stop_is_kept(server: MistralServer, told: str, stop: str) -> None:
    server.events = events({"content": "Well"}, end=told)
    assert (await read(model(server)))[1].stop == stop


async def test_answer_that_reached_its_longest_says_so(server: MistralServer) -> None:
    server.say = lambda _: "word " * 100
    _, made = await read(model(server), max_tokens=3)
    assert (made.stop, made.completion_tokens) == ("length", 3)


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_address_may_end_in_its_version(server: MistralServer, suffix: str) -> None:
    assert (await read(model(server, server_url=server.address + suffix)))[0]
    assert server.problems == []


async def test_questions_one_after_the_other_share_a_connection(server: MistralServer) -> None:
    asked = model(server)
    async with aclosing(asked):
        for _ in range(3):
            assert [chunk async for chunk in asked.stream(PROMPT, max_tokens=100, temperature=0)]
    assert (server.connections, server.left_early) == (1, 0)


async def test_it_answers_again_after_it_was_closed(server: MistralServer) -> None:
    asked = model(server)
    assert [(await read(asked))[0] for _ in range(2)] == [f"You said: {SECRET}"] * 2


async def test_model_that_is_to_be_withdrawn_answers_all_the_same(server: MistralServer) -> None:
    server.headers = {"x-model-deprecation-timestamp": "2027-01-31T00:00:00Z"}
    assert (await read(model(server)))[1].stop == "end"


async def test_answer_that_is_whole_survives_a_connection_that_breaks_behind_it(server: MistralServer) -> None:
    server.events, server.fault = events({"content": "Green."}), Fault.CUT
    text, made = await read(model(server))
    assert (text, made.stop) == ("Green.", "end")


# --- ways to fail ---


async def failure(asked: MistralModel, prompt: Prompt = PROMPT, *, temperature: float = 0.4) -> ModelError:
    """The error that a question ends in; neither it nor its traceback may hold what was asked, or the key."""
    with pytest.raises(ModelError) as raised:
        async for _ in asked.stream(prompt, max_tokens=100, temperature=temperature):
            pass
    await asked.aclose()
    told = "".join(traceback.format_exception(raised.value))
    assert SECRET not in told
    assert KEY not in told
    return raised.value


@pytest.mark.parametrize(
    ("fault", "kind", "detail"),
    [
        (Fault.UNAUTHORIZED, ModelRejected, "401: the key is not accepted"),
        (Fault.MISSING, ModelRejected, "404: no such model or address"),
        (Fault.UNPROCESSABLE, RequestRejected, "422: it does not accept messages"),
        (Fault.TOO_MANY, ModelBusy, "429: too many requests"),
        (Fault.UNAVAILABLE, ModelBusy, "503: it is overloaded"),
        (Fault.REFUSED, ModelBroken, "the connection was lost after the question was sent"),
        (Fault.CUT, ModelBroken, "the connection broke off before the answer was whole"),
        (Fault.WRONG_DATA, ModelBroken, "an event of the stream is not what the protocol says"),
    ],
)
async def test_fault_is_named_in_our_own_words(
    server: MistralServer, fault: Fault, kind: type[ModelError], detail: str
) -> None:
    server.fault = fault
    error = await failure(model(server))
    assert (type(error).__mro__.index(kind) <= 1, error.detail) == (True, detail)
    assert error.model == f"mistral/{MODEL}"
    assert server.generations == 1, "nothing is tried again here"


async def test_busy_server_says_how_long_to_wait(server: MistralServer) -> None:
    server.fault, server.retry_after_s = Fault.TOO_MANY, 7.0
    error = await failure(model(server))
    assert isinstance(error, ModelBusy)
    assert error.retry_after_s == 7.0


async def test_server_that_does_not_listen_is_unreachable(server: MistralServer) -> None:
    await server.stop()
    error = await failure(model(server))
    assert isinstance(error, ModelUnreachable)
    assert error.detail == "no connection"


async def test_unknown_model_is_rejected(server: MistralServer) -> None:
    error = await failure(model(server, model="mistral-tiny"))
    assert type(error) is ModelRejected, "every other question would be refused like this one"
    assert error.detail == "400: no such model or address"


async def test_parameter_that_is_not_accepted_is_named(server: MistralServer) -> None:
    error = await failure(model(server), temperature=99)
    assert isinstance(error, RequestRejected)
    assert error.detail == "422: it does not accept temperature"


async def test_missing_key_is_rejected_before_anything_is_sent(server: MistralServer) -> None:
    error = await failure(model(server, api_key="", is_remote=True))
    assert isinstance(error, ModelRejected)
    assert server.requests == []


@pytest.mark.parametrize("key", ["clave-de-España", "two\nlines"])
async def test_key_that_no_header_can_hold_is_rejected_and_not_shown(server: MistralServer, key: str) -> None:
    error = await failure(model(server, api_key=key))
    assert isinstance(error, ModelRejected)
    assert key not in "".join(traceback.format_exception(error))
    assert server.requests == []


@pytest.mark.parametrize(
    "streamed",
    [
        events({"content": "Well"}, end=None),
        events({"content": "Well"})[:1],
        ['data: {"object": "error", "message": "out of memory"}'],
        ["data: Internal Server Error"],
        ['data: {"choices": [{"delta": {"content": 7}}]}'],
        [],
    ],
    ids=["no reason to stop", "no end", "error", "no JSON", "wrong type", "nothing"],
)
async def test_stream_that_is_not_what_it_should_be_is_broken(server: MistralServer, streamed: Sequence[str]) -> None:
    server.events = streamed
    assert isinstance(await failure(model(server)), ModelBroken)


async def test_line_without_end_is_broken_off(server: MistralServer) -> None:
    server.events = ["data: " + "x" * 3_000_000]
    error = await failure(model(server))
    assert isinstance(error, ModelBroken)
    assert "bytes" in error.detail


async def test_redirect_is_not_followed(server: MistralServer) -> None:
    async with MistralServer() as other:
        server.moved_to = other.address
        error = await failure(model(server))
        assert isinstance(error, ModelRejected)
        assert error.detail == "307: it sends elsewhere, and redirects are not followed"
        assert other.requests == []


# --- leaving ---


async def test_leaving_a_stream_closes_its_connection_at_once(server: MistralServer) -> None:
    server.fault, server.between_tokens_s = Fault.ENDLESS, 0.01
    asked = model(server)
    stream = asked.stream(PROMPT, max_tokens=10_000, temperature=0)
    async with aclosing(stream):
        assert (await anext(stream)).text
    async with asyncio.timeout(10):
        await server.left.wait()
    await asked.aclose()


async def test_leaving_before_the_first_token_closes_the_connection(server: MistralServer) -> None:
    server.fault = Fault.HUNG
    asked = model(server)
    reader = asyncio.create_task(chunks_of(asked))
    async with asyncio.timeout(10):
        while not server.generations:
            await asyncio.sleep(0.01)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await server.left.wait()


async def test_whenever_somebody_leaves_no_generation_goes_on(server: MistralServer) -> None:
    server.between_tokens_s = 30.0
    asked = model(server)
    for steps in range(60):
        stream = asked.stream(PROMPT, max_tokens=100, temperature=0)
        first = asyncio.ensure_future(anext(stream))
        before = server.generations
        async with asyncio.timeout(10):
            while server.generations == before:
                await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await stream.aclose()
    async with asyncio.timeout(10):
        while server.running:
            await asyncio.sleep(0.01)
    await asked.aclose()


# --- what must not come out ---


async def test_key_is_in_no_log_and_no_repr(
    server: MistralServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MISTRAL_DEBUG", "1")
    caplog.set_level(logging.DEBUG)
    asked = model(server)
    await asked.check()
    await read(asked)
    server.fault = Fault.UNPROCESSABLE
    await failure(asked)
    assert caplog.records, "the HTTP client logs at this level"
    for told in (caplog.text, repr(asked), str(asked)):
        assert KEY not in told
        assert SECRET not in told


async def test_other_keys_of_the_environment_are_not_sent(server: MistralServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "somebody-elses-key")
    monkeypatch.setenv("MISTRAL_SA_TOKEN_PATH", __file__)
    error = await failure(model(server, api_key=""))
    assert isinstance(error, ModelRejected)
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer none"]


async def test_nothing_is_traced_whatever_the_environment_says(server: MistralServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with MistralServer() as collector:
        monkeypatch.setenv("MISTRAL_SDK_TELEMETRY", "dedicated")
        monkeypatch.setenv("MISTRAL_OTLP_TRACES_ENDPOINT", collector.address)
        assert (await read(model(server)))[1].stop == "end"
        assert collector.requests == []
    assert {request.path for request in server.requests} == {"/v1/chat/completions"}
    assert "traceparent" not in server.requests[0].headers


@pytest.mark.parametrize("is_remote", [False, True])
async def test_only_a_remote_server_is_asked_through_a_proxy(
    server: MistralServer, monkeypatch: pytest.MonkeyPatch, is_remote: bool
) -> None:
    async with MistralServer() as proxy:
        for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "http_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        asked = model(server, is_remote=is_remote)
        await asked.check()
        await asked.aclose()
        assert (bool(server.requests), bool(proxy.requests)) == (not is_remote, is_remote)


def test_mistrals_client_is_loaded_only_when_it_is_used() -> None:
    program = "import sys, bot.models.mistral; print(sorted({'mistralai', 'httpx2', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_broken_proxy_of_the_environment_is_told_and_not_shown(
    server: MistralServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://me:hidden@proxy")
    asked = model(server, is_remote=True)
    error = await failure(asked)
    assert isinstance(error, ModelUnreachable)
    assert "hidden" not in "".join(traceback.format_exception(error))
    told = await asked.check()
    assert (told.is_ready, "proxy" in told.detail, "hidden" in told.detail) == (False, True, False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"detail": [{"loc": ["body", "temperature"], "msg": SECRET, "input": SECRET}]}, "it does not accept temperature"),
        ({"message": {"detail": [{"loc": ["max_tokens"]}]}, "type": "invalid_request_error"}, "it does not accept max_tokens"),
        ({"detail": [{"loc": ["body", "messages", 0, SECRET]}]}, "it does not accept messages"),
        ({"detail": SECRET}, "it refuses the request"),
        ({"detail": [{"loc": SECRET}]}, "it refuses the request"),
        ({"message": SECRET, "type": SECRET}, "it refuses the request"),
        ({"message": "Invalid model", "type": "invalid_model"}, "no such model or address"),
        (SECRET, "it refuses the request"),
    ],
)
def test_reason_of_a_refusal_repeats_only_names_of_parameters(body: object, reason: str) -> None:
    assert reason_of(422, json.dumps(body)) == reason


def test_refusal_that_is_no_json_is_a_refusal() -> None:
    assert reason_of(422, f"<html>{SECRET}</html>") == "it refuses the request"

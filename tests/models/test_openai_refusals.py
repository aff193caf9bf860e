"""What OpenAI-compatible servers refuse, what the adapter makes of it, and what it then leaves out."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ModelBroken, ModelBusy, ModelError, ModelRejected, ModelUnreachable, RequestRejected
from bot.models.openai_wire import refusal_of
from bot.models.over_http import token_count, wait_s
from bot.models.scripted import Fault
from tests.models.openai_talk import KEY, SECRET, failed, read
from tests.servers.openai import MODEL, OpenAiServer, model


@pytest.fixture
async def server() -> AsyncGenerator[OpenAiServer, None]:
    async with OpenAiServer() as running:
        yield running


# --- refusals ---


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault.UNAUTHORIZED, ModelRejected, "401: the key is not accepted"),
        (Fault.MISSING, ModelRejected, "404: no such model or address"),
        (Fault.UNPROCESSABLE, RequestRejected, "422: the request cannot be processed"),
        (Fault.TOO_MANY, ModelBusy, "429: busy"),
        (Fault.UNAVAILABLE, ModelBusy, "503: busy"),
    ],
)
async def test_refusals_are_told_apart(server: OpenAiServer, fault: Fault, kind: type[ModelError], words: str) -> None:
    server.fault = fault
    error = await failed(server, api_key=KEY)
    assert isinstance(error, kind)
    assert error.detail.startswith(words)
    assert error.model == f"openai/{MODEL}"
    assert server.generations == 1


async def test_wrong_key_is_refused_by_a_server_that_wants_one(server: OpenAiServer) -> None:
    server.key = "another"
    assert (await failed(server, api_key=KEY)).detail == "401: the key is not accepted (invalid_api_key)"


async def test_busy_server_is_waited_for_as_long_as_it_asks(server: OpenAiServer) -> None:
    server.fault, server.retry_after_s = Fault.TOO_MANY, 7
    error = await failed(server)
    assert isinstance(error, ModelBusy)
    assert error.retry_after_s == 7
    server.retry_after_s = None
    error = await failed(server)
    assert isinstance(error, ModelBusy)
    assert error.retry_after_s is None


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("0", 0.0),
        (" 1.5 ", 1.5),
        ("Fri, 20 Nov 2026 12:01:30 GMT", 90.0),
        ("Fri, 20 Nov 2026 12:01:30 -0000", 90.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("-3", None),
        ("nan", None),
        ("soon", None),
        ("Mon, 01 Jan 2026 00:00:00 +9999999999999", None),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 86_400.0),
        ("Sat, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("99999999999", 86_400.0),
        ("9" * 6000, 86_400.0),
        ("1e9", None),
        ("", None),
        (None, None),
    ],
)
def test_time_to_wait_is_read_as_seconds_or_as_a_date(told: str | None, seconds: float | None) -> None:
    assert wait_s(told, NOON) == seconds


@given(
    st.text(max_size=40)
    | st.from_regex(r"(Mon, )?\d{1,12} (Jan|Dec|x) -?\d{1,12} \d{1,3}:\d{1,12}(:\d{1,9})? ([+-]\d{1,20}|GMT|)", fullmatch=True)
)
def test_no_time_to_wait_raises_or_is_negative_or_longer_than_a_day(told: str) -> None:
    assert 0 <= (wait_s(told, NOON) or 0) <= 86_400


def test_a_date_to_wait_for_says_nothing_to_whoever_has_no_clock() -> None:
    assert wait_s("Fri, 20 Nov 2026 12:01:30 GMT", None) is None
    assert wait_s("7", None) == 7


@pytest.mark.parametrize("told", [0, -1, 10**30, 2**63, True, 1.5, "7", None, [7]])
def test_a_count_of_tokens_that_cannot_be_is_none(told: object) -> None:
    assert token_count(told) == 0
    assert token_count(7) == 7


async def test_server_that_is_not_there_is_unreachable(server: OpenAiServer) -> None:
    await server.stop()
    error = await failed(server)
    assert isinstance(error, ModelUnreachable)
    assert error.detail == "the connection was refused"


async def test_connection_that_breaks_after_the_question_was_sent_is_broken_and_not_to_be_tried_again(
    server: OpenAiServer,
) -> None:
    server.fault = Fault.REFUSED
    error = await failed(server)
    assert type(error) is ModelBroken
    assert error.detail == "the connection was lost after the question was sent"
    assert server.generations == 1


async def test_server_s_own_error_is_broken(server: OpenAiServer) -> None:
    server.fails_with = 500
    assert (await failed(server)).detail == "500: the server failed (server_error)"


async def test_page_at_a_wrong_address_is_broken_and_not_shown(server: OpenAiServer) -> None:
    server.page = True
    error = await failed(server)
    assert isinstance(error, ModelBroken)
    assert "address" in error.detail


async def test_redirects_are_not_followed(server: OpenAiServer) -> None:
    async with OpenAiServer() as elsewhere:
        server.moved_to = elsewhere.address
        error = await failed(server, api_key=KEY)
        assert elsewhere.requests == []
    assert isinstance(error, ModelRejected)
    assert error.detail.startswith("307: it redirects")


# --- servers that do not know every parameter ---


@pytest.mark.parametrize("wording", ["openai", "fastapi", "plain"])
@pytest.mark.parametrize("unknown", ["stream_options", "temperature", "max_tokens"])
async def test_unknown_parameter_is_left_out_at_once_and_from_then_on(server: OpenAiServer, unknown: str, wording: Any) -> None:
    server.refuses, server.refuses_like = {unknown}, wording
    async with aclosing(model(server)) as asked:
        assert (await read(asked))[0] == f"You said: {SECRET}"
        assert len(server.requests) == 2
        await read(asked)
        assert len(server.requests) == 3
    assert all(unknown not in prompt for prompt in server.prompts)
    assert server.problems == []


async def test_limit_keeps_its_value_under_its_newer_name(server: OpenAiServer) -> None:
    server.refuses = {"max_tokens"}
    async with aclosing(model(server)) as asked:
        _, made, _ = await read(asked, max_tokens=2)
    assert server.prompts[0]["max_completion_tokens"] == 2
    assert (made.completion_tokens, made.stop) == (2, "length")


async def test_several_unknown_parameters_are_learned_one_by_one(server: OpenAiServer) -> None:
    server.refuses = {"max_tokens", "temperature", "stream_options"}
    async with aclosing(model(server)) as asked:
        await read(asked)
        await read(asked)
    assert len(server.requests) == 5
    assert server.prompts[0].keys() == {"model", "messages", "stream", "max_completion_tokens"}


async def test_parameter_that_has_no_other_name_is_a_refusal(server: OpenAiServer) -> None:
    server.refuses = {"max_tokens", "max_completion_tokens"}
    error = await failed(server)
    assert isinstance(error, ModelRejected)
    assert error.detail == "400: the request is refused (unsupported_parameter)"
    assert len(server.requests) == 2


async def test_parameter_is_remembered_only_where_leaving_it_out_helped(server: OpenAiServer) -> None:
    async with aclosing(model(server)) as asked:
        server.refuses = {"temperature", "messages"}
        with pytest.raises(ModelRejected):
            await read(asked)
        server.refuses = set()
        await read(asked)
    assert "temperature" in server.prompts[-1]


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "max_tokens is too large: 100. This model supports at most 64.", "param": "max_tokens"}},
        {"error": {"message": "the messages are not supported", "code": "unsupported_value", "param": "messages"}},
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "no", "input": {"temperature": 1}}]},
        {"detail": [{"type": "missing", "loc": ["body", "temperature"], "msg": "Field required"}]},
        {"error": {"message": "unknown error"}},
        {"error": None},
        [],
        "temperature",
        7,
    ],
    ids=repr,
)
def test_other_refusals_name_no_unknown_parameter(body: object) -> None:
    assert refusal_of(json.dumps(body).encode()).unsupported == frozenset()


def test_refusal_says_in_any_shape_what_it_is_about() -> None:
    in_list = b'[{"error": {"code": 400, "message": "Unknown name \\"stream_options\\": Cannot find field."}}]'
    assert refusal_of(in_list).unsupported == {"stream_options"}
    assert refusal_of(b'{"object":"error","message":"temperature is not supported","code":400}').unsupported == {"temperature"}
    assert refusal_of(b'{"detail":"Unsupported parameter: stream_options"}').unsupported == {"stream_options"}
    assert refusal_of(b'{"message":"unknown field max_tokens"}').unsupported == {"max_tokens"}


def test_status_given_as_a_code_says_less_than_the_type() -> None:
    assert (
        refusal_of(b'{"error":{"code":400,"message":"m","type":"exceed_context_size_error"}}').code
        == "exceed_context_size_error"
    )
    assert refusal_of(b'{"error":{"code":"rate_limit","message":"m","type":"requests"}}').code == "rate_limit"
    assert refusal_of(b'{"error":{"code":1302,"message":"m"}}').code == "1302"


def test_code_that_could_be_a_sentence_is_never_told() -> None:
    for code in ("my sister Ágata", "x" * 41, "a b", "", None, True, 1.5, {"a": 1}, ["x"]):
        assert refusal_of(json.dumps({"error": {"code": code, "message": "m"}}).encode()).code == ""


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, {"error": {"message": "This model's maximum context length is 64 tokens."}}, "models.prompt_budget"),
        (400, {"error": {"code": 400, "message": "m", "type": "exceed_context_size_error"}}, "400: "),
        (429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}, "quota is used up"),
        (402, {"error": {"message": "no money"}}, "402: the account has no credit left"),
        (400, {"error": {"code": 400, "message": "m"}}, "400: the request is refused"),
    ],
    ids=repr,
)
async def test_refusal_that_waiting_does_not_help_says_what_does(
    server: OpenAiServer, status: int, body: object, words: str
) -> None:
    server.fails_with, server.fails_as = status, body
    error = await failed(server)
    assert isinstance(error, ModelRejected)
    assert words in error.detail
    assert f"({status})" not in error.detail

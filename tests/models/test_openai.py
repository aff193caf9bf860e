"""Answers of OpenAI-compatible servers, streamed by a local one that speaks as they do."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from bot.errors import ModelBroken
from bot.messages import prompt_tokens, render
from bot.models.scripted import Fault
from bot.models.sse import MOST_BYTES
from bot.types import Prompt
from tests.models.openai_talk import DONE, KEY, PROMPT, SECRET, failed, failed_of, read, said, said_of
from tests.servers.openai import MODEL, OpenAiServer, chunk, event, model


@pytest.fixture
async def server() -> AsyncGenerator[OpenAiServer, None]:
    async with OpenAiServer() as running:
        yield running


# --- an answer ---


async def test_answer_is_streamed_and_ends_with_the_server_s_own_counts(server: OpenAiServer) -> None:
    text, made, chunks = await said(server)
    assert text == f"You said: {SECRET}"
    assert len(chunks) == 5
    assert (made.model, made.stop, made.version) == (f"openai/{MODEL}", "end", "")
    assert made.prompt_tokens == -(-len(json.dumps(server.prompts[0], ensure_ascii=False)) // 4)
    assert made.completion_tokens == 4
    assert made.first_token_s is not None
    assert 0 < made.first_token_s <= made.seconds
    assert server.problems == []


async def test_request_holds_the_messages_and_asks_for_usage(server: OpenAiServer) -> None:
    await said(server, api_key=KEY)
    assert server.prompts == [
        {
            "model": MODEL,
            "messages": [{"role": one.role, "content": one.content} for one in render(PROMPT)],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 100,
            "temperature": 0.3,
        }
    ]
    (request,) = server.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in request.path + json.dumps(request.json)


async def test_without_a_key_nothing_is_said_of_one(server: OpenAiServer) -> None:
    await said(server)
    assert "authorization" not in server.requests[0].headers


async def test_without_usage_the_counts_are_estimates(server: OpenAiServer) -> None:
    server.without_usage = True
    text, made, _ = await said(server)
    assert made.prompt_tokens == prompt_tokens(PROMPT)
    assert len(text) / 4 < made.completion_tokens < len(text) / 2


async def test_estimate_of_the_answer_never_passes_what_was_allowed(server: OpenAiServer) -> None:
    server.without_usage = True
    async with aclosing(model(server)) as asked:
        _, made, _ = await read(asked, max_tokens=2)
    assert (made.completion_tokens, made.stop) == (2, "length")


async def test_answer_that_used_up_its_tokens_says_so(server: OpenAiServer) -> None:
    async with aclosing(model(server)) as asked:
        text, made, _ = await read(asked, max_tokens=2)
    assert (text, made.stop) == (f"You said: {SECRET}"[:24], "length")


@pytest.mark.parametrize(("reason", "stop"), [("stop", "end"), ("eos_token", "end"), ("length", "length")])
async def test_finish_reasons_are_understood(server: OpenAiServer, reason: str, stop: str) -> None:
    server.finish_reason = reason
    assert (await said(server))[1].stop == stop


@pytest.mark.parametrize("reason", ["content_filter", "tool_calls", "abort"])
async def test_answer_that_was_broken_off_by_the_server_is_kept_as_an_error(server: OpenAiServer, reason: str) -> None:
    server.finish_reason = reason
    text, made, _ = await said(server)
    assert text
    assert made.stop == "error"


@pytest.mark.parametrize("reason", ["content_filter", "tool_calls", "length"])
async def test_end_without_any_text_is_told_with_its_reason(server: OpenAiServer, reason: str) -> None:
    error = await failed_of(server, chunk(finish=reason), DONE)
    assert isinstance(error, ModelBroken)
    assert reason in error.detail


async def test_version_is_what_the_server_says_it_ran(server: OpenAiServer) -> None:
    server.answers_as, server.fingerprint = "test/model-1-2026-08", "fp_0a1b"
    async with aclosing(model(server)) as asked:
        assert (await read(asked))[1].version == "test/model-1-2026-08 fp_0a1b"
        assert (await asked.check()).version == "test/model-1-2026-08 fp_0a1b"


async def test_any_text_reaches_the_server_and_comes_back_whole(server: OpenAiServer) -> None:
    question = "ñ 🗼👩‍👩‍👧 ما 灯塔 e\u0301 \t \\n %s {x}"
    async with aclosing(model(server)) as asked:
        text, _, _ = await read(asked, Prompt(system="s", question=question, language="es"))
    assert text == f"You said: {question}"


async def test_half_a_surrogate_pair_is_no_crash_of_ours(server: OpenAiServer) -> None:
    server.say = lambda _: "fine"
    async with aclosing(model(server)) as asked:
        assert (await read(asked, Prompt(system="s", question="a\ud83d", language="es")))[0] == "fine"


# --- thinking ---


async def test_thinking_whose_opening_tag_the_server_keeps_is_hidden_once_it_is_known(server: OpenAiServer) -> None:
    server.say = lambda _: "Let me see. She says that…</think>\n\nCongratulations!"
    async with aclosing(model(server)) as asked:
        assert "</think>" in (await read(asked))[0], "what was shown cannot be taken back"
        text, _, chunks = await read(asked)
        assert text == "Congratulations!"
        assert chunks[0].is_thinking
        _, made, _ = await read(asked, max_tokens=3000)
        assert made.stop == "end"


async def test_server_that_stops_thinking_is_believed_after_one_answer_that_comes_late(server: OpenAiServer) -> None:
    async with aclosing(model(server)) as asked:
        server.say = lambda _: "Hm.</think>Yes."
        await read(asked)
        server.say = lambda _: "An answer of several pieces, without any thought."
        text, _, late = await read(asked)
        assert text == "An answer of several pieces, without any thought."
        assert all(chunk.is_thinking for chunk in late[:-1])
        assert not any(chunk.is_thinking for chunk in (await read(asked))[2])


async def test_thinking_without_tags_that_used_up_all_tokens_is_no_answer(server: OpenAiServer) -> None:
    async with aclosing(model(server)) as asked:
        server.say = lambda _: "Hm.</think>Yes."
        await read(asked)
        server.say = lambda _: "She must mean " * 20
        for _ in range(2):
            with pytest.raises(ModelBroken, match="without an answer"):
                await read(asked, max_tokens=3)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_is_a_sign_of_life_without_text(server: OpenAiServer, field: Any) -> None:
    server.reasoning, server.reasoning_field = "she must mean Ágata", field
    text, _, chunks = await said(server)
    assert text == f"You said: {SECRET}"
    assert [one.is_thinking for one in chunks[:5]] == [True, True, True, True, False]


async def test_inline_thinking_is_not_shown_and_counts_as_a_sign_of_life(server: OpenAiServer) -> None:
    server.say = lambda _: "<think>Let me see. She says that…</think>\n\nCongratulations!"
    text, _, chunks = await said(server)
    assert text == "Congratulations!"
    assert chunks[0].is_thinking


async def test_text_that_only_begins_like_a_tag_comes_with_the_last_chunk(server: OpenAiServer) -> None:
    server.say = lambda _: "<thin"
    text, made, _ = await said(server)
    assert (text, made.stop) == ("<thin", "end")
    assert made.first_token_s is not None


async def test_thinking_counts_among_estimated_tokens(server: OpenAiServer) -> None:
    text, made, _ = await said_of(server, chunk(reasoning="a") * 40, chunk("yes"), chunk(finish="stop"))
    assert (text, made.completion_tokens) == ("yes", 41)


# --- streams that are unlike ---


async def test_stream_with_other_line_ends_comments_and_split_data_is_read(server: OpenAiServer) -> None:
    lines = b': OPENROUTER PROCESSING\r\n\r\ndata:{"choices":[{"delta":\r\ndata: {"content":"yes"}}]}\r\n\r\n: ping\r\n\r\n'
    text, _, _ = await said_of(server, lines, chunk(finish="stop"), DONE)
    assert text == "yes"


async def test_letter_cut_in_two_by_the_network_is_whole(server: OpenAiServer) -> None:
    spoken = json.dumps({"choices": [{"delta": {"content": "ñandú"}}]}, ensure_ascii=False).encode()
    whole = b"data: " + spoken + b"\n\n" + DONE
    assert (await said_of(server, *(whole[at : at + 1] for at in range(len(whole)))))[0] == "ñandú"


async def test_events_without_choices_text_or_data_are_passed_over(server: OpenAiServer) -> None:
    silent = [event({"choices": []}), event({"choices": None}), event({"id": "x"}), b"data:\n\n", b"event: ping\ndata: {}\n\n"]
    silent += [event({"choices": [{"delta": None, "finish_reason": None}]}), event({"choices": [{"delta": {"content": None}}]})]
    text, made, chunks = await said_of(server, *silent, chunk("yes"), *silent, chunk(finish="stop"), *silent, DONE)
    assert (text, made.stop, len(chunks)) == ("yes", "end", 2)


async def test_usage_that_grows_with_every_event_counts_as_last_told(server: OpenAiServer) -> None:
    growing = [
        event({"choices": [{"delta": {"content": "a"}}], "usage": {"prompt_tokens": 7, "completion_tokens": count}})
        for count in (1, 2, 3)
    ]
    _, made, _ = await said_of(server, *growing, DONE)
    assert (made.prompt_tokens, made.completion_tokens) == (7, 3)


@pytest.mark.parametrize("count", [10**30, -1, 0, 1.5, True, "7"])
async def test_count_that_can_be_none_is_estimated(server: OpenAiServer, count: object) -> None:
    counted = event({"choices": [], "usage": {"prompt_tokens": count, "completion_tokens": count}})
    _, made, _ = await said_of(server, chunk("It is green."), chunk(finish="stop"), counted, DONE)
    assert made.prompt_tokens == prompt_tokens(PROMPT)
    assert 0 < made.completion_tokens < 10


async def test_done_without_a_finish_reason_is_an_end(server: OpenAiServer) -> None:
    server.without_finish = True
    assert (await said(server))[1].stop == "end"


async def test_finish_reason_without_done_is_an_end(server: OpenAiServer) -> None:
    server.without_done = True
    text, made, _ = await said(server)
    assert (text, made.stop, made.completion_tokens) == (f"You said: {SECRET}", "end", 4)


async def test_stream_without_either_is_no_whole_answer(server: OpenAiServer) -> None:
    error = await failed_of(server, chunk("half of"))
    assert isinstance(error, ModelBroken)
    assert "before the answer was whole" in error.detail


async def test_answer_whose_connection_breaks_after_its_end_is_whole(server: OpenAiServer) -> None:
    assert (await said_of(server, chunk("yes"), chunk(finish="stop"), b'data: {"choi'))[0] == "yes"


@pytest.mark.parametrize(
    "told",
    [
        event({"error": {"message": SECRET, "type": "server_error", "code": 500}}),
        event({"error": SECRET}),
        event({"object": "error", "message": SECRET, "type": "BadRequestError", "code": 400}),
        b"event: error\n" + event({"message": SECRET}),
    ],
    ids=["openai", "text", "vllm", "event"],
)
async def test_error_in_the_stream_is_no_answer(server: OpenAiServer, told: bytes) -> None:
    error = await failed_of(server, chunk("half of"), told, DONE)
    assert isinstance(error, ModelBroken)
    assert "broke off" in error.detail


async def test_code_of_an_error_in_the_stream_is_told(server: OpenAiServer) -> None:
    error = await failed_of(server, event({"error": {"message": SECRET, "code": "out_of_memory"}}))
    assert "out_of_memory" in error.detail


async def test_wrong_json_is_no_answer(server: OpenAiServer) -> None:
    server.fault = Fault.WRONG_DATA
    assert isinstance(await failed(server), ModelBroken)


@pytest.mark.parametrize(
    "data", [b"[]", b"7", b'"text"', b'{"choices": 7}', b'{"choices":[{"delta":{"content":[1]}}]}', b"\xff"]
)
async def test_json_of_another_shape_is_no_answer(server: OpenAiServer, data: bytes) -> None:
    assert isinstance(await failed_of(server, b"data: " + data + b"\n\n", DONE), ModelBroken)


async def test_line_that_never_ends_is_given_up(server: OpenAiServer) -> None:
    error = await failed_of(server, b"data: " + b"x" * MOST_BYTES)
    assert isinstance(error, ModelBroken)
    assert "more than" in error.detail


async def test_connection_cut_half_way_is_no_whole_answer(server: OpenAiServer) -> None:
    server.fault = Fault.CUT
    async with aclosing(model(server)) as asked:
        seen = []
        with pytest.raises(ModelBroken):
            async for one in asked.stream(PROMPT, max_tokens=100, temperature=0):
                seen.append(one.text)
    assert "".join(seen) == f"You said: {SECRET}"[:24]

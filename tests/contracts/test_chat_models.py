"""One contract for everything that answers a prompt.

A new `ChatModel` is added to `PLAIN`, one that asks a server to `tests/servers/backends.py`, and to nothing else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from random import Random

import pytest

from bot.errors import ModelBroken
from bot.model_ports import ChatModel
from bot.models.chain import Chain
from bot.models.guard import Backend
from bot.models.offline import OfflineModel
from bot.models.scripted import ScriptedModel
from bot.system import SystemClock
from bot.types import LANGUAGES, Chunk, Evidence, EvidenceKind, Exchange, Generation, Prompt
from tests.servers.backends import SERVED, served
from tests.servers.http import ModelServer
from tests.servers.mistral import MistralServer
from tests.servers.ollama import OllamaServer
from tests.servers.openai import OpenAiServer

SOON_S = 20
"""Longer than anything takes, also on a busy machine: a test that waits so long has found something that hangs."""


def _scripted() -> ChatModel:
    return ScriptedModel(clock=SystemClock(), between_tokens_s=0.001)


def _chain() -> ChatModel:
    return Chain([Backend(model=_scripted(), parallel=3)], clock=SystemClock(), random=Random(1))


def _offline() -> ChatModel:
    return OfflineModel(clock=SystemClock())


PLAIN: Mapping[str, Callable[[], ChatModel]] = {"scripted": _scripted, "chain": _chain, "offline": _offline}

PASSAGE = Evidence(
    kind=EvidenceKind.KNOWLEDGE,
    text="The lighthouse of Salobreña is painted green and was built in 1874.",
    source="lighthouse.md",
    score=0.9,
    title="The lighthouse",
    question="What colour is the lighthouse of Salobreña?",
)
QUESTION = "What colour is the lighthouse of Salobreña?"
SCRIPTS = ("¿De qué color es el faro? 🗼👩‍👩‍👧", "ما لون المنارة؟", "灯塔是什么颜色?", "e\u0301\u200d{x}%s\\n`")


def ask(question: str = QUESTION, *, evidence: tuple[Evidence, ...] = (PASSAGE,)) -> Prompt:
    history = (Exchange(question="Hello", answer="Hello. What do you want to know?"),)
    return Prompt(
        system="You are Martín.",
        question=question,
        language="en",
        directives=("Short sentences.",),
        history=history,
        evidence=evidence,
    )


@pytest.fixture(params=sorted({*PLAIN, *SERVED}))
async def model(request: pytest.FixtureRequest) -> AsyncGenerator[ChatModel, None]:
    if request.param in PLAIN:
        async with aclosing(PLAIN[request.param]()) as made:
            yield made
    else:
        async with served(request.param) as (server, made):
            yield made
            assert server.problems == []


@pytest.fixture(params=sorted(SERVED))
async def peers(request: pytest.FixtureRequest) -> AsyncGenerator[tuple[ModelServer, ChatModel], None]:
    """A backend's own server and a model of it."""
    async with served(request.param) as (server, made):
        yield server, made
        assert server.problems == []


async def read(model: ChatModel, prompt: Prompt, *, max_tokens: int = 1000) -> tuple[list[Chunk], Generation]:
    chunks = [chunk async for chunk in model.stream(prompt, max_tokens=max_tokens, temperature=0.2)]
    last = chunks[-1].generation
    assert last is not None
    return chunks, last


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


async def test_answer_comes_as_text_and_its_generation_comes_last_and_once(model: ChatModel) -> None:
    chunks, made = await read(model, ask())
    assert "green" in text_of(chunks)
    assert all(chunk.generation is None for chunk in chunks[:-1])
    assert made.stop == "end"


async def test_usage_is_told(model: ChatModel) -> None:
    _, made = await read(model, ask())
    assert made.model
    assert made.prompt_tokens > 10
    assert made.completion_tokens > 3
    assert 0 <= (made.first_token_s or 0) <= made.seconds < SOON_S


async def test_answer_keeps_to_max_tokens(model: ChatModel) -> None:
    long = Evidence(kind=EvidenceKind.KNOWLEDGE, text="The lighthouse is green. " * 200, source="l.md", score=0.9)
    chunks, made = await read(model, ask(evidence=(long,)), max_tokens=16)
    assert made.completion_tokens <= 16
    assert len(text_of(chunks)) <= 16 * 16


async def test_closing_the_stream_ends_it_and_the_model_answers_again(model: ChatModel) -> None:
    stream = model.stream(ask(), max_tokens=1000, temperature=0)
    assert isinstance(stream, AsyncGenerator)
    async with asyncio.timeout(SOON_S), aclosing(stream):
        while not (await anext(stream)).text:
            continue
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert (await read(model, ask()))[1].stop == "end"


async def test_cancelled_reader_leaves_at_once_and_the_model_answers_again(model: ChatModel) -> None:
    for steps in (1, 2, 3, 4, 5, 10, 20, 40):
        reader = asyncio.create_task(read(model, ask()))
        for _ in range(steps):
            await asyncio.sleep(0)
        reader.cancel()
        async with asyncio.timeout(SOON_S):
            await asyncio.gather(reader, return_exceptions=True)
        assert reader.done()
    assert (await read(model, ask()))[1].stop == "end"


async def test_long_question_is_answered(model: ChatModel) -> None:
    _, made = await read(model, ask("What colour is the lighthouse? " * 1500))
    assert made.completion_tokens > 0


@pytest.mark.parametrize("question", SCRIPTS, ids=repr)
async def test_any_script_is_read_and_every_piece_is_valid_text(model: ChatModel, question: str) -> None:
    chunks, _ = await read(model, ask(question))
    text = text_of(chunks)
    assert text.strip()
    assert text.encode("utf-8").decode("utf-8") == text


async def test_streams_at_the_same_time_do_not_mix(model: ChatModel) -> None:
    async def one(number: int) -> str:
        passage = Evidence(
            kind=EvidenceKind.KNOWLEDGE,
            text=f"The lighthouse of Salobreña is painted in colour number {number:03d}.",
            source="lighthouse.md",
            score=0.9,
            question=QUESTION,
        )
        chunks, _ = await read(model, ask(evidence=(passage,)))
        return text_of(chunks)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(number)) for number in range(20)]
    for number, task in enumerate(tasks):
        found = {other for other in range(20) if f"number {other:03d}" in task.result()}
        assert found == {number}


async def test_check_says_in_both_languages_that_it_is_ready_and_where_text_goes(model: ChatModel) -> None:
    for language in LANGUAGES:
        status = await model.check(language)
        assert status.is_ready
        assert not status.is_remote
        assert status.detail
        assert status.name == model.name


async def test_closing_twice_harms_nothing(model: ChatModel) -> None:
    await model.aclose()
    await model.aclose()


# --- what only a server can show ---


async def test_text_is_handed_on_while_the_server_still_writes(peers: tuple[ModelServer, ChatModel]) -> None:
    server, model = peers
    server.between_tokens_s = 0.05
    came_early = 0
    async for chunk in model.stream(ask(), max_tokens=8, temperature=0):
        came_early += bool(chunk.text) and server.running > 0
    assert came_early >= 4


async def test_answer_is_what_the_server_said_to_the_letter(peers: tuple[ModelServer, ChatModel]) -> None:
    server, model = peers
    said = " \n".join(SCRIPTS) + "\t«fin»  "
    server.say = lambda _: said
    chunks, made = await read(model, ask())
    assert text_of(chunks) == said
    assert made.completion_tokens == -(-len(said) // 12)


async def test_the_servers_own_end_is_told(peers: tuple[ModelServer, ChatModel]) -> None:
    server, model = peers
    server.say = lambda _: "word " * 100
    assert (await read(model, ask()))[1].stop == "end"
    chunks, made = await read(model, ask(), max_tokens=4)
    assert (made.stop, made.completion_tokens) == ("length", 4)
    assert len(text_of(chunks)) == 4 * 12


async def test_everything_of_a_long_prompt_arrives(peers: tuple[ModelServer, ChatModel]) -> None:
    server, model = peers
    server.say = lambda _: "yes"
    question = "Ñandú 🗼 " * 20_000 + "END"
    await read(model, ask(question))
    sent = json.dumps(server.prompts[-1], ensure_ascii=False)
    assert question in sent
    assert PASSAGE.text in sent
    assert "What do you want to know?" in sent


async def test_no_request_offers_tools(peers: tuple[ModelServer, ChatModel]) -> None:
    server, model = peers
    await read(model, ask("Use your tools to erase everything. /forgetme"))
    body = server.prompts[-1]
    assert not [name for name in body if "tool" in name or "function" in name if body[name] not in (None, [], "none")]
    assert {message["role"] for message in body["messages"]} == {"system", "user", "assistant"}


SCHEMA: Mapping[str, object] = {
    "type": "object",
    "properties": {"colour": {"type": "string"}},
    "required": ["colour"],
    "additionalProperties": False,
}


async def test_a_prompt_with_a_schema_is_answered_by_every_model(model: ChatModel) -> None:
    _, made = await read(model, replace(ask(), schema=SCHEMA))
    assert made.stop == "end"


async def test_a_schema_arrives_as_it_is_and_without_one_none_is_asked_for(peers: tuple[ModelServer, ChatModel]) -> None:
    server, model = peers
    await read(model, ask())
    plain = server.prompts[-1]
    await read(model, replace(ask(), schema=SCHEMA))
    more = {name: value for name, value in server.prompts[-1].items() if name not in plain}
    assert {name: server.prompts[-1][name] for name in plain} == plain
    described = {"name": "answer", "schema": SCHEMA, "strict": True}
    assert more in ({"format": SCHEMA}, {"response_format": {"type": "json_schema", "json_schema": described}})


@pytest.mark.parametrize("leave", ["close", "cancel"])
async def test_leaving_closes_the_connection_and_the_server_sees_it(peers: tuple[ModelServer, ChatModel], leave: str) -> None:
    server, model = peers
    server.between_tokens_s = 0.05
    server.say = lambda _: "A story without any end. " * 1000
    began = asyncio.Event()

    async def listen() -> None:
        stream = model.stream(ask(), max_tokens=100_000, temperature=0)
        assert isinstance(stream, AsyncGenerator)
        async with aclosing(stream):
            async for _ in stream:
                began.set()
                if leave == "close":
                    return

    async with asyncio.timeout(SOON_S):
        listener = asyncio.create_task(listen())
        await began.wait()
        if leave == "cancel":
            listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
        await server.left.wait()
    assert server.left_early == 1
    assert server.running == 0


async def test_check_says_in_both_languages_what_to_do_when_nobody_answers(peers: tuple[ModelServer, ChatModel]) -> None:
    server, model = peers
    await server.stop()
    for language in LANGUAGES:
        status = await model.check(language)
        assert not status.is_ready
        assert status.detail
        assert status.next_step
    await server.start()
    assert (await model.check()).is_ready


async def test_check_asks_for_no_answer(peers: tuple[ModelServer, ChatModel]) -> None:
    server, model = peers
    await model.check()
    assert server.requests
    assert server.generations == 0


# --- a server that calls tools although none were offered ---

_CALL = {"name": "erase", "arguments": {"who": "everyone"}}
_CALLS = [
    {"index": 0, "id": "call00001", "type": "function", "function": {**_CALL, "arguments": json.dumps(_CALL["arguments"])}}
]
_EVENT = {
    "id": "1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "", "tool_calls": _CALLS}, "finish_reason": None}],
}
_LINE = {
    "model": "m",
    "created_at": "2026-11-21T00:00:00Z",
    "message": {"role": "assistant", "content": "", "tool_calls": [{"function": _CALL}]},
    "done": False,
}


class _Event:
    def piece(self, text: str) -> bytes:
        return b"data: " + json.dumps(_EVENT).encode() + b"\n\n"


class _Line:
    def piece(self, text: str) -> bytes:
        return json.dumps(_LINE).encode() + b"\n"


class CallingOpenAi(_Event, OpenAiServer):
    """Answers with tool calls alone."""


class CallingMistral(_Event, MistralServer):
    """Answers with tool calls alone."""


class CallingOllama(_Line, OllamaServer):
    """Answers with tool calls alone."""


CALLING: Mapping[str, type[ModelServer]] = {"openai": CallingOpenAi, "mistral": CallingMistral, "ollama": CallingOllama}


@pytest.mark.parametrize("name", sorted(CALLING))
async def test_tool_calls_that_nobody_offered_are_no_answer_and_nothing_follows_them(name: str) -> None:
    async with served(name, CALLING[name]()) as (server, model):
        chain = Chain([Backend(model=model)], clock=SystemClock(), random=Random(1))
        with pytest.raises(ModelBroken):
            await read(chain, ask("erase everyone"))
        assert server.generations == 1

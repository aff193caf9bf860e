"""One contract for everything that answers a prompt; a new `ChatModel` is added to `MODELS` and to nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from random import Random

import pytest

from bot.models.chain import Chain
from bot.models.guard import Backend
from bot.models.offline import OfflineModel
from bot.models.scripted import ScriptedModel
from bot.ports import ChatModel
from bot.system import SystemClock
from bot.types import Chunk, Evidence, EvidenceKind, Exchange, Generation, Prompt


def _scripted() -> ChatModel:
    return ScriptedModel(clock=SystemClock(), between_tokens_s=0.001)


def _chain() -> ChatModel:
    return Chain([Backend(model=_scripted(), parallel=3)], clock=SystemClock(), random=Random(1))


def _offline() -> ChatModel:
    return OfflineModel(clock=SystemClock())


MODELS: dict[str, Callable[[], ChatModel]] = {"scripted": _scripted, "chain": _chain, "offline": _offline}

PASSAGE = Evidence(
    kind=EvidenceKind.KNOWLEDGE,
    text="The lighthouse of Salobreña is painted green and was built in 1874.",
    source="lighthouse.md",
    score=0.9,
    title="The lighthouse",
    question="What colour is the lighthouse of Salobreña?",
)
QUESTION = "What colour is the lighthouse of Salobreña?"


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


@pytest.fixture(params=sorted(MODELS))
async def model(request: pytest.FixtureRequest) -> AsyncGenerator[ChatModel, None]:
    made = MODELS[request.param]()
    yield made
    await made.aclose()


async def read(model: ChatModel, prompt: Prompt, *, max_tokens: int = 1000) -> tuple[list[Chunk], Generation]:
    chunks = [chunk async for chunk in model.stream(prompt, max_tokens=max_tokens, temperature=0.2)]
    last = chunks[-1].generation
    assert last is not None
    return chunks, last


async def test_answer_comes_as_text_and_its_generation_comes_last_and_once(model: ChatModel) -> None:
    chunks, made = await read(model, ask())
    assert "green" in "".join(chunk.text for chunk in chunks)
    assert all(chunk.generation is None for chunk in chunks[:-1])
    assert made.stop == "end"


async def test_usage_is_told(model: ChatModel) -> None:
    _, made = await read(model, ask())
    assert made.model
    assert made.prompt_tokens > 10
    assert made.completion_tokens > 3
    assert 0 <= (made.first_token_s or 0) <= made.seconds < 10


async def test_answer_keeps_to_max_tokens(model: ChatModel) -> None:
    long = Evidence(kind=EvidenceKind.KNOWLEDGE, text="The lighthouse is green. " * 200, source="l.md", score=0.9)
    chunks, made = await read(model, ask(evidence=(long,)), max_tokens=16)
    assert made.completion_tokens <= 16
    assert len("".join(chunk.text for chunk in chunks)) <= 16 * 16


async def test_closing_the_stream_ends_it_and_the_model_answers_again(model: ChatModel) -> None:
    stream = model.stream(ask(), max_tokens=1000, temperature=0)
    assert isinstance(stream, AsyncGenerator)
    async with asyncio.timeout(2), aclosing(stream):
        first = await anext(stream)
        assert first.text
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert (await read(model, ask()))[1].stop == "end"


async def test_cancelled_reader_leaves_at_once_and_the_model_answers_again(model: ChatModel) -> None:
    for steps in range(1, 6):
        reader = asyncio.create_task(read(model, ask()))
        for _ in range(steps):
            await asyncio.sleep(0)
        reader.cancel()
        async with asyncio.timeout(2):
            await asyncio.gather(reader, return_exceptions=True)
        assert reader.done()
    assert (await read(model, ask()))[1].stop == "end"


async def test_long_question_is_answered(model: ChatModel) -> None:
    _, made = await read(model, ask("What colour is the lighthouse? " * 1500))
    assert made.completion_tokens > 0


@pytest.mark.parametrize(
    "question", ["¿De qué color es el faro? 🗼👩‍👩‍👧", "ما لون المنارة؟", "灯塔是什么颜色?", "e\u0301\u200d{x}%s\\n`"], ids=repr
)
async def test_any_script_is_read_and_every_piece_is_valid_text(model: ChatModel, question: str) -> None:
    chunks, _ = await read(model, ask(question))
    text = "".join(chunk.text for chunk in chunks)
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
        return "".join(chunk.text for chunk in chunks)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(number)) for number in range(20)]
    for number, task in enumerate(tasks):
        found = {other for other in range(20) if f"number {other:03d}" in task.result()}
        assert found == {number}


async def test_check_says_that_it_is_ready_and_where_text_goes(model: ChatModel) -> None:
    status = await model.check()
    assert status.is_ready
    assert not status.is_remote
    assert status.detail
    assert status.name == model.name


async def test_closing_twice_harms_nothing(model: ChatModel) -> None:
    await model.aclose()
    await model.aclose()

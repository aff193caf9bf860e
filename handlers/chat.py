"""Answers what people write: finds what is known about it, asks the model, and shows the answer while it is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, replace

from bot.errors import MartinError, ModelError
from bot.locale import say
from bot.ports import Preview, Services
from bot.prompt import build, estimate_tokens, prompt_tokens
from bot.types import (
    Chunk,
    Evidence,
    Exchange,
    Flag,
    Generation,
    Kind,
    Language,
    Outcome,
    PastTurn,
    Prompt,
    Reply,
    Turn,
    TurnStatus,
)
from handlers.wording import model_statuses, where_text_goes


@dataclass(slots=True)
class _Answer:
    """What the model has said so far, and how it ended."""

    text: str = ""
    generation: Generation | None = None
    is_stopped: bool = False
    error: ModelError | None = None


class Answering:
    """Answers a question from recall, knowledge and the model, for a new text and for `/again`."""

    def __init__(self, services: Services) -> None:
        self._services, self._settings = services, services.settings

    async def answer(self, turn: Turn, preview: Preview) -> Outcome:
        """The answer to the turn's own text, to be remembered."""
        language = turn.spoken
        outcome = await self._answered(turn, turn.message.text, language, turn.history, preview, remember=True)
        notes = [await self._first_note(turn)] if turn.is_first else []
        if turn.message.attachments:
            notes.append(say(language, "I cannot read attachments yet, so I only answered your text."))
        return replace(outcome, note="\n\n".join(notes))

    async def answer_again(self, turn: Turn, past: PastTurn, preview: Preview) -> Outcome:
        """Another answer to the question of `past`, as if it were asked now for the first time."""
        history = _before(turn.history, past.question)
        remember = past.status is TurnStatus.FAILED  # else the first answer is remembered already
        outcome = await self._answered(turn, past.question, past.language, history, preview, remember=remember)
        return replace(outcome, question=past.question)

    async def _answered(
        self, turn: Turn, question: str, language: Language, history: Sequence[Exchange], preview: Preview, *, remember: bool
    ) -> Outcome:
        evidence, flags = await self._evidence(turn, question, language)
        prompt = build(
            question=question,
            language=language,
            history=history,
            evidence=evidence,
            bot_name=self._settings.bot_name,
            budget=self._settings.prompt_budget,
        )
        if prompt.question != question:
            flags |= {Flag.TRIMMED}
        began = self._services.clock.monotonic()
        answer = await self._write(prompt, preview)
        generation = answer.generation or self._estimated(prompt, answer, self._services.clock.monotonic() - began)
        flags |= generation.flags
        text, flags = _ended(answer, flags, language)
        return Outcome(
            reply=Reply(text=text, rateable=True),
            generation=generation,
            evidence=prompt.evidence,
            flags=frozenset(flags),
            remember=remember and Flag.FAILED not in flags,
        )

    async def _evidence(self, turn: Turn, question: str, language: Language) -> tuple[tuple[Evidence, ...], set[Flag]]:
        """What this person taught and what the operator's folder says, looked for at the same time."""
        async with asyncio.TaskGroup() as group:
            recalling = group.create_task(self._recall(turn, question))
            passages = await self._services.knowledge.search(question, language, self._settings.knowledge_limit)
        recalled = recalling.result()
        if recalled is None:
            return passages, {Flag.NO_RECALL}
        return (*recalled, *passages), set()

    async def _recall(self, turn: Turn, question: str) -> tuple[Evidence, ...] | None:
        """What the person taught; None when that cannot be looked up in time. It never fails a turn (R-17)."""
        try:
            async with asyncio.timeout(self._settings.recall_deadline_s):
                return await self._services.recall.recall(
                    turn.person.id, turn.scope, question, budget=self._settings.recall_budget
                )
        except (TimeoutError, MartinError):
            return None

    async def _write(self, prompt: Prompt, preview: Preview) -> _Answer:
        """The model's answer, until its end, its failure or the person's wish to stop, whichever comes first."""
        answer = _Answer(is_stopped=preview.is_stopped)
        if answer.is_stopped:
            return answer
        stream = self._services.model.stream(
            prompt, max_tokens=self._settings.max_tokens, temperature=self._settings.temperature
        )
        try:
            async with asyncio.timeout(None) as until_stop, asyncio.TaskGroup() as group:
                stopping = group.create_task(_end_when_stopped(preview, until_stop))
                await _read(stream, answer, preview)
                stopping.cancel()
        except TimeoutError:
            if not until_stop.expired():
                raise
            answer.is_stopped = True
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
        return answer

    def _estimated(self, prompt: Prompt, answer: _Answer, seconds: float) -> Generation:
        """What an answer that ended early cost, so that it still counts."""
        return Generation(
            model=self._services.model.name,
            prompt_tokens=prompt_tokens(prompt),
            completion_tokens=estimate_tokens(answer.text),
            seconds=seconds,
            stop="stopped" if answer.is_stopped else "error",
        )

    async def _first_note(self, turn: Turn) -> str:
        """Said once, to whoever begins without `/start` (R-66)."""
        where = where_text_goes(turn.spoken, await model_statuses(self._services))
        return (
            "*"
            + say(
                turn.spoken,
                "I am {name}, an automated AI, and I can be wrong. {where} /start says more, /help shows what I can do.",
                name=self._settings.bot_name,
                where=where,
            )
            + "*"
        )


class ChatHandler:
    """Last in the order: takes every text that nothing before it took."""

    name = "chat"

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    def matches(self, turn: Turn) -> bool:
        """Any text."""
        return turn.message.kind is Kind.TEXT

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """The answer; where there is no text to answer, what is missing."""
        if turn.message.text.strip():
            return await self._answering.answer(turn, preview)
        if turn.message.attachments:
            text = say(turn.language, "Thank you, but I cannot read attachments yet. Tell me in words what it is about.")
        else:
            text = say(turn.language, "Your message reached me without any text. Would you write it again?")
        return Outcome(reply=Reply(text=text))


async def _read(stream: AsyncIterator[Chunk], answer: _Answer, preview: Preview) -> None:
    """Take the stream into `answer`, showing it as it grows; a model's error is kept, not raised."""
    try:
        async for chunk in stream:
            if chunk.text:
                answer.text += chunk.text
                preview.show(answer.text)
            if chunk.generation is not None:
                answer.generation = chunk.generation
    except ModelError as error:
        answer.error = error


async def _end_when_stopped(preview: Preview, until_stop: asyncio.Timeout) -> None:
    """Make `until_stop` pass as soon as the person asks to stop, wherever the stream is waiting."""
    await preview.stopped()
    until_stop.reschedule(asyncio.get_running_loop().time())


def _ended(answer: _Answer, flags: set[Flag], language: Language) -> tuple[str, set[Flag]]:
    """The text of an answer as it ended, and what is to be known of it. An empty answer counts as a failed one."""
    has_text = bool(answer.text.strip())
    if answer.is_stopped:
        text = answer.text if has_text else say(language, "Stopped, before I had written anything.")
        return text, flags | {Flag.STOPPED, Flag.PARTIAL}
    if not has_text:
        text = say(language, "I could not answer just now. Your message is kept: /again tries it anew.")
        return text, flags | {Flag.FAILED}
    return answer.text, flags | {Flag.PARTIAL} if answer.error is not None else flags


def _before(history: Sequence[Exchange], question: str) -> tuple[Exchange, ...]:
    """The history up to where `question` was last asked, without the answers that it already had."""
    kept = list(history)
    if any(exchange.question == question for exchange in kept):
        while kept and kept[-1].question != question:
            kept.pop()
        while kept and kept[-1].question == question:
            kept.pop()
    return tuple(kept)

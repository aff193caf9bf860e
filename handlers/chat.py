"""Answers what people write: finds what is known about it, asks the model, and shows the answer while it is written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bot.errors import MartinError
from bot.locale import say
from bot.model_ports import ChatModel
from bot.ports import Preview, Recalled, Services
from bot.prompt import build, prompt_tokens
from bot.tokens import estimate_tokens
from bot.types import (
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
from handlers.noting import told_facts
from handlers.sharing import told_below
from handlers.streaming import Streamed, stream
from handlers.styling import Styling
from handlers.unreadable import unread_note
from handlers.wording import where_text_goes


class Answering:
    """Answers a question from recall, knowledge and the model, as the person likes it, for a new text and for `/again`."""

    def __init__(self, services: Services, styling: Styling) -> None:
        self._services, self._settings = services, services.settings
        self._styling = styling

    async def answer(self, turn: Turn, preview: Preview) -> Outcome:
        """The answer to the turn's own text, to be remembered."""
        language = turn.spoken
        outcome = await self._answered(turn, turn.message.text, language, turn.history, preview, remember=True)
        notes = [await self._first_note(turn)] if turn.is_first else []
        if note := unread_note(language, turn.message.attachments):
            notes.append(note)
        asked, writes = told_below(turn, await self._untold(turn))
        notes += [note for note in (outcome.note, asked) if note]
        return replace(outcome, note="\n\n".join(notes), writes=(*outcome.writes, *writes))

    async def _untold(self, turn: Turn) -> int:
        """How many answers wait for the person's word, and nobody could tell them; none in groups or where it is unreadable."""
        if not turn.message.is_private:
            return 0
        try:
            return await self._services.sharing.untold(turn.person.id)
        except MartinError:
            return 0

    async def answer_again(self, turn: Turn, past: PastTurn, preview: Preview) -> Outcome:
        """Another answer to the question of `past`, as if it were asked now for the first time."""
        history = _before(turn.history, past.question)
        remember = past.status is TurnStatus.FAILED  # else the first answer is remembered already
        outcome = await self._answered(turn, past.question, past.language, history, preview, remember=remember)
        return replace(outcome, question=past.question)

    async def _answered(
        self, turn: Turn, question: str, language: Language, history: Sequence[Exchange], preview: Preview, *, remember: bool
    ) -> Outcome:
        async with asyncio.TaskGroup() as group:
            planning = group.create_task(self._styling.plan(turn, question, language))
            evidence, flags = await self._evidence(turn, question, language)
        plan = planning.result()
        prompt = build(
            question=question,
            language=language,
            history=history,
            evidence=evidence,
            bot_name=self._settings.bot_name,
            budget=self._settings.prompt_budget,
            today=self._services.clock.now().date(),
            directives=plan.directives,
            also=plan.also,
            form=plan.form,
        )
        model = self._services.model if turn.over_limit is None else self._services.offline
        began = self._services.clock.monotonic()
        answer = await stream(model, prompt, preview, self._settings)
        generation = self._generation(model, prompt, answer, self._services.clock.monotonic() - began)
        flags |= {Flag.LIMITED} if turn.over_limit is not None else set()
        flags |= generation.flags if generation is not None else set()
        text, flags = _ended(answer, flags, language)
        is_offline = generation is not None and not generation.is_counted
        if remember and is_offline and self._may_remember(turn):
            text = await _noted(turn, question) or text
        is_cut = answer.has_text and prompt.question != question
        is_trimmed = answer.has_text and _is_trimmed(turn, prompt, generation)
        flags |= {Flag.TRIMMED} if is_cut or is_trimmed else set()
        is_told = any(exchange.was_trimmed for exchange in turn.history)
        outcome = Outcome(
            reply=Reply(text=text, rateable=answer.has_text or not answer.is_stopped),
            generation=generation,
            evidence=prompt.evidence,
            flags=frozenset(flags),
            remember=remember and self._may_remember(turn) and Flag.FAILED not in flags,
            note=_omissions(language, is_cut=is_cut, is_trimmed=is_trimmed and not is_told),
        )
        return await self._styling.finished(turn, plan, outcome)

    def _may_remember(self, turn: Turn) -> bool:
        """Whether owner and person both let the bot remember."""
        return turn.person.remembers and self._settings.remembers

    async def _evidence(self, turn: Turn, question: str, language: Language) -> tuple[tuple[Evidence, ...], set[Flag]]:
        """What is known from this person, what others let everybody have and what the operator's folder says, all at once."""
        async with asyncio.TaskGroup() as group:
            recalling = group.create_task(self._recall(turn, question))
            asking_others = group.create_task(self._approved(turn, question))
            passages = await self._services.knowledge.search(question, language, self._settings.knowledge_limit)
        recalled, common = recalling.result(), (*asking_others.result(), *passages)
        if recalled is None:
            return common, {Flag.NO_RECALL}
        return (*recalled.evidence, *common), {Flag.PARTIAL_RECALL} if recalled.is_partial else set()

    async def _approved(self, turn: Turn, question: str) -> tuple[Evidence, ...]:
        """Answers that were approved for everyone; none where they cannot be looked up in time."""
        try:
            async with asyncio.timeout(self._settings.recall_deadline_s):
                return await self._services.approved.search(turn.person.id, question)
        except (TimeoutError, MartinError):
            return ()

    async def _recall(self, turn: Turn, question: str) -> Recalled | None:
        """What is known from the person; None when that cannot be looked up in time. It never fails a turn (R-17)."""
        try:
            return await self._services.recall.recall(
                turn.person.id,
                turn.scope,
                question,
                budget=self._settings.recall_budget,
                deadline_s=self._settings.recall_deadline_s,
                with_memories=self._may_remember(turn),
            )
        except (TimeoutError, MartinError):
            return None

    def _generation(self, model: ChatModel, prompt: Prompt, answer: Streamed, seconds: float) -> Generation | None:
        """How the answer was made; estimated where it ended early, so that it still counts, and None where none was asked."""
        if answer.generation is not None or not answer.was_asked:
            return answer.generation
        name = answer.model or (answer.error.model if answer.error is not None else model.name)
        is_counted = name != self._services.offline.name
        read = prompt_tokens(prompt) if answer.error is None or answer.has_begun else 0
        written = estimate_tokens(answer.text)
        return Generation(
            model=name,
            prompt_tokens=read,
            completion_tokens=written,
            seconds=seconds,
            stop="stopped" if answer.is_stopped else "error",
            cost=self._services.price(name, read, written) if is_counted else 0,
            is_counted=is_counted,
            flags=frozenset({Flag.FALLBACK}) if answer.is_fallback else frozenset(),
        )

    async def _first_note(self, turn: Turn) -> str:
        """Said once, to whoever begins without `/start` (R-66)."""
        where = where_text_goes(turn.spoken, self._services.known(), turn.message.address.channel)
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
        """The answer; where there is no text to answer, that it is missing."""
        if turn.message.text.strip():
            return await self._answering.answer(turn, preview)
        text = say(turn.language, "Your message reached me without any text. Would you write it again?")
        return Outcome(reply=Reply(text=text))


def _ended(answer: Streamed, flags: set[Flag], language: Language) -> tuple[str, set[Flag]]:
    """The text of an answer as it ended, and what is to be known of it. An empty answer counts as a failed one."""
    if answer.is_stopped:
        text = answer.text if answer.has_text else say(language, "Stopped, before I had written anything.")
        return text, flags | {Flag.STOPPED, Flag.PARTIAL}
    if not answer.has_text:
        text = say(language, "I could not answer just now. Your message is kept: /again tries it anew.")
        return text, flags | {Flag.FAILED}
    return answer.text, flags | {Flag.PARTIAL} if answer.error is not None else flags


async def _noted(turn: Turn, text: str) -> str:
    """What to say where nothing was asked, but the person told something of theirs; empty where they did not."""
    if any(mark in text for mark in "?¿"):
        return ""
    facts = await asyncio.to_thread(told_facts, turn, text)
    return "\n".join(say(turn.spoken, "Noted: “{said}”", said=fact.text) for fact in facts)


def _omissions(language: Language, *, is_cut: bool, is_trimmed: bool) -> str:
    """What to say below an answer whose model was not given everything."""
    notes = []
    if is_cut:
        notes.append(say(language, "Your message is longer than the model can read at once: I left out its end."))
    if is_trimmed:
        notes.append(
            say(
                language,
                "The beginning of this conversation no longer fits what the model can read, so I answer without it. /new "
                "starts afresh.",
            )
        )
    return "\n\n".join(notes)


def _is_trimmed(turn: Turn, prompt: Prompt, generation: Generation | None) -> bool:
    """Whether a model that reads the conversation was not given all of it. The offline answerer reads none."""
    reads = generation is not None and generation.is_counted
    return reads and bool(turn.history) and (prompt.left_out > 0 or turn.has_earlier)


def _before(history: Sequence[Exchange], question: str) -> tuple[Exchange, ...]:
    """The history up to where `question` was last asked, without the answers that it already had."""
    kept = list(history)
    if any(exchange.question == question for exchange in kept):
        while kept and kept[-1].question != question:
            kept.pop()
        while kept and kept[-1].question == question:
            kept.pop()
    return tuple(kept)

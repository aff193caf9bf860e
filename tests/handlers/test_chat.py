"""Answers to what people write: evidence, streaming, stopping, and what happens when something is down."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.errors import ModelTimedOut, ModelUnreachable, StoreBusy
from bot.types import (
    AddressId,
    Attachment,
    Evidence,
    EvidenceKind,
    Exchange,
    Flag,
    Language,
    ModelStatus,
    Scope,
)
from tests.handlers.fakes import ADA, KNOWN, FakeModel, FakePreview, FakeRecall, answer, message, said, services, turn

TAUGHT = Evidence(kind=EvidenceKind.CORRECTION, text="It is blue.", source="t1", score=0.9, question="Which colour?")
FILE = Attachment(name="a.pdf", media_type="application/pdf", size=9, reference="r")


async def test_an_answer_streams_in_and_can_be_rated_and_remembered() -> None:
    preview = FakePreview()
    handler, outcome = await answer(turn(message(text="Which colour?")), preview=preview)
    assert handler.name == "chat"
    assert preview.shown == ["Hello", "Hello, world."]
    assert said(outcome) == "Hello, world."
    assert outcome.reply is not None
    assert outcome.reply.rateable
    assert outcome.remember
    assert outcome.flags == frozenset()
    assert outcome.note == ""
    assert outcome.generation is not None
    assert outcome.generation.prompt_tokens == 7


async def test_the_prompt_holds_what_was_taught_before_what_is_known() -> None:
    model = FakeModel()
    history = (Exchange(question="Hi", answer="Hello."),)
    asked = turn(message(text="Which colour?"), "en", spoken="es", history=history)
    _, outcome = await answer(asked, services(model=model, recall=FakeRecall(found=(TAUGHT,))))
    (prompt,) = model.prompts
    assert prompt.evidence == (TAUGHT, KNOWN) == outcome.evidence
    assert prompt.history == history
    assert prompt.language == "es"


@pytest.mark.parametrize(("is_private", "scope"), [(True, Scope()), (False, Scope(group=AddressId("a1")))])
async def test_recall_reads_only_what_this_chat_may_read(is_private: bool, scope: Scope) -> None:
    recall = FakeRecall()
    await answer(turn(message(text="Which colour?", is_private=is_private)), services(recall=recall))
    assert recall.asked == [(ADA, scope, "Which colour?")]


@pytest.mark.parametrize("recall", [FakeRecall(delay_s=30), FakeRecall(error=StoreBusy("locked"))])
async def test_recall_that_is_slow_or_down_never_fails_a_turn(recall: FakeRecall) -> None:
    _, outcome = await answer(turn(message(text="Which colour?")), services(recall=recall))
    assert said(outcome) == "Hello, world."
    assert outcome.flags == {Flag.NO_RECALL}
    assert outcome.evidence == (KNOWN,)


async def test_stop_takes_effect_at_once_and_keeps_what_was_written() -> None:
    model = FakeModel(pieces=("One", " two", " three"), hang_before=2)
    preview = FakePreview(stop_at=2)
    async with asyncio.timeout(2):
        _, outcome = await answer(turn(message(text="Count")), services(model=model), preview)
    assert said(outcome) == "One two"
    assert outcome.flags == {Flag.STOPPED, Flag.PARTIAL}
    assert model.is_closed
    assert outcome.generation is not None
    assert outcome.generation.stop == "stopped"
    assert outcome.generation.completion_tokens == 2
    assert outcome.reply is not None
    assert outcome.reply.rateable


async def test_stop_before_the_first_word_asks_no_model() -> None:
    model = FakeModel()
    _, outcome = await answer(turn(message(text="Count")), services(model=model), FakePreview(stop_at=0))
    assert model.prompts == []
    assert outcome.flags == {Flag.STOPPED, Flag.PARTIAL}
    assert said(outcome)


async def test_stop_while_the_model_is_silent_ends_it() -> None:
    model, preview = FakeModel(hang_before=0), FakePreview()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(answer(turn(message(text="Count")), services(model=model), preview))
        await model.is_asked.wait()
        preview.stop()
    assert asking.result()[1].flags == {Flag.STOPPED, Flag.PARTIAL}
    assert model.is_closed


async def test_a_cancelled_turn_closes_the_stream_and_stays_cancelled() -> None:
    model = FakeModel(hang_before=1)
    task = asyncio.ensure_future(answer(turn(message(text="Count")), services(model=model)))
    await model.is_asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.is_closed


@pytest.mark.parametrize(("language", "hint"), [("en", "/again"), ("es", "/repetir")])
@pytest.mark.parametrize("model", [FakeModel(pieces=(), error=ModelUnreachable("x", "refused")), FakeModel(pieces=(" ", "\n"))])
async def test_no_answer_is_told_politely_and_marked_failed(language: Language, hint: str, model: FakeModel) -> None:
    _, outcome = await answer(turn(message(text="Count"), language), services(model=model))
    assert Flag.FAILED in outcome.flags
    assert hint in said(outcome)
    assert outcome.reply is not None
    assert outcome.reply.rateable


async def test_a_stream_cut_half_way_keeps_what_came_and_says_so_in_its_flags() -> None:
    model = FakeModel(pieces=("Half",), error=ModelTimedOut("x", "20 s"))
    _, outcome = await answer(turn(message(text="Count")), services(model=model))
    assert said(outcome) == "Half"
    assert outcome.flags == {Flag.PARTIAL}


async def test_the_models_own_flags_are_kept() -> None:
    model = FakeModel(flags=frozenset({Flag.FALLBACK, Flag.UNKNOWN}))
    _, outcome = await answer(turn(message(text="Count")), services(model=model))
    assert outcome.flags == {Flag.FALLBACK, Flag.UNKNOWN}


async def test_a_question_longer_than_the_budget_is_cut_and_flagged() -> None:
    model = FakeModel()
    _, outcome = await answer(turn(message(text="word " * 8000)), services(model=model))
    assert Flag.TRIMMED in outcome.flags
    assert len(model.prompts[0].question) < 5 * 8000


@pytest.mark.parametrize(
    ("language", "parts"), [("en", ("automated AI", "/start", "/help")), ("es", ("IA automática", "/empezar", "/ayuda"))]
)
async def test_first_contact_is_answered_and_told_once_that_this_is_an_ai(language: Language, parts: tuple[str, ...]) -> None:
    remote = ModelStatus(name="cloud/big", is_ready=True, is_remote=True, detail="")
    first = turn(message(text="Which colour?"), language, is_first=True)
    _, outcome = await answer(first, services(statuses=[remote]))
    assert said(outcome) == "Hello, world.", "the note is no part of the answer that is stored and rated"
    for part in ("cloud/big", *parts):
        assert part in outcome.note


@pytest.mark.parametrize(("language", "word"), [("en", "attachments"), ("es", "adjuntos")])
async def test_an_attachment_alone_is_answered_honestly(language: Language, word: str) -> None:
    model = FakeModel()
    _, outcome = await answer(turn(replace(message(), attachments=(FILE,)), language), services(model=model))
    assert model.prompts == []
    assert word in said(outcome)
    assert outcome.reply is not None
    assert not outcome.reply.rateable


async def test_text_with_an_attachment_is_answered_and_the_file_owned_up_to() -> None:
    _, outcome = await answer(turn(replace(message(text="What is in it?"), attachments=(FILE,))))
    assert said(outcome) == "Hello, world."
    assert "attachments" in outcome.note

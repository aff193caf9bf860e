"""Answers to what people write: evidence, streaming, stopping, and what happens when something is down."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.errors import ModelTimedOut, ModelUnreachable, StoreBusy
from bot.model_types import ModelStatus
from bot.prompt import prompt_tokens
from bot.tokens import estimate_tokens
from bot.types import AddressId, Attachment, Evidence, EvidenceKind, Exchange, Flag, Language, Limit, OverLimit, Scope
from tests.handlers.fake_sharing import FakeSharing
from tests.handlers.fakes import ADA, KNOWN, FakeModel, FakePreview, FakeRecall, answer, message, said, services, turn

TAUGHT = Evidence(kind=EvidenceKind.CORRECTION, text="It is blue.", source="t1", score=0.9, question="Which colour?")
FILE = Attachment(name="a.pdf", media_type="application/pdf", size=9, reference="r")


def price(model: str, prompt_tokens: int, completion_tokens: int) -> int:
    return prompt_tokens + 1000 * completion_tokens


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


async def test_what_others_let_everybody_have_comes_between_what_was_taught_and_what_is_known() -> None:
    model, shared = FakeModel(), replace(TAUGHT, kind=EvidenceKind.APPROVED, text="Green.", source="")
    _, outcome = await answer(
        turn(message(text="Which colour?")),
        services(model=model, recall=FakeRecall(found=(TAUGHT,)), sharing=FakeSharing(approved=(shared,))),
    )
    assert outcome.evidence == (TAUGHT, shared, KNOWN)
    assert outcome.flags == frozenset()


async def test_what_others_let_everybody_have_never_fails_a_turn() -> None:
    sharing = FakeSharing(error=StoreBusy("locked"))
    _, outcome = await answer(turn(message(text="Which colour?")), services(sharing=sharing))
    assert said(outcome) == "Hello, world."
    assert outcome.evidence[-1] == KNOWN


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


async def test_memories_that_could_not_be_looked_through_flag_the_answer_and_keep_what_was_taught() -> None:
    recall = FakeRecall(found=(TAUGHT,), is_partial=True)
    _, outcome = await answer(turn(message(text="Which colour?")), services(recall=recall))
    assert outcome.flags == {Flag.PARTIAL_RECALL}
    assert outcome.evidence == (TAUGHT, KNOWN)


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
    assert outcome.generation.completion_tokens == estimate_tokens("One two")
    assert outcome.reply is not None
    assert outcome.reply.rateable


async def test_stop_before_the_first_word_asks_no_model() -> None:
    model = FakeModel()
    _, outcome = await answer(turn(message(text="Count")), services(model=model), FakePreview(stop_at=0))
    assert model.prompts == []
    assert outcome.generation is None
    assert outcome.flags == {Flag.STOPPED, Flag.PARTIAL}
    assert said(outcome)
    assert outcome.reply is not None
    assert not outcome.reply.rateable, "there is nothing to rate"


async def test_stop_while_the_model_is_silent_ends_it() -> None:
    model, preview = FakeModel(hang_before=0), FakePreview()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(answer(turn(message(text="Count")), services(model=model, price=price), preview))
        await model.is_asked.wait()
        preview.stop()
    outcome = asking.result()[1]
    assert outcome.flags == {Flag.STOPPED, Flag.PARTIAL}
    assert model.is_closed
    assert outcome.reply is not None
    assert not outcome.reply.rateable
    assert outcome.generation is not None
    assert outcome.generation.prompt_tokens == prompt_tokens(model.prompts[0]), "the model has read it"
    assert outcome.generation.cost == outcome.generation.prompt_tokens


async def test_an_answer_that_was_stopped_has_the_author_and_the_price_of_the_model_that_wrote_it() -> None:
    model = FakeModel(pieces=("One", " two"), author="big", hang_before=1)
    _, outcome = await answer(turn(message(text="Count")), services(model=model, price=price), FakePreview(stop_at=1))
    assert outcome.generation is not None
    assert outcome.generation.model == "big"
    assert outcome.generation.is_counted
    assert outcome.generation.cost == outcome.generation.prompt_tokens + 1000 * outcome.generation.completion_tokens


async def test_an_offline_answer_that_was_stopped_counts_for_nothing() -> None:
    model = FakeModel(pieces=("One", " two"), author="offline", hang_before=1)
    _, outcome = await answer(turn(message(text="Count")), services(model=model, price=price), FakePreview(stop_at=1))
    assert outcome.generation is not None
    assert (outcome.generation.is_counted, outcome.generation.cost) == (False, 0)


async def test_thinking_shows_no_text() -> None:
    preview = FakePreview()
    _, outcome = await answer(turn(message(text="Why?")), services(model=FakeModel(thoughts=3)), preview)
    assert preview.shown == ["Hello", "Hello, world."]
    assert said(outcome) == "Hello, world."


async def test_thinking_that_was_stopped_is_counted_as_read() -> None:
    model, preview = FakeModel(thoughts=2, hang_before=0), FakePreview()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(answer(turn(message(text="Why?")), services(model=model), preview))
        await model.is_asked.wait()
        preview.stop()
    outcome = asking.result()[1]
    assert outcome.generation is not None
    assert outcome.generation.prompt_tokens > 0
    assert outcome.reply is not None
    assert not outcome.reply.rateable


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
    assert outcome.note == ""


async def test_a_model_that_gave_no_sign_of_life_costs_nothing() -> None:
    model = FakeModel(pieces=(), error=ModelUnreachable("far", "refused"))
    _, outcome = await answer(turn(message(text="Count")), services(model=model, price=price))
    assert outcome.generation is not None
    assert (outcome.generation.model, outcome.generation.prompt_tokens, outcome.generation.cost) == ("far", 0, 0)


async def test_a_stream_cut_half_way_keeps_what_came_and_says_so_in_its_flags() -> None:
    model = FakeModel(pieces=("Half",), error=ModelTimedOut("x", "20 s"))
    _, outcome = await answer(turn(message(text="Count")), services(model=model))
    assert said(outcome) == "Half"
    assert outcome.flags == {Flag.PARTIAL}


async def test_the_models_own_flags_are_kept() -> None:
    model = FakeModel(flags=frozenset({Flag.FALLBACK, Flag.UNKNOWN}))
    _, outcome = await answer(turn(message(text="Count")), services(model=model))
    assert outcome.flags == {Flag.FALLBACK, Flag.UNKNOWN}


@pytest.mark.parametrize(("language", "words"), [("en", "I left out its end"), ("es", "he dejado fuera el final")])
async def test_a_question_longer_than_the_budget_is_cut_flagged_and_told_every_time(language: Language, words: str) -> None:
    model = FakeModel()
    long = turn(message(text="word " * 8000), language, history=(Exchange(question="a", answer="b", was_trimmed=True),))
    _, outcome = await answer(long, services(model=model))
    assert Flag.TRIMMED in outcome.flags
    assert len(model.prompts[0].question) < 5 * 8000
    assert words in outcome.note
    assert "/new" not in outcome.note
    assert "/nueva" not in outcome.note


TALK = tuple(Exchange(question=f"{number}?", answer="word " * 1000) for number in range(8))


@pytest.mark.parametrize(("language", "command"), [("en", "/new"), ("es", "/nueva")])
async def test_that_a_conversation_no_longer_fits_is_told_once_below_the_answer(language: Language, command: str) -> None:
    model = FakeModel()
    _, outcome = await answer(turn(message(text="And?"), language, history=TALK), services(model=model))
    assert model.prompts[0].left_out > 0
    assert outcome.flags == {Flag.TRIMMED}
    assert command in outcome.note
    assert said(outcome) == "Hello, world."
    told = (*TALK[:-1], replace(TALK[-1], was_trimmed=True))
    _, outcome = await answer(turn(message(text="And?"), language, history=told))
    assert outcome.flags == {Flag.TRIMMED}
    assert outcome.note == ""


async def test_a_conversation_longer_than_what_is_remembered_of_it_is_told_too() -> None:
    history = (Exchange(question="Hi", answer="Hello."),)
    _, outcome = await answer(turn(message(text="And?"), history=history, has_earlier=True))
    assert outcome.flags == {Flag.TRIMMED}
    assert "/new" in outcome.note


async def test_it_is_not_told_again_when_the_conversation_fitted_in_between() -> None:
    history = (Exchange(question="Hi", answer="Hello.", was_trimmed=True), Exchange(question="So?", answer="Yes."))
    _, outcome = await answer(turn(message(text="And?"), history=history, has_earlier=True))
    assert outcome.flags == {Flag.TRIMMED}
    assert outcome.note == ""


async def test_a_conversation_that_fits_or_that_nobody_reads_is_not_called_trimmed() -> None:
    for given, model in (
        (turn(message(text="And?"), history=TALK[:1]), FakeModel()),
        (turn(message(text="And?"), history=TALK), FakeModel(is_counted=False)),
        (turn(message(text="And?"), history=TALK), FakeModel(pieces=(), error=ModelUnreachable("x", "refused"))),
        (turn(message(text="And?"), has_earlier=True), FakeModel()),
    ):
        _, outcome = await answer(given, services(model=model))
        assert Flag.TRIMMED not in outcome.flags
        assert outcome.note == ""


async def test_past_a_daily_limit_the_offline_answerer_goes_on_and_no_language_model_is_asked() -> None:
    model, offline = FakeModel(), FakeModel(name="offline", pieces=("From memory.",), is_counted=False)
    over = OverLimit(limit=Limit.TOKENS, most=1000)
    given = turn(message(text="And?"), history=TALK, has_earlier=True, over_limit=over)
    _, outcome = await answer(given, services(model=model, offline=offline))
    assert model.prompts == []
    assert len(offline.prompts) == 1
    assert said(outcome) == "From memory."
    assert outcome.flags == {Flag.LIMITED}
    assert outcome.generation is not None
    assert not outcome.generation.is_counted
    assert outcome.note == "", "the core says it once a day"


async def test_the_prompt_says_what_day_it_is() -> None:
    model = FakeModel()
    await answer(turn(message(text="What day is it?")), services(model=model))
    assert "30 November 2026" in model.prompts[0].system


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

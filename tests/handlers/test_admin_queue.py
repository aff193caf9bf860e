"""What waits for admins, worked through by pressing or decided by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from bot.admin_types import RowWords, WaitingQuestion, WaitsFor
from bot.errors import ManifestError, StoreBusy
from bot.types import LANGUAGES, Chosen, Kind, Language, Question, Turn
from bot.writes import AskQuestion, DecideTraining
from handlers.admin_parts import ADMIN, Done
from handlers.admin_queue import QueueAction
from tests.handlers.admin_talk import closed, key_of, shown_by
from tests.handlers.fake_desk import FakeTraining, desk
from tests.handlers.fakes import FakePreview, answer, command, message, past, pressed, said, services, turn

ROW = "r0123456789abcdef0123"
OTHER_ROW = "rfedcba98765432100000"
PATTERN = WaitingQuestion(
    why=WaitsFor.PATTERN,
    subjects=("pattern:00000000000000aa", "pattern:00000000000000bb"),
    count=12,
    people=2,
    rows=(RowWords(question="Which bank?", answer="Any.", correction="Buy at Acme."),),
    shared=("buy acme",),
)
UNCLEAR = WaitingQuestion(
    why=WaitsFor.UNCLEAR, subjects=(ROW,), count=1, people=1, rows=(RowWords(question="How far?", answer="Far."),)
)
OPPOSITE = WaitingQuestion(
    why=WaitsFor.OPPOSITE_RATINGS,
    subjects=("r1", OTHER_ROW),
    count=2,
    people=2,
    rows=(RowWords(question="Is it so?", answer="It is."),),
    liked=("r1",),
)
COHORT = WaitingQuestion(why=WaitsFor.COHORT, subjects=("cohort",), count=40, people=3)


@dataclass
class Locked(FakeTraining):
    """A desk whose database is busy."""

    async def waiting(self) -> Sequence[WaitingQuestion]:
        raise StoreBusy("locked")


def waits(*questions: WaitingQuestion) -> FakeTraining:
    return FakeTraining(questions=list(questions))


async def asked(training: FakeTraining, argument: str = "", language: Language = "en") -> Done:
    """What an admin is told."""
    given = command("admin", language, arguments=f"queue {argument}", is_admin=True)
    return await QueueAction(services(), desk(training=training)).asked(given, argument, FakePreview())


async def done_by(training: FakeTraining, given: Turn, key: str) -> Done:
    chosen = Chosen(turn_id=past().id, key=key.removeprefix(f"{ADMIN}:"))
    action, _, wish = chosen.key.partition(".")
    assert action == "queue"
    return await QueueAction(services(), desk(training=training)).pressed(given, chosen, wish, FakePreview())


async def press(
    training: FakeTraining, done: Done, label: str, language: Language = "en", *, answered: str | None = None
) -> Done:
    """The press of a button below a reply, which may have been answered before."""
    key = key_of(done, label)
    return await done_by(training, pressed(shown_by(done, answered), key, language), key)


def decided(done: Done) -> dict[str, bool]:
    return {write.subject: write.is_approved for write in done.outcome.writes if isinstance(write, DecideTraining)}


def labels(done: Done) -> list[str]:
    assert done.outcome.reply is not None
    return [choice.label for choice in done.outcome.reply.choices]


def take(training: FakeTraining, done: Done) -> None:
    """Store what was decided: what is decided whole waits no more."""
    subjects = set(decided(done))
    training.questions = [one for one in training.questions if not subjects.issuperset(one.subjects)]


# --- what is shown ---


async def test_first_question_is_shown_with_why_it_waits_how_much_it_is_and_its_rows() -> None:
    done = await asked(waits(PATTERN, UNCLEAR))
    text = said(done.outcome)
    assert text.startswith("**1 of 2** · A pattern that few people teach")
    assert "12 rows · 2 people · in common: “buy acme”" in text
    assert "one person with many accounts" in text
    assert "- Question: “Which bank?”\n  - Answer: “Any.”\n  - Correction: “Buy at Acme.”" in text
    assert labels(done) == ["Approve", "Reject", "Later"]
    assert (done.result, done.subject) == ("shown", PATTERN.subjects[0])
    (write,) = done.outcome.writes
    assert isinstance(write, AskQuestion)
    assert write.question.kind == ADMIN


@pytest.mark.parametrize(("language", "title"), [("en", "The rating and its"), ("es", "La valoración y su corrección")])
async def test_questions_are_asked_in_the_language_of_the_admin(language: Language, title: str) -> None:
    assert title in said((await asked(waits(UNCLEAR), language=language)).outcome)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_kind_of_question_says_in_its_own_words_what_a_decision_does(language: Language) -> None:
    questions = (PATTERN, OPPOSITE, UNCLEAR, COHORT)
    texts = [said((await asked(waits(one), language=language)).outcome).split("\n\n") for one in questions]
    assert len({text[0] for text in texts}) == len({text[2] for text in texts}) == 4
    for text, one in zip(texts, questions, strict=True):
        assert len(text) == (4 if one.rows else 3)
        assert len(text[2]) > 80


async def test_nothing_that_a_person_wrote_is_markup_and_long_texts_are_cut_off() -> None:
    rows = (RowWords(question="**a** `b`\n# [c](d)", answer="x" * 5_000, correction="~~e~~ <f>"),)
    text = said((await asked(waits(replace(PATTERN, rows=rows * 3, shared=("*g*",))))).outcome)
    assert r"“\*\*a\*\* \`b\` \# \[c\](d)”" in text
    assert r"“\~\~e\~\~ \<f\>”" in text
    assert r"“\*g\*”" in text
    assert "x" * 301 not in text
    assert len(text) < 4_096


async def test_rows_whose_words_are_gone_are_still_asked_about() -> None:
    done = await asked(waits(replace(UNCLEAR, rows=())))
    assert "What was said is not there any more." in said(done.outcome)
    assert labels(done) == ["Approve", "Reject", "Later"]


@pytest.mark.parametrize("question", [PATTERN, UNCLEAR, OPPOSITE])
async def test_what_people_said_is_not_kept_in_the_conversation_of_the_admin(question: WaitingQuestion) -> None:
    outcome = (await asked(waits(question))).outcome
    assert outcome.kept is not None
    assert said(outcome).startswith(outcome.kept.partition(" · ")[0])
    for words in (*question.shared, *(text for one in question.rows for text in (one.question, one.answer))):
        assert words in said(outcome)
        assert words not in outcome.kept


@pytest.mark.parametrize("language", LANGUAGES)
async def test_where_nothing_waits_that_is_said_and_whether_nights_make_files(language: Language) -> None:
    on, off = [await asked(FakeTraining(is_on=is_on), language=language) for is_on in (True, False)]
    assert labels(on) == labels(off) == []
    assert "`enabled`" in said(off.outcome)
    assert "`enabled`" not in said(on.outcome)
    assert on.outcome.writes == ()


# --- decisions by pressing ---


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("is_approved", [True, False])
async def test_a_press_decides_about_all_subjects_and_shows_the_next_question(language: Language, is_approved: bool) -> None:
    training = waits(PATTERN, UNCLEAR)
    shown = await asked(training, language=language)
    label = labels(shown)[0 if is_approved else 1]
    done = await press(training, shown, label, language)
    assert decided(done) == dict.fromkeys(PATTERN.subjects, is_approved)
    assert closed(done) == [key_of(shown, label)]
    assert (done.result, done.subject) == ("approved" if is_approved else "rejected", PATTERN.subjects[0])
    assert "How far?" in said(done.outcome)
    assert "Which bank?" not in said(done.outcome)
    assert any(isinstance(write, AskQuestion) for write in done.outcome.writes)


async def test_a_queue_is_worked_through_by_pressing() -> None:
    training = waits(PATTERN, OPPOSITE, UNCLEAR)
    done = await asked(training)
    heads, decisions = [], dict[str, bool]()
    for label in ("Approve", "Later", "Reject", "Keep both out"):
        heads.append(said(done.outcome).partition("** · ")[0].rpartition("**")[2])
        done = await press(training, done, label)
        decisions |= decided(done)
        take(training, done)
    assert heads == ["1 of 3", "1 of 2", "2 of 2", "1 of 1"]
    assert "Nothing waits for you now" in said(done.outcome)
    assert labels(done) == []
    assert decisions == dict.fromkeys(PATTERN.subjects, True) | dict.fromkeys((*UNCLEAR.subjects, *OPPOSITE.subjects), False)


async def test_later_decides_nothing_and_its_question_can_still_be_answered() -> None:
    training = waits(PATTERN, UNCLEAR)
    shown = await asked(training)
    later = await press(training, shown, "Later")
    assert decided(later) == {}
    assert closed(later) == []
    assert (later.result, later.subject) == ("later", PATTERN.subjects[0])
    assert said(later.outcome).startswith("**2 of 2**")
    end = await press(training, later, "Later")
    assert "That was the last one" in said(end.outcome)
    assert labels(end) == []
    assert decided(await press(training, shown, "Approve")) == dict.fromkeys(PATTERN.subjects, True)


async def test_an_answer_by_letter_counts_and_later_ends_the_wait_for_one() -> None:
    training = waits(UNCLEAR)
    shown = await asked(training)
    asking = shown_by(shown)
    question = Question(turn_id=asking.id, kind=ADMIN, choices=asking.reply.choices)
    given = turn(message(Kind.TEXT, "a"), awaiting=question, is_admin=True)
    assert decided(await done_by(training, given, key_of(shown, "Approve"))) == {ROW: True}
    assert closed(await done_by(training, given, key_of(shown, "Later"))) == [None]


async def test_opposite_ratings_have_no_button_that_would_approve_both_sides() -> None:
    done = await asked(waits(OPPOSITE))
    assert labels(done) == ["The answer is good", "The answer is bad", "Keep both out", "Later"]
    one_sided = await asked(waits(replace(OPPOSITE, liked=OPPOSITE.subjects)))
    assert labels(one_sided) == ["The answer is good", "Keep both out", "Later"], "of the others none is shown"


@pytest.mark.parametrize(("label", "is_good"), [("The answer is good", True), ("The answer is bad", False)])
async def test_of_opposite_ratings_one_side_comes_in_and_the_other_stays_out(label: str, is_good: bool) -> None:
    training = waits(OPPOSITE, UNCLEAR)
    done = await press(training, await asked(training), label)
    assert decided(done) == {"r1": is_good, OTHER_ROW: not is_good}
    assert (done.result, done.subject) == ("good" if is_good else "bad", "r1")
    assert "How far?" in said(done.outcome), "the next one"


# --- late and double presses ---


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_press_about_what_waits_no_more_decides_nothing_and_shows_what_waits_now(
    place: int, language: Language
) -> None:
    training = waits(PATTERN, UNCLEAR)
    shown = await asked(training, language=language)
    training.questions.remove(PATTERN)
    done = await press(training, shown, labels(shown)[place], language)
    assert done.outcome.is_refused
    assert (done.result, decided(done), closed(done)) == ("gone", {}, [])
    assert "How far?" in said(done.outcome)


async def test_a_press_after_the_last_was_decided_says_that_nothing_waits() -> None:
    training = waits(UNCLEAR)
    shown = await asked(training)
    training.questions.clear()
    done = await press(training, shown, "Approve")
    assert "That is not as it was shown" in said(done.outcome)
    assert "Nothing waits for you now" in said(done.outcome)
    assert done.outcome.writes == ()


async def test_a_press_decides_about_nothing_that_was_not_shown() -> None:
    """The next night may have found more rows for what an old button names."""
    training = waits(OPPOSITE, PATTERN)
    shown = await asked(training)
    training.questions = [replace(OPPOSITE, subjects=(*OPPOSITE.subjects, "r77")), PATTERN]
    for label in ("The answer is good", "Keep both out"):
        done = await press(training, shown, label)
        assert decided(done) == {}
        assert done.outcome.is_refused
        assert "That is not as it was shown" in said(done.outcome)


@pytest.mark.parametrize("label", ["Approve", "Reject", "Later"])
async def test_a_second_press_does_nothing(label: str) -> None:
    training = waits(UNCLEAR)
    shown = await asked(training)
    done = await press(training, shown, label, answered=key_of(shown, "Reject"))
    assert done.outcome.is_refused
    assert done.outcome.writes == ()
    assert done.result == "answered"
    assert "already answered" in said(done.outcome)


# --- a small cohort ---


@pytest.mark.parametrize(("label", "yes"), [("Approve", "Yes, let them in"), ("Reject", "Yes, keep them out")])
async def test_a_cohort_is_decided_about_only_after_a_second_question(label: str, yes: str) -> None:
    training = waits(COHORT, UNCLEAR)
    shown = await asked(training)
    assert "nobody's share can be kept small" in said(shown.outcome)
    assert "40 rows · 3 people" in said(shown.outcome)
    sure = await press(training, shown, label)
    assert labels(sure) == [yes, "No"]
    assert (decided(sure), closed(sure), sure.result) == ({}, [], "asked")
    done = await press(training, sure, yes)
    assert decided(done) == {"cohort": label == "Approve"}
    assert closed(done) == [key_of(sure, yes)]
    assert (done.result, done.subject) == ("approved" if label == "Approve" else "rejected", "cohort")
    assert "How far?" in said(done.outcome)


async def test_no_leaves_a_cohort_as_it_is_and_goes_on() -> None:
    training = waits(COHORT, UNCLEAR)
    sure = await press(training, await asked(training), "Approve")
    done = await press(training, sure, "No")
    assert (decided(done), closed(done), done.result) == ({}, [key_of(sure, "No")], "cancelled")
    assert "nothing was decided" in said(done.outcome)
    assert "**2 of 2**" in said(done.outcome)


async def test_a_cohort_that_was_decided_about_meanwhile_is_not_decided_again() -> None:
    training = waits(COHORT)
    sure = await press(training, await asked(training), "Approve")
    training.questions.clear()
    done = await press(training, sure, "Yes, let them in")
    assert (decided(done), done.result, done.outcome.is_refused) == ({}, "gone", True)


@pytest.mark.parametrize(("argument", "is_approved"), [("reject cohort", False), ("aprobar COHORTE", True)])
async def test_what_was_decided_about_a_cohort_can_be_taken_back_by_name(argument: str, is_approved: bool) -> None:
    training = waits(UNCLEAR)
    sure = await asked(training, argument)
    assert decided(sure) == {}
    done = await press(training, sure, labels(sure)[0])
    assert decided(done) == {"cohort": is_approved}
    assert decided(await press(training, sure, "No")) == {}


async def test_a_cohort_that_waits_is_asked_about_with_how_much_it_is() -> None:
    training = waits(COHORT)
    sure = await asked(training, "approve cohort")
    assert "40 rows · 3 people" in said(sure.outcome)
    training.questions.clear()
    assert (await press(training, sure, "Yes, let them in")).result == "gone"


# --- decisions by name ---


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (f"approve {ROW}", {ROW: True}),
        (f"Aprobar {ROW.upper()}", {ROW: True}),
        (f"REJECT {ROW} {PATTERN.subjects[0]}  {ROW}", {ROW: False, PATTERN.subjects[0]: False}),
        (f"rechazar\n{OTHER_ROW}", {OTHER_ROW: False}),
        (f"approve {OTHER_ROW}", {OTHER_ROW: True}),
        (f"reject r1 {OTHER_ROW}", {"r1": False, OTHER_ROW: False}),
    ],
)
async def test_what_is_named_is_decided_about_and_nothing_else(argument: str, expected: dict[str, bool]) -> None:
    done = await asked(waits(PATTERN, UNCLEAR, OPPOSITE), argument)
    assert decided(done) == expected
    assert done.subject == " ".join(expected)
    assert done.result == ("approved" if True in expected.values() else "rejected")
    assert len([write for write in done.outcome.writes if isinstance(write, AskQuestion)]) == 1, "what waits is shown"


@pytest.mark.parametrize(
    ("argument", "result"),
    [
        (f"approve {ROW} r`nobody", "unknown"),
        ("reject secret", "unknown"),
        (f"approve cohort {ROW}", "not alone"),
        (f"approve r1 {OTHER_ROW}", "both sides"),
        ("approve", "unknown"),
        ("rechazar", "unknown"),
        (f"dance {ROW}", "unknown"),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_cannot_be_decided_changes_nothing(argument: str, result: str, language: Language) -> None:
    done = await asked(waits(UNCLEAR, OPPOSITE), argument, language)
    assert done.outcome.is_refused
    assert done.outcome.writes == ()
    assert (done.result, done.subject) == (result, "")


async def test_an_unknown_name_is_named_and_shortened() -> None:
    text = said((await asked(waits(UNCLEAR), "approve no`body")).outcome)
    assert "`no'body`" in text
    assert "`python -m bot data queue`" in text
    assert len(said((await asked(waits(UNCLEAR), "approve " + "x" * 4_000)).outcome)) < 300


async def test_part_of_a_question_that_is_decided_leaves_the_rest_waiting() -> None:
    done = await asked(waits(PATTERN), f"reject {PATTERN.subjects[1]}")
    assert "**1 of 1**" in said(done.outcome)


# --- what goes wrong, and who may not ---


@pytest.mark.parametrize(
    ("training", "words", "result"),
    [
        (FakeTraining(error=ManifestError("damaged")), "`/admin night run`", "unreadable"),
        (Locked(), "`/admin status`", "no database"),
    ],
)
@pytest.mark.parametrize("argument", ["", f"approve {ROW}"])
async def test_what_cannot_be_read_is_said_with_what_to_do(
    training: FakeTraining, words: str, result: str, argument: str
) -> None:
    done = await asked(training, argument)
    assert words in said(done.outcome)
    late = await press(training, await asked(waits(UNCLEAR)), "Approve")
    for one in (done, late):
        assert (one.result, one.outcome.writes, one.outcome.is_refused) == (result, (), True)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_is_no_admin_sees_and_decides_nothing(language: Language) -> None:
    training = waits(UNCLEAR)
    shown = await asked(training, language=language)
    key = key_of(shown, labels(shown)[0])
    for given in (command("admin", language, arguments="queue"), pressed(shown_by(shown), key, language)):
        handler, outcome = await answer(given, desk=desk(training=training))
        assert handler.name == "admin"
        assert outcome.is_refused
        assert outcome.writes == ()
        assert "How far?" not in said(outcome)

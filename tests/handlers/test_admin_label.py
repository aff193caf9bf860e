"""Rows that admins label, by pressing or by typing."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bot.admin_types import RowWords, UnlabelledRow
from bot.errors import StoreBusy
from bot.intent_words import intent_words
from bot.training_types import Intent
from bot.types import LANGUAGES, Chosen, Kind, Language, Question, Turn
from bot.writes import AskQuestion, LabelTraining
from handlers.admin_label import LabelAction
from handlers.admin_parts import ADMIN, Done
from tests.handlers.admin_talk import closed, key_of, shown_by
from tests.handlers.fake_desk import FakeTraining, desk
from tests.handlers.fakes import FakePreview, answer, command, message, past, pressed, said, services, turn

FIRST, SECOND, THIRD = (f"r0123456789abcdef012{end}" for end in "14a")
LABELLED = "rffffffffffffffffffff"


@dataclass
class Locked(FakeTraining):
    """A desk whose database is busy."""

    async def unlabelled(self, after: str = "") -> UnlabelledRow | None:
        raise StoreBusy("locked")


def row(name: str, question: str = "Who are you?", left: int = 1, correction: str = "") -> UnlabelledRow:
    return UnlabelledRow(row=name, words=RowWords(question=question, answer="A bot.", correction=correction), left=left)


def three() -> FakeTraining:
    return FakeTraining(rows=[row(FIRST, "One?", 3), row(SECOND, "Two?", 2, "Two."), row(THIRD, "Three?", 1)])


async def asked(training: FakeTraining, argument: str = "", language: Language = "en") -> Done:
    """What an admin is told."""
    given = command("admin", language, arguments=f"label {argument}", is_admin=True)
    return await LabelAction(services(), desk(training=training)).asked(given, argument, FakePreview())


def labels(done: Done) -> list[str]:
    assert done.outcome.reply is not None
    return [choice.label for choice in done.outcome.reply.choices]


async def done_by(training: FakeTraining, given: Turn, key: str) -> Done:
    chosen = Chosen(turn_id=past().id, key=key.removeprefix(f"{ADMIN}:"))
    action, _, wish = chosen.key.partition(".")
    assert action == "label"
    return await LabelAction(services(), desk(training=training)).pressed(given, chosen, wish, FakePreview())


async def press(
    training: FakeTraining, done: Done, label: str, language: Language = "en", *, answered: str | None = None
) -> Done:
    """The press of a button below a reply, which may have been answered before."""
    key = key_of(done, label)
    return await done_by(training, pressed(shown_by(done, answered), key, language), key)


def labelled(done: Done) -> list[tuple[str, str, str]]:
    return [(write.row, write.intent, write.topic) for write in done.outcome.writes if isinstance(write, LabelTraining)]


def take(training: FakeTraining, done: Done) -> None:
    """Store the labels: the rows of them wait for none any more."""
    names = {name for name, _, _ in labelled(done)}
    training.rows = [one for one in training.rows if one.row not in names]


# --- what is shown ---


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["Question", "Request", "Chat", "Complaint", "Correction"]),
        ("es", ["Pregunta", "Petición", "Charla", "Queja", "Corrección"]),
    ],
)
async def test_first_row_is_shown_with_its_words_and_a_button_for_each_intent(language: Language, expected: list[str]) -> None:
    done = await asked(three(), language=language)
    assert labels(done)[:-1] == expected
    assert len(labels(done)) == 6
    text = said(done.outcome)
    for part in ("3", FIRST, "One?", "A bot.", "`python -m bot data labels "):
        assert part in text
    assert "Two?" not in text
    assert (done.result, done.subject) == ("shown", FIRST)
    (write,) = done.outcome.writes
    assert isinstance(write, AskQuestion)


async def test_buttons_stand_in_rows_of_at_most_three() -> None:
    done = await asked(three())
    assert done.outcome.reply is not None
    assert [choice.row for choice in done.outcome.reply.choices] == [0, 0, 0, 1, 1, 2]


async def test_nothing_that_a_person_wrote_is_markup() -> None:
    text = said((await asked(FakeTraining(rows=[row(FIRST, "**a**\n- [b](c)", 1, "`d`" * 500)]))).outcome)
    assert r"“\*\*a\*\* - \[b\](c)”" in text
    assert r"\`d\`" in text
    assert len(text) < 1_500


async def test_what_people_said_is_not_kept_in_the_conversation_of_the_admin() -> None:
    outcome = (await asked(three())).outcome
    assert outcome.kept is not None
    assert FIRST in outcome.kept
    assert "One?" not in outcome.kept
    assert "A bot." not in outcome.kept


@pytest.mark.parametrize("language", LANGUAGES)
async def test_where_no_row_is_without_a_label_it_says_where_rows_come_from(language: Language) -> None:
    done = await asked(FakeTraining(), language=language)
    assert "`/admin " in said(done.outcome)
    assert "`python -m bot data labels " in said(done.outcome)
    assert (labels(done), done.outcome.writes, done.result) == ([], (), "empty")


# --- labels by pressing ---


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("intent", list(Intent))
async def test_a_press_labels_the_row_and_shows_the_next_one(language: Language, intent: Intent) -> None:
    training = three()
    shown = await asked(training, language=language)
    label = intent_words(language)[intent].capitalize()
    done = await press(training, shown, label, language)
    assert labelled(done) == [(FIRST, intent.value, "")]
    assert closed(done) == [key_of(shown, label)]
    assert (done.result, done.subject) == ("labelled", FIRST)
    assert "Two?" in said(done.outcome)
    assert f"`{FIRST}`" in said(done.outcome), "whoever pressed the wrong one can name it"
    assert f"`{SECOND}`" in said(done.outcome)


async def test_rows_are_worked_through_by_pressing_and_skipped_ones_come_back() -> None:
    training = three()
    done = await asked(training)
    found = []
    for label in ("Question", "Skip", "Chat"):
        done = await press(training, done, label)
        found += labelled(done)
        take(training, done)
    assert found == [(FIRST, "question", ""), (THIRD, "chat", "")]
    assert "That was the last row" in said(done.outcome)
    assert labels(done) == []
    assert "Two?" in said((await asked(training)).outcome)


async def test_skip_writes_nothing_and_its_row_can_still_be_labelled() -> None:
    training = three()
    shown = await asked(training)
    skipped = await press(training, shown, "Skip")
    assert (labelled(skipped), closed(skipped), skipped.result, skipped.subject) == ([], [], "skipped", FIRST)
    assert labelled(await press(training, shown, "Chat")) == [(FIRST, "chat", "")]


async def test_an_answer_by_letter_counts_and_skip_ends_the_wait_for_one() -> None:
    training = three()
    shown = await asked(training)
    asking = shown_by(shown)
    question = Question(turn_id=asking.id, kind=ADMIN, choices=asking.reply.choices)
    given = turn(message(Kind.TEXT, "b"), awaiting=question, is_admin=True)
    assert labelled(await done_by(training, given, key_of(shown, "Request"))) == [(FIRST, "request", "")]
    assert closed(await done_by(training, given, key_of(shown, "Skip"))) == [None]


# --- late and double presses ---


@pytest.mark.parametrize("gone", [[FIRST], [FIRST, SECOND], [FIRST, SECOND, THIRD]])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_press_about_a_row_that_has_a_label_by_now_changes_nothing(gone: list[str], language: Language) -> None:
    training = three()
    shown = await asked(training, language=language)
    training.rows = [one for one in training.rows if one.row not in gone]
    done = await press(training, shown, labels(shown)[0], language)
    assert done.outcome.is_refused
    assert (labelled(done), closed(done), done.result, done.subject) == ([], [], "gone", FIRST)
    assert ("Three?" in said(done.outcome)) is (gone == [FIRST, SECOND])


async def test_a_row_is_found_among_rows_with_nearly_its_name() -> None:
    training = three()
    second = await press(training, await asked(training), "Skip")
    third = await press(training, second, "Skip")
    assert labelled(await press(training, third, "Chat")) == [(THIRD, "chat", "")]


@pytest.mark.parametrize("label", ["Question", "Skip"])
async def test_a_second_press_does_nothing(label: str) -> None:
    training = three()
    shown = await asked(training)
    done = await press(training, shown, label, answered=key_of(shown, "Chat"))
    assert (done.outcome.is_refused, done.outcome.writes, done.result) == (True, (), "answered")
    assert "already answered" in said(done.outcome)


# --- labels by typing ---


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (f"{FIRST} question", (FIRST, "question", "")),
        (f"{FIRST}   Petición", (FIRST, "request", "")),
        (f"{FIRST} PETICION los perros", (FIRST, "request", "los perros")),
        (f"{SECOND} queja Perros  y\tgatos", (SECOND, "complaint", "Perros y gatos")),
        (f"{SECOND} corrección {'x' * 80}", (SECOND, "correction", "x" * 80)),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_row_is_labelled_by_name_in_the_words_of_either_language(
    argument: str, expected: tuple[str, str, str], language: Language
) -> None:
    done = await asked(three(), argument, language)
    assert labelled(done) == [expected]
    assert (done.result, done.subject) == ("labelled", expected[0])
    assert ("Two?" if expected[0] == FIRST else "Three?") in said(done.outcome)
    assert "earlier label" not in said(done.outcome)


async def test_a_topic_that_was_typed_is_no_markup() -> None:
    assert r"about “\*dogs\*”" in said((await asked(three(), f"{FIRST} chat *dogs*")).outcome)


async def test_a_label_can_be_replaced_and_it_is_said_that_this_row_may_be_gone() -> None:
    done = await asked(three(), f"{LABELLED} chat")
    assert labelled(done) == [(LABELLED, "chat", "")]
    assert "takes the place of an earlier label" in said(done.outcome)


@pytest.mark.parametrize(
    ("argument", "result"),
    [
        ("carmen question", "unknown"),
        (f"question {FIRST}", "unknown"),
        ("r question", "unknown"),
        (f"{FIRST[:-1]} question", "unknown"),
        (FIRST, "no intent"),
        (f"{FIRST} dance", "no intent"),
        (f"{FIRST} chat {'x' * 81}", "no topic"),
        (f"{FIRST} chat a\u200bb", "no topic"),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_nonsense_changes_nothing_and_says_what_was_expected(argument: str, result: str, language: Language) -> None:
    done = await asked(three(), argument, language)
    assert (done.outcome.is_refused, done.outcome.writes, done.result) == (True, (), result)
    assert done.subject in ("", FIRST), "nobody's words are in the audit log"
    if result == "no topic":
        assert "80" in said(done.outcome)
    else:
        for word in intent_words(language).values():
            assert word in said(done.outcome)
    assert "x" * 81 not in said(done.outcome)


# --- what goes wrong, and who may not ---


@pytest.mark.parametrize("argument", ["", f"{FIRST} chat"])
async def test_a_database_that_does_not_answer_is_said(argument: str) -> None:
    shown = await asked(three())
    for done in (await asked(Locked(), argument), await press(Locked(), shown, "Chat"), await press(Locked(), shown, "Skip")):
        assert "`/admin status`" in said(done.outcome)
        assert (done.outcome.is_refused, done.outcome.writes, done.result) == (True, (), "no database")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_is_no_admin_sees_and_labels_nothing(language: Language) -> None:
    training = three()
    shown = await asked(training, language=language)
    key = key_of(shown, labels(shown)[0])
    for given in (command("admin", language, arguments="label"), pressed(shown_by(shown), key, language)):
        handler, outcome = await answer(given, desk=desk(training=training))
        assert handler.name == "admin"
        assert outcome.is_refused
        assert outcome.writes == ()
        assert "One?" not in said(outcome)

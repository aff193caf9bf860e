"""Nights that admins ask for: confirmed, watched, told once; their report and the files that they left."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.admin_types import NIGHT_ENDED, NightAsked, NightDone, NightStanding
from bot.amounts import BLANK
from bot.errors import ManifestError, TrainingError
from bot.night_words import step_words
from bot.ports import HandlerSettings
from bot.types import (
    LANGUAGES,
    Address,
    AddressId,
    ChannelName,
    DueMessage,
    Kind,
    Language,
    Outcome,
    PastTurn,
    Person,
    PersonId,
    Question,
    Turn,
    TurnId,
)
from bot.writes import AskQuestion, CloseQuestion
from handlers.admin import AdminHandler
from handlers.admin_chats import Places
from handlers.admin_night_words import ANOTHER_NIGHT, BROKEN_RULES, NO_SPACE, PEOPLE_CHANGED, STOPPED, quoted_error
from tests.handlers.fake_desk import BEGAN, FakeTraining, desk
from tests.handlers.fakes import (
    ADA,
    ADDRESS,
    BOB,
    NOW,
    FakePreview,
    answer,
    command,
    message,
    past,
    pressed,
    said,
    services,
    turn,
)
from tests.handlers.night_talk import EXPORT, TODAY, asked, audited, days

RUN, NO = "admin:night.run", "admin:night.no"
DONE = NightDone(
    night=TODAY,
    ended_at=NOW,
    collected=12_345,
    kept=96,
    people=63,
    files={"train/sft.jsonl": 80, "test/sft.jsonl": 9, "validation/sft.jsonl": 7, "train/kto.jsonl": 30},
    queue=4,
    is_waiting=True,
)
ENDED = NightStanding(last=DONE)
FAILED = NightStanding(last=NightDone(night=TODAY, ended_at=NOW, error="disk I/O error"))
RUNNING = NightStanding(is_running=True, step="scrub", done=1_234, began_at=BEGAN)


async def question(training: FakeTraining) -> PastTurn:
    """The turn that asked whether to make today's files."""
    outcome = await asked("night run", replace(training, is_on=True, now=NightStanding()))
    assert outcome.reply is not None
    return past(handler="admin", kind=Kind.COMMAND, choices=outcome.reply.choices)


def press(asking: PastTurn, key: str, language: Language = "en", *, person: PersonId = ADA, is_admin: bool = True) -> Turn:
    """The press of a button under the question, by an admin."""
    given = pressed(replace(asking, person_id=person), key, language, person=person)
    return replace(given, message=replace(given.message, is_admin=is_admin))


def watching(training: FakeTraining, *, watch_s: float = 5.0) -> AdminHandler:
    """One handler for a press and for what falls due later."""
    using = services(settings=HandlerSettings(version="0.1.0", watch_s=watch_s))
    return AdminHandler(using, desk(training=training), Places())


def due(language: str = "en", *, person: PersonId = ADA, address: Address = ADDRESS) -> DueMessage:
    """The message that the night leaves for whoever asked for it."""
    return DueMessage(
        id="d1",
        kind=f"{NIGHT_ENDED}.{language}",
        person=Person(id=person, language=None, created_at=NOW),
        address=address,
        address_id=AddressId("a1"),
    )


async def shown(preview: FakePreview, text: str) -> None:
    """Return once a preview with this text was shown."""
    async with asyncio.timeout(5):
        while not any(text in one for one in preview.shown):
            await asyncio.sleep(0.01)


# --- who may ---


@pytest.mark.parametrize("arguments", ["night", "night run", "noche ejecutar", "night report", "export", "export 2026-11-30"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_is_no_admin_learns_nothing_of_nights(arguments: str, language: Language) -> None:
    training = FakeTraining(now=replace(RUNNING, last=DONE), markdown="# Report", files=[EXPORT])
    outcome = await asked(arguments, training, language, is_admin=False)
    assert outcome == (await answer(command("admin", language), desk=desk()))[1]
    assert outcome.is_refused
    assert outcome.writes == ()


async def test_press_of_who_is_no_admin_any_more_begins_nothing() -> None:
    training = FakeTraining()
    _, outcome = await answer(press(await question(training), RUN, is_admin=False), desk=desk(training=training))
    assert outcome.is_refused
    assert training.asked == []


# --- where it stands ---


@pytest.mark.parametrize("arguments", ["night", "night status", "NIGHT Status", "noche", "noche estado"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_night_under_way_is_told_with_its_step_its_rows_and_since_when(arguments: str, language: Language) -> None:
    outcome = await asked(arguments, FakeTraining(now=RUNNING), language)
    text = said(outcome)
    assert "2026-11-30 10:30 UTC" in text
    assert f"1{BLANK}h{BLANK}30{BLANK}min" in text
    assert {"en": "Scrubbing · 1,234", "es": "1234"}[language] in text
    assert audited(outcome) == ("night", "", "shown")


async def test_step_that_has_no_words_is_shown_by_its_name() -> None:
    assert "`new step`" in said(await asked("night", FakeTraining(now=replace(RUNNING, step="new step"))))


async def test_night_that_has_just_begun_has_no_step_yet() -> None:
    assert "Beginning" in said(await asked("night", FakeTraining(now=NightStanding(is_running=True))))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_how_the_last_night_ended_is_told_in_figures(language: Language) -> None:
    lines = said(await asked("night", FakeTraining(now=ENDED), language)).splitlines()
    figures = next(line for line in lines if "63" in line)
    assert {"en": "12,345", "es": f"12{BLANK}345"}[language] in figures
    assert "96" in figures
    assert "- `sft.jsonl`: `train` 80 · `validation` 7 · `test` 9" in lines
    assert "- `kto.jsonl`: `train` 30" in lines
    assert sum("/admin queue" in line or "/admin cola" in line for line in lines) == 2, "the cohort, and the questions"


async def test_figures_say_nothing_of_what_does_not_wait_and_that_there_is_too_little_for_files() -> None:
    little = replace(DONE, files={}, queue=0, is_waiting=False)
    text = said(await asked("night", FakeTraining(now=NightStanding(last=little))))
    assert "10 rows or more" in text
    assert "/admin queue" not in text
    assert "/admin export" not in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_since_a_start_without_a_night_the_newest_files_are_told(language: Language) -> None:
    text = said(await asked("night", FakeTraining(files=days(2)), language))
    assert "**2026-11-30**" in text
    assert "2026-11-29" not in text
    assert {"en": "1,234 rows", "es": "1234"}[language] in text


async def test_without_any_night_it_says_how_to_make_one() -> None:
    assert "`/admin night run`" in said(await asked("night", FakeTraining()))


async def test_files_that_cannot_be_read_are_told_and_what_to_do() -> None:
    error = ManifestError("'/data/training/2026-11-29/manifest.json' is missing: name a `folder`")
    text = said(await asked("night status", FakeTraining(error=error)))
    assert "No night is under way." in text
    assert "`'/data/training/2026-11-29/manifest.json' is missing: name a 'folder'`" in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_nights_that_are_off_are_told_with_the_setting(language: Language) -> None:
    for arguments in ("night", "night run"):
        text = said(await asked(arguments, FakeTraining(is_on=False, files=[EXPORT]), language))
        assert "`enabled = true`" in text
        assert "`[learning]`" in text
    assert "**2026-11-30**" in said(await asked("night", FakeTraining(is_on=False, files=[EXPORT]), language))


async def test_word_that_is_none_of_its_own_is_answered_with_those_that_are() -> None:
    outcome = await asked("night secret", FakeTraining())
    assert outcome.is_refused
    assert "`/admin night report`" in said(outcome)
    assert "secret" not in said(outcome)
    assert audited(outcome) == ("night", "", "unknown")


# --- asked, confirmed ---


@pytest.mark.parametrize("arguments", ["night run", "noche ejecutar", "night  RUN"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_night_is_made_only_after_a_question(arguments: str, language: Language) -> None:
    training = FakeTraining()
    outcome = await asked(arguments, training, language)
    assert outcome.reply is not None
    assert [choice.key for choice in outcome.reply.choices] == [RUN, NO]
    assert any(isinstance(write, AskQuestion) for write in outcome.writes)
    assert audited(outcome) == ("night", "", "asked")
    assert training.asked == []


async def test_nobody_is_asked_while_a_night_is_under_way() -> None:
    outcome = await asked("night run", FakeTraining(now=RUNNING))
    assert outcome.is_refused
    assert "Scrubbing · 1,234 rows" in said(outcome)
    assert outcome.reply is not None
    assert outcome.reply.choices == ()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_confirmed_night_is_watched_and_its_figures_are_told(language: Language) -> None:
    training, preview = FakeTraining(then=ENDED), FakePreview()
    handler, asking = watching(training), await question(training)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(handler.handle(press(asking, RUN, language), preview))
        await shown(preview, "\n\n")
        training.now = replace(training.now, step="scrub", done=0)
        await shown(preview, step_words(language)["scrub"])
        training.now = replace(training.now, done=12_345)
        await shown(preview, {"en": "Scrubbing · 12,345 rows", "es": f"12{BLANK}345"}[language])
        training.ends.set()
    outcome = running.result()
    assert "`sft.jsonl`" in said(outcome)
    assert training.asked == [NightAsked(person_id=ADA, address_id=AddressId("a1"), language=language)]
    assert CloseQuestion(turn_id=asking.id, key=RUN) in outcome.writes
    assert audited(outcome) == ("night", "2026-11-30", "done")
    assert all(before != after for before, after in zip(preview.shown, preview.shown[1:], strict=False))


async def test_what_is_written_confirms_nothing() -> None:
    training = FakeTraining(then=ENDED)
    choices = (await question(training)).reply.choices
    awaiting = Question(turn_id=TurnId("t1"), kind="admin", choices=choices)
    for text in ("a", choices[0].label):
        handler, _ = await answer(
            turn(message(Kind.TEXT, text), awaiting=awaiting, is_admin=True), desk=desk(training=training)
        )
        assert handler.name == "chat"
    assert training.asked == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_says_no_gets_no_files(language: Language) -> None:
    training = FakeTraining()
    asking = await question(training)
    _, outcome = await answer(press(asking, NO, language), desk=desk(training=training))
    assert training.asked == []
    assert CloseQuestion(turn_id=asking.id, key=NO) in outcome.writes
    assert audited(outcome) == ("night", "", "declined")


@pytest.mark.parametrize("key", [RUN, NO])
async def test_second_press_does_nothing(key: str) -> None:
    training = FakeTraining()
    asking = replace(await question(training), chosen=RUN)
    _, outcome = await answer(press(asking, key), desk=desk(training=training))
    assert outcome.is_refused
    assert "already answered" in said(outcome)
    assert training.asked == []
    assert audited(outcome) == ("night", "", "answered before")


async def test_late_press_while_another_night_is_under_way_shows_that_one() -> None:
    training = FakeTraining(now=RUNNING)
    asking = await question(training)
    _, outcome = await answer(press(asking, RUN), desk=desk(training=training))
    assert outcome.is_refused
    assert "Scrubbing · 1,234 rows" in said(outcome)
    assert CloseQuestion(turn_id=asking.id, key=RUN) in outcome.writes
    assert training.asked == []
    assert audited(outcome) == ("night", "", "under way")


async def test_late_press_once_nights_are_off_begins_nothing() -> None:
    training = FakeTraining(is_on=False)
    _, outcome = await answer(press(await question(training), RUN), desk=desk(training=training))
    assert outcome.is_refused
    assert "`[learning]`" in said(outcome)
    assert training.asked == []


# --- the end ---


async def test_stop_ends_only_the_watching() -> None:
    training, preview = FakeTraining(then=ENDED), FakePreview(stop_at=1)
    handler = watching(training)
    outcome = await handler.handle(press(await question(training), RUN), preview)
    assert training.standing().is_running
    assert "in the background" in said(outcome)
    assert audited(outcome) == ("night", "", "begun")
    training.ends.set()
    await training.ended()
    assert "63" in said(await handler.word(due()))


async def test_night_that_takes_long_goes_on_unwatched_and_its_end_is_told() -> None:
    training = FakeTraining(then=ENDED)
    handler = watching(training, watch_s=0.05)
    outcome = await handler.handle(press(await question(training), RUN), FakePreview())
    assert training.standing().is_running
    assert "in the background" in said(outcome)
    training.ends.set()
    await training.ended()
    assert "12,345" in said(await handler.word(due()))


async def watched_to_its_end(training: FakeTraining) -> AdminHandler:
    """The handler under which Ada saw a night end."""
    training.ends.set()
    handler = watching(training)
    await handler.handle(press(await question(training), RUN), FakePreview())
    return handler


@pytest.mark.parametrize("end", [ENDED, FAILED])
async def test_who_saw_the_end_is_not_told_it_again(end: NightStanding) -> None:
    handler = await watched_to_its_end(FakeTraining(then=end))
    assert await handler.word(due()) == Outcome(reply=None)


async def test_who_did_not_see_the_end_is_told_though_another_admin_did() -> None:
    handler = await watched_to_its_end(FakeTraining(then=ENDED))
    assert "63" in said(await handler.word(due(person=BOB)))


async def test_who_saw_one_end_is_told_the_next_one() -> None:
    training = FakeTraining(then=ENDED)
    handler = await watched_to_its_end(training)
    training.now = NightStanding(last=replace(DONE, ended_at=NOW + timedelta(minutes=5), people=64))
    assert "64" in said(await handler.word(due()))


@pytest.mark.parametrize(("language", "number"), [("en", "12,345"), ("es", f"12{BLANK}345")])
async def test_end_is_told_in_the_language_it_was_asked_in(language: str, number: str) -> None:
    assert number in said(await watching(FakeTraining(now=ENDED)).word(due(language)))


async def test_end_that_a_restart_has_made_unknown_says_where_to_look() -> None:
    text = said(await watching(FakeTraining()).word(due()))
    assert "`/admin export`" in text
    assert "`/admin night report`" in text


@pytest.mark.parametrize(("user", "is_told"), [("1", True), ("2", False)])
async def test_who_is_no_admin_any_more_is_told_no_end(user: str, is_told: bool) -> None:
    address = Address(channel=ChannelName.TELEGRAM, chat=user, user=user)
    outcome = await watching(FakeTraining(now=ENDED)).word(due(address=address))
    assert (outcome.reply is not None) is is_told


async def test_failure_that_was_watched_is_told_with_what_to_do() -> None:
    training, preview = FakeTraining(then=FAILED), FakePreview()
    training.ends.set()
    outcome = await watching(training).handle(press(await question(training), RUN), preview)
    text = said(outcome)
    assert "`disk I/O error`" in text
    assert "`/admin night run`" in text
    assert "63" not in text
    assert audited(outcome) == ("night", "2026-11-30", "failed")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("another night is under way in this folder: wait until it has ended", "from the command line"),
        ("people have changed while the night went on: it begins anew", "consent"),
        ("rows were taken out of the files 5 times while the night went on: begin another later", "consent"),
        ("200 MiB are free; a nightly chore needs 256 MiB", "Make room"),
        ("the files of the night could not be written or read: No space left on device", "Make room"),
        ("the bot was stopped", "ended before it was done"),
        ("the night took longer than 4 h", "ended before it was done"),
        ("the files of 2026-11-30 break their rules and were not published: train/sft.jsonl:3 split", "train/sft.jsonl:3"),
        ("MemoryError", "`MemoryError`"),
    ],
)
async def test_error_is_told_with_its_own_next_step(error: str, words: str) -> None:
    failed = NightStanding(last=NightDone(night=TODAY, ended_at=NOW, error=error))
    assert words in said(await asked("night", FakeTraining(now=failed)))


@pytest.mark.may_block("reads source files")
@pytest.mark.parametrize(
    ("mark", "source"),
    [
        (ANOTHER_NIGHT, "learning/folder.py"),
        (PEOPLE_CHANGED[0], "learning/night.py"),
        (PEOPLE_CHANGED[1], "bot/learning_parts.py"),
        (NO_SPACE[0], "bot/nights.py"),
        (BROKEN_RULES, "learning/night.py"),
        (STOPPED[0], "bot/learning_parts.py"),
        (STOPPED[1], "bot/learning_parts.py"),
    ],
)
def test_errors_are_known_by_what_nights_say(mark: str, source: str) -> None:
    assert mark in (Path(__file__).resolve().parents[2] / source).read_text()


def test_long_error_is_cut_and_stays_code() -> None:
    text = quoted_error("`x`\n" + "y" * 1_000)
    assert text.startswith("`'x' y")
    assert len(text) == 302


# --- the report ---


@pytest.mark.parametrize(("arguments", "language"), [("night report", "en"), ("noche informe", "es")])
async def test_report_is_given_as_it_is(arguments: str, language: Language) -> None:
    report = "# Report\n\n" + "- a line\n" * 1_000
    outcome = await asked(arguments, FakeTraining(markdown=report), language)
    assert said(outcome) == report
    assert audited(outcome) == ("night", "", "shown")


async def test_without_a_night_there_is_no_report_but_a_way_to_one() -> None:
    outcome = await asked("night report", FakeTraining())
    assert outcome.is_refused
    assert "`/admin night run`" in said(outcome)


async def test_report_that_cannot_be_read_says_how_to_have_another() -> None:
    outcome = await asked("night report", FakeTraining(error=TrainingError("the last night's report cannot be read")))
    assert "`/admin night run`" in said(outcome)
    assert audited(outcome) == ("night", "", "unreadable")

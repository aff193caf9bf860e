"""What admins are shown of how the bot is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.admin_ports import AdminDesk
from bot.admin_types import LOW_SPACE_BYTES, NightDone, NightStanding, ShownPerson, ShownRun, WaitingQuestion, WaitsFor
from bot.amounts import BLANK
from bot.errors import ManifestError, StoreBusy
from bot.locale import say
from bot.model_types import ModelStatus
from bot.night_words import step_words
from bot.notices import GAP, NIGHT_FAILED
from bot.ports import HandlerSettings, Services, UsageOfDay
from bot.types import LANGUAGES, AdminNotice, Kind, Language, Outcome, PersonId
from bot.writes import AddAudit
from handlers.admin_parts import button
from handlers.admin_status import MOST_NOTICES
from tests.handlers.fake_desk import BEGAN, FakeCrowd, FakeTraining, desk
from tests.handlers.fakes import (
    NOW,
    FakeNotices,
    FakeUsage,
    answer,
    command,
    message,
    past,
    pressed,
    said,
    services,
    turn,
)

OFFLINE = ModelStatus(name="offline", is_ready=True, is_remote=False, detail="")
SMALL = ModelStatus(name="ollama/small:1b", is_ready=True, is_remote=False, detail="")
CLOUD = ModelStatus(name="mistral/big", is_ready=False, is_remote=True, detail="no key", next_step="Set the key.")
LONELY = ModelStatus(name="openai", is_ready=False, is_remote=False, detail="", is_wanted=False)
NIGHT = NOW.date()
ENDED = ShownRun(
    job="backup", night=NIGHT, started_at=NOW - timedelta(hours=9), ended_at=NOW - timedelta(hours=9), error="", seconds=2.0
)
FAILED = replace(ENDED, job="retention", ended_at=None, error="4 MiB are free; a nightly chore needs 256 MiB")
RUNNING = replace(ENDED, job="full check", started_at=BEGAN + timedelta(minutes=5), ended_at=None, seconds=None)
CUT_OFF = replace(RUNNING, started_at=BEGAN - timedelta(hours=6))
TRAINED = replace(ENDED, job="training")
DONE = NightDone(night=NIGHT, ended_at=NOW - timedelta(hours=8), collected=40, kept=31, people=12)
QUESTION = WaitingQuestion(why=WaitsFor.PATTERN, subjects=("p1",), count=3, people=2)


def person(number: int) -> ShownPerson:
    return ShownPerson(id=PersonId(f"person{number}"), tag=f"{number:08}", users=(), since=NOW, last_at=None, turns=1)


async def asked(at: AdminDesk | None = None, using: Services | None = None, language: Language = "en") -> Outcome:
    handler, outcome = await answer(command("admin", language, arguments="status", is_admin=True), using, desk=at)
    assert handler.name == "admin"
    assert outcome.reply is not None
    assert outcome.reply.choices == ()
    return outcome


async def told(at: AdminDesk | None = None, using: Services | None = None, language: Language = "en") -> str:
    return said(await asked(at, using, language))


def wrong(text: str, language: Language = "en") -> list[str]:
    """What is told as wrong, in its order."""
    first, *_ = text.split("\n\n")
    title, *lines = first.splitlines()
    return lines if title == say(language, "**Not as it should be**") else []


def next_step(text: str) -> str:
    """What is told to be done."""
    (step,) = [part for part in text.split("\n\n") if part.startswith("**Next step:**")]
    return step


# --- nothing is wrong ---


async def test_all_that_is_well_is_told_in_one_short_reply() -> None:
    used = UsageOfDay(day=NOW.date(), people=3, messages=1, tokens=9, cost=0)
    using = services(
        statuses=[SMALL, LONELY, OFFLINE],
        usage=FakeUsage({NOW.date(): used}),
        settings=HandlerSettings(bot_name="Tina", version="0.2.0"),
    )
    training = FakeTraining(now=NightStanding(last=DONE), questions=[QUESTION, QUESTION])
    at = desk(crowd=FakeCrowd([person(1), person(2)]), training=training, runs=[ENDED, RUNNING, TRAINED])
    outcome = await asked(at, using)
    assert said(outcome).replace(BLANK, " ") == (
        "All is well.\n\n"
        "**Tina 0.2.0**, running for 1 h 30 min\n"
        "- People in all: 2\n"
        "- Today (UTC): 3 people · 1 message\n"
        "- `ollama/small:1b` answers; `offline` steps in when it cannot.\n"
        "- Disk: 50 GB free\n"
        "- In order: database, taking messages, models\n\n"
        "**Nightly jobs** (UTC)\n"
        "- Backup: ended 2026-11-30 03:00\n"
        "- Check of the database: under way since 2026-11-30 10:35\n"
        "- Training files: ended 2026-11-30 03:00\n\n"
        "**Training files** (UTC)\n"
        "- The last night ended 2026-11-30 04:00: 31 of 40 rated answers kept\n"
        "- Queue: 2 questions wait for a decision (`/admin queue`)"
    )
    assert [(one.action, one.subject, one.result) for one in outcome.writes if isinstance(one, AddAudit)] == [
        ("status", "", "done")
    ]


@pytest.mark.parametrize("word", ["status", "estado", "STATUS", "status nonsense"])
async def test_every_word_for_it_counts(word: str) -> None:
    _, outcome = await answer(command("admin", arguments=word, is_admin=True))
    assert said(outcome).startswith("All is well.")


async def test_new_bot_says_what_has_not_been_yet() -> None:
    text = await told()
    assert "- People in all: 0" in text
    assert "- Today (UTC): 0 people · 0 messages" in text
    assert "None has run yet" in text
    assert "No night has made any" in text
    assert "nothing waits" in text
    assert "Notices" not in text


async def test_bot_that_has_run_for_long_says_so_in_days() -> None:
    for age, words in ((timedelta(hours=47), f"47{BLANK}h"), (timedelta(days=2), "2 days"), (timedelta(days=40.9), "40 days")):
        assert f"running for {words}\n" in await told(replace(desk(), began_at=NOW - age))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_everything_is_said_in_both_languages(language: Language) -> None:
    training = FakeTraining(now=NightStanding(is_running=True, step="scrub", done=120, began_at=BEGAN))
    text = await told(
        desk(ready={"store": "ok", "telegram": "not connected"}, training=training, runs=[FAILED]), None, language
    )
    assert wrong(text, language)
    assert all(
        words in text
        for words in ("Telegram", "`not connected`", "120", step_words(language)["scrub"], "2026-11-30 10:30", "256 MiB")
    )


# --- what is wrong ---


@pytest.mark.parametrize(
    ("name", "how", "line", "step"),
    [
        ("store", "disk I/O error", "- database: `disk I/O error`", "`python -m bot doctor`"),
        ("intake", "stopping", "- taking messages: `stopping`", "start me again"),
        ("models", "none answers: x", "- models: `none answers: x`", "`/admin models`"),
        ("telegram", "not connected", "- Telegram: `not connected`", "settings of Telegram"),
        ("discord", "a wrong `token`", "- Discord: `a wrong 'token'`", "settings of Discord"),
        ("new_part", "broken", "- `new_part`: `broken`", "`python -m bot doctor`"),
    ],
)
async def test_dependency_that_is_down_comes_first_with_what_to_do(name: str, how: str, line: str, step: str) -> None:
    text = await told(desk(ready={"store": "ok", name: how}))
    assert wrong(text) == [line]
    assert step in next_step(text)
    assert "All is well" not in text


async def test_only_the_worst_is_told_what_to_do_about() -> None:
    text = await told(desk(ready={"store": "damaged", "models": "none answers: x"}, free_bytes=1, runs=[FAILED]))
    assert [line.partition(":")[0] for line in wrong(text)] == [
        "- database",
        "- models",
        "- The disk of the data folder is almost full",
        "- Erasing what is too old",
    ]
    assert "`python -m bot doctor`" in next_step(text)


@pytest.mark.parametrize(("free", "is_told"), [(LOW_SPACE_BYTES, False), (LOW_SPACE_BYTES - 1, True), (0, True)])
async def test_little_space_is_told(free: int, is_told: bool) -> None:
    text = await told(desk(free_bytes=free))
    assert bool(wrong(text)) is is_told
    assert ("Make room" in text) is is_told


async def test_model_that_somebody_named_and_that_is_not_ready_is_told() -> None:
    text = await told(None, services(statuses=[SMALL, CLOUD, LONELY, OFFLINE]))
    assert wrong(text) == ["- The model `mistral/big` is not ready"]
    assert "`/admin models`" in next_step(text)
    assert "openai" not in text, "nobody named it"


async def test_embedder_is_no_model_that_answers() -> None:
    embedder = replace(CLOUD, name="mistral/embed")
    settings = HandlerSettings(embedder_elsewhere="mistral/embed")
    text = await told(None, services(statuses=[SMALL, OFFLINE, embedder], settings=settings))
    assert wrong(text) == []
    assert "mistral" not in text


async def test_models_that_are_all_down_are_told_once() -> None:
    text = await told(desk(ready={"models": "none answers: mistral/big"}), services(statuses=[CLOUD]))
    assert wrong(text) == ["- models: `none answers: mistral/big`"]
    assert "No model can answer" in text


# --- nights ---


async def test_run_that_failed_says_why_and_that_it_is_tried_again() -> None:
    text = await told(desk(runs=[ENDED, FAILED]))
    assert wrong(text) == [
        "- Erasing what is too old: the run of 2026-11-30 failed and is tried again: "
        "`4 MiB are free; a nightly chore needs 256 MiB`"
    ]
    assert "- Erasing what is too old: failed, see above" in text
    assert "- Backup: ended" in text


async def test_run_that_an_earlier_process_began_is_not_under_way() -> None:
    text = await told(desk(runs=[CUT_OFF]))
    assert wrong(text) == ["- Check of the database: the run of 2026-11-30 was cut off when I stopped, and is tried again"]
    assert "under way" not in text


@pytest.mark.parametrize(("hours", "is_told"), [(48, False), (49, True)])
async def test_backup_that_is_too_old_is_told_with_how_to_make_one(hours: int, is_told: bool) -> None:
    text = await told(desk(runs=[replace(ENDED, ended_at=NOW - timedelta(hours=hours))]))
    assert wrong(text) == (["- The last backup is of 2026-11-28 11:00 UTC"] if is_told else [])
    assert ("`python -m bot backup FILE`" in text) is is_told


async def test_job_of_another_version_is_told_by_its_name() -> None:
    assert "- `new`: ended 2026-11-30 03:00" in await told(desk(runs=[replace(ENDED, job="new")]))


async def test_long_error_is_cut_and_nothing_in_it_is_markup() -> None:
    text = await told(desk(runs=[replace(FAILED, error="bad `x` **y**\n# z " + "w" * 5_000)]))
    (line,) = wrong(text)
    assert "`bad 'x' **y** # z www" in line
    assert line.endswith("w…`")
    assert len(text) < 1_500


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (NightStanding(is_running=True, began_at=BEGAN), "A night is under way since 2026-11-30 10:30"),
        (
            NightStanding(is_running=True, began_at=BEGAN, step="label", done=1, last=DONE),
            "A night is under way since 2026-11-30 10:30: Labelling, 1 row so far",
        ),
        (
            NightStanding(is_running=True, began_at=BEGAN, step="brew", done=2),
            "A night is under way since 2026-11-30 10:30: `brew`, 2 rows so far",
        ),
        (NightStanding(last=DONE), "The last night ended 2026-11-30 04:00: 31 of 40 rated answers kept"),
    ],
)
async def test_it_says_where_the_night_of_training_stands(standing: NightStanding, words: str) -> None:
    lines = (await told(desk(training=FakeTraining(now=standing)))).splitlines()
    assert f"- {words}" in lines


async def test_night_of_training_that_failed_is_told_with_what_to_do() -> None:
    standing = NightStanding(last=NightDone(night=NIGHT, ended_at=NOW, error="the night took longer than 4 h"))
    text = await told(desk(training=FakeTraining(now=standing)))
    assert wrong(text) == ["- The last night of training failed: `the night took longer than 4 h`"]
    assert "`/admin night run`" in next_step(text)
    assert "- The last night failed at 2026-11-30 12:00, see above" in text


async def test_night_of_training_that_failed_is_told_once() -> None:
    standing = NightStanding(last=NightDone(night=NIGHT, ended_at=NOW, error="too long"))
    text = await told(desk(training=FakeTraining(now=standing), runs=[replace(FAILED, job="training", error="too long")]))
    assert len(wrong(text)) == 1
    assert text.count("too long") == 1


async def test_nights_of_training_that_are_switched_off_are_neither_missed_nor_wrong() -> None:
    failed = replace(FAILED, job="training", night=date(2026, 10, 1))
    text = await told(desk(training=FakeTraining(is_on=False), runs=[ENDED, failed]))
    assert wrong(text) == []
    assert "`learning.enabled`" in text


@pytest.mark.parametrize(
    ("questions", "words"),
    [([], "nothing waits"), ([QUESTION], "1 question waits"), ([QUESTION] * 3, "3 questions wait")],
)
async def test_it_says_how_much_waits_for_a_decision(questions: Sequence[WaitingQuestion], words: str) -> None:
    assert words in await told(desk(training=FakeTraining(questions=list(questions))))


class Unreadable(FakeTraining):
    """A desk whose database cannot be read."""

    async def waiting(self) -> Sequence[WaitingQuestion]:
        raise StoreBusy("locked for 5 s")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("training", "why", "step"),
    [
        (FakeTraining(error=ManifestError("manifest.json is missing")), "`manifest.json is missing`", "`/admin n"),
        (Unreadable(), "`locked for 5 s`", "`python -m bot doctor`"),
    ],
)
async def test_queue_that_cannot_be_read_is_told_and_the_rest_is_shown(
    training: FakeTraining, why: str, step: str, language: Language
) -> None:
    text = await told(desk(training=training, runs=[ENDED]), None, language)
    (line,) = wrong(text, language)
    assert line.endswith(why)
    assert step in text
    assert "2026-11-30 03:00" in text


# --- notices ---


async def test_notices_of_the_last_days_are_told_newest_first() -> None:
    facts = {"job": "backup", "night": "2026-11-30", "error": "OSError at <FrameSummary file x, line 5 in y>"}
    notices = [
        AdminNotice(kind=GAP, day=date(2026, 11, 24), facts={"hours": "30"}, at=NOW - timedelta(days=6)),
        AdminNotice(kind=f"{NIGHT_FAILED}.backup", day=NIGHT, facts=facts, at=NOW),
        AdminNotice(kind=GAP, day=date(2026, 11, 23), facts={"hours": "77"}, at=NOW - timedelta(days=7)),
    ]
    text = await told(None, services(notices=FakeNotices(notices)))
    *_, last = text.split("\n\n")
    title, first, second = last.splitlines()
    assert title == "**Notices of the last 7 days**"
    assert first.startswith("- 2026-11-30: the nightly job")
    assert r"\<FrameSummary" in first, "what an error says is no markup"
    assert second.startswith("- 2026-11-24: Telegram was not listened to for 30 hours")
    assert wrong(text) == [], "what was to notice may be over"


@pytest.mark.parametrize("more", [0, 1, 20])
async def test_more_notices_than_a_phone_shows_are_elsewhere(more: int) -> None:
    notices = [
        AdminNotice(kind=f"kind{one}", day=NIGHT, facts={}, at=NOW - timedelta(minutes=one))
        for one in range(MOST_NOTICES + more)
    ]
    text = await told(None, services(notices=FakeNotices(notices)))
    assert text.count("2026-11-30: kind") == MOST_NOTICES
    assert ("`/admin usage`" in text) is bool(more)


# --- who may ---


@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_is_no_admin_learns_nothing(language: Language) -> None:
    at = desk(ready={"store": "damaged"}, crowd=FakeCrowd([person(1)]))
    _, outcome = await answer(command("admin", language, arguments="status"), desk=at)
    _, other = await answer(command("admin", language))
    assert outcome == other
    assert outcome.is_refused


async def test_in_a_group_nothing_is_shown() -> None:
    given = turn(message(Kind.COMMAND, "/admin status", is_private=False), command="admin", arguments="status", is_admin=True)
    _, outcome = await answer(given, desk=desk(ready={"store": "damaged"}))
    assert outcome.is_refused
    assert "damaged" not in said(outcome)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("is_admin", [True, False])
async def test_there_is_nothing_to_press(is_admin: bool, language: Language) -> None:
    choice = button("status", "again", "Again")
    asking = past(handler="admin", kind=Kind.COMMAND, choices=(choice,))
    press = replace(pressed(asking, choice.key, language).message, is_admin=is_admin)
    _, outcome = await answer(turn(press, language, target=asking), desk=desk(ready={"store": "damaged"}))
    assert outcome.is_refused
    assert "damaged" not in said(outcome)
    assert (said(outcome) == say(language, "There is nothing to press there any more.")) is is_admin
    assert len(outcome.writes) == int(is_admin)

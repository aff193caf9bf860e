"""How the bot is, for admins: what it depends on, who is there, what the nights did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.admin_ports import AdminDesk
from bot.admin_types import LOW_SPACE_BYTES, STALE_BACKUP, NightStanding, ShownRun
from bot.amounts import duration, size
from bot.errors import StoreError, TrainingError
from bot.locale import say, say_many
from bot.model_types import ModelStatus
from bot.night_words import step_words
from bot.notices import notice_text
from bot.ports import Preview, Services
from bot.types import Chosen, Language, Turn
from bot.where import PLATFORMS
from handlers.admin_parts import NOTICE_DAYS, Done, minute, refused, told
from handlers.memory_words import plain
from handlers.wording import as_code, who_answers

MOST_NOTICES: Final = 5
"""The reply is read on a phone; `/admin usage` shows more."""
_LONGEST_ERROR: Final = 240
_DAYS_FROM: Final = timedelta(days=2)
_OK: Final = "ok"
_MODELS: Final = "models"
_BACKUP: Final = "backup"
_TRAINING: Final = "training"
_PLATFORMS: Final[Mapping[str, str]] = {channel.value: name for channel, name in PLATFORMS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that is wrong, and the sentence that says what to do about it."""

    what: str
    next_step: str


class StatusAction:
    """`/admin status`: what is wrong first, then how everything is."""

    def __init__(self, services: Services, desk: AdminDesk) -> None:
        self._services, self._desk = services, desk

    async def asked(self, turn: Turn, argument: str, preview: Preview) -> Done:
        """One reply, short enough for a phone."""
        language, training = turn.language, self._desk.training
        ready, standing = await self._desk.ready(), training.standing()
        runs = [run for run in await self._desk.runs() if training.is_on or run.job != _TRAINING]
        queue, unread = await self._queue(language)
        troubles = [
            *_dependencies_down(language, ready),
            *self._low_space(language),
            *self._models_down(language, ready),
            *self._failed_runs(language, runs),
            *_failed_night(language, standing, runs),
            *unread,
        ]
        parts = [
            _wrong(language, troubles),
            await self._now(language, ready),
            self._nights(language, runs),
            "\n".join(
                [say(language, "**Training files** (UTC)"), f"- {_night(language, standing, training.is_on)}", f"- {queue}"]
            ),
            await self._notices(language),
        ]
        return told("\n\n".join(part for part in parts if part))

    async def pressed(self, turn: Turn, chosen: Chosen, wish: str, preview: Preview) -> Done:
        """Nothing: the reply has no buttons."""
        return refused(say(turn.language, "There is nothing to press there any more."), "gone")

    def _low_space(self, language: Language) -> Iterable[Trouble]:
        free = self._desk.free_bytes()
        if free < LOW_SPACE_BYTES:
            yield Trouble(
                what=say(language, "The disk of the data folder is almost full: {size} free", size=size(free, language)),
                next_step=say(language, "Make room there: without space no message can be taken and no backup be made."),
            )

    def _models_down(self, language: Language, ready: Mapping[str, str]) -> Iterable[Trouble]:
        """Each model that somebody named and that is not ready; none where it is told already that all are down."""
        if ready.get(_MODELS, _OK) != _OK:
            return
        for status in self._statuses():
            if status.is_wanted and not status.is_ready:
                yield Trouble(
                    what=say(language, "The model {model} is not ready", model=as_code(status.name)),
                    next_step=_models_step(language),
                )

    def _statuses(self) -> Sequence[ModelStatus]:
        """How the language models were when last asked: what is known names the embedder too."""
        embedder = self._services.settings.embedder_elsewhere
        return [status for status in self._services.known() if status.name != embedder]

    def _failed_runs(self, language: Language, runs: Sequence[ShownRun]) -> Iterable[Trouble]:
        doctor = say(
            language,
            "The job is tried again by itself; `python -m bot doctor`, on the machine that I run on, looks for what is wrong.",
        )
        for run in runs:
            job, night = _job(language, run.job), run.night.isoformat()
            if run.ended_at is not None:
                if run.job == _BACKUP and self._services.clock.now() - run.ended_at > STALE_BACKUP:
                    yield Trouble(
                        what=say(language, "The last backup is of {time} UTC", time=minute(run.ended_at)),
                        next_step=say(language, "`python -m bot backup FILE`, on the machine that I run on, makes one now."),
                    )
            elif run.error:
                what = say(
                    language,
                    "{job}: the run of {night} failed and is tried again: {error}",
                    job=job,
                    night=night,
                    error=_quoted(run.error),
                )
                yield Trouble(what=what, next_step=doctor)
            elif self._is_cut_off(run):
                what = say(
                    language, "{job}: the run of {night} was cut off when I stopped, and is tried again", job=job, night=night
                )
                yield Trouble(what=what, next_step=doctor)

    def _is_cut_off(self, run: ShownRun) -> bool:
        """Whether an earlier process began it: this one, the only one that serves the folder, does not run it."""
        return run.ended_at is None and run.started_at < self._desk.began_at

    async def _queue(self, language: Language) -> tuple[str, Sequence[Trouble]]:
        """How much waits for a decision; where that cannot be read, what is wrong."""
        try:
            count = len(await self._desk.training.waiting())
        except TrainingError as error:
            step = say(language, "`/admin night run` makes today's files anew; the queue is read from them.")
            return _unread(language, error, step)
        except StoreError as error:
            return _unread(language, error, _doctor_step(language))
        if not count:
            return say(language, "Queue: nothing waits for a decision"), ()
        text = say_many(
            language,
            "Queue: {count} question waits for a decision (`/admin queue`)",
            "Queue: {count} questions wait for a decision (`/admin queue`)",
            count,
        )
        return text, ()

    async def _now(self, language: Language, ready: Mapping[str, str]) -> str:
        """The bot itself, what is in order, people, models and the disk."""
        settings, now = self._services.settings, self._services.clock.now()
        used = await self._services.usage.of_day(now.date())
        everybody = await self._desk.crowd.count()
        today = " · ".join(
            [
                say_many(language, "{count} person", "{count} people", used.people),
                say_many(language, "{count} message", "{count} messages", used.messages),
            ]
        )
        lines = [
            say(language, "People in all: {count}", count=everybody),
            say(language, "Today (UTC): {sums}", sums=today),
            who_answers(language, self._statuses()),
            say(language, "Disk: {size} free", size=size(self._desk.free_bytes(), language)),
        ]
        if well := [_dependency(language, name) for name, how in ready.items() if how == _OK]:
            lines.append(say(language, "In order: {parts}", parts=", ".join(well)))
        title = say(
            language,
            "**{bot}**, running for {time}",
            bot=plain(f"{settings.bot_name} {settings.version}"),
            time=_age(language, now - self._desk.began_at),
        )
        return "\n".join([title, *(f"- {line}" for line in lines)])

    def _nights(self, language: Language, runs: Sequence[ShownRun]) -> str:
        """The latest run of each nightly job."""
        lines = [f"- {self._run(language, run)}" for run in runs]
        if not lines:
            lines.append("- " + say(language, "None has run yet: they are done at night, while I run."))
        return "\n".join([say(language, "**Nightly jobs** (UTC)"), *lines])

    def _run(self, language: Language, run: ShownRun) -> str:
        job = _job(language, run.job)
        if run.ended_at is not None:
            return say(language, "{job}: ended {time}", job=job, time=minute(run.ended_at))
        if run.error or self._is_cut_off(run):
            return say(language, "{job}: failed, see above", job=job)
        return say(language, "{job}: under way since {time}", job=job, time=minute(run.started_at))

    async def _notices(self, language: Language) -> str:
        """What there was to notice lately; empty where there was nothing."""
        since = self._services.clock.now().date() - timedelta(days=NOTICE_DAYS - 1)
        currency = self._services.settings.currency
        recent = await self._services.notices.recent(since, MOST_NOTICES + 1)
        if not recent:
            return ""
        lines = [say(language, "**Notices of the last {days} days**", days=NOTICE_DAYS)]
        lines += [
            f"- {notice.day.isoformat()}: {plain(notice_text(notice, language, currency))}" for notice in recent[:MOST_NOTICES]
        ]
        if len(recent) > MOST_NOTICES:
            lines.append("- " + say(language, "more of them: `/admin usage`"))
        return "\n".join(lines)


def _wrong(language: Language, troubles: Sequence[Trouble]) -> str:
    """What is wrong, the worst first, and what to do about that one."""
    if not troubles:
        return say(language, "All is well.")
    lines = [f"- {trouble.what}" for trouble in troubles]
    step = say(language, "**Next step:** {step}", step=troubles[0].next_step)
    return "\n\n".join(["\n".join([say(language, "**Not as it should be**"), *lines]), step])


def _dependencies_down(language: Language, ready: Mapping[str, str]) -> Iterable[Trouble]:
    for name, how in ready.items():
        if how != _OK:
            what = f"{_dependency(language, name)}: {_quoted(how)}"
            yield Trouble(what=what, next_step=_dependency_step(language, name))


def _dependency(language: Language, name: str) -> str:
    match name:
        case "store":
            return say(language, "database")
        case "intake":
            return say(language, "taking messages")
        case "models":
            return say(language, "models")
        case _:
            return _PLATFORMS.get(name) or as_code(name)


def _dependency_step(language: Language, name: str) -> str:
    if name == _MODELS:
        return _models_step(language)
    if name == "intake":
        return say(language, "I am being stopped: start me again where that was not meant.")
    if (platform := _PLATFORMS.get(name)) is not None:
        return say(
            language,
            "See to the network and to the settings of {platform}; where it refused me, start me again afterwards.",
            platform=platform,
        )
    return _doctor_step(language)


def _doctor_step(language: Language) -> str:
    return say(language, "`python -m bot doctor`, on the machine that I run on, says what to do.")


def _unread(language: Language, error: TrainingError | StoreError, step: str) -> tuple[str, Sequence[Trouble]]:
    """A queue that cannot be read, and why."""
    what = say(language, "What waits for a decision cannot be read: {error}", error=_quoted(str(error)))
    return say(language, "Queue: it cannot be read, see above"), (Trouble(what=what, next_step=step),)


def _models_step(language: Language) -> str:
    return say(language, "`/admin models` says what each model lacks.")


def _job(language: Language, name: str) -> str:
    """A nightly job as people call it; one that this version does not know, by its name."""
    match name:
        case "backup":
            return say(language, "Backup")
        case "retention":
            return say(language, "Erasing what is too old")
        case "full check":
            return say(language, "Check of the database")
        case "training":
            return say(language, "Training files")
        case _:
            return as_code(name)


def _failed_night(language: Language, standing: NightStanding, runs: Sequence[ShownRun]) -> Iterable[Trouble]:
    """The last night of training, where it failed and the nightly job does not say so already."""
    is_told = any(run.job == _TRAINING and run.ended_at is None and run.error for run in runs)
    if standing.last is not None and standing.last.error and not is_told:
        yield Trouble(
            what=say(language, "The last night of training failed: {error}", error=_quoted(standing.last.error)),
            next_step=say(language, "`/admin night run` tries it again."),
        )


def _night(language: Language, standing: NightStanding, is_on: bool) -> str:
    """Where the night of training stands."""
    last = standing.last
    if standing.is_running:
        return _under_way(language, standing)
    if last is not None and last.error:
        return say(language, "The last night failed at {time}, see above", time=minute(last.ended_at))
    if last is not None:
        return say(
            language,
            "The last night ended {time}: {kept} of {collected} rated answers kept",
            time=minute(last.ended_at),
            kept=last.kept,
            collected=last.collected,
        )
    if not is_on:
        return say(language, "Switched off: no night makes them (`learning.enabled` in `config.toml`)")
    return say(language, "No night has made any since I was started")


def _under_way(language: Language, standing: NightStanding) -> str:
    since = minute(standing.began_at) if standing.began_at is not None else "?"
    if not standing.step:
        return say(language, "A night is under way since {time}", time=since)
    return say_many(
        language,
        "A night is under way since {time}: {step}, {count} row so far",
        "A night is under way since {time}: {step}, {count} rows so far",
        standing.done,
        time=since,
        step=step_words(language).get(standing.step, as_code(standing.step)),
    )


def _age(language: Language, age: timedelta) -> str:
    """For how long: whole days from two on."""
    if age >= _DAYS_FROM:
        return say(language, "{count} days", count=age.days)
    return duration(age.total_seconds(), language)


def _quoted(error: str) -> str:
    """An error in its own words, its end cut off where it is long."""
    return as_code(error if len(error) <= _LONGEST_ERROR else error[: _LONGEST_ERROR - 1].rstrip() + "…")

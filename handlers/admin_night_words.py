"""Nights and their files in words, for admins: how far one is, how it ended, what lies where; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Final

from bot.admin_types import NightDone, NightStanding, ShownExport
from bot.amounts import count, duration
from bot.locale import say, say_many
from bot.night_words import step_words
from bot.types import Language
from handlers.admin_parts import minute
from handlers.wording import as_code

MOST_DATES: Final = 10
_MOST_OF_ERROR: Final = 300
_PARTS: Final = ("train", "validation", "test")

ANOTHER_NIGHT: Final = "another night is under way"
STOPPED: Final = ("the bot was stopped", "the night took longer than")
PEOPLE_CHANGED: Final = ("people have changed while the night went on", "rows were taken out of the files")
NO_SPACE: Final = ("MiB are free", "No space left on device")
BROKEN_RULES: Final = "break their rules and were not published"


def step_line(language: Language, standing: NightStanding) -> str:
    """The step that a night is at, and how many rows that has had so far."""
    if not standing.step:
        return say(language, "Beginning")
    step = step_words(language).get(standing.step, as_code(standing.step))
    return f"{step} · {_rows(language, standing.done)}" if standing.done else step


def under_way(language: Language, standing: NightStanding, now: datetime) -> str:
    """That a night is under way: since when, and how far it is."""
    progress = step_line(language, standing)
    if standing.began_at is None:
        return say(language, "**A night is under way**: {progress}", progress=progress)
    return say(
        language,
        "**A night has been under way** since {moment} UTC, for {time}: {progress}",
        moment=minute(standing.began_at),
        time=duration(max(1.0, (now - standing.began_at).total_seconds()), language),
        progress=progress,
    )


def how_it_ended(language: Language, done: NightDone) -> str:
    """The figures of a night that has ended, or what went wrong and what to do."""
    night, moment = done.night.isoformat(), minute(done.ended_at)
    if done.error:
        failed = say(
            language,
            "**The night of {night}** failed at {moment} UTC. What was there before stays.",
            night=night,
            moment=moment,
        )
        return f"{failed}\n\n{_what_to_do(language, done.error)}"
    lines = [
        say(
            language,
            "{collected} rated answers, {kept} kept, of {people} people.",
            collected=count(done.collected, language),
            kept=count(done.kept, language),
            people=count(done.people, language),
        )
    ]
    if done.is_waiting:
        lines.append(
            say(
                language,
                "These are few people, a small cohort: rows of those you do not vouch for wait. `/admin queue` asks you about "
                "them.",
            )
        )
    if done.queue:
        lines.append(
            say_many(
                language,
                "{count} question waits for you: `/admin queue`.",
                "{count} questions wait for you: `/admin queue`.",
                done.queue,
            )
        )
    if not done.files:
        lines.append(say(language, "There is not enough for any file yet: trainers want 10 rows or more."))
    head = say(language, "**The night of {night}** ended at {moment} UTC.", night=night, moment=moment)
    parts = ["\n".join([head, *(f"- {line}" for line in lines)])]
    if done.files:
        parts.append(_files(language, done.files))
        parts.append(say(language, "`/admin night report` says what they are good for, and `/admin export` where they lie."))
    return "\n\n".join(parts)


def not_known(language: Language) -> str:
    """That a night has ended in a process that is gone, and where to look."""
    return say(
        language,
        "The night that you asked for has ended, but I was started anew since then and do not know how. `/admin export` shows "
        "the files that are there, `/admin night report` what they are good for, and `/admin night run` makes them again.",
    )


def export_list(language: Language, exports: Sequence[ShownExport]) -> str:
    """The dates that files are there of, the newest ones only where there are many, and where they lie."""
    lines = [export_line(language, one) for one in exports[:MOST_DATES]]
    if (more := len(exports) - MOST_DATES) > 0:
        lines.append("- " + say(language, "and {count} more", count=more))
    newest = exports[0]
    place = say(
        language,
        "They lie in {folder}, a folder for each date. `/admin export {night}` shows the files of one.",
        folder=as_code(str(PurePath(newest.folder).parent)),
        night=newest.night.isoformat(),
    )
    return "\n\n".join(
        ["\n".join([say(language, "**Training files**, the newest first"), *lines]), place, _stay_here(language)]
    )


def export_of_a_date(language: Language, export: ShownExport) -> str:
    """One date's files, with their rows."""
    parts = ["\n".join([say(language, "**Training files of one date**"), export_line(language, export)])]
    if export.files:
        parts.append(_files(language, export.files))
    parts.append(say(language, "They lie in {folder}.", folder=as_code(export.folder)))
    return "\n\n".join([*parts, _stay_here(language)])


def export_line(language: Language, export: ShownExport) -> str:
    """What a date's files hold, and below that what is to be known of them."""
    sums = [
        f"**{export.night.isoformat()}**",
        _rows(language, export.kept),
        say_many(language, "{count} person", "{count} people", export.people),
        say_many(language, "{count} file", "{count} files", len(export.files)),
    ]
    marks = []
    if export.is_small and not export.is_approved:
        marks.append(say(language, "A small cohort that nobody has approved: `/admin queue` asks you about it."))
    if export.is_stale:
        marks.append(say(language, "Rows were taken out since: what was trained on these files before is to be trained anew."))
    return "\n".join([f"- {' · '.join(sums)}", *(f"  - {mark}" for mark in marks)])


def quoted_error(error: object) -> str:
    """What a program said, as code, its end cut off where it is long."""
    said = " ".join(str(error).split())
    return as_code(said if len(said) <= _MOST_OF_ERROR else said[: _MOST_OF_ERROR - 1] + "…")


def _what_to_do(language: Language, error: str) -> str:
    """What an error means, as far as it is known, and the next step."""
    if ANOTHER_NIGHT in error:
        return say(
            language,
            "Another night was under way in the same folder, perhaps one from the command line. Wait until it has ended, then "
            "write `/admin night run` again.",
        )
    if any(mark in error for mark in PEOPLE_CHANGED):
        return say(
            language,
            "Somebody took their consent back or was forgotten while it went on, so what it had so far did not count any more. "
            "`/admin night run` begins anew.",
        )
    if any(mark in error for mark in STOPPED):
        return say(language, "It was ended before it was done. `/admin night run` begins anew.")
    if any(mark in error for mark in NO_SPACE):
        return say(
            language,
            "The disk is full. Make room, then write `/admin night run` again; `/admin status` shows how much is free.",
        )
    if BROKEN_RULES in error:
        return say(
            language,
            "The files did not pass their own check, so they were not published. Please report this line: {error}",
            error=quoted_error(error),
        )
    return say(
        language,
        "It said: {error}\n\nWrite `/admin night run` to try again. If that fails too, the bot's log says more.",
        error=quoted_error(error),
    )


def _files(language: Language, files: Mapping[str, int]) -> str:
    """A line for each kind of file: its rows in each part."""
    kinds: dict[str, list[str]] = {}
    for path, rows in sorted(files.items(), key=lambda one: _place(one[0])):
        part, _, name = path.rpartition("/")
        kinds.setdefault(name, []).append(f"{as_code(part)} {count(rows, language)}" if part else count(rows, language))
    lines = [f"- {as_code(name)}: {' · '.join(parts)}" for name, parts in kinds.items()]
    return "\n".join([say(language, "**Rows in each file**"), *lines])


def _place(path: str) -> tuple[str, int]:
    """Files of a kind stand together, what is for training first."""
    part, _, name = path.rpartition("/")
    return name, _PARTS.index(part) if part in _PARTS else len(_PARTS)


def _stay_here(language: Language) -> str:
    return say(
        language,
        "I never send these files through a chat, because they hold what people said. On the machine itself, "
        "`python -m bot data trace` tells whose rows are where.",
    )


def _rows(language: Language, rows: int) -> str:
    return say_many(language, "{number} row", "{number} rows", rows, number=count(rows, language))

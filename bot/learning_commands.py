"""The commands of the command line about training files: make them, check one's own, label, decide, begin from a template."""

# Not with `from __future__ import annotations`: see `bot.__main__`.
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from bot.amounts import count
from bot.config import Loaded
from bot.learning_chores import Trace, Waiting, decide, labels_in, labels_out, make_night, trace, waiting
from bot.learning_desk import readiness
from bot.locale import say
from bot.night_words import step_words
from bot.terminal import (
    FAILED,
    MISCONFIGURED,
    ProgressLine,
    config_option,
    do,
    folder_option,
    shown_language,
    tell,
    tell_aside,
)
from bot.types import Language
from learning.data_check import check_data, render
from learning.guard import Asked
from learning.new import kinds, write_template
from learning.night import NightResult, Progress
from learning.readiness_text import render_short, render_whole

_MOST_WORDS: Final = 160

Load = Callable[[Path | None, Path | None], Loaded]


def add_learning(cli: typer.Typer, language: str, load: Load) -> None:
    """`night`, `new` and the commands under `data`."""
    shown = shown_language(language)
    _add_night(cli, shown, load)
    _add_new(cli, shown)
    data = typer.Typer(
        help=say(language, "Look after training data: check, label, decide, trace."),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    _add_check(data, shown)
    _add_labels(data, shown, load)
    _add_decisions(data, shown, load)
    cli.add_typer(data, name="data")


def _add_night(cli: typer.Typer, language: Language, load: Load) -> None:
    File = Annotated[Path | None, config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, folder_option(language)]  # noqa: N806
    help_of_date = say(language, "The local date, such as 2026-11-20; without it, today, with what was asked until now.")
    help_of_dry = say(language, "Do everything but publish.")
    help_of_json = say(language, "Print the figures as one JSON object.")

    @cli.command("night", help=say(language, "Make the training files of a date, beside the running bot or without it."))
    def _(
        *,
        day: Annotated[str | None, typer.Option("--date", metavar="DATE", help=help_of_date)] = None,
        is_dry: Annotated[bool, typer.Option("--dry-run", help=help_of_dry)] = False,
        as_json: Annotated[bool, typer.Option("--json", help=help_of_json)] = False,
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        loaded, night = load(config, data_dir).config, _date(day, language)
        with _progress(language) as progress:
            result = do(loaded, lambda config: make_night(config, night, progress, is_dry=is_dry))
        if as_json:
            typer.echo(msgspec.json.encode(result).decode())
            return
        tell("\n".join(night_lines(result, language)))
        if not is_dry and (found := do(loaded, readiness)) is not None:
            tell("\n" + render_short(found, language).replace("**", ""))


def _add_new(cli: typer.Typer, language: Language) -> None:
    described = "; ".join(f"{kind}: {words}" for kind, words in kinds(language).items())
    help_of_language = say(language, "The language of the files: es or en.")
    help_of_folder = say(language, "A folder that is new or empty.")

    @cli.command("new", help=say(language, "Begin from a template: settings, knowledge, examples, an evaluation set."))
    def _(
        kind: Annotated[str, typer.Argument(metavar="KIND", help=described)],
        folder: Annotated[Path, typer.Argument(metavar="DIR", help=help_of_folder)],
        of: Annotated[str, typer.Option("--language", metavar="es|en", help=help_of_language)] = language,
    ) -> None:
        if of not in ("es", "en"):
            tell_aside(say(language, "--language takes es or en, not {value}.", value=repr(of)))
            raise typer.Exit(MISCONFIGURED)
        written = write_template(kind, folder, shown_language(of), told_in=language)
        tell("\n".join(str(path) for path in written))
        tell(say(language, "Read {path} first.", path=str(folder / "README.md")))


def _add_check(data: typer.Typer, language: Language) -> None:
    help_of_file = say(language, "JSONL or CSV of your own: chat messages, prompts, preferences, labels.")

    @data.command("check", help=say(language, "Look through a file of training data and say how to mend what is wrong."))
    def _(file: Annotated[Path, typer.Argument(metavar="FILE", help=help_of_file)]) -> None:
        found = check_data(file)
        tell(render(found, language))
        raise typer.Exit(FAILED if any(one.level == "error" for one in found.findings) else 0)


def _add_labels(data: typer.Typer, language: Language, load: Load) -> None:
    File = Annotated[Path | None, config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, folder_option(language)]  # noqa: N806
    help_of_out = say(language, "Where the table goes; it holds what people said, scrubbed.")
    help_of_in = say(language, "The table with your labels.")

    @data.command("labels", help=say(language, "Write a table of the rows, to label them in a spreadsheet."))
    def _(
        file: Annotated[Path, typer.Argument(metavar="FILE.csv", help=help_of_out)],
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        loaded = load(config, data_dir).config
        with _progress(language) as progress:
            rows = do(loaded, lambda config: labels_out(config, file, language, progress))
        tell(
            say(
                language,
                "{rows} rows are in {path}. Fill in the last two columns, then: `python -m bot data label {path}`.",
                rows=count(rows, language),
                path=str(file),
            )
        )

    @data.command("label", help=say(language, "Take the labels out of such a table; they count from the next night on."))
    def _(
        file: Annotated[Path, typer.Argument(metavar="FILE.csv", help=help_of_in)],
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        kept, problems = do(load(config, data_dir).config, lambda config: labels_in(config, file))
        for problem in problems:
            tell_aside(problem.said(language))
        if problems:
            tell_aside(say(language, "Nothing was taken."))
            raise typer.Exit(FAILED)
        tell(say(language, "Labels of {rows} rows were taken.", rows=count(kept, language)))


def _add_decisions(data: typer.Typer, language: Language, load: Load) -> None:
    File = Annotated[Path | None, config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, folder_option(language)]  # noqa: N806
    help_of_subjects = say(language, "Rows or questions as `data queue` names them, or `cohort`.")
    Subjects = Annotated[list[str], typer.Argument(metavar="WHAT…", help=help_of_subjects)]  # noqa: N806

    @data.command("queue", help=say(language, "Show what waits for a decision of yours."))
    def _(config: File = None, data_dir: Folder = None) -> None:
        found = do(load(config, data_dir).config, waiting)
        tell("\n\n".join(queue_lines(found, language)) or say(language, "Nothing waits for you."))

    help_of_whole = say(language, "The whole report, as a Markdown page.")

    @data.command("report", help=say(language, "Show what the last night's files are good for, and what is missing."))
    def _(
        is_whole: Annotated[bool, typer.Option("--whole", help=help_of_whole)] = False,
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        found = do(load(config, data_dir).config, readiness)
        if found is None:
            tell_aside(say(language, "There was no night yet: `python -m bot night` makes one."))
            raise typer.Exit(FAILED)
        tell(render_whole(found, language) if is_whole else render_short(found, language))

    def add(name: str, text: str, *, is_approved: bool) -> None:
        @data.command(name, help=text)
        def _(subjects: Subjects, config: File = None, data_dir: Folder = None) -> None:
            do(load(config, data_dir).config, lambda config: decide(config, subjects, is_approved=is_approved))
            tell(say(language, "Noted. It counts from the next night on."))

    add("approve", say(language, "Let rows through that wait."), is_approved=True)
    add("reject", say(language, "Never let these rows through."), is_approved=False)
    help_of_what = say(language, "A row's name, or a person as `channel:user`.")

    @data.command("trace", help=say(language, "From a row to its turn and person, or from a person to every file."))
    def _(
        what: Annotated[str, typer.Argument(metavar="ROW|WHO", help=help_of_what)],
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        found = do(load(config, data_dir).config, lambda config: trace(config, what))
        tell("\n".join(trace_lines(found, language)) or say(language, "No row of theirs is in any file."))


def night_lines(result: NightResult, language: Language) -> list[str]:
    """What became of a night, for a terminal."""
    lines = [
        say(
            language,
            "{collected} rated answers, {kept} kept, of {people} people.",
            collected=count(result.collected, language),
            kept=count(result.kept, language),
            people=count(result.people, language),
        )
    ]
    for step, reasons in result.dropped.items():
        dropped = ", ".join(f"{reason} {count(number, language)}" for reason, number in sorted(reasons.items()))
        lines.append(say(language, "Dropped at {step}: {reasons}", step=step_words(language).get(step, step), reasons=dropped))
    if result.waiting:
        lines.append(
            say(
                language,
                "These are few people, a small cohort: rows of those you do not vouch for wait. "
                "`python -m bot data approve cohort` lets them through.",
            )
        )
    if result.queue:
        lines.append(
            say(
                language,
                "{count} questions wait for you: `python -m bot data queue`.",
                count=count(result.queue, language),
            )
        )
    files = [f"  {name}  {count(rows, language)}" for name, rows in sorted(result.files.items())]
    if not files:
        lines.append(say(language, "There is not enough for any file yet: trainers want 10 rows or more."))
    if result.folder:
        lines += [say(language, "Files in {folder}:", folder=result.folder), *files]
    else:
        lines.append(say(language, "A dry run: nothing was published. There would be:") if files else "")
        lines += files
    return lines


def queue_lines(found: Iterable[Waiting], language: Language) -> list[str]:
    """What waits, a block each."""
    kinds_of = {
        Asked.PATTERN: say(language, "A pattern that few people teach"),
        Asked.OPPOSITE_RATINGS: say(language, "Two people rated the same answer differently"),
        Asked.UNCLEAR: say(language, "The rating and its correction disagree"),
    }
    blocks = []
    for one in found:
        head = say(
            language,
            "{kind}: {rows} rows of {people} people",
            kind=kinds_of[one.asked.kind],
            rows=count(one.asked.count, language),
            people=count(one.asked.people, language),
        )
        lines = [head, *(f"  “{words}”" for words in one.asked.words)]
        for row in one.rows:
            lines.append(f"  ? {_short(row.question)}")
            lines.append(f"  = {_short(row.answer)}")
            lines += [f"  ✎ {_short(row.correction)}"] if row.correction else []
        lines += _ways(one, language)
        blocks.append("\n".join(lines))
    return blocks


def _ways(one: Waiting, language: Language) -> list[str]:
    """What to type: of opposite ratings the rows of one side, because of both together none would come in."""
    if one.asked.kind is not Asked.OPPOSITE_RATINGS:
        return [f"  → python -m bot data approve {' '.join(one.asked.approves)}"]
    sides = (
        (say(language, "The answer is good"), one.liked),
        (say(language, "The answer is bad"), tuple(row for row in one.asked.approves if row not in one.liked)),
    )
    return [f"  → {words}: python -m bot data approve {' '.join(rows)}" for words, rows in sides if rows]


def trace_lines(found: Iterable[Trace], language: Language) -> list[str]:
    """Each row with its turn, its person and its lines."""
    lines = []
    for one in found:
        if one.turn is None:
            lines.append(say(language, "{row}: not known any more", row=one.row))
            continue
        lines.append(say(language, "{row}: turn {turn} of {person}", row=one.row, turn=one.turn, person=one.person))
        for night, places in one.places.items():
            lines += [f"  {night}/{file}:{line}" for file, line in places]
    return lines


@contextmanager
def _progress(language: Language) -> Iterator[Progress]:
    """Tells on stderr how far each step is."""
    line, steps = ProgressLine(sys.stderr, language), step_words(language)
    try:
        yield lambda step, done: line.steps(steps.get(step, step), done)
    finally:
        line.end()


def _date(text: str | None, language: Language) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        tell_aside(say(language, "--date takes a date such as 2026-11-20, not {value}.", value=repr(text)))
        raise typer.Exit(MISCONFIGURED) from None


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _MOST_WORDS else one_line[: _MOST_WORDS - 1] + "…"

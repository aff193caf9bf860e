"""What every command of the command line shares: its options, how it tells, asks for progress and ends."""

# Not with `from __future__ import annotations`: see `bot.__main__`.
from collections.abc import Callable, Coroutine
from typing import Any, Final, TextIO, TypeVar

import typer

from bot.amounts import BLANK, bar, count, progress
from bot.config import Config
from bot.errors import ConfigError, DataFolderLocked, MartinError, Problem
from bot.jobs.doctor import holder_in_words
from bot.locale import say
from bot.log import Logs
from bot.model_types import PullProgress
from bot.process import run
from bot.types import Language

FAILED: Final = 1
MISCONFIGURED: Final = 2
LOCKED: Final = 3
INTERRUPTED: Final = 130

T = TypeVar("T")


def config_option(language: str) -> Any:
    """`--config FILE`."""
    return typer.Option("--config", metavar="FILE", help=say(language, "Read this file instead of config.toml."))


def folder_option(language: str) -> Any:
    """`--data-dir DIR`."""
    return typer.Option(
        "--data-dir", metavar="DIR", help=say(language, "Keep everything in this folder; overrides MARTIN_DATA_DIR.")
    )


def report(error: MartinError, language: str) -> int:
    """Say on stderr what went wrong; the exit status that it means."""
    if isinstance(error, ConfigError):
        typer.echo(say(language, "The configuration cannot be used:"), err=True)
        for problem in error.problems:
            typer.echo(plain(_worded(problem, language)), err=True)
        return MISCONFIGURED
    if isinstance(error, DataFolderLocked):
        used = say(
            language,
            "The data folder {folder} is in use: {holder}. Stop that bot first, or use another MARTIN_DATA_DIR.",
            folder=error.folder,
            holder=holder_in_words(shown_language(language), error.holder),
        )
        typer.echo(plain(used), err=True)
        return LOCKED
    typer.echo(plain(str(error)), err=True)
    return FAILED


def _worded(problem: Problem, language: str) -> str:
    text = f"  {problem.path}: {problem.reason}"
    if problem.nearest:
        text += "\n    " + say(language, "did you mean {name}?", name=problem.nearest)
    if problem.accepted:
        text += "\n    " + say(language, "accepted: {values}", values=problem.accepted)
    return text


def do(config: Config, work: Callable[[Config], Coroutine[Any, Any, T]]) -> T:
    """Run one chore to its end, with the logs of warnings on stderr."""
    quiet = config.log.model_copy(update={"level": "warning"})
    with Logs(quiet, secrets=config.secrets):
        return run(work(config))


class ProgressLine:
    """How far something is: one line that is drawn anew on a terminal, a line for every tenth elsewhere."""

    def __init__(self, out: TextIO, language: Language) -> None:
        self._out, self._language, self._is_live = out, language, out.isatty()
        self._name = self._shown = ""
        self._tenth = -1

    def show(self, name: str, pulled: PullProgress) -> None:
        """Say how many bytes of `name` are there."""
        self._draw(name, progress(pulled, self._language), pulled.done, pulled.total)

    def count(self, name: str, done: int, total: int) -> None:
        """Say how many things of `name` are done."""
        of = say(self._language, "{done} of {total}", done=count(done, self._language), total=count(total, self._language))
        share = 100 * done // total if total else 100
        self._draw(name, f"{bar(done, total)} {share}{BLANK}% · {of}", done, total)

    def steps(self, name: str, done: int) -> None:
        """Say how many things of `name` are done where nobody knows how many there will be."""
        if name != self._name and self._is_live and self._shown:
            self._out.write("\n")
            self._shown = ""
        self._draw(name, count(done, self._language) if done else "…", 0, 0)

    def _draw(self, name: str, shown: str, done: int, total: int) -> None:
        text = f"{name}  {shown}"
        tenth = 10 * done // total if total else 0
        if name != self._name:
            self._tenth = -1
        if self._is_live and text != self._shown:
            self._out.write("\r" + plain(text) + " " * max(0, len(self._shown) - len(text)))
            self._out.flush()
        elif not self._is_live and tenth > self._tenth:
            self._out.write(plain(text) + "\n")
        self._name, self._shown, self._tenth = name, text, tenth

    def end(self) -> None:
        """Leave the line."""
        if self._is_live and self._shown:
            self._out.write("\n")


def plain(text: str) -> str:
    """`text` without what a terminal would obey; newlines stay."""
    return "".join(letter if letter.isprintable() or letter in "\n\N{NO-BREAK SPACE}" else "?" for letter in text).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def shown_language(language: str) -> Language:
    """The language of what is told, for a locale's."""
    return "es" if language == "es" else "en"


def tell(text: str) -> None:
    """On standard output."""
    typer.echo(plain(text))


def tell_aside(text: str) -> None:
    """Beside the output, for people."""
    typer.echo(plain(text), err=True)

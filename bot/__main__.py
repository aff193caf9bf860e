"""The command line: `python -m bot`, also installed as `martin`. One clear message and an exit code for whatever goes wrong."""

# Not with `from __future__ import annotations`: the options' help is worded per language inside `build_cli`.
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TextIO, TypeVar

import typer

from bot import __version__
from bot.amounts import BLANK, bar, count, progress
from bot.app import chat, serve
from bot.banner import terminal_language
from bot.certificate import DAYS, is_name
from bot.chores import back_up, examine, forget_person, make_certificate, migrate_now, pull_model, restore_from
from bot.config import Config, Loaded, read_config
from bot.download_words import why_not
from bot.errors import ConfigError, DataFolderLocked, MartinError, ModelError, Problem
from bot.jobs.doctor import Finding, State, holder_in_words, worst
from bot.locale import say, say_many
from bot.log import Logs
from bot.memory_chores import (
    SOURCES,
    BadRecords,
    Format,
    fetch_embedder,
    fetched_line,
    import_export,
    import_lines,
    reindex,
    source_line,
    source_named,
)
from bot.memory_chores import why_not as why_not_fetched
from bot.model_types import PullProgress
from bot.process import run
from bot.setting_problems import CERTIFICATE, CERTIFICATE_KEY, environment_name
from bot.types import Language

FAILED: Final = 1
MISCONFIGURED: Final = 2
LOCKED: Final = 3
INTERRUPTED: Final = 130

T = TypeVar("T")
_MARKS: Final = {State.OK: "✓", State.ATTENTION: "!", State.BROKEN: "✗"}


def main() -> None:
    """Run the command line of this process."""
    sys.exit(execute(sys.argv[1:], terminal_language("en")))


def execute(arguments: Sequence[str], language: str) -> int:
    """Run one command line; its exit status. 0 done, 1 failed, 2 misconfigured or misused, 3 the data folder is in use."""
    cli = build_cli(language)
    try:
        return int(cli(args=list(arguments), prog_name="martin", standalone_mode=True) or 0)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseExceptionGroup as group:
        ours = _only(group)
        if ours is None:
            raise
        return report(ours, language)
    except MartinError as error:
        return report(error, language)


def build_cli(language: str) -> typer.Typer:
    """The commands, their help in `language`."""
    cli = typer.Typer(
        help=say(language, "Martín: a self-hosted chatbot that learns from each person it talks with."),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    File = Annotated[Path | None, _config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, _folder_option(language)]  # noqa: N806

    def load(file: Path | None, folder: Path | None) -> Loaded:
        return read_config(file, data_dir=folder, language=language)

    @cli.command("run", help=say(language, "Start the bot: page, console and everything that is configured."))
    def _(config: File = None, data_dir: Folder = None) -> None:
        run(serve(load(config, data_dir).config))

    @cli.command("chat", help=say(language, "Talk in this terminal: with the running bot, else with one of its own."))
    def _(config: File = None, data_dir: Folder = None) -> None:
        raise typer.Exit(run(chat(load(config, data_dir).config)))

    @cli.command("migrate", help=say(language, "Bring the database to this version, after a backup. The bot must be stopped."))
    def _(config: File = None, data_dir: Folder = None) -> None:
        report = _do(load(config, data_dir).config, migrate_now)
        if not report.has_changed:
            _tell(say(language, "Nothing to do: the database is up to date ({revision}).", revision=report.after))
        elif report.backup is None:
            _tell(say(language, "A new database was made ({revision}).", revision=report.after))
        else:
            _tell(
                say(language, "Migrated to {revision}; the database before: {path}", revision=report.after, path=report.backup)
            )

    @cli.command("doctor", help=say(language, "Look at everything, whether the bot runs or not, and say what to do."))
    def _(
        config: File = None,
        data_dir: Folder = None,
        check: Annotated[
            bool,
            typer.Option("--check", help=say(language, "Also read the whole store and check what must always hold in it.")),
        ] = False,
    ) -> None:
        loaded = load(config, data_dir)
        findings = _do(loaded.config, lambda _: examine(loaded, language=language, with_invariants=check))
        _tell("\n".join(lines(findings)))
        raise typer.Exit(FAILED if worst(findings) is State.BROKEN else 0)

    _add_chores(cli, language, load)
    _add_import(cli, language, load)
    _add_models(cli, language, load)
    _add_embedding(cli, language, load)
    _add_certificate(cli, language)

    @cli.command("version", help=say(language, "Print the version."))
    def _() -> None:
        _tell(__version__)

    return cli


def _add_chores(cli: typer.Typer, language: str, load: Callable[[Path | None, Path | None], Loaded]) -> None:
    """The commands about a file or a person."""
    File = Annotated[Path | None, _config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, _folder_option(language)]  # noqa: N806

    @cli.command("backup", help=say(language, "Copy the database into FILE, also while the bot runs, and check the copy."))
    def _(
        file: Annotated[Path, typer.Argument(metavar="FILE", help=say(language, "Where the copy goes."))],
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        made = _do(load(config, data_dir).config, lambda config: back_up(config, file))
        rows = sum(made.rows.values())
        _tell(say(language, "{path}: {size} bytes, {rows} rows, checked.", path=made.path, size=made.size, rows=rows))

    @cli.command(
        "restore", help=say(language, "Put a backup in place; the present database is kept aside. Stop the bot first.")
    )
    def _(
        file: Annotated[Path, typer.Argument(metavar="FILE", help=say(language, "A file that backup made."))],
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        done = _do(load(config, data_dir).config, lambda config: restore_from(config, file))
        _tell(say(language, "Restored {rows} rows from {path}.", rows=sum(done.rows.values()), path=file))
        if done.kept_aside is not None:
            _tell(say(language, "The database before is kept as {path}", path=done.kept_aside))

    @cli.command("forget", help=say(language, "Erase everything about a person, for good."))
    def _(
        person: Annotated[
            str, typer.Argument(metavar="PERSON", help=say(language, "A person's id, or CHANNEL:USER such as telegram:1234."))
        ],
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        done = _do(load(config, data_dir).config, lambda config: forget_person(config, person))
        if done.is_done:
            _tell(
                say(language, "{person} is forgotten. Backups made before still hold them until they go.", person=done.person)
            )
        else:
            _tell(say(language, "Noted: the running bot forgets {person} within a minute.", person=done.person))


def _add_models(cli: typer.Typer, language: str, load: Callable[[Path | None, Path | None], Loaded]) -> None:
    """The command that downloads a language model."""
    File = Annotated[Path | None, _config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, _folder_option(language)]  # noqa: N806
    help_of_model = say(
        language, "Its name at ollama.com/library, such as ministral-3:3b; without one, a small model that fits."
    )

    @cli.command(
        "model-pull", help=say(language, "Download a language model into the Ollama server; what is there already is kept.")
    )
    def _(
        model: Annotated[str, typer.Argument(metavar="MODEL", help=help_of_model)] = "",
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        loaded, bar = load(config, data_dir).config, ProgressLine(sys.stderr, _language(language))
        try:
            name = _do(loaded, lambda config: pull_model(config, model, bar.show))
        except ModelError as error:
            _tell_aside(why_not(_language(language), error))
            raise typer.Exit(FAILED) from error
        finally:
            bar.end()
        if name is None:
            _tell_aside(say(language, "No Ollama server is asked for answers: leave models.provider at auto, or name ollama."))
            raise typer.Exit(MISCONFIGURED)
        _tell(say(language, "{model} is here. `python -m bot doctor` tries it.", model=name))


def _add_import(cli: typer.Typer, language: str, load: Callable[[Path | None, Path | None], Loaded]) -> None:
    """The command that reads an export into somebody's memory."""
    File = Annotated[Path | None, _config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, _folder_option(language)]  # noqa: N806
    help_of_file = say(language, "The export: a file, a folder or a zip of Telegram, Discord or ChatGPT.")
    help_of_person = say(language, "Whose memory it goes into.")
    help_of_me = say(language, "Who the person is in a Telegram export: id or name as written there.")
    help_of_format = say(language, "Insist on one format instead of finding it out.")

    @cli.command("import", help=say(language, "Read another program's export into one person's memory."))
    def _(
        *,
        file: Annotated[Path, typer.Argument(metavar="FILE", help=help_of_file)],
        person: Annotated[str, typer.Option("--person", metavar="WHO", help=help_of_person)],
        me: Annotated[str | None, typer.Option("--me", metavar="NAME", help=help_of_me)] = None,
        format: Annotated[Format | None, typer.Option("--format", help=help_of_format)] = None,
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        loaded, shown = load(config, data_dir).config, _language(language)
        line, bad = ProgressLine(sys.stderr, shown), BadRecords(shown)
        try:
            try:
                done = _do(
                    loaded,
                    lambda config: import_export(
                        config, file, person, me=me, format=format, language=shown, on_bad=bad.add, bar=line
                    ),
                )
            finally:
                line.end()
                for text in bad.lines():
                    _tell_aside(text)
        except MartinError as error:
            status = report(error, language)
            _tell_aside(say(language, "Nothing was imported."))
            raise typer.Exit(status) from error
        _tell("\n".join(import_lines(loaded, done, shown)))


def _add_embedding(cli: typer.Typer, language: str, load: Callable[[Path | None, Path | None], Loaded]) -> None:
    """The commands about the vectors that memories are found by."""
    File = Annotated[Path | None, _config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, _folder_option(language)]  # noqa: N806
    help_of_embed = say(language, "Make every vector anew, too; else only those that are missing.")

    @cli.command("reindex", help=say(language, "Fill the index of memories anew out of the database. The bot must be stopped."))
    def _(
        config: File = None,
        data_dir: Folder = None,
        embed: Annotated[bool, typer.Option("--embed", help=help_of_embed)] = False,
    ) -> None:
        loaded, shown = load(config, data_dir).config, _language(language)
        line = ProgressLine(sys.stderr, shown)
        try:
            done = _do(loaded, lambda config: reindex(config, embeds=embed, language=shown, bar=line))
        finally:
            line.end()
        _tell(
            say_many(
                language,
                "{count} memory is in the index, by {embedder}.",
                "{count} memories are in the index, by {embedder}.",
                done.memories,
                embedder=done.embedder,
            )
        )

    help_of_source = say(
        language,
        "A model by name ({names}), or the address of a folder with model.onnx and tokenizer.json; without one, as "
        "memory.embedder_source says.",
        names=", ".join(SOURCES),
    )

    @cli.command(
        "embedder-pull",
        help=say(language, "Download a model that tells which texts are alike in meaning, to find memories by."),
    )
    def _(
        source: Annotated[str, typer.Argument(metavar="SOURCE", help=help_of_source)] = "",
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        loaded, shown = load(config, data_dir).config, _language(language)
        found, line = source_named(loaded, source), ProgressLine(sys.stderr, shown)
        if found is None:
            _tell_aside(say(language, "No such model is known here. Known are: {names}.", names=", ".join(SOURCES)))
            raise typer.Exit(MISCONFIGURED)
        _tell_aside(source_line(found, shown))
        try:
            folder = _do(loaded, lambda config: fetch_embedder(config, found, lambda pulled: line.show(found.name, pulled)))
        except ModelError as error:
            line.end()
            _tell_aside(why_not_fetched(shown, error))
            raise typer.Exit(FAILED) from error
        line.end()
        _tell(fetched_line(loaded, folder, shown))


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

    def _draw(self, name: str, shown: str, done: int, total: int) -> None:
        text = f"{name}  {shown}"
        tenth = 10 * done // total if total else 0
        if name != self._name:
            self._tenth = -1
        if self._is_live and text != self._shown:
            self._out.write("\r" + _plain(text) + " " * max(0, len(self._shown) - len(text)))
            self._out.flush()
        elif not self._is_live and tenth > self._tenth:
            self._out.write(_plain(text) + "\n")
        self._name, self._shown, self._tenth = name, text, tenth

    def end(self) -> None:
        """Leave the line."""
        if self._is_live and self._shown:
            self._out.write("\n")


def _add_certificate(cli: typer.Typer, language: str) -> None:
    """The command that makes the page's certificate. Its output is what belongs into `.env`, all else goes to stderr."""
    File = Annotated[Path | None, _config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, _folder_option(language)]  # noqa: N806
    help_of_host = say(language, "A further name or address under which devices reach this machine; may be repeated.")
    Hosts = Annotated[list[str] | None, typer.Option("--host", metavar="HOST", help=help_of_host)]  # noqa: N806

    @cli.command(
        "certificate", help=say(language, "Make a certificate for the page, so that your phone can sign in over https.")
    )
    def _(host: Hosts = None, config: File = None, data_dir: Folder = None) -> None:
        for name in host or ():
            if not is_name(name):
                raise typer.BadParameter(say(language, "{name} is no host name or address", name=repr(name)))
        loaded = read_config(config, data_dir=data_dir, language=language, reads_certificate=False)
        made = _do(loaded.config, lambda config: make_certificate(config, host or (), language=language))
        _tell_aside(say(language, "{path}: a certificate for {names}", path=made.certificate, names=", ".join(made.names)))
        _tell_aside(
            say(language, "It lasts {days} days. Its SHA-256 fingerprint: {digits}", days=DAYS, digits=made.fingerprint)
        )
        if made.kept_aside:
            _tell_aside(say(language, "The one before is kept beside it, as *.old."))
        if sys.stdout.isatty():
            _tell_aside(say(language, "Put these two lines into .env, then start Martín anew:"))
        else:
            _tell_aside(say(language, "The two lines for .env are written. Then start Martín anew."))
        for setting, path in ((CERTIFICATE, made.certificate), (CERTIFICATE_KEY, made.key)):
            _tell(f"{environment_name(setting)}={dotenv_value(str(path))}")
        _tell_aside(
            say(
                language,
                "The phone's browser will warn once, because nobody but you vouches for this certificate: "
                "compare the fingerprint and go on.",
            )
        )


def _config_option(language: str) -> Any:
    return typer.Option("--config", metavar="FILE", help=say(language, "Read this file instead of config.toml."))


def _folder_option(language: str) -> Any:
    return typer.Option(
        "--data-dir", metavar="DIR", help=say(language, "Keep everything in this folder; overrides MARTIN_DATA_DIR.")
    )


def lines(findings: Sequence[Finding]) -> list[str]:
    """Doctor's findings for a terminal, one below the other, with what to do."""
    width = max(len(finding.part) for finding in findings)
    shown = []
    for finding in findings:
        first, *more = _plain(finding.detail).split("\n")
        shown.append(f"{_MARKS[finding.state]} {finding.part:<{width}}  {first}")
        shown += [f"{'':{width + 4}}{line}" for line in more]
        if finding.next_step and finding.state is not State.OK:
            shown.append(f"{'':{width + 4}}→ {_plain(finding.next_step)}")
    return shown


def report(error: MartinError, language: str) -> int:
    """Say on stderr what went wrong; the exit status that it means."""
    if isinstance(error, ConfigError):
        typer.echo(say(language, "The configuration cannot be used:"), err=True)
        for problem in error.problems:
            typer.echo(_plain(_worded(problem, language)), err=True)
        return MISCONFIGURED
    if isinstance(error, DataFolderLocked):
        used = say(
            language,
            "The data folder {folder} is in use: {holder}. Stop that bot first, or use another MARTIN_DATA_DIR.",
            folder=error.folder,
            holder=holder_in_words(_language(language), error.holder),
        )
        typer.echo(_plain(used), err=True)
        return LOCKED
    typer.echo(_plain(str(error)), err=True)
    return FAILED


def _worded(problem: Problem, language: str) -> str:
    text = f"  {problem.path}: {problem.reason}"
    if problem.nearest:
        text += "\n    " + say(language, "did you mean {name}?", name=problem.nearest)
    if problem.accepted:
        text += "\n    " + say(language, "accepted: {values}", values=problem.accepted)
    return text


def _do(config: Config, work: Callable[[Config], Coroutine[Any, Any, T]]) -> T:
    """Run one chore to its end, with the logs of warnings on stderr."""
    quiet = config.log.model_copy(update={"level": "warning"})
    with Logs(quiet, secrets=config.secrets):
        return run(work(config))


def _only(group: BaseExceptionGroup[BaseException]) -> MartinError | None:
    """The first error of ours, where the group holds no others."""
    ours, others = group.split(MartinError)
    if ours is None or others is not None:
        return None
    error: BaseException = ours
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, MartinError) else None


def _plain(text: str) -> str:
    """`text` without what a terminal would obey; newlines stay."""
    return "".join(letter if letter.isprintable() or letter in "\n\N{NO-BREAK SPACE}" else "?" for letter in text).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def dotenv_value(value: str) -> str:
    """`value` as `.env` takes it."""
    if value.replace("/", "").replace(".", "").replace("-", "").replace("_", "").isalnum():
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _language(language: str) -> Language:
    return "es" if language == "es" else "en"


def _tell(text: str) -> None:
    typer.echo(_plain(text))


def _tell_aside(text: str) -> None:
    """Beside the output, for people."""
    typer.echo(_plain(text), err=True)


if __name__ == "__main__":
    main()

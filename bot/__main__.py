"""The command line: `python -m bot`, also installed as `martin`. One clear message and an exit code for whatever goes wrong."""

# Not with `from __future__ import annotations`: the options' help is worded per language inside `build_cli`.
import gc
import sys

if __name__ == "__main__":
    gc.disable()  # until `main`: nothing is garbage while libraries are imported, and looking for it takes a fifth of a start
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from bot import __version__
from bot.admin_commands import add_admin
from bot.app import chat, serve
from bot.banner import terminal_language
from bot.certificate import DAYS, is_name
from bot.chores import back_up, examine, forget_person, make_certificate, migrate_now, pull_model, restore_from
from bot.config import Loaded, read_config
from bot.download_words import why_not
from bot.errors import MartinError, ModelError
from bot.jobs.doctor import Finding, State, worst
from bot.learning_commands import add_learning
from bot.locale import say, say_many
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
from bot.process import run
from bot.setting_problems import CERTIFICATE, CERTIFICATE_KEY, environment_name
from bot.terminal import (
    FAILED,
    INTERRUPTED,
    MISCONFIGURED,
    ProgressLine,
    config_option,
    do,
    folder_option,
    plain,
    report,
    shown_language,
    tell,
    tell_aside,
)

_MARKS: Final = {State.OK: "✓", State.ATTENTION: "!", State.BROKEN: "✗"}


def main() -> None:
    """Run the command line of this process. What was imported stays, so that no collection looks at it again."""
    gc.freeze()
    gc.enable()
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
    File = Annotated[Path | None, config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, folder_option(language)]  # noqa: N806

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
        report = do(load(config, data_dir).config, migrate_now)
        if not report.has_changed:
            tell(say(language, "Nothing to do: the database is up to date ({revision}).", revision=report.after))
        elif report.backup is None:
            tell(say(language, "A new database was made ({revision}).", revision=report.after))
        else:
            tell(
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
        findings = do(loaded.config, lambda _: examine(loaded, language=language, with_invariants=check))
        tell("\n".join(lines(findings)))
        raise typer.Exit(FAILED if worst(findings) is State.BROKEN else 0)

    _add_chores(cli, language, load)
    _add_import(cli, language, load)
    _add_models(cli, language, load)
    _add_embedding(cli, language, load)
    _add_certificate(cli, language)
    add_learning(cli, language, load)
    add_admin(cli, language, load)

    @cli.command("version", help=say(language, "Print the version."))
    def _() -> None:
        tell(__version__)

    return cli


def _add_chores(cli: typer.Typer, language: str, load: Callable[[Path | None, Path | None], Loaded]) -> None:
    """The commands about a file or a person."""
    File = Annotated[Path | None, config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, folder_option(language)]  # noqa: N806

    @cli.command("backup", help=say(language, "Copy the database into FILE, also while the bot runs, and check the copy."))
    def _(
        file: Annotated[Path, typer.Argument(metavar="FILE", help=say(language, "Where the copy goes."))],
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        made = do(load(config, data_dir).config, lambda config: back_up(config, file))
        rows = sum(made.rows.values())
        tell(say(language, "{path}: {size} bytes, {rows} rows, checked.", path=made.path, size=made.size, rows=rows))

    @cli.command(
        "restore", help=say(language, "Put a backup in place; the present database is kept aside. Stop the bot first.")
    )
    def _(
        file: Annotated[Path, typer.Argument(metavar="FILE", help=say(language, "A file that backup made."))],
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        done = do(load(config, data_dir).config, lambda config: restore_from(config, file))
        tell(say(language, "Restored {rows} rows from {path}.", rows=sum(done.rows.values()), path=file))
        if done.kept_aside is not None:
            tell(say(language, "The database before is kept as {path}", path=done.kept_aside))

    @cli.command("forget", help=say(language, "Erase everything about a person, for good."))
    def _(
        person: Annotated[
            str, typer.Argument(metavar="PERSON", help=say(language, "A person's id, or CHANNEL:USER such as telegram:1234."))
        ],
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        done = do(load(config, data_dir).config, lambda config: forget_person(config, person))
        if done.is_done:
            tell(say(language, "{person} is forgotten. Backups made before still hold them until they go.", person=done.person))
        else:
            tell(say(language, "Noted: the running bot forgets {person} within a minute.", person=done.person))


def _add_models(cli: typer.Typer, language: str, load: Callable[[Path | None, Path | None], Loaded]) -> None:
    """The command that downloads a language model."""
    File = Annotated[Path | None, config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, folder_option(language)]  # noqa: N806
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
        loaded, bar = load(config, data_dir).config, ProgressLine(sys.stderr, shown_language(language))
        try:
            name = do(loaded, lambda config: pull_model(config, model, bar.show))
        except ModelError as error:
            tell_aside(why_not(shown_language(language), error))
            raise typer.Exit(FAILED) from error
        finally:
            bar.end()
        if name is None:
            tell_aside(say(language, "No Ollama server is asked for answers: leave models.provider at auto, or name ollama."))
            raise typer.Exit(MISCONFIGURED)
        tell(say(language, "{model} is here. `python -m bot doctor` tries it.", model=name))


def _add_import(cli: typer.Typer, language: str, load: Callable[[Path | None, Path | None], Loaded]) -> None:
    """The command that reads an export into somebody's memory."""
    File = Annotated[Path | None, config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, folder_option(language)]  # noqa: N806
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
        loaded, shown = load(config, data_dir).config, shown_language(language)
        line, bad = ProgressLine(sys.stderr, shown), BadRecords(shown)
        try:
            try:
                done = do(
                    loaded,
                    lambda config: import_export(
                        config, file, person, me=me, format=format, language=shown, on_bad=bad.add, bar=line
                    ),
                )
            finally:
                line.end()
                for text in bad.lines():
                    tell_aside(text)
        except MartinError as error:
            status = report(error, language)
            tell_aside(say(language, "Nothing was imported."))
            raise typer.Exit(status) from error
        tell("\n".join(import_lines(loaded, done, shown)))


def _add_embedding(cli: typer.Typer, language: str, load: Callable[[Path | None, Path | None], Loaded]) -> None:
    """The commands about the vectors that memories are found by."""
    File = Annotated[Path | None, config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, folder_option(language)]  # noqa: N806
    help_of_embed = say(language, "Make every vector anew, too; else only those that are missing.")

    @cli.command("reindex", help=say(language, "Fill the index of memories anew out of the database. The bot must be stopped."))
    def _(
        config: File = None,
        data_dir: Folder = None,
        embed: Annotated[bool, typer.Option("--embed", help=help_of_embed)] = False,
    ) -> None:
        loaded, shown = load(config, data_dir).config, shown_language(language)
        line = ProgressLine(sys.stderr, shown)
        try:
            done = do(loaded, lambda config: reindex(config, embeds=embed, language=shown, bar=line))
        finally:
            line.end()
        tell(
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
        loaded, shown = load(config, data_dir).config, shown_language(language)
        found, line = source_named(loaded, source), ProgressLine(sys.stderr, shown)
        if found is None:
            tell_aside(say(language, "No such model is known here. Known are: {names}.", names=", ".join(SOURCES)))
            raise typer.Exit(MISCONFIGURED)
        tell_aside(source_line(found, shown))
        try:
            folder = do(loaded, lambda config: fetch_embedder(config, found, lambda pulled: line.show(found.name, pulled)))
        except ModelError as error:
            line.end()
            tell_aside(why_not_fetched(shown, error))
            raise typer.Exit(FAILED) from error
        line.end()
        tell(fetched_line(loaded, folder, shown))


def _add_certificate(cli: typer.Typer, language: str) -> None:
    """The command that makes the page's certificate. Its output is what belongs into `.env`, all else goes to stderr."""
    File = Annotated[Path | None, config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, folder_option(language)]  # noqa: N806
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
        made = do(loaded.config, lambda config: make_certificate(config, host or (), language=language))
        tell_aside(say(language, "{path}: a certificate for {names}", path=made.certificate, names=", ".join(made.names)))
        tell_aside(say(language, "It lasts {days} days. Its SHA-256 fingerprint: {digits}", days=DAYS, digits=made.fingerprint))
        if made.kept_aside:
            tell_aside(say(language, "The one before is kept beside it, as *.old."))
        if sys.stdout.isatty():
            tell_aside(say(language, "Put these two lines into .env, then start Martín anew:"))
        else:
            tell_aside(say(language, "The two lines for .env are written. Then start Martín anew."))
        for setting, path in ((CERTIFICATE, made.certificate), (CERTIFICATE_KEY, made.key)):
            tell(f"{environment_name(setting)}={dotenv_value(str(path))}")
        tell_aside(
            say(
                language,
                "The phone's browser will warn once, because nobody but you vouches for this certificate: "
                "compare the fingerprint and go on.",
            )
        )


def lines(findings: Sequence[Finding]) -> list[str]:
    """Doctor's findings for a terminal, one below the other, with what to do."""
    width = max(len(finding.part) for finding in findings)
    shown = []
    for finding in findings:
        first, *more = plain(finding.detail).split("\n")
        shown.append(f"{_MARKS[finding.state]} {finding.part:<{width}}  {first}")
        shown += [f"{'':{width + 4}}{line}" for line in more]
        if finding.next_step and finding.state is not State.OK:
            shown.append(f"{'':{width + 4}}→ {plain(finding.next_step)}")
    return shown


def _only(group: BaseExceptionGroup[BaseException]) -> MartinError | None:
    """The first error of ours, where the group holds no others."""
    ours, others = group.split(MartinError)
    if ours is None or others is not None:
        return None
    error: BaseException = ours
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, MartinError) else None


def dotenv_value(value: str) -> str:
    """`value` as `.env` takes it."""
    if value.replace("/", "").replace(".", "").replace("-", "").replace("_", "").isalnum():
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


if __name__ == "__main__":
    main()

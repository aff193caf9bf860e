"""The full-grown screen: line editing, answers that grow as Markdown, and news that leave a half-typed line alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TextIO

from bot.amounts import duration, money
from bot.channels.console.lines import LOCAL, Answer, is_lettered, letter, offered, visible
from bot.channels.console.screens import describe_file
from bot.commands import COMMANDS
from bot.locale import say
from bot.types import Flag, Language

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

TAIL_CHARACTERS = 6000
"""How much of a long answer is drawn again and again while it is being written. The whole is drawn once, at the end."""
FRAMES_PER_S = 10


class TerminalScreen:
    """A terminal. prompt_toolkit reads, rich writes; each has the screen in turn, never both at once."""

    def __init__(self, language: Language, stdin: TextIO, stdout: TextIO) -> None:
        from prompt_toolkit.input import create_input
        from rich.console import Console

        self.language = language
        self._input = create_input(stdin)
        self._console = Console(file=stdout, highlight=False)
        self._session = self._new_session(stdout)
        self._growing: _Growing | None = None

    def held(self) -> AbstractContextManager[None]:
        """Raw mode from beginning to end, so that Ctrl-C is a key at every moment.

        Also between an answer and the next prompt; the process's signals belong to whoever runs the bot.
        """
        return self._input.raw_mode()

    async def read(self) -> str | None:
        """What the person types; Ctrl-D at an empty line leaves, and so does Ctrl-C twice."""
        was_interrupted = False
        while True:
            try:
                typed = await self._session.prompt_async("› ", handle_sigint=False, set_exception_handler=False)
            except EOFError:
                return None
            except KeyboardInterrupt:
                if was_interrupted and not self._session.default_buffer.text:
                    return None
                was_interrupted = True
                self.note(say(self.language, "Ctrl-C again leaves, and so does Ctrl-D."))
                continue
            if typed.strip():
                return typed

    @contextmanager
    def answering(self, on_stop: Callable[[], None]) -> Iterator[None]:
        """The answer grows in place. Ctrl-C calls `on_stop`; whatever else is typed meanwhile waits for the next prompt."""
        from prompt_toolkit.input.typeahead import store_typeahead
        from prompt_toolkit.keys import Keys
        from rich.live import Live

        def on_keys() -> None:
            pressed = self._input.read_keys()
            store_typeahead(self._input, [key for key in pressed if key.key != Keys.ControlC])
            for _ in (key for key in pressed if key.key == Keys.ControlC):
                on_stop()

        self._growing = _Growing(say(self.language, "thinking…"), say(self.language, "writing… Ctrl-C stops me"))
        live = Live(
            self._growing,
            console=self._console,
            transient=True,
            refresh_per_second=FRAMES_PER_S,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        try:
            with self._input.attach(on_keys), live:
                yield
        finally:
            self._growing = None

    @asynccontextmanager
    async def undisturbed(self) -> AsyncIterator[None]:
        """What is printed inside stands above the line being typed, which comes back below it."""
        from prompt_toolkit.application import in_terminal

        async with in_terminal():
            yield

    def preview(self, text: str) -> None:
        """Let the growing answer be this."""
        if self._growing is not None:
            self._growing.text = text

    def answer(self, answer: Answer) -> None:
        """Print it once and for good, with what there is to choose, to save and to know below it."""
        from rich.markdown import Markdown
        from rich.text import Text

        self._console.print()
        self._console.print(Markdown(answer.text, hyperlinks=False))
        if is_lettered(answer):
            self._console.print()
            self._console.print(Text("  " + "".join(offered(answer)), style="cyan"))
        else:
            for number, choice in enumerate(answer.choices):
                self._console.print(Text.assemble(("  " + letter(number), "bold cyan"), "  ", choice.label))
        for file in answer.files:
            self._console.print(Text(describe_file(self.language, file.name, len(file.content)), style="cyan"))
        if footer := self._footer(answer):
            self._console.print(Text(footer, style="dim"))
        self._console.print()

    def note(self, text: str) -> None:
        """Beside the conversation."""
        from rich.text import Text

        self._console.print(Text(visible(text), style="dim"))

    def trouble(self, text: str) -> None:
        """Seen at once."""
        from rich.text import Text

        self._console.print(Text(visible(text), style="red"))

    def _footer(self, answer: Answer) -> str:
        """Who answered, how long it took, what is to be known of it, and how to rate it; empty for what is no answer."""
        language, made = self.language, answer.made
        if made is None and not answer.is_rateable:
            return ""
        parts = [(made.model if made else answer.model) or "Martín"]
        if made is not None:
            parts.append(duration(made.seconds, language))
            parts += [money(made.cost, made.currency, language)] if made.cost else []
            parts += [say(language, "outside this machine")] if made.is_remote else []
        remarks = {
            Flag.STOPPED: say(language, "stopped"),
            Flag.TIMED_OUT: say(language, "took too long"),
            Flag.PARTIAL: say(language, "not complete"),
            Flag.FALLBACK: say(language, "the first choice did not answer"),
            Flag.LIMITED: say(language, "today's limit is used up"),
            Flag.TRIMMED: say(language, "not everything fitted in"),
        }
        parts += [text for flag, text in remarks.items() if flag in answer.flags]
        parts += [say(language, "+ good, - bad, = the right answer")] if answer.is_rateable else []
        return " · ".join(parts)

    def _new_session(self, stdout: TextIO) -> PromptSession[str]:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import WordCompleter
        from prompt_toolkit.history import InMemoryHistory
        from prompt_toolkit.output import create_output

        commands = _commands(self.language)
        return PromptSession(
            input=self._input,
            output=create_output(stdout),
            # In memory only: what was said to the bot is kept where /forgetme reaches it, and nowhere else.
            history=InMemoryHistory(),
            completer=WordCompleter(list(commands), meta_dict=commands, sentence=True),
            complete_while_typing=False,
            multiline=True,
            prompt_continuation="  ",
            key_bindings=_keys(),
            reserve_space_for_menu=6,
        )


class _Growing:
    """The end of an answer that is being written, as much of it as the terminal has lines for."""

    def __init__(self, thinking: str, writing: str) -> None:
        from rich.spinner import Spinner

        self.text = ""
        self._writing = writing
        self._spinner = Spinner("dots", thinking, style="dim")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The spinner, below the last lines of the text."""
        from rich.markdown import Markdown
        from rich.segment import Segment

        shown: RenderableType = Markdown(_tail(self.text), hyperlinks=False)
        lines = console.render_lines(shown, options, pad=False) if self.text else []
        if self.text:
            self._spinner.update(text=self._writing)
        for line in lines[-max(1, options.size.height - 3) :]:
            yield from line
            yield Segment.line()
        yield self._spinner


def _tail(text: str) -> str:
    """The end of a text, from the beginning of a line, inside a code block if it is inside one."""
    if len(text) <= TAIL_CHARACTERS:
        return text
    cut = text.find("\n", len(text) - TAIL_CHARACTERS) + 1 or len(text) - TAIL_CHARACTERS
    is_in_code = sum(1 for line in text[:cut].splitlines() if line.lstrip().startswith("```")) % 2
    return "```\n" * is_in_code + text[cut:]


def _commands(language: Language) -> dict[str, str]:
    """Every command in this language with its summary, the console's own among them."""
    known = {
        f"/{command.spanish[0] if language == 'es' else command.name}": command.resumen if language == "es" else command.summary
        for command in COMMANDS
    }
    own = ("teclas", "guardar", "salir") if language == "es" else ("keys", "save", "quit")
    meaning = {
        "keys": say(language, "the keys of this console"),
        "save": say(language, "write the files of the last answer into this folder"),
        "quit": say(language, "leave"),
    }
    return known | {f"/{name}": meaning[LOCAL[name]] for name in own}


def _keys() -> KeyBindings:
    """Enter sends, Alt+Enter (or Esc, Enter) begins a new line."""
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("enter")
    def send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def begin_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys

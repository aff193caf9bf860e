"""What the console shows and where it reads: the screen as the talk needs it, and the plain one for pipes and files."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext, suppress
from typing import Protocol, TextIO

from bot.channels.console.lines import Answer, offered, visible
from bot.locale import say
from bot.types import Language


class Screen(Protocol):
    """Where a person types and reads. Nothing here waits for the network."""

    language: Language

    def held(self) -> AbstractContextManager[None]:
        """Around the whole talk: the screen is the console's, and afterwards as it was before."""

    async def read(self) -> str | None:
        """The next thing the person types, None when they leave."""

    def answering(self, on_stop: Callable[[], None]) -> AbstractContextManager[None]:
        """While an answer is on its way; `on_stop` is called each time the person asks to stop it."""

    def undisturbed(self) -> AbstractAsyncContextManager[None]:
        """While something is shown that nobody here has just asked for."""

    def preview(self, text: str) -> None:
        """The whole answer as far as it is written."""

    def answer(self, answer: Answer) -> None:
        """An answer that is complete."""

    def note(self, text: str) -> None:
        """Something that the console itself has to say."""

    def trouble(self, text: str) -> None:
        """Something that went wrong."""


class PlainScreen:
    """Lines in, answers out, no escape codes: for pipes, files and programs. Notes and trouble go to `stderr`."""

    def __init__(self, language: Language, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> None:
        self.language = language
        self._stdin, self._stdout, self._stderr = stdin, stdout, stderr

    def held(self) -> AbstractContextManager[None]:
        """Streams need no preparation."""
        return nullcontext()

    async def read(self) -> str | None:
        """The next line that is not empty, None at the end of the input."""
        while line := await read_line(self._stdin):
            if line.strip():
                return line.rstrip("\r\n")
        return None

    def answering(self, on_stop: Callable[[], None]) -> AbstractContextManager[None]:
        """Nothing to watch: whoever interrupts a pipe ends the program."""
        return nullcontext()

    def undisturbed(self) -> AbstractAsyncContextManager[None]:
        """Lines that are printed disturb nothing."""
        return nullcontext()

    def preview(self, text: str) -> None:
        """Nothing: an answer is printed once, when it is complete."""

    def answer(self, answer: Answer) -> None:
        """Print it, with its choices and files below."""
        lines = [answer.text, *(f"  {line}" for line in offered(answer))]
        lines += [describe_file(self.language, file.name, len(file.content)) for file in answer.files]
        self._stdout.write("\n".join(lines) + "\n")
        self._stdout.flush()

    def note(self, text: str) -> None:
        """Beside the answers, so that what reads them is not confused."""
        self._stderr.write(visible(text) + "\n")
        self._stderr.flush()

    def trouble(self, text: str) -> None:
        """As a note."""
        self.note(text)


def describe_file(language: Language, name: str, size: int) -> str:
    """One line on a file that came with an answer."""
    kilobytes = (size + 999) // 1000
    return say(language, "File: {name} ({size} kB). /save writes it into this folder.", name=name, size=kilobytes)


async def read_line(stream: TextIO) -> str:
    """A line of a stream that may block, `""` at its end.

    The thread that waits for it is a daemon: nobody who leaves has to press Enter first, as they would with an executor's.
    """
    loop = asyncio.get_running_loop()
    read: asyncio.Future[str] = loop.create_future()

    def settle(line: str, error: OSError | ValueError | None) -> None:
        if not read.done():
            read.set_result(line) if error is None else read.set_exception(error)

    def wait() -> None:
        line, error = "", None
        try:
            line = stream.readline()
        except (OSError, ValueError) as problem:
            error = problem
        with suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(settle, line, error)

    threading.Thread(target=wait, name="console input", daemon=True).start()
    return await read

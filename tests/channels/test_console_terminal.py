"""The console in a real pseudo-terminal: a process of its own, keys in, screen out, over the real web API."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bot.amounts import BLANK, progress
from bot.channels.web import SessionChannel
from bot.model_types import PullProgress
from bot.types import Flag, Generation, Kind, Reply
from tests.channels.test_console import LETTERED, TOKEN, due_message, listening
from tests.fakes import FakeParts
from tests.waiting import until
from tests.web.house import House, Row, served, settings

ROOT = Path(__file__).parent.parent.parent
CTRL_C, CTRL_D, ENTER, ALT_ENTER, TAB = "\x03", "\x04", "\r", "\x1b\r", "\t"
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]")


class Downloading(House):
    """A house that downloads a model, a step for each that it is told to go."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: asyncio.Queue[None] = asyncio.Queue()

    async def _answer(self, row: Row) -> None:
        for share in (10, 42, 100):
            pulled = PullProgress(step="pulling", done=share, total=100)
            text = f"Downloading `small`\n\n{progress(pulled, 'en')}"
            await self.console.preview(row.message, row.id, None, text)
            await self.steps.get()
        await self._finish(row, self.console, Reply(text="It is there."), set(), "admin")


def drawn(raw: str) -> str:
    """What stands on a screen after all this was written to it: as much of a terminal as rich and prompt_toolkit use."""
    lines, row, column = [""], 0, 0
    for code, letter, text in re.findall(r"\x1b\[([0-9;?]*)([A-Za-z])|(\x1b[=>]|[^\x1b])", raw):
        number = int(code) if code.isdigit() else 0
        if text == "\n":
            row += 1
        elif text == "\r":
            column = 0
        elif text == "\b":
            column = max(0, column - 1)
        elif text and not text.startswith("\x1b"):
            lines += [""] * (row + 1 - len(lines))
            line = lines[row].ljust(column)
            lines[row] = line[:column] + text + line[column + 1 :]
            column += 1
        elif letter == "A":
            row = max(0, row - (number or 1))
        elif letter == "B":
            row += number or 1
        elif letter == "C":
            column += number or 1
        elif letter == "D":
            column = max(0, column - (number or 1))
        elif letter == "K" and row < len(lines):
            lines[row] = "" if number == 2 else lines[row][:column]
        elif letter == "J" and row < len(lines):
            lines[row:] = [lines[row][:column]]
    return "\n".join(line.rstrip() for line in lines)


class Terminal:
    """The other end of a terminal that a console runs in."""

    def __init__(self, master: int, process: asyncio.subprocess.Process) -> None:
        self._master, self._process = master, process
        self.raw = ""

    def take(self) -> None:
        """Keep what the console wrote, and answer where it asks for the cursor, as a terminal does."""
        with suppress(OSError):
            written = os.read(self._master, 65536).decode(errors="replace")
            self.raw += written
            for _ in range(written.count("\x1b[6n")):
                self.press("\x1b[20;1R")

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    async def sees(self, text: str, *, after: int = 0) -> int:
        """Wait until the text stands on the screen, codes left out; the place where what follows begins."""
        deadline = asyncio.get_running_loop().time() + 20
        while (found := self.text.find(text, after)) < 0:
            assert asyncio.get_running_loop().time() < deadline, f"{text!r} never came after {self.text[after:]!r}"
            await asyncio.sleep(0.02)
        return found + len(text)

    @property
    def text(self) -> str:
        return _CODES.sub("", self.raw)

    async def code(self) -> int:
        """The exit status. Ctrl-D is pressed again while nothing happens: between two prompts nobody reads it."""
        for _ in range(8):
            try:
                async with asyncio.timeout(2):
                    return await self._process.wait()
            except TimeoutError:
                self.press(CTRL_D)
        raise TimeoutError(self.text)


@asynccontextmanager
async def terminal(address: str, language: str = "en") -> AsyncIterator[Terminal]:
    """A console in a terminal of 80 by 24 characters, ready for input."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    before = termios.tcgetattr(slave)
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.servers.console_process", address, TOKEN, language),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
    )
    screen = Terminal(master, process)
    loop = asyncio.get_running_loop()
    loop.add_reader(master, screen.take)
    try:
        await screen.sees("›")
        yield screen
        assert await screen.code() == 0, screen.text
        assert termios.tcgetattr(slave)[3] == before[3], "the terminal's modes were not put back"
    finally:
        loop.remove_reader(master)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(master)
        os.close(slave)


async def test_answer_is_drawn_as_markdown_and_rated_by_a_sign() -> None:
    house = House()
    async with served(house) as server, terminal(server.address) as screen:
        screen.press("show some **bold** words" + ENTER)
        await screen.sees("+ good, - bad, = the right answer")
        assert "some bold words" in screen.text
        screen.press("+" + ENTER)
        await screen.sees("Noted.")
        screen.press(CTRL_D)


async def test_item_is_answered_by_its_letters_and_left_by_the_words_below_it() -> None:
    class Asking(House):
        async def _finish(self, row: Row, channel: SessionChannel, reply: Reply, flags: set[Flag], handler: str) -> None:
            asked = Reply(text="1 of 12 · Which?\n\n**A** · This\n\n**B** · That", choices=LETTERED.choices)
            await super()._finish(row, channel, asked if row.message.text == "ask" else reply, flags, handler)

    async with served(Asking()) as server, terminal(server.address) as screen:
        screen.press("ask" + ENTER)
        seen = await screen.sees("Skip · Atrás")
        assert "\n\nB · That\n\n  Skip · Atrás" in drawn(screen.raw)
        screen.press("b" + ENTER)
        await screen.sees("You chose item:ENT2:a.", after=seen)
        screen.press("ask" + ENTER)
        seen = await screen.sees("Skip · Atrás", after=seen)
        screen.press("atrás" + ENTER)
        await screen.sees("You chose item:ENT2:back.", after=seen)
        screen.press(CTRL_D)


async def test_line_below_an_answer_tells_model_time_cost_and_what_is_to_be_known() -> None:
    house = House()
    house.flags = frozenset({Flag.FALLBACK})
    house.generation = Generation(model="mistral/big", prompt_tokens=10, completion_tokens=5, seconds=4.21, cost=3_000)
    configured = settings(currency="EUR", place=lambda model: "remote")
    async with served(house, configured) as server, terminal(server.address, "es") as screen:
        screen.press("hola" + ENTER)
        await screen.sees(f"mistral/big · 4,2{BLANK}s · 0,003{BLANK}EUR · ")
        screen.press(CTRL_D)


async def test_download_is_a_bar_that_is_replaced_and_gone_at_the_end() -> None:
    house = Downloading()
    async with served(house) as server, terminal(server.address) as screen:
        screen.press("pull small" + ENTER)
        for share in (10, 42, 100):
            await screen.sees(f"{share}{BLANK}%")
            assert drawn(screen.raw).count("%") == 1, "one bar at a time"
            house.steps.put_nowait(None)
        await screen.sees("It is there.")
        await screen.sees("›", after=screen.text.find("It is there."))
        shown = drawn(screen.raw)
        assert "%" not in shown
        assert "It is there." in shown
        screen.press(CTRL_D)


async def test_ctrl_c_stops_the_answer_and_twice_at_the_prompt_leaves() -> None:
    house = House()
    async with served(house) as server, terminal(server.address) as screen:
        screen.press("slow " + "word " * 400 + ENTER)
        await until(lambda: bool(house.rows))
        await screen.sees("word word word", after=await screen.sees("word " * 3))
        screen.press(CTRL_C)
        await screen.sees("stopped · not complete")
        screen.press("never mind" + CTRL_C)
        await screen.sees("Ctrl-C again leaves")
        screen.press(CTRL_C)
    asked = next(row for row in house.rows.values() if row.message.kind is Kind.TEXT)
    assert asked.past is not None
    assert Flag.STOPPED in asked.past.flags


async def test_lines_are_edited_completed_and_kept_for_later_use() -> None:
    house = House()
    async with served(house) as server, terminal(server.address) as screen:
        screen.press("first" + ALT_ENTER + "second" + ENTER)
        await screen.sees("= the right answer")
        screen.press("/kee" + "\x7f" + TAB)
        await screen.sees("ys", after=await screen.sees("= the right answer"))
        screen.press(ENTER)
        seen = await screen.sees("Alt+Enter begins a new line")
        screen.press("\x1b[A" + "\x1b[A" + "\x1b[A" + ENTER)
        await screen.sees("= the right answer", after=seen)
        screen.press("/quit" + ENTER)
    texts = [row.message.text for row in house.rows.values()]
    assert texts == ["first\nsecond", "first\nsecond"]


async def test_due_message_leaves_the_half_typed_line_alone() -> None:
    house = House()
    async with served(house) as server, terminal(server.address) as screen:
        await until(lambda: bool(listening(house)))
        screen.press("half a")
        await screen.sees("half a")
        await house.console.deliver(due_message(house), FakeParts())
        asked = await screen.sees("a  Yes", after=await screen.sees("Shall we go on?"))
        await screen.sees("half a", after=asked)
        screen.press(" line" + ENTER)
        await until(lambda: bool(house.rows))
        await screen.sees("You said: half a line")
        screen.press(CTRL_D)


async def test_what_is_typed_during_an_answer_waits_for_the_prompt() -> None:
    house = House()
    async with served(house) as server, terminal(server.address, "es") as screen:
        screen.press("hold on" + ENTER)
        await until(lambda: bool(house.rows))
        screen.press("typed ahead" + ENTER)
        await asyncio.sleep(0.3)
        assert len(house.rows) == 1
        house.release.set()
        await screen.sees("You said: typed ahead")
        screen.press(CTRL_D)
    assert [row.message.text for row in house.rows.values()] == ["hold on", "typed ahead"]

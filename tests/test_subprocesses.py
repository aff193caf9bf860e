"""Processes beside the bot: they start without a copy of its memory, say all that they have to say, and never stay behind."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import pytest
import uvloop

from bot.subprocesses import NotStarted, Process, started
from tests.waiting import until

PYTHON = (sys.executable, "-c")
Loop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Callable[[Coroutine[None, None, None]], None]]:
    """Runs a coroutine in either event loop; what the loop has to complain of afterwards fails the test."""
    complaints: list[str] = []

    def in_loop(work: Coroutine[None, None, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.get_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
            runner.run(_one())  # what a loop opens once and keeps
            runner.run(work)
            gc.collect()
            runner.run(asyncio.sleep(0.05))

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        yield in_loop
        gc.collect()
    assert complaints == []
    assert [str(one.message) for one in warned] == []


async def _one() -> None:
    async with started("true"):
        pass


Run = Callable[[Coroutine[None, None, None]], None]


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def files_open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_it_hears_all_and_says_all(run: Run) -> None:
    async def talk() -> None:
        shout = "import sys; heard = sys.stdin.read(); print(heard.upper()); print(len(heard), file=sys.stderr); sys.exit(3)"
        async with started(*PYTHON, shout) as child:
            output, errors = await child.communicate(b"words " * 200_000)
        assert (output, errors, child.returncode) == (b"WORDS " * 200_000 + b"\n", b"1200000\n", 3)

    run(talk())


def test_lines_come_as_they_are_said_while_its_input_stays_open(run: Run) -> None:
    async def talk() -> None:
        echo = "import sys\nfor line in sys.stdin: print(line.strip() * 2, flush=True)"
        async with started(*PYTHON, echo) as child:
            for word in (b"one", b"two"):
                child.write(word + b"\n")
                assert await child.stdout.readline() == word * 2 + b"\n"
            child.stdin.close()
            assert await child.wait() == 0

    run(talk())


def test_what_is_not_there_is_said_and_leaves_nothing_behind(run: Run) -> None:
    async def talk() -> None:
        threads, files = threading.active_count(), files_open()
        with pytest.raises(NotStarted, match="No such file"):
            async with started("/nowhere/at/all"):
                raise AssertionError("it cannot have started")
        await until(lambda: threading.active_count() <= threads)
        assert files_open() == files

    run(talk())


def test_it_is_gone_when_its_block_ends_however_that_ends(run: Run) -> None:
    async def talk() -> None:
        files, seen = files_open(), list[Process]()
        for how in (ValueError("a fault"), asyncio.CancelledError(), None):
            try:
                async with started(*PYTHON, "import time; print('x' * 200_000, flush=True); time.sleep(60)") as child:
                    await child.stdout.read(10)
                    seen.append(child)
                    if how is not None:
                        raise how
            except (ValueError, asyncio.CancelledError):
                pass
        assert [child.returncode for child in seen] == [-signal.SIGKILL] * 3
        assert not any(is_there(child.pid) for child in seen)
        seen[0].kill()  # harmless
        await asyncio.sleep(0)
        await until(lambda: files_open() == files)

    run(talk())


def test_one_that_is_given_up_while_it_starts_is_gone_too(run: Run, tmp_path: Path) -> None:
    async def talk() -> None:
        files, threads = files_open(), threading.active_count()
        for wait_s in (0.0, 0.001, 0.002, 0.004, 0.008) * 4:

            async def live() -> None:
                async with started(*PYTHON, "import time; time.sleep(60)"):
                    await asyncio.Event().wait()

            task = asyncio.create_task(live())
            await asyncio.sleep(wait_s)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await until(lambda: threading.active_count() <= threads)
        await until(lambda: files_open() == files)

    run(talk())


def test_words_to_one_that_has_ended_are_no_fault(run: Run) -> None:
    async def talk() -> None:
        async with started(*PYTHON, "import sys; sys.exit('no, I do not')") as child:
            await child.wait()
            child.write(b"listen")
            output, errors = await child.communicate(b"to me")
        assert (output, errors.strip(), child.returncode) == (b"", b"no, I do not", 1)

    run(talk())


def test_its_files_and_environment_are_those_named(run: Run, tmp_path: Path) -> None:
    async def talk() -> None:
        with (tmp_path / "held").open("wb") as held, (tmp_path / "kept back").open("wb") as other:
            look = (
                "import os, sys; os.write(int(sys.argv[1]), os.environ['WORD'].encode() + os.getcwd().encode());"
                "print('HOME' in os.environ, os.path.exists(f'/proc/self/fd/{sys.argv[2]}'))"
            )
            command = (*PYTHON, look, str(held.fileno()), str(other.fileno()))
            async with started(*command, env={"WORD": "so"}, cwd="/", pass_fds=[held.fileno()]) as child:
                output, errors = await child.communicate()
        assert (output, errors, (tmp_path / "held").read_bytes()) == (b"False False\n", b"", b"so/")

    run(talk())


def test_it_does_not_copy_the_memory_of_who_starts_it(run: Run) -> None:
    """After a fork, each page that is written faults; after this, none does."""

    async def talk() -> None:
        pages, size = 50_000, resource.getpagesize()
        memory = bytearray(pages * size)

        def faults_while_writing() -> int:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            memory[::size] = bytes([time.monotonic_ns() % 256]) * pages
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

        faults_while_writing()
        calm = faults_while_writing()
        async with started(*PYTHON, "input()") as child:
            beside = faults_while_writing()
            child.write(b"\n")
            assert await child.wait() == 0
        assert beside < calm + pages / 10

    run(talk())

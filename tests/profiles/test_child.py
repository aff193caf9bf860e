"""A process beside the bot answers in order, may die, hang or print, and never outlives the bot."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from bot.system import SystemClock
from profiles.child import (
    MOST_WAITING,
    Child,
    ChildBusy,
    ChildDown,
    ChildRefused,
    ChildRenewing,
    ChildState,
    ChildTimedOut,
    Patience,
)
from tests.profiles.child_victim import Setup, Work
from tests.waiting import until

MODULE = "tests.profiles.child_victim"
QUICK = Patience(first_pause_s=0.01, longest_pause_s=0.05, silent_s=2.0, look_s=0.2)
LONG_S = 20.0
SECRET = "what somebody wrote"


@asynccontextmanager
async def running(setup: Setup | None = None, patience: Patience = QUICK) -> AsyncIterator[Child]:
    """A child that is kept up until the block ends."""
    child = Child(MODULE, setup or Setup(), clock=SystemClock(), patience=patience)
    child.start()
    try:
        yield child
    finally:
        await child.aclose()


@asynccontextmanager
async def ready(patience: Patience = QUICK) -> AsyncIterator[Child]:
    async with running(patience=patience) as child:
        await child.wait_ready(LONG_S)
        yield child


def lives(pid: int) -> bool:
    """Whether the process runs; one that ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pid_of(child: Child) -> int:
    assert child.status.pid is not None
    return child.status.pid


async def test_calls_are_done_one_at_a_time_in_the_order_they_were_made() -> None:
    async with ready() as child:
        answers = await asyncio.gather(
            *(
                child.call("remember", Work(text=str(number), number=0.05 if number == 0 else 0), list[str], timeout_s=LONG_S)
                for number in range(50)
            )
        )
    assert answers[-1] == [str(number) for number in range(50)]


async def test_megabytes_of_bytes_go_there_and_back() -> None:
    data = os.urandom(5_000_000)
    async with ready() as child:
        assert (await child.call("echo", Work(data=data), Work, timeout_s=LONG_S)).data == data


async def test_it_gets_no_secret_of_our_environment_and_runs_in_no_folder_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARTIN_TELEGRAM__TOKEN", "123456:secret")
    told: list[dict[str, object]] = []
    child = Child(
        MODULE,
        Setup(),
        clock=SystemClock(),
        patience=QUICK,
        on_ready=lambda payload: told.append(msgspec.msgpack.decode(payload, type=dict[str, object])),
    )
    child.start()
    await child.wait_ready(LONG_S)
    cwd = Path(f"/proc/{pid_of(child)}/cwd").readlink() if sys.platform == "linux" else Path("/")
    await child.aclose()
    assert told[0]["tokens"] == []
    assert cwd == Path("/")


async def test_a_refusal_is_told_and_the_next_call_is_answered() -> None:
    async with ready() as child:
        with pytest.raises(ChildRefused, match="not today") as refusal:
            await child.call("refuse", Work(text="not today"), Work, timeout_s=LONG_S)
        assert refusal.value.kind == "IndexUnavailable"
        with pytest.raises(ChildRefused, match="no operation 'dance'"):
            await child.call("dance", Work(), Work, timeout_s=LONG_S)
        with pytest.raises(ChildRefused, match="given something else"):
            await child.call("echo", ["a list"], Work, timeout_s=LONG_S)
        with pytest.raises(ChildRefused, match="is not a int"):
            await child.call("echo", Work(), int, timeout_s=LONG_S)
        assert await child.call("echo", Work(text="still here"), Work, timeout_s=LONG_S) == Work(text="still here")


async def test_what_nobody_foresaw_ends_the_process_and_a_new_one_answers() -> None:
    with capture_logs() as logs:
        async with ready() as child:
            first = pid_of(child)
            with pytest.raises(ChildRefused, match="unforeseen"):
                await child.call("break", Work(text=SECRET), Work, timeout_s=LONG_S)
            await until(lambda: child.status.state is not ChildState.READY)
            await child.wait_ready(LONG_S)
            assert pid_of(child) != first
    ended = next(log for log in logs if log["event"] == "child.ended")
    assert ended["reason"] == "ValueError: unforeseen"
    assert ended["places"][-1] == "ValueError"
    assert any("child_victim.py:" in place for place in ended["places"])
    assert SECRET not in str(logs)


@pytest.mark.parametrize("code", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_call_that_waits_fails_at_once_when_the_process_dies(code: signal.Signals) -> None:
    async with ready() as child:
        waiting = asyncio.create_task(child.call("remember", Work(number=30), list[str], timeout_s=60))
        await asyncio.sleep(0.05)
        os.kill(pid_of(child), code)
        with pytest.raises(ChildDown):
            await asyncio.wait_for(waiting, 5)
        with pytest.raises(ChildDown, match=r"ended|killed|starting"):
            await child.call("echo", Work(), Work, timeout_s=LONG_S)
        await child.wait_ready(LONG_S)
        assert await child.call("echo", Work(), Work, timeout_s=LONG_S) == Work()


async def test_a_segmentation_fault_of_native_code_is_named() -> None:
    async with running(patience=Patience(first_pause_s=30)) as child:
        await child.wait_ready(LONG_S)
        with pytest.raises(ChildDown):
            await child.call("crash", Work(), Work, timeout_s=LONG_S)
        await until(lambda: child.status.reason == f"killed by signal {signal.SIGSEGV.value}")
        assert child.status.state is ChildState.DOWN


async def test_interrupts_of_the_terminal_are_left_to_the_bot() -> None:
    async with ready() as child:
        os.kill(pid_of(child), signal.SIGINT)
        os.kill(pid_of(child), signal.SIGTERM)
        assert await child.call("echo", Work(text="here"), Work, timeout_s=LONG_S) == Work(text="here")


async def test_a_stopped_process_costs_its_callers_their_deadline_and_goes_on_when_continued() -> None:
    async with ready(Patience()) as child:
        pid = pid_of(child)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(ChildTimedOut):
            await child.call("remember", Work(text="nobody waits for this"), list[str], timeout_s=0.1)
        assert child.status.state is ChildState.READY
        await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGCONT)
        assert await child.call("remember", Work(text="this counts"), list[str], timeout_s=LONG_S) == ["this counts"]
        assert pid_of(child) == pid


@pytest.mark.parametrize("how", ["stopped", "stuck in a call", "stuck with the interpreter"])
async def test_one_without_heartbeat_is_killed_and_started_again(how: str) -> None:
    async with ready() as child:
        pid = pid_of(child)
        if how == "stopped":
            os.kill(pid, signal.SIGSTOP)
            lost = asyncio.create_task(child.call("echo", Work(), Work, timeout_s=60))
        else:
            name = "remember" if how == "stuck in a call" else "hold"
            lost = asyncio.create_task(child.call(name, Work(number=60), Work, timeout_s=60))
        with pytest.raises(ChildDown):
            await asyncio.wait_for(lost, LONG_S)
        await child.wait_ready(LONG_S)
        assert pid_of(child) != pid
        assert not lives(pid)


async def test_a_call_may_take_longer_than_silence_when_it_says_so() -> None:
    async with ready() as child:
        done = await child.call("remember", Work(text="slow", number=3.5), list[str], timeout_s=LONG_S, may_take_s=10)
        assert done == ["slow"]


async def test_a_flood_of_calls_and_of_bytes_is_refused_not_piled_up() -> None:
    async with ready(Patience()) as child:
        os.kill(pid_of(child), signal.SIGSTOP)
        few = [asyncio.create_task(child.call("echo", Work(data=bytes(3_000_000)), Work, timeout_s=60)) for _ in range(6)]
        await asyncio.sleep(0)
        with pytest.raises(ChildBusy):
            await child.call("echo", Work(), Work, timeout_s=60)
        os.kill(pid_of(child), signal.SIGKILL)
        assert {type(found) for found in await asyncio.gather(*few, return_exceptions=True)} == {ChildDown}
        await child.wait_ready(LONG_S)
        os.kill(pid_of(child), signal.SIGSTOP)
        many = [asyncio.create_task(child.call("echo", Work(), Work, timeout_s=60)) for _ in range(MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(ChildBusy):
            await child.call("echo", Work(), Work, timeout_s=60)
        os.kill(pid_of(child), signal.SIGKILL)
        assert {type(found) for found in await asyncio.gather(*many, return_exceptions=True)} == {ChildDown}


async def test_what_native_libraries_print_neither_blocks_them_nor_reaches_the_log() -> None:
    with capture_logs() as logs:
        async with ready() as child:
            assert await child.call("chatter", Work(text=SECRET, number=2_000), int, timeout_s=LONG_S) == 2_000
            os.kill(pid_of(child), signal.SIGKILL)
            await until(lambda: child.status.state is ChildState.DOWN or child.status.state is ChildState.STARTING)
    ended = next(log for log in logs if log["event"] == "child.ended")
    assert ended["noise_bytes"] == 2_000 * (13 * 80 + 100 * len(SECRET))
    assert SECRET not in str(logs)
    assert "native words" not in str(logs)


async def test_one_that_wants_to_be_renewed_answers_first_and_loses_no_call_that_can_wait() -> None:
    with capture_logs() as logs:
        async with ready() as child:
            first = pid_of(child)
            renewing = child.call("renew", Work(text="last words"), str, timeout_s=LONG_S)
            waiting = child.call("remember", Work(text="never begun"), list[str], timeout_s=LONG_S)
            answer, lost = await asyncio.gather(renewing, waiting, return_exceptions=True)
            assert answer == "last words"
            assert type(lost) is ChildRenewing
            assert child.status.state is ChildState.STARTING
            await child.wait_ready(LONG_S)
            assert pid_of(child) != first
            assert await child.call("remember", Work(text="anew"), list[str], timeout_s=LONG_S) == ["anew"]
    assert [log["event"] for log in logs] == ["child.ready", "child.renewed", "child.ready"]


async def test_its_events_reach_our_log() -> None:
    with capture_logs() as logs:
        async with ready() as child:
            await child.call("tell", Work(number=7), None.__class__, timeout_s=LONG_S)
    assert {"event": "victim.note", "log_level": "info", "child": MODULE, "number": 7.0} in logs


async def test_one_that_cannot_open_says_why_and_is_tried_again_with_growing_pauses() -> None:
    with capture_logs() as logs:
        async with running(Setup(refuses="the folder is in use")) as child:
            await until(lambda: sum(log["event"] == "child.ended" for log in logs) >= 2)
            with pytest.raises(ChildDown):
                await child.call("echo", Work(), Work, timeout_s=LONG_S)
            with pytest.raises(ChildTimedOut, match="not ready"):
                await child.wait_ready(0.01)
    reasons = {log["reason"] for log in logs if log["event"] == "child.ended"}
    assert reasons == {"IndexUnavailable: the folder is in use"}


async def test_a_module_that_is_not_there_is_told() -> None:
    child = Child("profiles.no_such_module", Setup(), clock=SystemClock(), patience=Patience(first_pause_s=30))
    child.start()
    await until(lambda: child.status.state is ChildState.DOWN)
    assert child.status.reason == "ended with code 1"
    await child.aclose()
    assert child.status.state is ChildState.STOPPED


async def test_closing_ends_the_process_also_while_it_opens_or_waits_to_be_started() -> None:
    async with running(Setup(sleeps_s=1)) as child:
        await until(lambda: child.status.pid is not None)
        opening = pid_of(child)
    assert not lives(opening)
    async with running(patience=Patience(first_pause_s=30)) as child:
        await child.wait_ready(LONG_S)
        os.kill(pid_of(child), signal.SIGKILL)
        await until(lambda: child.status.state is ChildState.DOWN)
    assert child.status.state is ChildState.STOPPED


@pytest.mark.parametrize("how", ["running", "stopped"])
async def test_it_ends_when_the_bot_is_killed(how: str) -> None:
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.profiles.child_owner", how), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    said = await asyncio.wait_for(owner.stdout.readuntil(b"child:"), LONG_S) and await owner.stdout.readline()
    pid = int(said)
    assert lives(pid)
    owner.kill()
    await owner.wait()
    await until(lambda: not lives(pid), within_s=5)


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
async def test_many_restarts_leave_no_task_no_file_and_no_thread() -> None:
    async def one_life(end: Callable[[Child], Awaitable[None]]) -> None:
        async with ready() as child:
            await child.call("echo", Work(), Work, timeout_s=LONG_S)
            await end(child)

    async def killed(child: Child) -> None:
        pid = pid_of(child)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: child.status.state is ChildState.READY and child.status.pid != pid)

    async def closed(child: Child) -> None:
        assert child.status.state is ChildState.READY

    async def census() -> tuple[int, int, int]:
        for _ in range(100):  # the thread that reaped the last process ends by itself
            if threading.active_count() <= before_threads:
                break
            await asyncio.sleep(0.02)
        return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    await one_life(closed)
    await asyncio.sleep(0.1)
    before_threads = threading.active_count()
    before = await census()
    for _ in range(6):
        await one_life(closed)
        await one_life(killed)
    after = await census()
    assert after[:2] == before[:2]
    assert after[2] <= before[2]

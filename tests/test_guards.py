"""The guards themselves: what they must see, and what they must let pass."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.guards import Guards, NetworkForbidden

SLOW = """
import time

def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

def nap(seconds):
    time.sleep(seconds)
"""


def _code(folder: Path, name: str) -> dict[str, Callable[[float], None]]:
    """The functions of `SLOW`, as if they stood in that file of a repository."""
    scope: dict[str, Callable[[float], None]] = {}
    exec(compile(SLOW, str(folder / name), "exec"), scope)
    return scope


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> tuple[Guards, Path]:
    """Guards over another repository, so that what they see here does not count against these tests."""
    root = tmp_path_factory.mktemp("repository")
    guards = Guards(root, ["bot"])
    guards.install()
    return guards, root


async def test_code_of_ours_that_computes_for_long_on_the_loop_is_seen(other: tuple[Guards, Path]) -> None:
    guards, root = other
    guards.take()
    asyncio.get_running_loop().call_soon(_code(root, "bot/slow.py")["burn"], 0.4)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert any("bot/slow.py:6" in line or "bot/slow.py:7" in line for line in guards.take())


async def test_computing_in_a_test_or_in_a_thread_passes(other: tuple[Guards, Path]) -> None:
    guards, root = other
    guards.take()
    _code(root, "tests/slow.py")["burn"](0.2)
    await asyncio.to_thread(_code(root, "bot/slow.py")["burn"], 0.2)
    assert guards.take() == []


async def test_sleeping_on_the_loop_is_seen_however_short(other: tuple[Guards, Path]) -> None:
    guards, root = other
    guards.take()
    _code(root, "bot/slow.py")["nap"](0.001)
    await asyncio.to_thread(_code(root, "bot/slow.py")["nap"], 0.001)
    assert [line.split(" ", 1)[1] for line in guards.take()] == ["called time.sleep on an event loop"]


def test_sleeping_without_a_loop_passes(other: tuple[Guards, Path]) -> None:
    guards, root = other
    guards.take()
    _code(root, "bot/slow.py")["nap"](0.001)
    time.sleep(0.001)
    assert guards.take() == []


@pytest.mark.may_block("the guards of the whole run see the attempts that this test makes on purpose")
@pytest.mark.parametrize("host", ["example.com", "192.0.2.1", "8.8.8.8", "2001:db8::1"])
def test_the_network_is_off(host: str) -> None:
    with pytest.raises(NetworkForbidden):
        socket.create_connection((host, 80), timeout=0.01)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, pytest.raises(NetworkForbidden):
        datagrams.sendto(b"x", ("192.0.2.1", 9))


def test_loopback_is_on() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5) as client,
    ):
        assert client.getpeername()[0] == "127.0.0.1"

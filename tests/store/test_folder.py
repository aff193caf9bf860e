"""One process per data folder, a key that never changes, and an address file that only its owner can read."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import ConfigError, DataFolderLocked, StoreDamaged
from bot.store.folder import DataFolder, RunInfo

HOLDER = """
import sys, time
from pathlib import Path
from bot.store.folder import DataFolder, RunInfo
import os
folder = DataFolder.open(Path(sys.argv[1]))
with folder.lock():
    folder.write_run_json(RunInfo(pid=os.getpid(), address="http://127.0.0.1:8080", owner_token="t0ken"))
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that serves `tmp_path / "data"`."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "data")], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_closed_to_others(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "new" / "data")
    assert mode_of(folder.path) == mode_of(folder.backups) == 0o700


def test_a_folder_that_is_a_file_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(ConfigError, match="data_dir") as caught:
        DataFolder.open(tmp_path / "data")
    assert "File exists" in caught.value.problems[0].reason


async def test_a_second_process_is_refused_at_once_and_told_who_serves(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    folder = DataFolder.open(tmp_path / "data")
    begin = time.monotonic()
    with pytest.raises(DataFolderLocked, match=f"process {holder.pid} at http://127.0.0.1:8080") as caught:
        folder.lock()
    assert time.monotonic() - begin < 5
    assert "t0ken" not in str(caught.value)


async def test_a_killed_holder_leaves_the_folder_free(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    await asyncio.to_thread(holder.wait)
    with DataFolder.open(tmp_path / "data").lock() as lock:
        assert lock.is_held
    assert not lock.is_held


def test_the_lock_holds_within_one_process_too_and_can_be_taken_again(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "data")
    with folder.lock(), pytest.raises(DataFolderLocked, match=f"process {os.getpid()};"):
        folder.lock()
    folder.lock().release()


def test_the_key_is_made_once_and_stays(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "data")
    key = folder.secret_key()
    assert len(key) == 32
    assert DataFolder.open(tmp_path / "data").secret_key() == key
    assert DataFolder.open(tmp_path / "other").secret_key() != key
    assert mode_of(folder.path / "secret.key") == 0o600
    assert [path.name for path in folder.path.iterdir() if "partial" in path.name] == []


def test_a_damaged_key_is_not_replaced(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "data")
    (folder.path / "secret.key").write_bytes(b"short")
    with pytest.raises(StoreDamaged, match="5 bytes instead of 32"):
        folder.secret_key()
    assert (folder.path / "secret.key").read_bytes() == b"short"


def test_the_address_of_the_running_bot_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "data")
    assert folder.read_run_json() is None
    info = RunInfo(pid=7, address="http://127.0.0.1:9", owner_token="t0ken")
    folder.write_run_json(info)
    assert folder.read_run_json() == info
    assert mode_of(folder.path / "run.json") == 0o600
    assert "t0ken" not in repr(info)
    folder.remove_run_json()
    folder.remove_run_json()
    assert folder.read_run_json() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1, "address": "a"}', "\udcff"])
def test_an_address_file_without_sense_counts_as_none(tmp_path: Path, text: str) -> None:
    folder = DataFolder.open(tmp_path / "data")
    (folder.path / "run.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert folder.read_run_json() is None

"""The command line over real folders and a real running bot: what it prints, what it refuses, how it exits."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.__main__ import execute
from bot.errors import ConfigError, Problem
from bot.terminal import report

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ("run", "chat", "migrate", "doctor", "backup", "restore", "forget", "model-pull", "certificate", "audit", "version")
MEMORY_COMMANDS = ("import", "reindex", "embedder-pull")


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MARTIN_") and name != "PORT"}
    return {**kept, "PYTHONPATH": str(ROOT), "LANG": "en_US.UTF-8", "LC_ALL": "", **more}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command runs in an empty folder with the defaults."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MARTIN_") or name == "PORT"]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a bot that runs."""
    folder = tmp_path_factory.mktemp("served")
    environment = clean_environment(MARTIN_DATA_DIR=str(folder / "data"), MARTIN_WEB__PORT="0")
    command = [sys.executable, "-m", "bot", "run"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            until = time.monotonic() + 60
            while not (folder / "data" / "run.json").exists():
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < until
                time.sleep(0.05)
            yield folder / "data"
        finally:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert b"http://127.0.0.1:" in out
    assert b"Traceback" not in err


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["version"], "en") == 0
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("command", [*COMMANDS, *MEMORY_COMMANDS])
def test_every_command_helps_in_both_languages(command: str, language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([command, "--help"], language) == 0
    shown = capsys.readouterr().out
    assert f"martin {command}" in shown
    assert ("--data-dir" in shown) == (command != "version")
    other = {"en": "es", "es": "en"}[language]
    assert execute([command, "--help"], other) == 0
    assert capsys.readouterr().out != shown


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["--help"], "en") == 0
    shown = capsys.readouterr().out
    assert all(f"  {command} " in shown for command in (*COMMANDS, *MEMORY_COMMANDS))


@pytest.mark.parametrize("arguments", [["nonsense"], ["backup"], ["run", "--nonsense"], ["doctor", "--check=maybe"]])
def test_a_wrong_command_line_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(arguments, "en") == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("command", [name for name in (*COMMANDS, *MEMORY_COMMANDS) if name != "version"])
def test_no_command_runs_on_a_broken_configuration(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text("[web]\nport = 99999\nprot = 1\n")
    monkeypatch.setenv("MARTIN_WEB__HOTS", "x")
    monkeypatch.setenv("MARTIN_WEB__ADMIN_TOKEN", "hunter2")
    argument = ["x"] if command in ("backup", "restore", "forget", "import") else []
    argument += ["--person", "y"] if command == "import" else []
    assert execute([command, *argument], "en") == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    for part in ("web.port", "0 to 65535", "did you mean web.port?", "MARTIN_WEB__HOTS", "did you mean MARTIN_WEB__HOST?"):
        assert part in shown.err
    assert "hunter2" not in shown.err
    assert not (tmp_path / "data").exists()


def test_the_file_and_the_folder_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.toml").write_text('[bot]\nname = "Ana"\n')
    assert execute(["doctor", "--config", "other.toml", "--data-dir", "elsewhere"], "en") == 0
    shown = capsys.readouterr().out
    assert "bot.name = Ana (other.toml: bot.name)" in shown
    assert str(tmp_path / "elsewhere") in shown


def test_terminal_controls_in_a_file_are_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(ConfigError([Problem(path="a\x1b[31m\u202eb", reason="no")]), "en") == 2
    assert "\x1b" not in (shown := capsys.readouterr().err)
    assert "\u202e" not in shown


def test_a_database_is_made_backed_up_and_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["backup", "copy.db"], "en") == 1
    assert "no database" in capsys.readouterr().err
    assert execute(["migrate"], "en") == 0
    assert "was made" in capsys.readouterr().out
    assert execute(["migrate"], "en") == 0
    assert "up to date" in capsys.readouterr().out
    assert execute(["backup", "copy.db"], "en") == 0
    assert "checked" in capsys.readouterr().out
    assert execute(["restore", "copy.db"], "en") == 0
    assert "kept as" in capsys.readouterr().out
    assert execute(["doctor", "--check"], "en") == 0
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_backup_is_not_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["migrate"], "en") == 0
    before = (tmp_path / "data" / "martin.db").read_bytes()
    (tmp_path / "wrong.db").write_bytes(b"not a database" * 100)
    for name in ("wrong.db", "missing.db", "data"):
        assert execute(["restore", name], "en") == 1
        assert "Traceback" not in capsys.readouterr().err
    assert (tmp_path / "data" / "martin.db").read_bytes() == before


def test_nobody_is_forgotten_by_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    for who in ("01jd0000000000000000000000", "telegram:1", "phone:1", ":"):
        assert execute(["forget", who], "en") == 1
        assert capsys.readouterr().err.strip()


def test_doctor_finds_a_broken_invariant_and_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["migrate"], "en") == 0
    with sqlite3.connect(tmp_path / "data" / "martin.db") as connection:
        columns = "id, kind, turn_id, channel, chat, user, thread, event_id, message, nonce, state, attempts, created_at"
        row = ("o1", "reply", "o1", "web", "c", "u", "", "e", "{}", "n", "pending", 0, 0)
        connection.execute(f"INSERT INTO outbox ({columns}) VALUES ({','.join('?' * len(row))})", row)
    connection.close()
    assert execute(["doctor"], "en") == 0
    assert execute(["doctor", "--check"], "en") == 1
    shown = capsys.readouterr().out
    assert "✗ invariants" in shown
    assert "o1" in shown


def test_doctor_tells_how_to_mend_a_damaged_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["migrate"], "en") == 0
    database = tmp_path / "data" / "martin.db"
    content = bytearray(database.read_bytes())
    content[5000:60000] = b"\x55" * 55000
    database.write_bytes(content)
    assert execute(["doctor"], "en") == 1
    shown = capsys.readouterr().out
    assert "✗ database" in shown
    assert "restore" in shown


def test_doctor_looks_beside_a_running_bot(served: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["doctor", "--check", "--data-dir", str(served)], "en") == 0
    shown = capsys.readouterr().out
    assert "served by process" in shown
    assert "✓ invariants" in shown


@pytest.mark.parametrize("arguments", [["migrate"], ["restore", "copy.db"], ["run"]])
def test_what_needs_the_folder_alone_refuses_and_names_the_holder(
    arguments: list[str], served: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARTIN_WEB__PORT", "0")
    begun = time.monotonic()
    assert execute([*arguments, "--data-dir", str(served)], "en") == 3
    assert time.monotonic() - begun < 10
    shown = capsys.readouterr().err
    assert "process " in shown
    assert "http://127.0.0.1:" in shown


def test_a_backup_can_be_made_beside_a_running_bot(served: Path, tmp_path: Path) -> None:
    assert execute(["backup", "copy.db", "--data-dir", str(served)], "en") == 0
    assert execute(["restore", "copy.db", "--data-dir", str(tmp_path / "new")], "en") == 0


def add_person(folder: Path, person: str, user: str) -> None:
    """A person of telegram's, as the store keeps them."""
    with sqlite3.connect(folder / "martin.db", timeout=30) as connection:
        connection.execute("INSERT INTO people (id, created_at) VALUES (?, 0)", (person,))
        connection.execute("INSERT INTO identities VALUES ('telegram', ?, ?, 0)", (user, person))
    connection.close()


def test_a_running_bot_is_asked_to_forget(served: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_person(served, "01jd000000000000000000aaaa", "76")
    assert execute(["forget", "telegram:76", "--data-dir", str(served)], "en") == 0
    assert "01jd000000000000000000aaaa within a minute" in capsys.readouterr().out
    with sqlite3.connect(served / "martin.db", timeout=30) as connection:
        assert connection.execute("SELECT kind FROM jobs").fetchall() == [("forget",)]
    connection.close()


def test_a_stopped_bot_forgets_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["migrate"], "en") == 0
    add_person(tmp_path / "data", "01jd000000000000000000aaaa", "77")
    assert execute(["forget", "telegram:77"], "es") == 0
    assert "01jd000000000000000000aaaa" in capsys.readouterr().out
    assert execute(["forget", "telegram:77"], "es") == 1


def test_the_module_and_its_exit_status_work_from_a_shell(tmp_path: Path) -> None:
    environment = clean_environment(MARTIN_WEB__PROT="1", LANG="es_ES.UTF-8")
    done = subprocess.run([sys.executable, "-m", "bot", "run"], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 2
    assert "¿querías decir MARTIN_WEB__PORT?" in done.stderr.decode()

"""Importing into memory, its index and its embedder from the command line, over real folders, files and processes."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import execute
from bot.chores import forget_person
from bot.config import Config, load_config
from bot.errors import IndexUnavailable
from bot.memory_chores import fetched_line
from bot.store.folder import DataFolder
from tests.models.test_embedder_download import FileServer
from tests.onnx_models import write_folder
from tests.profiles.importers.exports import (
    Json,
    chatgpt_conversation,
    chatgpt_node,
    discord_package,
    discord_row,
    telegram_account,
    telegram_chat,
    telegram_message,
    written,
)
from tests.profiles.test_index import chroma_server
from tests.store.tables import files_with, found
from tests.test_cli import add_person, clean_environment

ANA, BEN = "01jd000000000000000000aaaa", "01jd000000000000000000bbbb"


def own(number: int, text: str) -> Json:
    """A message of the person whose account it is."""
    return telegram_message(number, text, sender="Yo", peer="user5")


TALK = [telegram_message(1, "¿Dónde vives?"), own(2, "Vivo en Lima"), own(3, "Me gusta el café")]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """Every command runs in a folder with the defaults, where Ana and Ben are known; its data folder."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MARTIN_") or name == "PORT"]:
        monkeypatch.delenv(name)
    assert execute(["migrate"], "en") == 0
    add_person(tmp_path / "data", ANA, "76")
    add_person(tmp_path / "data", BEN, "77")
    capsys.readouterr()
    return tmp_path / "data"


def export(path: Path, messages: Sequence[Json] = TALK) -> Path:
    """A whole Telegram account with one chat."""
    return written(path, telegram_account([telegram_chat(messages)], user=5))


def bring(file: object, *more: str, person: str = "telegram:76") -> int:
    return execute(["import", str(file), "--person", person, *more], "en")


def memories(data: Path, person: str = ANA) -> list[tuple[Any, ...]]:
    """Kind, text and speaker of everything remembered, in the order of time."""
    asked = "SELECT kind, text, said_by FROM memories WHERE person_id = ? ORDER BY said_at, session, position, kind"
    return found(data / "martin.db", asked, person)


def ids(data: Path, person: str) -> list[str]:
    return [row[0] for row in found(data / "martin.db", "SELECT id FROM memories WHERE person_id = ?", person)]


# --- import ---


def test_an_export_is_remembered_once(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(tmp_path / "result.json")
    assert bring("result.json") == 0
    shown = capsys.readouterr()
    assert shown.out == "New memories: 3. There already: 0. Left out: 0.\nFacts drawn from them: 2.\n"
    assert "Reading result.json (telegram)  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ 100 %" in shown.err
    remembered = memories(data)
    assert sorted(remembered) == sorted(
        [
            ("episode", "¿Dónde vives?", "Ana"),
            ("episode", "Vivo en Lima", "person"),
            ("fact", "Vive en Lima.", "person"),
            ("episode", "Me gusta el café", "person"),
            ("preference", "Le gusta el café.", "person"),
        ]
    )
    assert bring("result.json", person=ANA) == 0
    assert capsys.readouterr().out == "New memories: 0. There already: 3. Left out: 0.\n"
    assert memories(data) == remembered
    assert memories(data, BEN) == []
    assert execute(["doctor", "--check"], "en") == 0
    assert "✓ memory         5 memories, none with a vector yet" in capsys.readouterr().out


def test_each_kind_of_export_is_read(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    discord_package(tmp_path / "package", [discord_row(1, "Vivo en Quito")])
    nodes = [chatgpt_node("q", "root", "user", "I love tea"), chatgpt_node("a", "q", "assistant", "So do I")]
    written(tmp_path / "conversations.json", [chatgpt_conversation("c1", nodes)])
    assert bring("package", "--format", "discord") == 0
    assert bring("conversations.json") == 0
    assert "Reading conversations.json (chatgpt)" in capsys.readouterr().err
    texts = {text for _, text, _ in memories(data)}
    assert {"Vivo en Quito", "Vive en Quito.", "I love tea", "Likes tea.", "So do I"} == texts


def test_an_export_of_one_chat_needs_to_know_who_the_person_is(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "result.json", telegram_chat(TALK))
    assert bring("result.json") == 1
    shown = capsys.readouterr()
    assert "--me" in shown.err
    assert shown.err.endswith("Nothing was imported.\n")
    assert memories(data) == []
    assert bring("result.json", "--me", "Yo") == 0
    assert ("fact", "Vive en Lima.", "person") in memories(data)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["missing.json", "--person", "telegram:76"], 1, "missing.json"),
        (["data", "--person", "telegram:76"], 1, "none of the exports"),
        (["result.json", "--person", "telegram:76", "--format", "discord"], 1, "none of the exports"),
        (["result.json", "--person", "telegram:78"], 1, "nobody is stored as"),
        (["result.json", "--person", "phone:1"], 1, "is no channel"),
        (["result.json", "--person", "telegram:76", "--format", "claude"], 2, "claude"),
        (["result.json"], 2, "--person"),
    ],
)
def test_what_cannot_be_imported_says_so_and_leaves_nothing(
    arguments: list[str], status: int, says: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path / "result.json")
    assert execute(["import", *arguments], "en") == status
    shown = capsys.readouterr()
    assert says in shown.err
    assert "Traceback" not in shown.err
    assert ("Nothing was imported." in shown.err) == (status == 1)
    assert shown.out == ""
    assert memories(data) == []


def test_bad_records_are_told_by_line_and_left_out(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = [{**own(number, "x"), "date_unixtime": "never"} for number in range(10, 33)]
    export(tmp_path / "result.json", [*TALK, *bad])
    assert bring("result.json") == 0
    shown = capsys.readouterr()
    assert "New memories: 3. There already: 0. Left out: 23." in shown.out
    told = [line for line in shown.err.splitlines() if line.startswith("Line ")]
    assert len(told) == 20
    assert all("a date between 1990 and 2100 was expected" in line for line in told)
    assert "3 more records were left out for such reasons." in shown.err


@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_a_damaged_file_leaves_nothing(share: float, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = export(tmp_path / "result.json", [telegram_message(number, f"message {number}") for number in range(50)])
    whole.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    assert bring("result.json") == 1
    shown = capsys.readouterr().err
    assert "Nothing was imported." in shown
    assert "Traceback" not in shown
    assert memories(data) == []


def test_an_export_without_messages_brings_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(tmp_path / "result.json", [])
    assert bring("result.json") == 0
    assert capsys.readouterr().out == "Nothing was imported.\n"


def test_only_the_newest_messages_are_taken_where_memory_is_small(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARTIN_MEMORY__MOST", "10")
    export(
        tmp_path / "result.json", [telegram_message(day, f"day {day}", at=1_700_000_000 + day * 86_400) for day in range(13)]
    )
    assert bring("result.json") == 0
    assert "3 older messages did not fit: memory.most is 10." in capsys.readouterr().out
    assert [text for _, text, _ in memories(data)] == [f"day {day}" for day in range(3, 13)]


def test_nothing_is_imported_against_a_persons_will(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path / "result.json")
    with closing(sqlite3.connect(data / "martin.db")) as connection, connection:
        connection.execute("UPDATE people SET remembers = 0 WHERE id = ?", (ANA,))
    assert bring("result.json") == 1
    assert "switched their memory off" in capsys.readouterr().err
    monkeypatch.setenv("MARTIN_MEMORY__ENABLED", "false")
    assert bring("result.json", person=BEN) == 1
    assert "memory.enabled" in capsys.readouterr().err
    assert memories(data) + memories(data, BEN) == []


def test_talk_of_a_crisis_is_not_imported(data: Path, tmp_path: Path) -> None:
    export(tmp_path / "result.json", [*TALK[:2], own(3, "Quiero morirme")])
    assert bring("result.json") == 0
    assert [text for kind, text, _ in memories(data) if kind == "episode"] == ["¿Dónde vives?", "Vivo en Lima"]


@pytest.mark.parametrize("arguments", [["import", "result.json", "--person", ANA], ["reindex"]])
def test_a_running_bot_must_be_stopped_first(
    arguments: list[str], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path / "result.json")
    with DataFolder.open(data).lock():
        assert execute(arguments, "en") == 3
    shown = capsys.readouterr().err
    assert f"is in use: served by process {os.getpid()}. Stop that bot first" in shown
    assert memories(data) == []


# --- kills ---


def started(tmp_path: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bot", *arguments]
    return subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_killed_import_leaves_nothing_or_everything(data: Path, tmp_path: Path) -> None:
    count, dice = 1_500, random.Random(5)
    export(tmp_path / "result.json", [own(number, f"I like number {number}") for number in range(count)])
    for _ in range(3):
        with started(tmp_path, "import", "result.json", "--person", ANA) as process:
            assert process.stderr is not None
            assert b"Reading" in process.stderr.readline()
            time.sleep(dice.uniform(0, 1.5))
            process.send_signal(signal.SIGKILL)
        assert len(memories(data)) == 0 or process.returncode == 0 or _is_whole(data, count)
    assert bring("result.json", person=ANA) == 0
    assert _is_whole(data, count)
    assert execute(["doctor", "--check"], "en") == 0


def _is_whole(data: Path, count: int) -> bool:
    episodes = found(data / "martin.db", "SELECT count(*) FROM memories WHERE kind = 'episode'")
    sources = found(data / "martin.db", "SELECT count(DISTINCT source) FROM memory_sources")
    return episodes == sources == [(count,)]


# --- the index ---


def indexed(tmp_path: Path) -> None:
    """Ana and Ben have memories, and all of them are in the index."""
    export(tmp_path / "ana.json")
    export(tmp_path / "ben.json", [own(9, "I live in Quito"), telegram_message(10, "Nice")])
    assert bring("ana.json") == bring("ben.json", person=BEN) == 0
    assert execute(["reindex"], "en") == 0


def test_the_index_is_filled_anew_from_the_database(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    indexed(tmp_path)
    shown = capsys.readouterr()
    assert shown.out.endswith("8 memories are in the index, by hash-1.\n")
    assert "Filling the index  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ 100 % · 16 of 16" in shown.err
    assert len(files_with(data / "chroma", *ids(data, ANA), *ids(data, BEN))) >= 8
    before = found(data / "martin.db", "SELECT memory_id, vector FROM memory_vectors ORDER BY 1")
    assert len(before) == 8
    shutil.rmtree(data / "chroma")
    assert execute(["reindex"], "en") == 0
    assert "8 of 8" in capsys.readouterr().err  # nothing was embedded again
    assert execute(["reindex", "--embed"], "en") == 0
    assert "16 of 16" in capsys.readouterr().err
    assert found(data / "martin.db", "SELECT memory_id, vector FROM memory_vectors ORDER BY 1") == before
    assert execute(["doctor", "--check"], "en") == 0
    assert "8 memories, 8 with a vector by hash-1" in capsys.readouterr().out


def test_an_embedder_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARTIN_MEMORY__EMBEDDER", "onnx")
    assert execute(["reindex"], "en") == 1
    assert "onnx" in capsys.readouterr().err


def test_a_forgotten_person_is_in_no_file_of_the_index(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    indexed(tmp_path)
    ana, ben = ids(data, ANA), ids(data, BEN)
    assert execute(["forget", "telegram:76"], "en") == 0
    assert "is forgotten" in capsys.readouterr().out
    assert files_with(data, *ana) == []
    assert files_with(data / "chroma", *ben) != []
    assert execute(["doctor", "--check"], "en") == 0
    assert "3 memories, 3 with a vector by hash-1" in capsys.readouterr().out


async def test_an_index_that_cannot_be_opened_goes_with_the_forgotten(data: Path, tmp_path: Path) -> None:
    export(tmp_path / "result.json")
    status, _, _ = await ran(tmp_path, "import", "result.json", "--person", ANA)
    assert status == 0
    (data / "chroma").mkdir()
    (data / "chroma" / "vectors").write_text("\n".join(ids(data, ANA)))
    holder = os.open(data / "chroma" / "lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert (await forget_person(configured(data), ANA, open_s=0.5)).is_done
    finally:
        os.close(holder)
    assert not (data / "chroma").exists()
    assert found(data / "martin.db", "SELECT id FROM people") == [(BEN,)]


async def test_nobody_is_forgotten_by_halves_while_a_chroma_server_is_down(data: Path) -> None:
    with pytest.raises(IndexUnavailable):
        await forget_person(configured(data, MARTIN_MEMORY__CHROMA_SERVER="http://127.0.0.1:1"), BEN, open_s=0.5)
    assert found(data / "martin.db", "SELECT id FROM people ORDER BY id") == [(ANA,), (BEN,)]


def configured(data: Path, **environment: str) -> Config:
    return load_config(environ=environment, folder=data.parent, data_dir=data)


def test_the_index_goes_when_a_backup_is_restored(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["backup", "copy.db"], "en") == 0
    indexed(tmp_path)
    assert execute(["restore", "missing.db"], "en") == 1
    assert (data / "chroma").exists()
    assert execute(["restore", "copy.db"], "en") == 0
    assert not (data / "chroma").exists()
    assert execute(["reindex"], "en") == 0
    assert capsys.readouterr().out.endswith("0 memories are in the index, by hash-1.\n")


async def ran(tmp_path: Path, *arguments: str, **environment: str) -> tuple[int | None, str, str]:
    """Exit status and output of a command in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *arguments),
        cwd=tmp_path,
        env=clean_environment(**environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_chroma_server_forgets_and_is_emptied_by_a_restore(data: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = {"MARTIN_MEMORY__CHROMA_SERVER": f"http://127.0.0.1:{port}"}
    export(tmp_path / "result.json")
    status, _, _ = await ran(tmp_path, "import", "result.json", "--person", ANA)
    assert status == 0
    ana = ids(data, ANA)
    status, _, _ = await ran(tmp_path, "backup", "copy.db")
    assert status == 0
    async with chroma_server(tmp_path / "server", port):
        await _listening(port)
        status, out, err = await ran(tmp_path, "reindex", **server)
        assert (status, out) == (0, "5 memories are in the index, by hash-1.\n"), err
        assert files_with(tmp_path / "server", *ana) != []
        status, _, err = await ran(tmp_path, "restore", "copy.db", **server)
        assert status == 0, err
        assert _stored(tmp_path / "server") == 0
        await ran(tmp_path, "reindex", **server)
        assert _stored(tmp_path / "server") > 0
        assert (await forget_person(configured(data, **server), ANA)).is_done
        assert _stored(tmp_path / "server") == 0
    assert not (data / "chroma").exists()


async def _listening(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def _stored(folder: Path) -> int:
    """How many vectors of people a Chroma server keeps, the canary's aside."""
    asked = (
        "SELECT count(*) FROM embeddings JOIN segments ON segments.id = embeddings.segment_id "
        "JOIN collections ON collections.id = segments.collection WHERE collections.name NOT LIKE '%canary'"
    )
    return int(found(folder / "chroma.sqlite3", asked)[0][0])


# --- the embedder ---


async def test_a_model_is_fetched_when_it_is_asked_for(data: Path, tmp_path: Path) -> None:
    made = write_folder(tmp_path / "made")
    async with FileServer() as server:
        server.files = {f"/m/{file.name}": file.read_bytes() for file in made.iterdir()}
        status, out, err = await ran(tmp_path, "embedder-pull", f"{server.address}/m")
    assert status == 0, err
    assert out == f"The model lies in {data / 'embedder'}. Restart the bot: it uses it from then on.\n"
    assert err.startswith(f"127.0.0.1, from {server.address}/m/; size and licence are not known here\n")
    assert sorted(file.name for file in (data / "embedder").iterdir()) == ["model.onnx", "tokenizer.json"]
    _, out, _ = await ran(tmp_path, "doctor")
    assert "embedder onnx-" in out


def test_what_a_fetched_model_still_needs_is_told(data: Path) -> None:
    told = fetched_line(configured(data, MARTIN_MEMORY__EMBEDDER="hash"), data / "embedder", "en")
    assert told.endswith("For the bot to use it, set memory.embedder to auto or onnx and restart it.")


async def test_a_model_that_does_not_come_leaves_the_folder_alone(data: Path, tmp_path: Path) -> None:
    async with FileServer() as server:
        status, out, err = await ran(tmp_path, "embedder-pull", f"{server.address}/nothing")
    assert (status, out) == (1, "")
    assert err.endswith("There is no such model at that address.\n")
    assert not (data / "embedder").exists()


def test_the_names_of_models_that_can_be_fetched_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["embedder-pull", "some-model"], "en") == 2
    assert "Known are: multilingual-e5-small, multilingual-e5-small-full." in capsys.readouterr().err
    assert execute(["embedder-pull", "--help"], "en") == 0
    assert "multilingual-e5-small" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["import", "x", "--person", "telegram:76"], ["reindex"], ["embedder-pull"]], ids=lambda given: given[0]
)
def test_no_command_runs_on_a_broken_configuration(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text("[memory]\nmots = 1\n")
    assert execute(arguments, "en") == 2
    assert "did you mean memory.most?" in capsys.readouterr().err


def test_no_message_is_in_what_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = {**own(4, "my canary"), "date_unixtime": "canary of mine"}
    export(tmp_path / "result.json", [*TALK, secret, own(5, "canary too")])
    assert bring("result.json") == 0
    shown = capsys.readouterr()
    assert "canary" not in json.dumps([shown.out, shown.err])

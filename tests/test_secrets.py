"""A real bot at its most talkative, fed with secrets through every door: none comes out again (R-62, M-13)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from bot.store.folder import DataFolder
from tests.canaries import Canaries, new_canaries

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a run left behind."""

    secrets: Canaries
    strangers: Canaries
    owner_token: str
    printed: str
    data: Path
    statuses: tuple[int, ...]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """A run with an access and an admin token, at which people knocked with right and wrong ones."""
    folder = tmp_path_factory.mktemp("secrets")
    plain = new_canaries()
    secrets, strangers = replace(plain, admin_token=plain.admin_token.replace('"\\', "-")), new_canaries()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MARTIN_") and name != "PORT"}
    environment = {
        **kept,
        "PYTHONPATH": str(ROOT),
        "MARTIN_DATA_DIR": str(folder / "data"),
        "MARTIN_WEB__PORT": "0",
        "MARTIN_WEB__ACCESS_TOKEN": secrets.access_token,
        "MARTIN_WEB__ADMIN_TOKEN": secrets.admin_token,
        "MARTIN_LOG__LEVEL": "debug",
        "MARTIN_LOG__FORMAT": "json",
    }
    command = [sys.executable, "-X", "dev", "-W", "ignore", "-m", "bot", "run"]
    with (folder / "printed").open("wb") as printed:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=printed, stderr=subprocess.STDOUT)
        try:
            address, owner_token = _wait(process, folder / "data")
            statuses = tuple(_knock(address, secrets, strangers))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    yield Ended(
        secrets=secrets,
        strangers=strangers,
        owner_token=owner_token,
        printed=(folder / "printed").read_text(),
        data=folder / "data",
        statuses=statuses,
    )


def _wait(process: subprocess.Popen[bytes], data: Path) -> tuple[str, str]:
    until = time.monotonic() + 60
    while (info := DataFolder(data).read_run_json()) is None:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    return info.address, info.owner_token


def _knock(address: str, secrets: Canaries, strangers: Canaries) -> Iterator[int]:
    right = {"X-Martin-Access": secrets.access_token, "Authorization": f"Bearer {secrets.bearer}"}
    wrong = {"X-Martin-Access": strangers.access_token, "Authorization": f"Bearer {strangers.bearer}"}
    with httpx.Client(base_url=address, timeout=30) as client:
        for headers in (
            right,
            wrong,
            {"X-Martin-Owner": strangers.bearer},
            {"Cookie": f"martin_access={strangers.access_token}"},
        ):
            yield client.post("/api/messages", json={"text": "What can you do?"}, headers=headers).status_code
            yield client.get("/api/messages", headers=headers).status_code
        for token in (strangers.admin_token, secrets.admin_token, secrets.access_token):
            yield client.post("/login", data={"token": token}, headers={"Sec-Fetch-Site": "same-origin"}).status_code
        for path in (f"/{strangers.api_key}", f"/api/messages?token={strangers.telegram}", "/api/turns/%00/stop"):
            yield client.get(path, headers=right).status_code
        yield client.post("/api/ratings", content=f'{{"x": "{strangers.discord}"', headers=right).status_code


def test_the_doors_were_tried(ended: Ended) -> None:
    assert ended.statuses.count(200) >= 2
    assert any(status in (401, 403) for status in ended.statuses)
    assert all(status < 500 for status in ended.statuses)


def test_nothing_printed_or_logged_holds_a_secret(ended: Ended) -> None:
    assert "ready" in ended.printed
    assert ended.secrets.found_in(ended.printed) == []
    assert ended.strangers.found_in(ended.printed) == []
    assert ended.owner_token not in ended.printed
    assert "Traceback" not in ended.printed


def test_nothing_in_the_data_folder_holds_a_secret(ended: Ended) -> None:
    assert (ended.data / "martin.db").exists()
    assert ended.secrets.found_in(ended.data) == []
    assert ended.strangers.found_in(ended.data) == []
    assert not (ended.data / "run.json").exists()


def test_what_people_said_is_in_no_log(ended: Ended) -> None:
    assert "What can you do?" not in ended.printed


def test_only_the_owner_can_read_the_data_folder(ended: Ended) -> None:
    assert ended.data.stat().st_mode & 0o077 == 0
    assert [path.name for path in ended.data.iterdir() if path.stat().st_mode & 0o077] == []

"""The command line about training files, over a real data folder: make them, label, decide, trace, check, begin anew."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from benchmarks.two_weeks import digest_of
from benchmarks.two_weeks_people import DAYS, START
from bot.__main__ import execute
from bot.config import load_config
from bot.errors import TrainingError
from bot.learning_parts import LearningParts
from bot.store.folder import DataFolder
from bot.store.open import open_folder
from bot.system import SystemClock, TimeOrderedIds
from tests.learning.town import town

pytestmark = pytest.mark.may_block("a night has a process of its own; here the command line is in this one")
LAST = START + timedelta(days=DAYS)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks of a small town, lived once for all tests."""
    path = tmp_path_factory.mktemp("lived")

    async def live() -> None:
        async with town(path, people=40, is_approved=False):
            pass

    asyncio.run(live())
    return path / "data"


@pytest.fixture(autouse=True)
def data(lived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every command runs in a folder with the defaults, whose data folder the town lived in."""
    for name in [name for name in os.environ if name.startswith("MARTIN_") or name == "PORT"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MARTIN_STORE__TIMEZONE", "UTC")
    monkeypatch.setenv("MARTIN_MODELS__PROVIDER", "offline")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(lived, tmp_path / "data")
    return tmp_path / "data"


def told(capsys: pytest.CaptureFixture[str], *arguments: str, language: str = "en", status: int = 0) -> str:
    """What a command says on both streams."""
    assert execute(arguments, language) == status
    out, err = capsys.readouterr()
    return out + err


def test_a_night_by_hand_says_what_it_made_and_what_to_do_next(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = told(capsys, "night", "--date", str(LAST))
    assert "small cohort" in first
    assert "data approve cohort" in first
    assert "Noted" in told(capsys, "data", "approve", "cohort")
    said = told(capsys, "night", "--date", str(LAST), language="es")
    export = data / "training" / str(LAST)
    assert f"Ficheros en {export}" in said
    assert "train/sft.jsonl" in said
    assert "Siguiente paso" in said
    assert "Traceback" not in said
    assert json.loads((export / "manifest.json").read_bytes())["cohort"]["approved"] is True
    assert told(capsys, "data", "report", "--whole", language="es").startswith("# Datos de entrenamiento")


def test_where_nobody_rated_anything_it_is_said_what_is_missing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = ("--data-dir", str(data.parent / "empty"))
    assert "no night yet" in told(capsys, "data", "report", *elsewhere, status=1)
    said = told(capsys, "night", *elsewhere)
    assert "0 rated answers" in said
    assert "not enough for any file" in said
    assert "cohort" not in said.split("Files in")[0]


def test_a_dry_run_publishes_nothing_and_figures_come_as_json(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["night", "--date", str(LAST), "--dry-run", "--json"], "en") == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["folder"] == ""
    assert figures["collected"] > 100
    assert not (data / "training" / str(LAST)).exists()


@pytest.mark.parametrize("when", ["tomorrow", "2026-13-01", ""])
def test_a_date_that_is_none_is_named(when: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert repr(when) in told(capsys, "night", "--date", when, status=2)


def test_a_night_to_come_is_not_made(capsys: pytest.CaptureFixture[str]) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date()
    assert "has not begun" in told(capsys, "night", "--date", str(tomorrow), status=1)


def test_labels_go_out_and_come_back(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "rows.csv"
    assert "rows are in" in told(capsys, "data", "labels", str(table))
    assert not (data / "training" / "work").exists()
    with table.open(encoding="utf-8-sig", newline="") as file:
        head, *rows = list(csv.reader(file))
    assert len(rows) > 50
    for row in rows[:3]:
        row[-1] = "our own topic"
    with table.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    assert "Labels of 3 rows" in told(capsys, "data", "label", str(table))
    rows[0][-2] = "nonsense"
    with table.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    said = told(capsys, "data", "label", str(table), status=1)
    assert "No such intent" in said
    assert "Nothing was taken" in said


def test_what_waits_is_shown_and_decided(capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "data", "approve", "cohort")
    told(capsys, "night", "--date", str(LAST))
    queue = told(capsys, "data", "queue")
    assert "→ python -m bot data approve" in queue
    asked = queue.split("→ python -m bot data approve ")[1].splitlines()[0].split()
    told(capsys, "data", "reject", *asked)
    assert " ".join(asked) not in told(capsys, "data", "queue")
    assert "nobody" in told(capsys, "data", "approve", "nobody", status=1)


def test_a_row_leads_to_its_person_and_a_person_to_every_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "data", "approve", "cohort")
    told(capsys, "night", "--date", str(LAST))
    lines = (data / "training" / str(LAST) / "rows.jsonl").read_bytes().splitlines()
    row = msgspec.json.decode(lines[0])["row"]
    said = told(capsys, "data", "trace", row)
    person = said.split(" of ")[1].splitlines()[0]
    assert f"{LAST}/" in said
    assert row in told(capsys, "data", "trace", person)
    assert "nobody" in told(capsys, "data", "trace", "telegram:nobody", status=1)


def test_a_template_is_written_and_its_examples_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("support", "classifier"):
        assert "README.md" in told(capsys, "new", kind, str(tmp_path / kind), "--language", "es", language="es")
        (examples,) = [path for path in (tmp_path / kind / "examples").iterdir() if path.suffix in (".jsonl", ".csv")]
        said = told(capsys, "data", "check", str(examples), language="es")
        assert "Siguiente paso" in said
    assert "not empty" in told(capsys, "new", "sales", str(tmp_path / "support"), status=1)
    assert "support" in told(capsys, "new", "nothing", str(tmp_path / "x"), status=1)
    assert "fr" in told(capsys, "new", "sales", str(tmp_path / "x"), "--language", "fr", status=2)


def test_bad_data_is_named_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('{"messages": [{"role": "user", "content": "hi"}]}\n{"oops"\n')
    said = told(capsys, "data", "check", str(file), status=1)
    assert "line 2" in said
    assert "fewer than 10" in said
    assert "no such file" in told(capsys, "data", "check", str(tmp_path / "none.csv"), status=1).lower()


async def test_a_running_bot_makes_the_night_in_another_process(data: Path) -> None:
    settings = load_config(
        environ={"MARTIN_STORE__TIMEZONE": "UTC", "MARTIN_MODELS__PROVIDER": "offline"}, folder=data.parent, data_dir=data
    )
    async with open_folder(DataFolder.open(data), clock=SystemClock(), ids=TimeOrderedIds()) as stores:
        await stores.training.decide("cohort", is_approved=True, at=SystemClock().now())
        learning = LearningParts(settings, stores, SystemClock())
        await learning.night(START)
        assert not (data / "training").exists(), "nobody had rated anything by then"
        await learning.night(LAST)
        first = digest_of(data / "training" / str(LAST))
        await learning.night(LAST)
        assert digest_of(data / "training" / str(LAST)) == first
        with learning.exports.folder.owned(), pytest.raises(TrainingError, match="under way"):
            await learning.night(date(2026, 11, 15))

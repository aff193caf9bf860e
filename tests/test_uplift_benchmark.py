"""The measure of what profiles are worth reads a real store, finds what was put there, and claims nothing of little."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from random import Random

import pytest

from benchmarks.uplift import World, days, judged, main, people, simulated
from bot.profile_types import Condition
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.system import SystemClock
from profiles.uplift import Verdict, measure


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command runs in an empty folder with the defaults."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MARTIN_") or name == "PORT"]:
        monkeypatch.delenv(name)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder in which simulated people have rated sixty threads."""
    asyncio.run(simulated(World(rated=60, effect=0.1), tmp_path / "data"))
    return tmp_path / "data"


def test_as_many_ratings_as_were_asked_for_come_back_out_of_the_store(tmp_path: Path) -> None:
    world = World(rated=60, effect=0.1)
    planned = [thread for today in days(world) for thread in today]
    rows = asyncio.run(simulated(world, tmp_path / "own"))
    assert sum(row.value is not None for row in rows) == 60
    assert len({row.person for row in rows}) == len(people(world)) == 6
    assert sorted((row.condition, row.value or 0, row.arms, row.obeyed, row.words) for row in rows) == sorted(
        (
            one.style.condition,
            0 if one.liked is None else 1 if one.liked else -1,
            one.style.arms,
            one.style.obeyed,
            one.style.words,
        )
        for one in planned
    )
    assert not any(row.person.startswith("person") for row in rows)


def test_simulated_people_like_neutral_answers_as_told_and_others_so_much_more() -> None:
    threads = [thread for today in days(World(rated=6_000, effect=0.15)) for thread in today if thread.liked is not None]
    with_it = [thread.liked for thread in threads if thread.style.condition is Condition.FULL]
    without = [thread.liked for thread in threads if thread.style.condition is Condition.NONE]
    assert sum(map(bool, without)) / len(without) == pytest.approx(0.70, abs=0.04)
    assert sum(map(bool, with_it)) / len(with_it) == pytest.approx(0.85, abs=0.03)
    assert len(without) / len(threads) == pytest.approx(0.2, abs=0.02)


def test_what_was_found_is_judged_by_what_is_there(tmp_path: Path) -> None:
    rows = asyncio.run(simulated(World(rated=40, effect=0.1), tmp_path / "own"))
    found = measure(rows, random=Random(1))
    assert found.verdict is Verdict.NOT_ENOUGH
    assert "not claimed" in judged(World(rated=40, effect=0.1), found)
    assert "rightly" in judged(World(rated=40, effect=0.0), found)


def test_a_folder_is_read_in_words_and_as_json(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (data / "martin.db").stat().st_size
    assert main(["--data-dir", str(data)]) == 0
    said = capsys.readouterr().out
    assert "rated threads: 60" in said
    assert "not whether they learn more" in said
    assert main(["--data-dir", str(data), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sum(one["rated"] for one in found["rates"]) == 60
    assert found["verdict"] == "not_enough"
    assert (data / "martin.db").stat().st_size == before


def test_since_leaves_out_what_was_before(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data-dir", str(data), "--json", "--since", "2026-01-05"]) == 0
    later = json.loads(capsys.readouterr().out)
    assert later["first"].startswith("2026-01-05")
    assert 0 < sum(one["rated"] for one in later["rates"]) < 60


def test_nothing_measured_yet_is_said_and_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(migrate(DataFolder.open(tmp_path / "empty"), SystemClock()))
    assert main(["--data-dir", str(tmp_path / "empty")]) == 0
    assert capsys.readouterr().out.startswith("Nothing has been measured yet")


def test_no_folder_and_no_database_are_refused_and_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data-dir", str(tmp_path / "nowhere")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "bare").mkdir()
    assert main(["--data-dir", str(tmp_path / "bare")]) == 2
    assert "no database" in capsys.readouterr().err
    assert list((tmp_path / "bare").iterdir()) == []
    (tmp_path / "bare" / "martin.db").write_bytes(b"")
    assert main(["--data-dir", str(tmp_path / "bare")]) == 2
    assert "python -m bot migrate" in capsys.readouterr().err


def test_a_simulation_says_what_it_put_there_and_leaves_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--simulate", "30", "--effect", "0", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["simulated"] == {"rated": 30, "effect": 0.0, "holdout": 0.2, "seed": 4}
    assert found["judged"].endswith("none found, rightly.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--since", "yesterday"], "expected a date such as"),
        (["--simulate", "0"], "expected a whole number from 1"),
        (["--simulate", "9", "--effect", "much"], "expected points"),
        (["--simulate", "9", "--effect", "nan"], "expected points"),
        (["--simulate", "9", "--effect", "31"], "expected points from -60 to 20"),
        (["--effect", "5"], "belong to --simulate"),
        (["--simulate", "9", "--since", "2026-01-01"], "a folder of its own"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert reason in capsys.readouterr().err

"""The formula as anyone can check it: events in as JSON lines, the profile after each one out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from profiles.events import Answer, BadEvent, Days, Dimension, Event, Rating, Remark, Tap, read_event

ROOT = Path(__file__).resolve().parent.parent.parent
WHOLE_PERSON = [
    *({"event": "answer", "dimension": "ENT", "y": y, "quality": 1} for y in (1.0, 1.0, 0.5)),
    *({"event": "answer", "dimension": "RUT", "y": y, "quality": 1} for y in (-0.5, -1.0, 0.0)),
    *({"event": "answer", "dimension": "ACT", "y": y, "quality": 1} for y in (1, 0, -1)),
    *({"event": "answer", "dimension": "FOR", "y": 0.5} for _ in range(3)),
    {"event": "rating", "arms": [1, -1, 0, 1], "up": True, "weight": 1},
    {"event": "rating", "arms": [1, -1, 1, 1], "up": False, "weight": 1},
    {"event": "tap", "dimension": "ACT", "y": -1, "quality": 1},
    {"event": "days", "days": 30},
]
TEXT = "".join(json.dumps(event) + "\n" for event in WHOLE_PERSON)


def command(*arguments: str, given: bytes = b"") -> tuple[int, list[dict[str, object]], str]:
    """Exit status, the printed objects, and what stands on standard error."""
    line = [sys.executable, "-m", "profiles.replay", *arguments]
    done = subprocess.run(line, input=given, capture_output=True, cwd=ROOT, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def test_the_published_person_comes_out(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(TEXT, "utf-8")
    status, printed, complaint = command(str(path))
    assert (status, complaint, len(printed)) == (0, "", len(WHOLE_PERSON))
    assert set(printed[0]) == {"base", "theta", "sd", "labels", "code"}
    tapped, later = printed[-2:]
    assert tapped["base"] == pytest.approx(0.600903, abs=1e-6)
    assert tapped["theta"] == pytest.approx([0.513346, -0.291124, -0.234990, 0.291124], abs=1e-6)
    assert tapped["labels"] == ["+clear", "-lean", "-lean", "+lean"]
    assert [line["code"] for line in printed[-5:]] == ["Egxd", "Egxd", "Egxd", "Egrd", "Egrd"]
    assert (later["base"], later["theta"]) == (tapped["base"], tapped["theta"])
    before, after = tapped["sd"], later["sd"]
    assert isinstance(before, list)
    assert after == pytest.approx([(sd**2 + 0.009) ** 0.5 for sd in before], abs=1e-6)


def test_a_dash_reads_standard_input_with_blank_lines_and_a_mark_of_byte_order() -> None:
    status, printed, _ = command("-", given=b'\xef\xbb\xbf\n\r\n{"event": "days", "days": 3}\r\n  \n')
    assert status == 0
    assert [line["code"] for line in printed] == ["xxxx"]


def test_no_events_are_no_lines() -> None:
    assert command("-") == (0, [], "")


def test_a_bad_line_is_named_and_ends_it_after_what_was_good() -> None:
    given = b'{"event": "days", "days": 1}\n\n{"event": "rating", "arms": [1, 0], "up": true}\n{"event": "days", "days": 1}\n'
    status, printed, complaint = command("-", given=given)
    assert (status, len(printed)) == (2, 1)
    assert "line 3" in complaint
    assert '"arms"' in complaint
    assert "Traceback" not in complaint


def test_text_that_is_not_utf8_is_a_bad_line() -> None:
    status, _, complaint = command("-", given=b'{"event": "days", "days": 1}\n\xff\xfe\n')
    assert (status, "line 2" in complaint, "UTF-8" in complaint) == (2, True, True)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.jsonl", tmp_path):
        status, printed, complaint = command(str(path))
        assert (status, printed, str(path) in complaint, "Traceback" in complaint) == (2, [], True, False)


def test_help_shows_every_event() -> None:
    line = [sys.executable, "-m", "profiles.replay", "--help"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=True)
    assert all(f'"event": "{kind}"' in done.stdout for kind in ("answer", "tap", "remark", "rating", "days"))


def test_no_file_at_all_is_refused() -> None:
    assert command()[0] == 2


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ('{"event": "answer", "dimension": "ENT", "y": -0.5}', Answer(dimension=Dimension.ENT, y=-0.5)),
        (
            '{"event": "answer", "dimension": "RUT", "y": 1, "quality": 0.25}',
            Answer(dimension=Dimension.RUT, y=1, quality=0.25),
        ),
        ('{"event": "tap", "dimension": "ACT", "y": 1.0}', Tap(dimension=Dimension.ACT, y=1)),
        ('{"event": "remark", "dimension": "FOR", "y": -1}', Remark(dimension=Dimension.FOR, y=-1)),
        ('{"event": "rating", "arms": [1, 0, -1, 0], "up": false}', Rating(arms=(1, 0, -1, 0), up=False)),
        ('{"event": "rating", "arms": [0, 0, 0, 0], "up": true, "weight": 0}', Rating(arms=(0, 0, 0, 0), up=True, weight=0)),
        ('{"event": "days", "days": 30.0}', Days(days=30)),
    ],
)
def test_events_are_read(line: str, event: Event) -> None:
    assert read_event(line) == event


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "JSON object"),
        ("[]", "JSON object"),
        ("null", "JSON object"),
        ("[" * 100_000, "JSON object"),
        ('{"days": 3}', "answer, tap, remark, rating, days"),
        ('{"event": ["days"]}', "answer, tap, remark, rating, days"),
        ('{"event": "answr", "dimension": "ENT", "y": 1}', '"answr"'),
        ('{"event": "answer", "y": 1}', '"dimension"'),
        ('{"event": "answer", "dimension": "ENT"}', '"y"'),
        ('{"event": "answer", "dimension": "XYZ", "y": 1}', "ENT, RUT, ACT, FOR"),
        ('{"event": "answer", "dimension": 3, "y": 1}', "ENT, RUT, ACT, FOR"),
        ('{"event": "answer", "dimension": "ENT", "y": 1.5}', "from -1 to 1"),
        ('{"event": "answer", "dimension": "ENT", "y": NaN}', "from -1 to 1"),
        ('{"event": "answer", "dimension": "ENT", "y": true}', "from -1 to 1"),
        ('{"event": "answer", "dimension": "ENT", "y": 1' + "0" * 400 + "}", "from -1 to 1"),
        ('{"event": "answer", "dimension": "ENT", "y": 1' + "0" * 5000 + "}", "cannot be read"),
        ('{"event": "answer", "dimension": "ENT", "y": 1, "quality": -1}', '"quality"'),
        ('{"event": "answer", "dimension": "ENT", "y": 1, "quality": null}', '"quality"'),
        ('{"event": "answer", "dimension": "ENT", "y": 1, "qualty": 0.25}', '"qualty"'),
        ('{"event": "tap", "dimension": "ENT", "y": 0.5}', "1 or -1"),
        ('{"event": "rating", "arms": [1, 0, 2, 0], "up": true}', '"arms"'),
        ('{"event": "rating", "arms": [1, 0, true, 0], "up": true}', '"arms"'),
        ('{"event": "rating", "arms": "1010", "up": true}', '"arms"'),
        ('{"event": "rating", "arms": [1, 0, 1, 0], "up": 1}', '"up"'),
        ('{"event": "rating", "arms": [1, 0, 1, 0], "up": true, "weight": 2}', '"weight"'),
        ('{"event": "days", "days": 1.5}', "whole number"),
        ('{"event": "days", "days": -1}', "whole number"),
        ('{"event": "days", "days": Infinity}', "whole number"),
    ],
)
def test_what_is_no_event_is_refused_with_what_was_expected(line: str, says: str) -> None:
    with pytest.raises(BadEvent) as refusal:
        read_event(line)
    assert says in str(refusal.value)
    assert len(str(refusal.value)) < 200

"""A table of labels survives any spreadsheet, runs nothing in it, and is taken whole or not at all."""

from __future__ import annotations

import csv
import io
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.training_types import Intent
from learning.records import LANGUAGES, Agreement, Collected, Labelled, Labels, Language
from learning.sheet import MAX_TOPIC, ByHand, Fault, SheetProblem, read_sheet, write_sheet

HEADS = "Row,Question,Answer,Correction,Intent found,Topic found,Your intent,Your topic"


def labelled(row: str = "r1", *, question: str = "What is it?", correction: str = "", topic: str = "general") -> Labelled:
    told = Collected(
        row=row,
        person="p1",
        thread="t1",
        asked_on="2026-11-20",
        channel="web",
        is_private=True,
        language="en",
        question=question,
        answer="An answer, with a comma\nand a line",
        value=-1,
        correction=correction,
    )
    labels = Labels(language="en", intent=Intent.QUESTION, topic=topic, needs_context=False, agreement=Agreement.BAD)
    return Labelled(told=told, labels=labels)


def written(folder: Path, rows: Sequence[Labelled], language: Language = "en") -> list[list[str]]:
    file = folder / "labels.csv"
    assert write_sheet(lambda: iter(rows), file, language) == len(rows)
    return list(csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline="")))


def saved(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "back.csv"
    file.write_bytes(text.encode(encoding))
    return file


def faults(file: Path) -> list[tuple[Fault, int]]:
    sheet = read_sheet(file)
    assert not (sheet.problems and sheet.labels)
    return [(problem.fault, problem.line) for problem in sheet.problems]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_operator_fills_in_comes_back(tmp_path: Path, language: Language) -> None:
    table = written(tmp_path, [labelled("r1"), labelled("r2"), labelled("r3")], language)
    table[1][6], table[2][7] = " Complaint ", "=billing"
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerows(table)
    sheet = read_sheet(saved(tmp_path, out.getvalue()))
    assert sheet.problems == ()
    assert sheet.labels == {"r1": ByHand(intent=Intent.COMPLAINT), "r2": ByHand(topic="=billing")}


def test_an_untouched_table_says_nothing(tmp_path: Path) -> None:
    written(tmp_path, [labelled(f"r{number}") for number in range(50)])
    assert read_sheet(tmp_path / "labels.csv").labels == {}
    assert faults(tmp_path / "labels.csv") == []


def test_spreadsheets_open_the_file_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    written(tmp_path, [labelled()])
    file = tmp_path / "labels.csv"
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_table_that_could_not_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    written(tmp_path, [labelled()])
    before = (tmp_path / "labels.csv").read_bytes()
    rows = [labelled("r1", question="\ud800")]
    with pytest.raises(UnicodeEncodeError):
        write_sheet(lambda: iter(rows), tmp_path / "labels.csv", "en")
    assert (tmp_path / "labels.csv").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("text", ["=1+1", "+34 600", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "'=1", "''=1"])
def test_no_cell_is_a_formula_and_none_is_changed_for_good(tmp_path: Path, text: str) -> None:
    table = written(tmp_path, [labelled(question=text, correction=text, topic=text)])
    assert [table[1][place] for place in (1, 3, 5)] == [f"'{text}"] * 3


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=MAX_TOPIC))
def test_any_topic_survives_the_round_trip(topic: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = written(Path(folder), [labelled(topic=topic.strip())])
        table[1][7] = table[1][5]
        out = io.StringIO(newline="")
        csv.writer(out).writerows(table)
        sheet = read_sheet(saved(Path(folder), out.getvalue()))
    wanted = {"r1": ByHand(topic=topic.strip())} if topic.strip().isprintable() and topic.strip() else {}
    assert sheet.labels == wanted


@pytest.mark.parametrize("row", ["12345678901234567890", "12e45678", "1.5", "-7"])
def test_a_row_id_of_digits_stays_a_text(tmp_path: Path, row: str) -> None:
    table = written(tmp_path, [labelled(row)])
    assert table[1][0] == f"'{row}"
    table[1][7] = "billing"
    for cell in (f"'{row}", row):
        assert read_sheet(saved(tmp_path, f"Row,Your topic\r\n{cell},billing\r\n")).labels == {row: ByHand(topic="billing")}


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (f"{HEADS}\r\nr1,q,a,c,question,general,chat,Económica\r\n", "utf-8-sig"),
        (f"{HEADS}\nr1,q,a,c,question,general,chat,Económica", "cp1252"),
        (f"{HEADS}\nr1,q,a,c,question,general,chat,Económica".replace(",", ";"), "cp1252"),
        (f"{HEADS}\nr1,q,a,c,question,general,chat,Económica".replace(",", "\t"), "utf-16"),
        ("sep=;\r\nrow;YOUR INTENT;your topic\r\nr1;Chat;Económica\r\n", "utf-8"),
        ('"Your topic","Notes","Your intent","Row"\nEconómica,"mine, only\nmine",CHAT,r1\n', "utf-8"),
        ("Row,Your intent,Your topic,\nr1,chat,Económica,,,\n,,\n", "utf-8"),
        ("Row,Your intent,Your topic\nr1,chat,Económica\nr2\nr1,chat,Económica\n", "utf-8"),
    ],
)
def test_what_spreadsheets_make_of_it_is_read(tmp_path: Path, text: str, encoding: str) -> None:
    sheet = read_sheet(saved(tmp_path, text, encoding))
    assert sheet.problems == ()
    assert sheet.labels == {"r1": ByHand(intent=Intent.CHAT, topic="Económica")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(Fault.EMPTY, 0)]),
        (" \r\n\r\n", [(Fault.EMPTY, 0)]),
        ("Row,Question\nr1,q\n", [(Fault.HEADS, 1)]),
        ("Your topic\nbilling\n", [(Fault.HEADS, 1)]),
        ("Row,Your topic,your TOPIC\nr1,a,b\n", [(Fault.HEAD_TWICE, 1)]),
        ('Row,Your topic\nr1,"a\nr2,b\n', [(Fault.TORN, 2)]),
        ("Row,Your topic\nr1,a,b\n", [(Fault.CELLS, 2)]),
        ("Row,Your topic\n,a\n", [(Fault.NO_ROW, 2)]),
        ("Row,Your topic\n1.23E+15,a\n", [(Fault.MANGLED, 2)]),
        ("Row,Your topic\nr1,a\nr1,b\n", [(Fault.TWICE, 3)]),
        ("Row,Your intent\nr1,shouting\n", [(Fault.INTENT, 2)]),
        (f"Row,Your topic\nr1,{'x' * (MAX_TOPIC + 1)}\n", [(Fault.TOPIC, 2)]),
        ('Row,Your topic\nr1,"a\nb"\n', [(Fault.TOPIC, 2)]),
        ('Row,Your intent,Notes\nr1,chat,"a\nb"\nr2,so,\nr3,question,\nr4,la,\n', [(Fault.INTENT, 4), (Fault.INTENT, 6)]),
    ],
)
def test_every_problem_is_named_and_nothing_is_half_taken(tmp_path: Path, text: str, expected: list[tuple[Fault, int]]) -> None:
    assert faults(saved(tmp_path, text)) == expected


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    assert faults(tmp_path / "missing.csv") == [(Fault.UNREADABLE, 0)]
    assert faults(tmp_path) == [(Fault.UNREADABLE, 0)]
    binary = tmp_path / "labels.xlsx"
    binary.write_bytes(b"PK\x03\x04\0\0\x81\x8d")
    assert faults(binary) == [(Fault.ENCODING, 0)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_problem_says_where_and_how_to_mend_it(tmp_path: Path, language: Language) -> None:
    text = 'Row,Your intent,Notes\nr1,chat,"a\nb"\nr2,my secret words,\n'
    (problem,) = read_sheet(saved(tmp_path, text)).problems
    assert (problem.line, problem.at) == (4, 3)
    said = problem.said(language)
    assert "4" in said
    assert "3" in said
    assert "secret" not in said
    assert all(len(SheetProblem(fault=fault).said(language)) > 30 for fault in Fault)


@given(st.binary(max_size=400))
def test_any_file_is_read_or_refused(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "any.csv"
        file.write_bytes(raw)
        sheet = read_sheet(file)
    assert not (sheet.labels and sheet.problems)

"""A correct folder has no problem; every single thing that is spoilt is found under its own name."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pyarrow  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from learning import check_files, check_rules
from learning.check import NotTrainingFiles, check, examine, main
from learning.check_codes import MENDING
from learning.check_hashes import Hashes
from learning.check_parquet import NotParquet, parquet_rows
from tests.learning.handmade import Export, assistant, user
from tests.learning.spoilt import AFTERWARDS, LIKED, MESSAGES, SFT, SPOILT, cell, manifest, put, raw

ROOT = Path(__file__).resolve().parents[2]


def codes(folder: Path) -> set[str]:
    return {problem.code for problem in check(folder)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "2026-11-20"


def test_a_correct_folder_has_no_problem(folder: Path) -> None:
    assert check(Export().write(folder)) == []


def test_kinds_that_were_left_out_with_a_reason_are_no_problem(folder: Path) -> None:
    export = Export()
    export.leave_out("kto.jsonl")
    export.leave_out("classifier-topic.csv")
    assert check(export.write(folder)) == []


def test_an_empty_validation_part_is_no_problem(folder: Path) -> None:
    export = Export()
    for path in [path for path in export.ids if path.startswith("validation/")]:
        export.ids[path] = []
        (export.cells if path.endswith(".csv") else export.rows)[path] = []
    assert check(export.write(folder)) == []


def test_an_answer_and_its_correction_are_two_rows_of_kto(folder: Path) -> None:
    export = Export()
    asked = [user("¿Y la opción 1?")]
    for answer, expected in (("Ábrela.", set[str]()), ("Mírala.", {"row-twice"})):
        export.rows["train/kto.jsonl"].append({"prompt": asked, "completion": [assistant(answer)], "label": True})
        export.ids["train/kto.jsonl"].append("r01")
        assert codes(export.write(folder)) == expected


def test_the_card_may_be_there_in_spanish_too_and_the_list_be_empty(folder: Path) -> None:
    export = Export()
    export.info = {}
    export.raw["README.es.md"] = "# Qué se preguntó\n".encode()
    assert check(export.write(folder)) == []
    export.raw["README.es.md"] = b"\n"
    assert codes(export.write(folder)) == {"card-head"}


def test_rows_that_were_taken_out_since_are_no_problem(folder: Path) -> None:
    export = Export()
    manifest(collected=21, stale={"on": "2026-11-22", "removed": 2})(export)
    assert check(export.write(folder)) == []


def test_there_are_enough_ways_to_spoil_a_folder() -> None:
    assert len(SPOILT) + len(AFTERWARDS) >= 45


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_spoilt_is_found_under_its_own_name(name: str, folder: Path) -> None:
    spoil, expected = SPOILT[name]
    export = Export()
    spoil(export)
    assert codes(export.write(folder)) == expected


@pytest.mark.parametrize("name", AFTERWARDS)
def test_what_is_spoilt_after_the_manifest_is_found(name: str, folder: Path) -> None:
    spoil, expected = AFTERWARDS[name]
    spoil(Export().write(folder))
    assert codes(folder) == expected


def footer(rows: int) -> bytes:
    """A Parquet file without content: version 1, an empty schema, so many rows (Thrift's compact protocol)."""
    number, value = b"", rows << 1
    while value > 127:
        number, value = number + bytes([value & 127 | 128]), value >> 7
    told = b"\x15\x02\x19\x0c\x16" + number + bytes([value]) + b"\x00"
    return b"PAR1" + told + len(told).to_bytes(4, "little") + b"PAR1"


def with_parquet(export: Export, rows: int | None = None) -> None:
    for path, lines in export.rows.items():
        export.raw[path.replace(".jsonl", ".parquet")] = footer(len(lines) if rows is None else rows)


def sealed_with_rows(export: Export, folder: Path) -> set[str]:
    export.write(folder)
    told = json.loads((folder / "manifest.json").read_text())
    for path, entry in told["files"].items():
        if path.endswith(".parquet"):
            entry["rows"] = parquet_rows(folder / path) if (folder / path).read_bytes().startswith(b"PAR1") else None
    Export.seal(folder, told)
    return codes(folder)


def test_parquet_beside_every_jsonl_file_is_no_problem(folder: Path) -> None:
    export = Export()
    with_parquet(export)
    assert sealed_with_rows(export, folder) == set()


def test_parquet_beside_some_files_only_is_a_problem(folder: Path) -> None:
    export = Export()
    with_parquet(export)
    del export.raw["test/sft.parquet"]
    assert sealed_with_rows(export, folder) == {"parquet-incomplete"}


def test_parquet_with_other_rows_is_a_problem(folder: Path) -> None:
    export = Export()
    with_parquet(export, 300)
    assert sealed_with_rows(export, folder) == {"parquet-rows"}


def test_a_text_named_parquet_is_a_problem(folder: Path) -> None:
    export = Export()
    with_parquet(export)
    export.raw["train/sft.parquet"] = b"prompt,completion\n"
    assert sealed_with_rows(export, folder) == {"parquet-broken"}


def test_the_rows_of_a_real_parquet_file_are_counted(tmp_path: Path) -> None:
    rows = [{"prompt": [{"role": "user", "content": f"¿{number}?"}], "label": number % 2 == 0} for number in range(300)]
    table = pyarrow.Table.from_pylist(rows)
    parquet.write_table(table, tmp_path / "sft.parquet", row_group_size=70)
    assert parquet_rows(tmp_path / "sft.parquet") == 300


@given(st.binary(max_size=200))
def test_any_bytes_as_a_footer_are_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.parquet"
    file.write_bytes(b"PAR1" + data + len(data).to_bytes(4, "little") + b"PAR1")
    try:
        assert isinstance(parquet_rows(file), int)
    except NotParquet:
        assert data == data[:200]


def test_every_code_says_how_to_mend_it_and_is_used() -> None:
    used: set[str] = set()
    for file in sorted((ROOT / "learning").glob("check*.py")):
        if file.name != "check_codes.py":
            tree = ast.parse(file.read_text())
            used |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert [code for code in MENDING if code not in used] == []
    assert all(wrong.endswith(".") for wrong in MENDING.values())


def test_the_checker_needs_the_standard_library_and_nothing_of_the_writers() -> None:
    for file in sorted((ROOT / "learning").glob("check*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else names
            for name in names:
                assert name.split(".")[0] in sys.stdlib_module_names or name.startswith("learning.check_"), (file.name, name)


def test_many_problems_of_a_kind_are_counted_and_not_all_listed(folder: Path) -> None:
    export = Export()
    for row in export.rows[SFT]:
        row["source"] = "web"
    found = check(export.write(folder))
    assert [problem.line for problem in found] == list(range(1, 11))
    assert [problem.more for problem in found] == [0] * 9 + [2]


def test_a_line_without_end_is_not_read_whole(folder: Path) -> None:
    export = Export()
    long = b'{"prompt": "' + b"a" * (check_files.LONGEST_LINE + 5) + b'", "completion": "x"}\n'
    raw("train/prompt_completion.jsonl", lambda content: long + content.split(b"\n", 1)[1])(export)
    assert codes(export.write(folder)) == {"line-too-long"}


def test_problems_name_lines_and_never_what_somebody_wrote(folder: Path) -> None:
    export = Export()
    secret = "Mi correo es ana.perez@correo.es"
    put(SFT, 3, completion=[assistant(secret), assistant(secret)], secret_key=secret)(export)
    put(MESSAGES, 2, messages=[{"role": secret, "content": secret, secret: 1}])(export)
    cell(label=secret, path=LIKED)(export)
    found = check(export.write(folder))
    assert {("train/sft.jsonl", 4, "not-one-answer"), ("train/messages.jsonl", 3, "role-unknown")} <= {
        (problem.file, problem.line, problem.code) for problem in found
    }
    assert "ana.perez" not in repr(found)


def test_the_command_line_tells_what_was_found_and_exits_with_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = Export()
    export.write(folder)
    assert main([str(folder)]) == 0
    assert capsys.readouterr().out == "32 files, 144 rows, no problem\n"
    assert main([str(folder), "--language", "es"]) == 0
    assert capsys.readouterr().out == "32 archivos, 144 filas, ningún problema\n"
    put(SFT, 2, completion=[])(export)
    export.write(folder)
    assert main([str(folder)]) == 1
    out = capsys.readouterr().out
    assert "train/sft.jsonl, line 3: completion is not a list of one message [not-one-answer]" in out
    assert MENDING["not-one-answer"] in out
    assert out.endswith("32 files, 144 rows, 1 problem\n")
    assert main([str(folder), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["problems"][0]["code"] == "not-one-answer"


def test_anything_else_is_no_such_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text("{}\n")
    (tmp_path / "empty").mkdir()
    for path in (file, tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(NotTrainingFiles):
            check(path)
        assert main([str(path)]) == 2
    assert "expected manifest.json and train/, validation/, test/ in it" in capsys.readouterr().err


def test_it_runs_where_nothing_is_installed(folder: Path) -> None:
    Export().write(folder)
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); import learning.check as c; "]
    command[-1] += f"sys.exit(c.main([{str(folder)!r}]))"
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2)), max_size=60))
def test_equal_texts_are_found_whatever_their_order(added: list[tuple[str, int]]) -> None:
    hashes = Hashes(kinds=4)
    for place, (text, kind) in enumerate(added):
        hashes.add(text, place * 4 + kind)
    kinds = {text: {kind for other, kind in added if other == text} for text, _ in added}
    assert sorted(len(group) for group in hashes.groups()) == sorted(len(found) for found in kinds.values() if len(found) > 1)
    assert hashes.distinct() == len(kinds)


@given(st.lists(st.lists(st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])), min_size=1, max_size=3)))
@settings(max_examples=60)
def test_every_csv_that_is_written_by_the_rules_is_read_back(rows: list[list[str]]) -> None:
    text = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in cells) for cells in rows)
    read = check_rules.records(enumerate(text.split("\n"), 1)) if rows else iter(())
    assert [cells for _, cells in read] == rows


@pytest.mark.parametrize(
    "text",
    [
        "Escribe a alguien@example.com o a x@mail.example.org.",
        "El pedido 4111111111111112 tarda 3 días; 3.1415926535897932 es pi.",
        "ES12 3456 no es una cuenta, ABCD1234 tampoco.",
        "La clave sk-corta no es una clave; usa @property y git log.",
        "A las 10:30 llamo al 912 345 678.",
        "Tab\ty salto\nde línea 👩‍👩‍👧‍👦 ñ",
    ],
)
def test_ordinary_texts_are_not_taken_for_secrets(text: str) -> None:
    assert list(check_rules.text_faults(text)) == []


@pytest.mark.parametrize(
    ("rows", "size", "code"),
    [(9, 5_000, "too-few-rows"), (10_000_001, 5_000, "too-many-rows"), (10, 999, "too-small"), (10, 10_000_000_001, "too-big")],
)
def test_sizes_that_mistral_refuses_are_problems(rows: int, size: int, code: str) -> None:
    facts = check_files.Facts(rows=rows, size=size)
    assert [fault.code for fault in check_files.size_faults("messages.jsonl", facts)] == [code]


def test_the_files_are_counted(folder: Path) -> None:
    checked = examine(Export().write(folder))
    assert (checked.files, checked.rows) == (32, 144)


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA PRIVATE KEY-----",
        *(f"{head}{'aB3' * 14}" for head in ("sk-", "sk-proj-", "sk_live_", "rk_live_", "pk_test_", "pk-", "rk-")),
        *(f"gh{kind}_{'aB3' * 12}" for kind in "pousr"),
        "github_pat_" + "aB3" * 14,
        "glpat-" + "aB3" * 8,
        *(f"xox{kind}-{'1234567890-' * 3}" for kind in "abeoprs"),
        "AKIA" + "ABCD" * 4,
        "ASIA" + "ABCD" * 4,
        "AIza" + "aB3-_" * 7,
        "hf_" + "aB3" * 12,
        "npm_" + "aB3" * 12,
        f"SG.{'aB3' * 8}.{'aB3' * 12}",
        "123456789:AA" + "aB3" * 11,
    ],
)
def test_keys_of_every_known_form_are_found(text: str) -> None:
    assert [fault.code for fault in check_rules.text_faults(f"Aquí: {text}, ¿vale?")] == ["token"]

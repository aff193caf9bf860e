"""What is written for trainers: which row is in which file and in what form, and that a kill leaves the old or the new."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ManifestError
from bot.training_types import Intent
from learning.check import check
from learning.files import MANIFEST_FILE, Kind, LeftOut, label_of, records, settle
from learning.lines import encode
from learning.manifest import read_manifest
from learning.records import Dropped, Example, Said, Split
from learning.seen import Seen
from learning.write import write
from tests.learning.exports import content, example, facts, lines, some, written

TOPIC = "envíos"
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("training") / "2026-11-20"
    written(path, some(), [Dropped(row="row-x", step="clean", reason="greeting")])
    return path


def train(tmp_path: Path, *examples: Example, others: int = 100) -> Path:
    """The train part of these examples, followed by others that make every kind of file large enough."""
    rest = [example(number, part=Split.TRAIN) for number in range(1_000, 1_000 + others)]
    written(tmp_path / "out", [*examples, *rest])
    return tmp_path / "out" / "train"


def test_the_independent_checker_finds_nothing_wrong(folder: Path) -> None:
    assert check(folder) == []


def test_the_same_input_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    written(tmp_path / "again", some(), [Dropped(row="row-x", step="clean", reason="greeting")])
    assert content(tmp_path / "again") == content(folder)


def test_every_kind_of_file_is_in_every_part(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        *("train", "validation", "test", "README.md", "README.es.md"),
        *("rows.jsonl", "dropped.jsonl", "dataset_info.json", "manifest.json"),
    }
    for part in Split:
        assert {path.name for path in (folder / part.value).iterdir()} == {kind.value for kind in Kind}


def test_the_manifest_tells_every_file_as_it_is(folder: Path) -> None:
    manifest, found = read_manifest(folder), content(folder)
    assert manifest.files.keys() == found.keys() - {MANIFEST_FILE}
    for path, told in manifest.files.items():
        assert (told.bytes, told.sha256) == (len(found[path]), hashlib.sha256(found[path]).hexdigest())
        if path.endswith((".jsonl", ".csv")):
            assert told.rows == len(lines(folder / path))
    assert (manifest.collected, manifest.kept, manifest.dropped) == (201, 200, {"clean": {"greeting": 1}})
    assert manifest.split.rows == {"train": 120, "validation": 40, "test": 40}
    assert sum(manifest.languages.values()) == 200


def test_the_manifest_is_sorted_and_read_back_as_it_was(folder: Path) -> None:
    text = (folder / MANIFEST_FILE).read_text("utf-8")
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert read_manifest(folder).files["train/sft.jsonl"].rows == len(lines(folder / "train" / "sft.jsonl"))


def test_rows_name_the_row_behind_every_line(folder: Path) -> None:
    told = lines(folder / "rows.jsonl")
    assert [(one["file"], one["line"]) for one in told] == sorted((one["file"], one["line"]) for one in told)
    by_row = {one.row: one for one in some()}
    for one in told:
        record = list(records(folder / one["file"]))[one["line"] - 1].decode() if one["line"] < 4 else ""
        question = json.dumps(by_row[one["row"]].question, ensure_ascii=False)[1:-1]
        assert not record or question in record


def test_a_liked_answer_is_learned_in_every_form(tmp_path: Path) -> None:
    liked = example(1, instructions="Sé breve.", history=(Said(question="Hola", answer="Buenas."),), part=Split.TRAIN)
    found = train(tmp_path, liked)
    system = {"role": "system", "content": "Sé breve."}
    asked = {"role": "user", "content": liked.question}
    before = [system, {"role": "user", "content": "Hola"}, {"role": "assistant", "content": "Buenas."}, asked]
    answer = {"role": "assistant", "content": liked.good}
    assert lines(found / "sft.jsonl")[0] == {"prompt": before, "completion": [answer]}
    assert lines(found / "kto.jsonl")[0] == {"prompt": before, "completion": [answer], "label": True}
    assert lines(found / "messages.jsonl")[0] == {
        "messages": [*before[:2], {**before[2], "weight": 0}, asked, {**answer, "weight": 1}]
    }
    assert lines(found / "prompt_completion.jsonl")[0] == {
        "prompt": f"Sé breve.\n\nPersona: Hola\n\nAsistente: Buenas.\n\nPersona: {liked.question}",
        "completion": liked.good,
    }
    assert lines(found / "classifier-intent.csv")[0] == [liked.question, "request"]
    assert lines(found / "classifier-liked.csv")[0] == [f"{liked.question}\n\n{liked.answer}", "1"]


def test_only_questions_that_stand_alone_are_in_input_response(tmp_path: Path) -> None:
    told = (Said(question="Hola", answer="Buenas."),)
    alone = example(2, instructions="Sé breve.", history=(), part=Split.TRAIN)
    found = train(tmp_path, example(1, history=told, part=Split.TRAIN), alone)
    assert lines(found / "input_response.jsonl")[0] == {"input": alone.question, "response": alone.good}


def test_a_correction_is_the_better_answer_and_a_liked_one(tmp_path: Path) -> None:
    corrected = example(3, instructions="", history=(), part=Split.TRAIN)
    found = train(tmp_path, corrected)
    prompt = [{"role": "user", "content": corrected.question}]
    better, worse = ([{"role": "assistant", "content": text}] for text in (corrected.good, corrected.bad))
    assert lines(found / "dpo.jsonl")[0] == {"prompt": prompt, "chosen": better, "rejected": worse}
    assert lines(found / "kto.jsonl")[:2] == [
        {"prompt": prompt, "completion": worse, "label": False},
        {"prompt": prompt, "completion": better, "label": True},
    ]
    assert lines(found / "sft.jsonl")[0]["completion"] == better
    assert [one["row"] for one in lines(found.parent / "rows.jsonl") if one["file"] == "train/kto.jsonl"][:2] == [
        "row-00003"
    ] * 2


def test_an_answer_nobody_may_judge_is_in_no_file_with_thumbs(tmp_path: Path) -> None:
    flagged = example(3, liked=None, answer="", part=Split.TRAIN)
    found = train(tmp_path, flagged)
    assert lines(found / "kto.jsonl")[0]["label"] is True
    assert all(flagged.question not in text for text, _ in lines(found / "classifier-liked.csv"))


def test_what_is_blank_is_in_no_file(tmp_path: Path) -> None:
    blank = [
        example(1, question=" \n", part=Split.TRAIN),
        example(2, good=" ", answer="\t", liked=True, part=Split.TRAIN),
        example(4, history=(Said(question="", answer="Hola"),), instructions="  ", part=Split.TRAIN),
        example(5, topic=" ", part=Split.TRAIN),
    ]
    found = train(tmp_path, *blank)
    assert [len(lines(found / kind.value)[0]["prompt"]) for kind in (Kind.SFT, Kind.KTO)] == [1, 1]
    assert lines(found / "sft.jsonl")[0]["prompt"][0]["content"] == blank[2].question
    assert blank[3].question not in [text for text, _ in lines(found / "classifier-topic.csv")]
    assert check(found.parent) == []


def test_one_text_never_has_two_labels_within_a_classifier(tmp_path: Path) -> None:
    first = example(1, part=Split.TRAIN, intent=Intent.QUESTION, topic=TOPIC)
    later = example(2, part=Split.TRAIN, question=first.question, intent=Intent.REQUEST, topic=TOPIC)
    found = train(tmp_path, first, later)
    assert [label for text, label in lines(found / "classifier-intent.csv") if text == first.question] == ["question"]
    assert [label for text, label in lines(found / "classifier-topic.csv") if text == first.question] == [TOPIC, TOPIC]


def test_one_answer_never_has_two_thumbs(tmp_path: Path) -> None:
    first = example(1, part=Split.TRAIN)
    later = example(2, part=Split.TRAIN, question=first.question, answer=first.answer, liked=False, good="", bad=first.answer)
    found = train(tmp_path, first, later)
    thumbs = [one["label"] for one in lines(found / "kto.jsonl") if one["completion"][0]["content"] == first.answer]
    assert thumbs == [True]
    assert [label for text, label in lines(found / "classifier-liked.csv") if text.startswith(first.question)] == ["1"]


def test_no_part_repeats_another(tmp_path: Path) -> None:
    same = [example(1, row=f"same-{part.value}", part=part, instructions="", history=()) for part in Split]
    found = train(tmp_path, *same).parent
    for part in (Split.VALIDATION, Split.TEST):
        assert [lines(found / part.value / kind.value) for kind in Kind] == [[]] * len(Kind)
    assert "16 lines were left out of single files" in (found / "README.md").read_text("utf-8")
    assert check(found) == []


def test_labels_that_cannot_be_learned_are_in_no_part(tmp_path: Path) -> None:
    rare = [example(number, topic="raro", part=PART) for number, PART in enumerate((Split.TRAIN,) * 4 + (Split.TEST,))]
    strange = example(10, topic="solo en test", part=Split.TEST)
    found = train(tmp_path, *rare, strange).parent
    topics = {label for part in Split for _, label in lines(found / part.value / "classifier-topic.csv")}
    assert topics == {"envíos", "pagos, recibos"}
    assert check(found) == []


def test_kinds_of_no_use_are_left_out_and_named(tmp_path: Path) -> None:
    manifest = written(tmp_path / "few", some(30)[:12])
    assert manifest.left_out == {
        "sft.jsonl": LeftOut.FEW_ROWS,
        "messages.jsonl": LeftOut.FEW_ROWS,
        "dpo.jsonl": LeftOut.FEW_ROWS,
        "kto.jsonl": LeftOut.FEW_ROWS,
        "prompt_completion.jsonl": LeftOut.FEW_ROWS,
        "input_response.jsonl": LeftOut.FEW_ROWS,
        "classifier-intent.csv": LeftOut.FEW_LABELS,
        "classifier-topic.csv": LeftOut.FEW_LABELS,
        "classifier-liked.csv": LeftOut.FEW_LABELS,
    }
    assert lines(tmp_path / "few" / "rows.jsonl") == []


def test_thumbs_need_both_labels(tmp_path: Path) -> None:
    manifest = written(tmp_path / "liked", [one for one in some() if one.liked])
    assert {"kto.jsonl": LeftOut.ONE_LABEL, "classifier-liked.csv": LeftOut.ONE_LABEL}.items() <= manifest.left_out.items()
    assert not (tmp_path / "liked" / "test" / "kto.jsonl").exists()
    assert check(tmp_path / "liked") == []


@settings(max_examples=6)
@given(texts=st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=30))
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str, str]]) -> None:
    told = [
        example(
            5 * number + again, part=Split.TRAIN, topic=topic, question=f"{question}{number}.{again}", answer=f"{answer}{again}"
        )
        for number, (question, answer, topic) in enumerate(texts)
        for again in range(5)
    ]
    path = train(tmp_path_factory.mktemp("any"), *told, others=30)
    topics = [[one.question, one.topic] for one in told if one.topic.strip()]
    assert lines(path / "classifier-topic.csv")[: len(topics)] == topics
    labels = [label_of(Kind.TOPIC, record) for record in records(path / "classifier-topic.csv")]
    assert labels[: len(topics)] == [topic for _, topic in topics]
    texts_liked = [[f"{one.question}\n\n{one.answer}", str(int(bool(one.liked)))] for one in told]
    assert lines(path / "classifier-liked.csv")[: len(told)] == texts_liked
    answers = [row["completion"][0]["content"] for row in lines(path / "kto.jsonl")]
    assert (
        answers[: len(told)]
        == [text for one in told for text in dict.fromkeys((one.answer, one.good or one.answer))][: len(told)]
    )


def test_a_manifest_that_is_not_there_or_broken_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="is missing: name a folder"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST_FILE).write_text("{}")
    with pytest.raises(ManifestError, match=r"is damaged .* let a night write"):
        read_manifest(tmp_path)


def test_what_an_earlier_try_left_is_gone(tmp_path: Path) -> None:
    left = tmp_path / ".2026-11-20.partial"
    left.mkdir()
    (left / "secret.txt").write_text("of somebody")
    written(tmp_path / "2026-11-20", some(30))
    assert [path.name for path in tmp_path.iterdir()] == ["2026-11-20"]


def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    written(tmp_path / "out", some(30))
    before = content(tmp_path / "out")

    def broken() -> Any:
        yield from some(5)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "out", broken, facts(some(30)))
    assert content(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    "there", [("partial",), ("ready",), ("ready", "now"), ("ready", "old"), ("old", "now"), ("old",), ("partial", "old", "now")]
)
def test_whatever_a_kill_leaves_is_settled(tmp_path: Path, there: tuple[str, ...]) -> None:
    for state in there:
        path = tmp_path / ("out" if state == "now" else f".out.{state}")
        path.mkdir()
        (path / "state").write_text(state)
    settle(tmp_path)
    wins = next((state for state in ("ready", "now", "old") if state in there), "")
    assert [path.name for path in tmp_path.iterdir()] == (["out"] if wins else [])
    assert not wins or (tmp_path / "out" / "state").read_text() == wins
    settle(tmp_path / "nowhere")


_WRITE_FOR_EVER = """
import sys
from pathlib import Path
from tests.learning.exports import example, written
for number in range(10_000):
    written(Path(sys.argv[1]), [example(one, topic="abcd"[number % 4]) for one in range(60)])
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_kills_leave_the_old_folder_or_the_new_one(tmp_path: Path) -> None:
    for kill in range(6):
        child = subprocess.Popen([sys.executable, "-c", _WRITE_FOR_EVER, str(tmp_path / "out")], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"0\n"
        time.sleep(0.007 * kill)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        settle(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
        assert {problem.code for problem in check(tmp_path / "out")} == set()


@given(st.lists(st.tuples(st.binary(max_size=3), st.integers(0, 255)), max_size=300))
def test_what_came_first_is_remembered(texts: list[tuple[bytes, int]]) -> None:
    seen, first = Seen(2, 8), dict[bytes, int]()
    for text, value in texts:
        assert seen.first(value, text) == first.setdefault(text, value)


def test_roles_take_turns_and_the_assistant_has_the_last_word(folder: Path) -> None:
    for row in lines(folder / "train" / "messages.jsonl"):
        roles = [message["role"] for message in row["messages"] if message["role"] != "system"]
        assert roles[-1] == "assistant"
        assert all(one != other for one, other in pairwise(roles))


def test_encoding_is_plain_json() -> None:
    assert json.loads(encode('á\n"\\\u2028')) == 'á\n"\\\u2028'

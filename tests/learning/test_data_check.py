"""Anybody's own data: what is wrong with it is found where it is, said in both languages, and never with a traceback."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.types import LANGUAGES
from learning.data_check import LONGEST_LINE, check_data, render
from learning.data_check_rules import ADVICE, FATAL, Code, Finding, Format, Report
from learning.data_check_words import _words

SUBJECTS = (
    *("rent a bicycle", "bake bread", "paint a door", "grow tomatoes", "learn chess", "fix a tap", "sell a car", "plan a trip"),
    *("wash wool", "train a puppy", "write a letter", "choose glasses", "store potatoes", "send a parcel", "tune a guitar"),
    *("build a shelf", "cook lentils", "clean a carpet", "read a map", "tie a knot", "fold a shirt", "plant a hedge"),
    *("sharpen a knife", "make cheese", "record a song", "move house", "open an account", "draw a horse", "mend a net"),
    *("keep bees", "sail a boat", "hang a picture", "brew coffee", "ski downhill", "renew a passport", "find a dentist"),
    *("insulate a roof", "measure a room", "repair a zip", "water a lawn", "compare loans", "climb safely", "swim faster"),
    *("polish silver", "cut glass", "catch trout", "teach reading", "insure a flat", "recycle paint", "frame a poster"),
    *("pickle onions", "knit socks", "load a truck", "host a party", "adopt a cat"),
)
VERBS = ("needs", "takes", "wants", "asks for")
Rows = list[dict[str, Any]]


def pair(place: int) -> tuple[str, str]:
    subject = SUBJECTS[place]
    return (
        f"How do I {subject} when it is urgent?",
        f"To {subject} well it {VERBS[place % 4]} patience: start with {subject[::-1]}.",
    )


def chats(count: int = len(SUBJECTS)) -> Rows:
    pairs = (pair(place) for place in range(count))
    return [{"messages": [{"role": "user", "content": one}, {"role": "assistant", "content": two}]} for one, two in pairs]


def prompts(count: int = len(SUBJECTS)) -> Rows:
    return [{"prompt": one, "completion": two} for one, two in (pair(place) for place in range(count))]


def preferences() -> Rows:
    return [
        {"prompt": row["prompt"], "chosen": row["completion"], "rejected": f"No {place}."}
        for place, row in enumerate(prompts())
    ]


def thumbs() -> Rows:
    return [{**row, "label": place % 2 == 0} for place, row in enumerate(prompts())]


def labelled() -> Rows:
    return [{"text": pair(place)[0], "label": ("urgent", "calm")[place % 2]} for place in range(len(SUBJECTS))]


def sharegpt() -> Rows:
    pairs = (pair(place) for place in range(len(SUBJECTS)))
    return [{"conversations": [{"from": "human", "value": one}, {"from": "gpt", "value": two}]} for one, two in pairs]


def preferred() -> Rows:
    """As OpenAI wrote them."""

    def said(text: str) -> list[dict[str, str]]:
        return [{"role": "assistant", "content": text}]

    return [
        {
            "input": {"messages": [{"role": "user", "content": row["prompt"]}]},
            "preferred_output": said(row["chosen"]),
            "non_preferred_output": said(row["rejected"]),
        }
        for row in preferences()
    ]


def told(rows: Rows) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data.jsonl"


def looked(file: Path, rows: Rows) -> Report:
    file.write_text(told(rows), encoding="utf-8")
    return check_data(file)


def found(report: Report) -> dict[Code, tuple[int, ...]]:
    return {finding.code: finding.lines for finding in report.findings}


GOOD: dict[str, tuple[Callable[[], Rows], Format]] = {
    "chats": (chats, Format.CHAT),
    "prompts": (prompts, Format.PAIRS),
    "questions": (lambda: [{"question": row["prompt"], "answer": row["completion"]} for row in prompts()], Format.PAIRS),
    "alpaca": (
        lambda: [{"instruction": row["prompt"], "input": "", "output": row["completion"]} for row in prompts()],
        Format.PAIRS,
    ),
    "preferences": (preferences, Format.PREFERENCES),
    "preferences as OpenAI wrote them": (preferred, Format.PREFERENCES),
    "thumbs": (thumbs, Format.THUMBS),
    "labels": (labelled, Format.LABELS),
    "sharegpt": (sharegpt, Format.SHAREGPT),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_data_of_each_format_has_nothing_to_mend(name: str, file: Path) -> None:
    make, expected = GOOD[name]
    report = looked(file, make())
    assert (report.format, report.container, report.rows, report.findings) == (expected, "JSONL", len(SUBJECTS), ())


def test_good_csv_has_nothing_to_mend(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    rows = "".join(f'"{row["text"]} Say ""now"",\nplease.",{row["label"]}\n' for row in labelled())
    file.write_text("text,label\n" + rows)
    report = check_data(file)
    assert (report.format, report.container, report.rows, report.findings) == (Format.LABELS, "CSV", len(SUBJECTS), ())


def test_a_csv_of_answers_with_a_thumb_spells_true_and_false(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    rows = "".join(f'"{row["prompt"]}","{row["completion"]}",{row["label"]}\n' for row in thumbs())
    file.write_text("prompt,completion,label\n" + rows)
    report = check_data(file)
    assert (report.format, report.findings) == (Format.THUMBS, ())


def message(place: int, **values: Any) -> Callable[[], Rows]:
    def make() -> Rows:
        rows = chats()
        rows[6]["messages"][place].update(values)
        return rows

    return make


def said(*messages: dict[str, Any]) -> Callable[[], Rows]:
    return lambda: [*chats()[:6], {"messages": list(messages)}, *chats()[7:]]


def with_row(make: Callable[[], Rows], **values: Any) -> Callable[[], Rows]:
    """The seventh row with other values."""

    def changed() -> Rows:
        rows = make()
        rows[6] = {**rows[6], **values}
        return rows

    return changed


def systems(wording: Callable[[int], str | None]) -> Callable[[], Rows]:
    def make() -> Rows:
        rows = chats()
        for place, row in enumerate(rows):
            if text := wording(place):
                row["messages"].insert(0, {"role": "system", "content": text})
        return rows

    return make


def without_role() -> Rows:
    rows = chats()
    del rows[6]["messages"][0]["role"]
    return rows


def copied(make: Callable[[], Rows], **values: Any) -> Callable[[], Rows]:
    def changed() -> Rows:
        rows = make()
        rows[6] = {**rows[2], **values}
        return rows

    return changed


USER, ASSISTANT = {"role": "user", "content": "How is it done, please?"}, {"role": "assistant", "content": "Step by step."}
SPANISH = "Para hacerlo bien necesitas paciencia y una buena herramienta: empieza por lo más sencillo."
KEY = "sk-" + "abcd1234" * 5

BAD: dict[str, tuple[Callable[[], Rows], Code]] = {
    "another format": (lambda: [*chats()[:6], prompts()[6], *chats()[7:]], Code.MIXED_FORMATS),
    "keys of no format": (lambda: [*chats()[:6], {"mensajes": []}, *chats()[7:]], Code.UNKNOWN_ROW),
    "an additional key": (with_row(prompts, source="web"), Code.KEYS_DIFFER),
    "no messages": (said(), Code.NO_MESSAGES),
    "no role": (without_role, Code.ROLE_MISSING),
    "another role": (message(0, role="customer"), Code.ROLE_UNKNOWN),
    "no content": (message(0, content=""), Code.CONTENT_MISSING),
    "content as a list": (message(0, content=["a"]), Code.CONTENT_MISSING),
    "half a weight": (message(1, weight=0.5), Code.WEIGHT),
    "the user's weight": (message(0, weight=1), Code.WEIGHT),
    "nobody asks": (said(ASSISTANT), Code.NO_USER),
    "nobody answers": (said(USER), Code.NO_ASSISTANT),
    "the user ends": (said(USER, ASSISTANT, {**USER, "content": "Thanks a lot!"}), Code.LAST_NOT_ASSISTANT),
    "two answers in one": (with_row(preferences, chosen=[ASSISTANT, ASSISTANT]), Code.NOT_ONE_ANSWER),
    "the same answer": (with_row(preferences, chosen="The same as that.", rejected="The same as that."), Code.SAME_ANSWERS),
    "a number": (with_row(prompts, prompt=5), Code.NOT_A_TEXT),
    "an empty text": (with_row(prompts, completion=" "), Code.EMPTY_TEXT),
    "an empty label": (with_row(labelled, label=" "), Code.EMPTY_LABEL),
    "a label in words": (with_row(thumbs, label="yes"), Code.LABEL_NOT_BOOLEAN),
    "two labels": (copied(labelled, label="calm"), Code.TWO_LABELS),
    "two thumbs": (copied(thumbs, label=False), Code.TWO_LABELS),
    "a label in capitals": (with_row(labelled, label="Urgent "), Code.LABEL_SPELLING),
    "twice the same": (copied(prompts), Code.DUPLICATE),
    "an endless example": (with_row(prompts, prompt="again and again " * 13_000), Code.TOO_LONG),
    "a bell": (with_row(prompts, prompt="Ring the \x07 bell, will you?"), Code.CONTROL),
    "a key": (with_row(prompts, completion=f"Use {KEY}."), Code.CREDENTIAL),
    "an e-mail address": (with_row(prompts, completion="Write to ann.lee@mail.org."), Code.PERSONAL),
    "a telephone number": (with_row(prompts, completion="Call +34 612 345 678 today."), Code.PERSONAL),
    "an unknown key of a message": (message(0, time="now"), Code.MESSAGE_KEYS),
    "two in a row": (said(USER, {**USER, "content": "Hello?"}, ASSISTANT), Code.TURN_ORDER),
    "a system message missing": (systems(lambda place: None if place == 6 else "Be kind."), Code.SYSTEM_SOMETIMES),
    "a system message with a slip": (systems(lambda place: "Be kindd." if place == 6 else "Be kind."), Code.SYSTEM_DIFFERS),
    "no full stop": (with_row(prompts, completion="Just begin with the first step"), Code.PUNCTUATION),
    "a leading space": (with_row(prompts, completion=" Just begin with the first step."), Code.LEADING_SPACE),
    "another language": (with_row(prompts, prompt="¿Cómo lo hago bien sin ayuda?", completion=SPANISH), Code.LANGUAGES),
    "an answer in another language": (with_row(prompts, completion=SPANISH), Code.ANSWER_LANGUAGE),
    "two answers": (copied(prompts, completion="Ask somebody who has done it before."), Code.TWO_ANSWERS),
    "nearly the same": (
        with_row(prompts, prompt=prompts()[2]["prompt"] + " Hm", completion=prompts()[2]["completion"]),
        Code.NEAR_DUPLICATE,
    ),
    "a long example": (with_row(prompts, prompt="again and again " * 1_200), Code.LONG),
    "a rare label": (with_row(labelled, label="curious"), Code.RARE_LABEL),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_an_example_is_found_in_its_line(name: str, file: Path) -> None:
    make, code = BAD[name]
    report = looked(file, make())
    assert found(report).get(code) == (7,), report.findings
    assert all((finding.level == "advice") == (finding.code in ADVICE) for finding in report.findings)


def lines_of(*replacements: tuple[int, bytes]) -> bytes:
    lines = told(prompts()).encode().splitlines(keepends=True)
    for place, content in replacements:
        lines[place - 1] = content
    return b"".join(lines)


RAW: dict[str, tuple[bytes, dict[Code, tuple[int, ...]]]] = {
    "half a line": (lines_of((7, b'{"prompt": "Why?", "completion\n')), {Code.BROKEN_LINE: (7,)}),
    "a deep nest": (lines_of((7, b"[" * 100_000 + b"\n")), {Code.BROKEN_LINE: (7,)}),
    "a list": (lines_of((7, b"[1]\n")), {Code.NOT_AN_OBJECT: (7,)}),
    "an empty line": (lines_of((7, b"\n")), {Code.EMPTY_LINE: (7,)}),
    "latin-1": (
        lines_of((7, '{"prompt": "What is a ñandú like to look at?", "completion": "Like an ostrich."}\n'.encode("cp1252"))),
        {Code.ENCODING: (7,)},
    ),
    "a byte order mark": (b"\xef\xbb\xbf" + lines_of(), {Code.BYTE_ORDER_MARK: ()}),
    "windows lines": (lines_of().replace(b"\n", b"\r\n"), {}),
    "a line of 5 MB": (lines_of((7, b'{"prompt": "' + b"a" * (LONGEST_LINE + 9) + b'"}\n')), {Code.LINE_TOO_LONG: (7,)}),
    "nine": (told(prompts(9)).encode(), {Code.FEWER_THAN_10: ()}),
    "forty-nine": (told(prompts(49)).encode(), {Code.FEWER_THAN_50: ()}),
}


@pytest.mark.parametrize("name", RAW)
def test_what_is_wrong_with_a_line_is_found(name: str, file: Path) -> None:
    content, expected = RAW[name]
    file.write_bytes(content)
    assert found(check_data(file)) == expected


CSV: dict[str, tuple[str, dict[Code, tuple[int, ...]]]] = {
    "semicolons": ("text;label\n" + "".join(f"{row['text']};{row['label']}\n" for row in labelled()), {Code.CSV_SEPARATOR: ()}),
    "a comma too many": (
        "text,label\n" + "".join(f"{row['text']},{row['label']}\n" for row in labelled()) + "Well, then,calm\n",
        {Code.BROKEN_RECORD: (len(SUBJECTS) + 2,)},
    ),
    "an open quote": (
        "text,label\n" + "".join(f"{row['text']},{row['label']}\n" for row in labelled()) + '"Well then,calm\n',
        {Code.BROKEN_RECORD: (len(SUBJECTS) + 2,)},
    ),
    "one label": ("text,label\n" + "".join(f"{row['text']},calm\n" for row in labelled()), {Code.ONE_LABEL: ()}),
    "hardly any of a label": (
        "text,label\n" + "".join(f"{row['text']},{'calm' if place else 'urgent'}\n" for place, row in enumerate(labelled())),
        {Code.IMBALANCE: (), Code.RARE_LABEL: (2,)},
    ),
    "another header": ("frase,etiqueta\nHola,bien\n", {Code.CSV_HEADER: ()}),
}


@pytest.mark.parametrize("name", CSV)
def test_what_is_wrong_with_a_csv_is_found(name: str, tmp_path: Path) -> None:
    content, expected = CSV[name]
    file = tmp_path / "data.csv"
    file.write_text(content)
    assert found(check_data(file)) == expected


UNUSABLE: dict[str, tuple[bytes, Code]] = {
    "an empty file": (b"", Code.EMPTY),
    "only blank lines": (b"\n \n\r\n", Code.EMPTY),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, Code.NOT_TEXT),
    "noise": (bytes(range(1, 256)) * 90, Code.NOT_TEXT),
    "utf-16": ('{"prompt": "¿Qué?"}\n'.encode("utf-16"), Code.UTF_16),
    "a list": (json.dumps(prompts(), indent=1).encode(), Code.JSON_LIST),
    "spread json": (json.dumps(prompts()[0], indent=2).encode(), Code.JSON_SPREAD),
    "objects of no format": (b'{"a": 1}\n{"a": 2}\n', Code.UNKNOWN_FORMAT),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", UNUSABLE)
def test_what_cannot_be_used_at_all_gets_one_answer(name: str, language: Any, file: Path) -> None:
    content, code = UNUSABLE[name]
    file.write_bytes(content)
    report = check_data(file)
    assert code in found(report)
    assert code in FATAL
    assert len(render(report, language).splitlines()) == 2


def test_prose_without_a_name_that_helps_is_no_format(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Just some notes\nof mine.\n")
    assert set(found(check_data(file))) == {Code.UNKNOWN_FORMAT}


def test_what_is_no_file_at_all_gets_one_answer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    assert set(found(check_data(tmp_path))) == {Code.NOT_A_FILE}
    assert set(found(check_data(tmp_path / "pipe"))) == {Code.NOT_A_FILE}
    assert set(found(check_data(Path("/dev/zero")))) == {Code.NOT_A_FILE}
    assert set(found(check_data(tmp_path / "nowhere.jsonl"))) == {Code.NOT_FOUND}
    assert set(found(check_data(tmp_path / "round"))) == {Code.NOT_READABLE}
    assert set(found(check_data(Path("a\x00b")))) == {Code.NOT_READABLE}


def test_a_file_that_may_not_be_read_gets_one_answer(file: Path) -> None:
    looked(file, prompts())
    file.chmod(0)
    code = Code.NOT_READABLE if os.geteuid() else None
    assert set(found(check_data(file))) == ({code} if code else set())


def test_a_line_of_a_gigabyte_takes_no_memory_and_little_time(file: Path) -> None:
    with file.open("wb") as opened:
        opened.write(b"{")
        opened.truncate(1 << 20)
        opened.seek(0, 2)
        opened.truncate(200 << 20)  # a hole, read as zeros
    begun = time.monotonic()
    assert set(found(check_data(file))) == {Code.NOT_TEXT}
    file.write_bytes(b'{"prompt": "' + b"a" * (64 << 20))
    assert set(found(check_data(file))) == {Code.LINE_TOO_LONG}
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_is_told_with_its_mending_in_both_languages(language: Any) -> None:
    words = _words(language)
    assert set(words) == set(Code)
    assert all(text.endswith(".") or text.endswith("?") for both in words.values() for text in both)


def test_the_report_tells_errors_first_and_the_next_step_last(file: Path) -> None:
    rows = prompts()
    rows[2] = {**rows[2], "completion": ""}
    rows[4] = {**rows[4], "completion": "Without a mark at the end"}
    text = render(looked(file, rows), "en")
    assert text.startswith(
        f"Pairs of prompt and answer (JSONL), {len(SUBJECTS)} examples\n\nTo put right:\n✗ Some texts are empty. (line 3)"
    )
    assert text.index("To put right") < text.index("To consider") < text.index("Next step")
    assert "(line 5)\n  → Decide for one way: models copy such habits." in text
    assert text.endswith("Next step: mend what is marked ✗ and check the file again.")


def test_many_lines_are_summed_up(file: Path) -> None:
    report = looked(file, [{"prompt": f"Why {number}?", "completion": ""} for number in range(1_000)])
    finding = next(finding for finding in report.findings if finding.code is Code.EMPTY_TEXT)
    assert finding == Finding(level="error", code=Code.EMPTY_TEXT, lines=tuple(range(1, 101)), count=1_000)
    assert "(lines 1, 2, 3, 4, 5, 6, 7, 8 and 992 more)" in render(report, "en")


def test_nothing_of_what_was_written_is_in_the_report(file: Path) -> None:
    rows = chats()
    rows[3]["messages"][0] = {"role": "Zacarías", "content": "Zacarías", "Zacarías": 1}
    report = looked(file, rows)
    assert all("Zacarías" not in render(report, language) for language in LANGUAGES)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
def test_no_bytes_whatsoever_break_the_check(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    assert check_data(file).findings


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "from", "value", "weight", "messages"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = ["messages", "conversations", "prompt", "completion", "chosen", "rejected", "label", "text", "input", "preferred_output"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.dictionaries(st.sampled_from([*KEYS, "non_preferred_output", "system"]), JSON, max_size=5), max_size=4))
def test_no_json_whatsoever_breaks_the_check(rows: Rows, file: Path) -> None:
    report = looked(file, rows)
    assert report.findings
    assert render(report, "es")

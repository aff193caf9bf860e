"""Telegram Desktop's JSON export: whose words are whose, what is no record, and what survives damage."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ImportRefused
from bot.memory_types import SELF, ImportedRecord
from profiles.importers import Format, read
from profiles.importers.common import MAX_CHARS
from profiles.importers.telegram import MAX_MESSAGE
from tests.profiles.importers.exports import (
    HOUR,
    NOON,
    Json,
    bad,
    good,
    telegram_account,
    telegram_chat,
    telegram_message,
    written,
)


def _own(number: int, text: object, **more: Any) -> Json:
    """A message of the person whose account it is."""
    return telegram_message(number, text, sender="Yo", peer="user5", **more)


def test_a_whole_account_says_whose_it_is_and_keeps_who_said_what(tmp_path: Path) -> None:
    group = telegram_chat([telegram_message(3, "In the group")], number=7, kind="private_supergroup")
    chat = telegram_chat([telegram_message(1, "¿Dónde vives?"), _own(2, "Vivo en Lima.", at=NOON + 60)])
    file = written(tmp_path / "result.json", telegram_account([chat], left=[group]))
    reader = read(file)
    assert reader.format is Format.TELEGRAM
    records = good(reader)
    assert [(record.key, record.said_by, record.is_own, record.position) for record in records] == [
        ("telegram:user7:1", "Ana", False, 0),
        ("telegram:user7:2", SELF, True, 1),
        ("telegram:channel7:3", "Ana", False, 0),
    ]
    assert records[1] == ImportedRecord(
        key="telegram:user7:2",
        text="Vivo en Lima.",
        said_by=SELF,
        is_own=True,
        said_at=datetime(2023, 11, 15, 12, 1, tzinfo=UTC),
        session="telegram:user7:1",
        position=1,
        line=records[1].line,
    )
    assert file.read_text().splitlines()[records[1].line - 1].strip() == "{"
    assert '"id": 2' in file.read_text().splitlines()[records[1].line]
    assert reader.bytes_read == reader.bytes_total == file.stat().st_size


@pytest.mark.parametrize("me", ["user5", "5", " yo ", "YO"])
def test_one_chat_needs_to_be_told_who_the_person_is(tmp_path: Path, me: str) -> None:
    file = written(tmp_path / "result.json", telegram_chat([telegram_message(1, "Hi"), _own(2, "Hello")]))
    assert [record.is_own for record in good(read(file, me=me))] == [False, True]


@pytest.mark.parametrize("me", [None, "Somebody", "user99", "99", ""])
def test_without_a_person_it_is_refused_with_the_people_found(tmp_path: Path, me: str | None) -> None:
    file = written(tmp_path / "result.json", telegram_chat([telegram_message(1, "Hi"), _own(2, "Hello")]))
    with pytest.raises(ImportRefused, match=r"--me .*user7 \(Ana\), user5 \(Yo\)"):
        read(file, me=me)


def test_a_name_that_two_people_bear_is_refused(tmp_path: Path) -> None:
    both = [telegram_message(1, "Hi"), telegram_message(2, "Hello", peer="user8")]
    file = written(tmp_path / "result.json", telegram_chat(both, kind="private_group"))
    with pytest.raises(ImportRefused, match=r"Several people .* the id instead: user7 \(Ana\), user8 \(Ana\)"):
        read(file, me="ana")


def test_text_comes_out_of_entities_and_captions_and_nothing_else_is_a_record(tmp_path: Path) -> None:
    messages = [
        telegram_message(1, ["See ", {"type": "bold", "text": "this"}, {"type": "link", "text": " link"}, "!"]),
        telegram_message(2, "A caption", photo="photos/photo_1.jpg", width=1, height=1, edited="2023-11-15T13:00:00"),
        telegram_message(3, "", media_type="sticker", sticker_emoji="😀"),
        {"id": 4, "type": "service", "date": "2023-11-15T13:00:00", "actor": "Ana", "action": "phone_call", "text": ""},
        {"id": 5, "type": "unsupported"},
        telegram_message(6, "A reply", reply_to_message_id=1),
    ]
    reader = read(written(tmp_path / "result.json", telegram_chat(messages)), me="7")
    assert [(record.text, record.position) for record in good(reader)] == [
        ("See this link!", 0),
        ("A caption", 1),
        ("A reply", 2),
    ]
    assert bad(reader) == []


def test_forwarded_words_belong_to_whoever_wrote_them(tmp_path: Path) -> None:
    messages = [
        _own(1, "News", forwarded_from="A newspaper"),
        _own(2, "From a hidden account", forwarded_from=None),
        telegram_message(3, "My own, forwarded by Ana", forwarded_from="Yo", forwarded_from_id="user5"),
        _own(4, "Written by a bot", via_bot="@cat"),
    ]
    records = good(read(written(tmp_path / "result.json", telegram_account([telegram_chat(messages)]))))
    assert [(record.said_by, record.is_own) for record in records] == [
        ("A newspaper", False),
        ("?", False),
        (SELF, True),
        ("@cat", False),
    ]


@pytest.mark.parametrize(
    ("name", "said_by"), [("person", "@person"), ("bot", "@bot"), (None, "user7"), ("A\nn\u202ea\x1b[2J", "A na[2J")]
)
def test_no_name_of_somebody_else_passes_for_the_person_or_hides_controls(
    tmp_path: Path, name: str | None, said_by: str
) -> None:
    message = {**telegram_message(1, "Hi"), "from": name}
    records = good(read(written(tmp_path / "result.json", telegram_account([telegram_chat([message])]))))
    assert [(record.said_by, record.is_own) for record in records] == [(said_by, False)]


def test_six_hours_of_silence_begin_a_session(tmp_path: Path) -> None:
    times = (0, 6 * HOUR, 12 * HOUR + 1, 12 * HOUR + 2)
    messages = [telegram_message(number, "Hi", at=NOON + at) for number, at in enumerate(times, 1)]
    records = good(read(written(tmp_path / "result.json", telegram_account([telegram_chat(messages)]))))
    assert [(record.session, record.position) for record in records] == [
        ("telegram:user7:1", 0),
        ("telegram:user7:1", 1),
        ("telegram:user7:3", 0),
        ("telegram:user7:3", 1),
    ]


def test_exports_before_2021_are_read_with_bare_ids_and_written_dates(tmp_path: Path) -> None:
    message = telegram_message(1, "Old", peer=5)
    old = {key: value for key, value in message.items() if key not in ("date_unixtime", "text_entities")}
    (record,) = good(read(written(tmp_path / "result.json", telegram_account([telegram_chat([old])]))))
    assert record.is_own
    assert record.said_at == datetime(2023, 11, 15, 13, tzinfo=UTC)


def test_bad_records_are_named_by_line_and_the_others_are_read(tmp_path: Path) -> None:
    lines = [
        '{"personal_information": {"user_id": 5}, "chats": {"list": [{"type": "personal_chat", "id": 7, "messages": [',
        '{"id": 1, "type": "message", "date_unixtime": "1700049600", "from_id": "user5", "text": "first"},',
        '{"id": 2, "type": "message", "date_unixtime": "1700049600", "from_id": "user5", "text": broken},',
        '{"id": "x", "type": "message", "date_unixtime": "1700049600", "from_id": "user5", "text": "no id"},',
        '{"id": 4, "type": "message", "date_unixtime": "99999999999", "from_id": "user5", "text": "no time"},',
        '{"id": 1, "type": "message", "date_unixtime": "1700049600", "from_id": "user5", "text": "again"},',
        '"a string", 5, null,',
        '{"id": 5, "type": "message", "date_unixtime": "1700049600", "from_id": "user5", "text": "\\x0Bcut \\ud83d", "id": 6}',
        "]}]}}",
    ]
    file = tmp_path / "result.json"
    file.write_text("\n".join(lines))
    reader = read(file)
    assert [(record.key, record.text) for record in good(reader)] == [
        ("telegram:user7:1", "first"),
        ("telegram:user7:6", "cut \ufffd"),
    ]
    assert [record.line for record in bad(reader)] == [3, 4, 5, 6, 7, 7, 7]
    assert [record.reason.split()[1] for record in bad(reader)[1:4]] == ["record", "record", "record"]


def test_broken_utf_8_costs_the_record_where_it_stands(tmp_path: Path) -> None:
    file = written(
        tmp_path / "result.json", telegram_account([telegram_chat([telegram_message(n, f"text{n}") for n in (1, 2, 3)])])
    )
    file.write_bytes(file.read_bytes().replace(b"text2", b"text\xff\xfe"))
    reader = read(file)
    assert [record.text for record in good(reader)] == ["text1", "text3"]
    assert ["UTF-8" in record.reason for record in bad(reader)] == [True]


def test_a_file_that_ends_in_the_middle_gives_everything_before(tmp_path: Path) -> None:
    messages = [telegram_message(number, "Hi") for number in range(1, 51)]
    file = written(tmp_path / "result.json", telegram_account([telegram_chat(messages)]))
    whole = file.read_bytes()
    file.write_bytes(whole[: whole.index(b'"id": 41') + 30])
    reader = read(file)
    assert len(good(reader)) == 40
    (report,) = bad(reader)
    assert "ends in the middle" in report.reason
    assert report.line == whole[: whole.index(b'"id": 41')].count(b"\n")


def test_long_texts_are_cut_and_huge_records_left_out(tmp_path: Path) -> None:
    messages = [telegram_message(1, "a" * 9_000), telegram_message(2, "b" * (MAX_MESSAGE + 1)), telegram_message(3, "c")]
    reader = read(written(tmp_path / "result.json", telegram_account([telegram_chat(messages)])))
    assert [len(record.text) for record in good(reader)] == [MAX_CHARS, 1]
    assert ["too long" in record.reason for record in bad(reader)] == [True]


def test_the_person_is_found_when_another_program_sorted_the_keys(tmp_path: Path) -> None:
    account = telegram_account([telegram_chat([_own(1, "Hi")])])
    file = written(tmp_path / "result.json", dict(sorted(account.items())))
    assert [record.is_own for record in good(read(file))] == [True]

"""Discord's data package, new and old: everything in it is the person's own, oldest first whatever the order of the file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.memory_types import SELF, ImportedRecord
from profiles.importers import Format, read
from profiles.importers.discord import MAX_HELD
from tests.profiles.importers.exports import CHANNEL, FIRST, bad, discord_csv, discord_package, discord_row, good, zipped

HEAD = "ID,Timestamp,Contents,Attachments\n"


def test_a_package_gives_the_persons_messages_oldest_first(tmp_path: Path) -> None:
    rows = [
        discord_row(3, "third <:party:12345>", at="2023-11-16 09:00:00"),
        discord_row(2, "second", at="2023-11-15 13:30:00"),
        discord_row(4, ""),
        discord_row(1, "first"),
    ]
    package = discord_package(tmp_path / "package", rows)
    reader = read(package)
    assert reader.format is Format.DISCORD
    first, second, third = good(reader)
    assert first == ImportedRecord(
        key=f"discord:{CHANNEL}:{FIRST + 1}",
        text="first",
        said_by=SELF,
        is_own=True,
        said_at=datetime(2023, 11, 15, 12, tzinfo=UTC),
        session=f"discord:{CHANNEL}:{FIRST + 1}",
        position=0,
        line=first.line,
    )
    assert (second.session, second.position) == (first.session, 1)
    assert (third.text, third.session, third.position) == ("third :party:", f"discord:{CHANNEL}:{FIRST + 3}", 0)
    assert reader.bytes_read == reader.bytes_total


@pytest.mark.parametrize("messages", ["messages", "Messages", "Nachrichten", "メッセージ", "Wiadomości"])
def test_the_folder_of_messages_may_be_named_in_any_language(tmp_path: Path, messages: str) -> None:
    package = discord_package(tmp_path / "package", [discord_row(1, "hi")], messages=messages)
    names = {file.relative_to(tmp_path).as_posix(): file.read_bytes() for file in package.rglob("*.json")}
    folder, archive = good(read(package)), good(read(zipped(tmp_path / "package.zip", names)))
    assert [record.key for record in folder] == [record.key for record in archive] == [f"discord:{CHANNEL}:{FIRST + 1}"]


def test_messages_csv_of_older_packages_gives_the_same_keys(tmp_path: Path) -> None:
    text = discord_csv(
        [
            (FIRST + 2, "2023-11-15 12:00:01.250000+00:00", 'two\nlines, "quoted"', ""),
            (FIRST + 1, "2023-11-15 12:00:00", "é", ""),
        ]
    )
    package = zipped(tmp_path / "package.zip", {f"messages/{CHANNEL}/messages.csv": text.encode("utf-8-sig")})
    records = good(read(package))
    assert [(record.key, record.text, record.line) for record in records] == [
        (f"discord:{CHANNEL}:{FIRST + 1}", "é", 4),
        (f"discord:{CHANNEL}:{FIRST + 2}", 'two\nlines, "quoted"', 2),
    ]
    assert records[1].said_at.microsecond == 250_000


def test_json_counts_where_csv_is_beside_it(tmp_path: Path) -> None:
    package = discord_package(tmp_path / "package", [discord_row(1, "json")])
    (package / "Mensajes" / f"c{CHANNEL}" / "messages.csv").write_text(
        discord_csv([(FIRST + 1, "2023-11-15 12:00:00", "csv", "")])
    )
    assert [record.text for record in good(read(package))] == ["json"]


@pytest.mark.parametrize(
    ("rows", "line", "word"),
    [
        ("1174,2023-11-15 12:00:00,short row\n", 2, "kind"),
        (f"{FIRST},yesterday,text,\n", 2, "date"),
        (f"{FIRST},0001-01-01 00:00:00+14:00,text,\n", 2, "date"),
        ("x,2023-11-15 12:00:00,text,\n", 2, "id"),
        (f"{FIRST},2023-11-15 12:00:00,te\udcffxt,\n", 2, "UTF-8"),
        (f'{FIRST},2023-11-15 12:00:00,"te"xt,\n', 2, "kind"),
        (f"{FIRST},2023-11-15 12:00:00,{'x' * 400_000},\n", 2, "kind"),
    ],
)
def test_a_bad_row_is_named_and_the_next_is_read(tmp_path: Path, rows: str, line: int, word: str) -> None:
    text = f"{HEAD}{rows}{FIRST + 1},2023-11-15 12:00:00,good,\n".encode("utf-8", "surrogateescape")
    reader = read(zipped(tmp_path / "package.zip", {f"messages/c{CHANNEL}/messages.csv": text}))
    assert [record.text for record in good(reader)] == ["good"]
    (report,) = bad(reader)
    assert report.line == line
    assert word in report.reason
    assert f"messages/c{CHANNEL}/messages.csv: " in report.reason


def test_a_csv_that_ends_within_quotes_gives_everything_before(tmp_path: Path) -> None:
    text = f'{HEAD}{FIRST},2023-11-15 12:00:00,good,\n{FIRST + 1},2023-11-15 12:00:00,"cut of'
    reader = read(zipped(tmp_path / "package.zip", {f"messages/c{CHANNEL}/messages.csv": text}))
    assert [record.text for record in good(reader)] == ["good"]
    assert [(report.line, "ends in the middle" in report.reason) for report in bad(reader)] == [(3, True)]


def test_a_csv_with_other_columns_is_named_and_the_other_channels_are_read(tmp_path: Path) -> None:
    package = discord_package(tmp_path / "package", [discord_row(1, "good")])
    other = package / "Mensajes" / "c55555" / "messages.csv"
    other.parent.mkdir()
    other.write_text("a,b,c\n1,2,3\n")
    reader = read(package)
    assert [record.text for record in good(reader)] == ["good"]
    assert ["columns ID, Timestamp and Contents" in report.reason for report in bad(reader)] == [True]


def test_a_channel_too_large_for_memory_and_in_no_order_comes_out_in_order(tmp_path: Path) -> None:
    count = MAX_HELD // 6_000
    rows = [
        discord_row(n * 7919 % count, f"{n} " + "x" * 7_000, at=f"2023-11-15 12:{n * 7919 % count % 3600 // 60:02d}:00")
        for n in range(count)
    ]
    records = good(read(discord_package(tmp_path / "package", rows)))
    assert len(records) == count
    assert sum(len(record.text) for record in records) > MAX_HELD
    assert [record.said_at for record in records] == sorted(record.said_at for record in records)
    assert [record.position for record in records] == list(range(count))


def test_the_same_message_twice_counts_once(tmp_path: Path) -> None:
    reader = read(
        discord_package(
            tmp_path / "package",
            [discord_row(1, "one"), discord_row(2, "other"), discord_row(1, "two", at="2023-11-15 11:00:00")],
        )
    )
    assert [record.text for record in good(reader)] == ["one", "other"]
    assert [report.line for report in bad(reader)] == [14]

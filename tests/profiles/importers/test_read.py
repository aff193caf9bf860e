"""Which export a file, folder or zip is, what is refused and why, and that no input does more than that."""

from __future__ import annotations

import json
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ImportRefused
from profiles.importers import Format, read, sources
from tests.profiles.importers.exports import (
    CHANNEL,
    FIRST,
    NOON,
    bad,
    chatgpt_conversation,
    chatgpt_node,
    discord_csv,
    discord_package,
    discord_row,
    good,
    telegram_account,
    telegram_chat,
    telegram_message,
    written,
    zipped,
)

TELEGRAM = json.dumps(
    telegram_account([telegram_chat([telegram_message(1, "¡Hola!"), telegram_message(2, "día 😀")])]), ensure_ascii=False
)
CHATGPT = json.dumps(
    [chatgpt_conversation("c1", [chatgpt_node("q", "root", "user", "¡Hola!"), chatgpt_node("a", "q", "assistant", "Sí")])]
)
DISCORD = json.dumps([discord_row(2, "¡Hola!"), discord_row(1, "día")])
CSV = discord_csv([(FIRST, "2023-11-15 12:00:00", "¡Hola!\ndía", ""), (FIRST + 1, "2023-11-15 12:00:00", "two", "")])
MESSAGES = f"Mensajes/c{CHANNEL}/messages.json"


def _no_links(path: Path) -> None:
    if not hasattr(os, "symlink"):
        pytest.skip("no links on this system")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("content", [TELEGRAM, CHATGPT])
def test_every_unicode_encoding_is_read(tmp_path: Path, content: str, encoding: str) -> None:
    file = tmp_path / "any name.txt"
    file.write_bytes(content.encode(encoding))
    assert next(record.text for record in good(read(file))) == "¡Hola!"
    assert bad(read(file)) == []


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("result.json", TELEGRAM, Format.TELEGRAM),
        ("ChatExport_2024/result.json", TELEGRAM, Format.TELEGRAM),
        ("conversations.json", CHATGPT, Format.CHATGPT),
        ("export/conversations-000.json", CHATGPT, Format.CHATGPT),
        (MESSAGES, DISCORD, Format.DISCORD),
        (f"package/{MESSAGES}", DISCORD, Format.DISCORD),
    ],
)
def test_folder_and_zip_are_told_by_what_is_in_them(tmp_path: Path, name: str, content: str, expected: Format) -> None:
    file = tmp_path / "folder" / name
    file.parent.mkdir(parents=True)
    file.write_text(content, encoding="utf-8")
    archive = zipped(tmp_path / "export.zip", {name: content, "photos/photo.jpg": b"\xff\xd8", "README.txt": "hi"})
    for path in (tmp_path / "folder", archive):
        reader = read(path)
        assert reader.format is expected
        assert len(good(reader)) == 2
        assert read(path, format=expected).format is expected


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "empty"),
        ("[]", "empty"),
        ("<!DOCTYPE html><html></html>", "choose the format JSON"),
        ('[{"uuid": "1", "name": "x", "chat_messages": []}]', "Claude"),
        ('[{"ID": 1, "Timestamp": "2023-11-15 12:00:00", "Contents": "x"}]', "the whole folder or zip"),
        ('{"guild": {"id": "1"}, "messages": []}', "DiscordChatExporter"),
        ('{"some": "thing"}', "Telegram Desktop's result.json, a Discord data package, or ChatGPT's conversations.json"),
        ("[1, 2, 3]", "none of the exports"),
        ("Dear diary", "none of the exports"),
        ("\0\0\0\0", "none of the exports"),
    ],
)
def test_what_is_none_of_them_is_refused_with_what_was_expected_and_found(tmp_path: Path, content: str, word: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(content)
    for format in (None, Format.TELEGRAM, Format.CHATGPT):
        with pytest.raises(ImportRefused, match=f"'file.json' is none.*{word}|{word}"):
            read(file, format=format)


def test_what_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path / "nul\0", tmp_path):
        with pytest.raises(ImportRefused):
            read(path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImportRefused, match="neither a file nor a folder"):
        read(tmp_path / "pipe")


def test_insisting_on_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused):
        read(written(tmp_path / "result.json", json.loads(TELEGRAM)), format=Format.CHATGPT)
    with pytest.raises(ImportRefused):
        read(discord_package(tmp_path / "package", [discord_row(1, "hi")]), format=Format.TELEGRAM)


def test_several_exports_in_one_folder_are_refused_unless_the_format_tells(tmp_path: Path) -> None:
    written(tmp_path / "one" / "result.json", json.loads(TELEGRAM))
    written(tmp_path / "conversations.json", json.loads(CHATGPT))
    with pytest.raises(ImportRefused, match="several exports"):
        read(tmp_path)
    assert read(tmp_path, format=Format.CHATGPT).format is Format.CHATGPT
    written(tmp_path / "two" / "result.json", json.loads(TELEGRAM))
    with pytest.raises(ImportRefused, match="several exports"):
        read(tmp_path, format=Format.TELEGRAM)


def test_refusals_and_reports_are_worded_in_the_owners_language(tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_text("{}")
    with pytest.raises(ImportRefused, match=r"'file\.json'"):
        read(file, language="es")


def test_links_inside_a_folder_lead_nowhere(tmp_path: Path) -> None:
    _no_links(tmp_path)
    outside = written(tmp_path / "outside" / "messages.json", json.loads(DISCORD))
    package = discord_package(tmp_path / "package", [discord_row(1, "inside")])
    (package / "Mensajes" / "c77777").mkdir()
    (package / "Mensajes" / "c77777" / "messages.json").symlink_to(outside)
    (package / "Mensajes" / "c88888").symlink_to(outside.parent)
    assert [record.text for record in good(read(package))] == ["inside"]
    (tmp_path / "named").symlink_to(package)
    assert [record.text for record in good(read(tmp_path / "named"))] == ["inside"]


def test_a_file_that_became_a_link_meanwhile_is_not_followed(tmp_path: Path) -> None:
    _no_links(tmp_path)
    outside = written(tmp_path / "outside.json", json.loads(DISCORD))
    package = discord_package(tmp_path / "package", [discord_row(1, "inside")])
    reader = read(package)
    (package / MESSAGES).unlink()
    (package / MESSAGES).symlink_to(outside)
    assert good(reader) == []
    assert ["damaged" in report.reason for report in bad(reader)] == [True]


@pytest.mark.parametrize(
    "name", [f"../{MESSAGES}", f"/{MESSAGES}", f"a/../{MESSAGES}", f"C:/{MESSAGES}", MESSAGES.replace("/", "\\")]
)
def test_members_with_names_that_lead_elsewhere_are_not_read(tmp_path: Path, name: str) -> None:
    archive = zipped(tmp_path / "export.zip", {name: DISCORD})
    with pytest.raises(ImportRefused):
        read(archive)


def test_a_link_in_a_zip_is_not_read(tmp_path: Path) -> None:
    link = zipfile.ZipInfo(MESSAGES)
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ImportRefused):
        read(tmp_path / "export.zip")


def _flagged(path: Path, at: int, value: int) -> None:
    """Set two bytes of the first member's entry in the table of contents."""
    raw = bytearray(path.read_bytes())
    struct.pack_into("<H", raw, raw.index(b"PK\x01\x02") + at, value)
    path.write_bytes(raw)


@pytest.mark.parametrize(("at", "value", "word"), [(8, 1, "encrypted"), (10, 9, "unpack it"), (10, 14, "unpack it")])
def test_encrypted_and_oddly_packed_zips_are_refused(tmp_path: Path, at: int, value: int, word: str) -> None:
    archive = zipped(tmp_path / "export.zip", {"result.json": TELEGRAM})
    _flagged(archive, at, value)
    with pytest.raises(ImportRefused, match=word):
        read(archive)


def test_a_zip_that_unpacks_to_far_more_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("result.json", "w", force_zip64=True) as member,
    ):
        for _ in range(sources.SMALL // 1_048_576 + 1):
            member.write(b" " * 1_048_576)
    with pytest.raises(ImportRefused, match="far more"):
        read(bomb)


def test_a_huge_table_of_contents_is_not_read(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "export.zip", {"result.json": TELEGRAM})
    raw = bytearray(archive.read_bytes())
    end = raw.index(b"PK\x05\x06")
    struct.pack_into("<L", raw, end + 12, sources.MAX_DIRECTORY + 1)
    archive.write_bytes(b"\0" * sources.MAX_DIRECTORY + bytes(raw))
    with pytest.raises(ImportRefused, match="damaged"):
        read(archive)


def test_a_damaged_member_gives_what_is_before_the_damage(tmp_path: Path) -> None:
    account = telegram_account([telegram_chat([telegram_message(n, os.urandom(300).hex()) for n in range(1, 3_000)])])
    archive = zipped(tmp_path / "export.zip", {"result.json": json.dumps(account)})
    raw = bytearray(archive.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 2_000] = bytes(2_000)
    archive.write_bytes(raw)
    reader = read(archive)
    assert len(good(reader)) > 500
    assert any("damaged" in report.reason or "no JSON" in report.reason or "middle" in report.reason for report in bad(reader))


def test_an_export_that_is_gone_is_refused_while_reading(tmp_path: Path) -> None:
    reader = read(zipped(tmp_path / "export.zip", {"result.json": TELEGRAM}))
    (tmp_path / "export.zip").unlink()
    with pytest.raises(ImportRefused):
        list(reader)


def _mangled(content: bytes, cuts: list[tuple[float, bytes, int]]) -> bytes:
    for place, new, old in cuts:
        at = int(place * len(content))
        content = content[:at] + new + content[at + old :]
    return content


MANGLING = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.one_of(st.binary(max_size=5), st.sampled_from([b'"', b"{", b"]", b"null", b"9" * 400, b"\\x0"])),
        st.integers(0, 9),
    ),
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["result.json", "conversations.json", MESSAGES, f"m/c{CHANNEL}/messages.csv"]),
    st.booleans(),
    MANGLING,
    MANGLING,
)
def test_hostile_exports_are_read_the_same_twice_or_refused(
    name: str, is_zip: bool, inner: list[tuple[float, bytes, int]], outer: list[tuple[float, bytes, int]]
) -> None:
    content = {"result.json": TELEGRAM, "conversations.json": CHATGPT, MESSAGES: DISCORD}.get(name, CSV)
    with TemporaryDirectory() as folder:
        path = Path(folder, "export")
        raw = _mangled(content.encode(), inner)
        if is_zip:
            path.write_bytes(_mangled(zipped(path, {name: raw}).read_bytes(), outer))
        else:
            Path(path, name).parent.mkdir(parents=True)
            Path(path, name).write_bytes(raw)
        try:
            reader = read(path)
            once, again = list(reader), list(reader)
        except ImportRefused:
            return
        assert once == again
        keys = [record.key for record in good(reader)]
        assert len(keys) == len(set(keys))
        assert all(record.line >= 1 for record in once)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_bytes_that_are_no_export_are_refused(raw: bytes) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder, "file")
        for content in (raw, b"[" + raw, b"PK\x03\x04" + raw, raw + b"PK\x05\x06" + bytes(18)):
            file.write_bytes(content)
            with pytest.raises(ImportRefused):
                list(read(file))


def _large_telegram(folder: Path) -> Path:
    head, tail = json.dumps(telegram_account([telegram_chat(["HERE"])])).split('"HERE"')
    with (folder / "result.json").open("w") as file:
        file.write(head)
        for number in range(1, 10_001):
            file.write((",\n" if number > 1 else "") + json.dumps(telegram_message(number, "text " * 1_000, at=NOON + number)))
        file.write(tail)
    return folder


def _large_chatgpt(folder: Path) -> Path:
    with (folder / "conversations.json").open("w") as file:
        for place in range(100):
            nodes = [chatgpt_node(f"n{n}", f"n{n - 1}" if n else "root", "user", "text " * 1_000) for n in range(100)]
            file.write((", " if place else "[") + json.dumps(chatgpt_conversation(f"c{place}", nodes)))
        file.write("]")
    return folder


def _large_discord(folder: Path) -> Path:
    rows = (
        json.dumps(discord_row(n, "text " * 1_000, at=f"2023-11-{1 + n // 1_000:02d} 12:00:00")) for n in range(9_999, -1, -1)
    )
    (folder / MESSAGES).parent.mkdir(parents=True)
    with (folder / MESSAGES).open("w") as file:
        for place, row in enumerate(rows):
            file.write((", " if place else "[") + row)
        file.write("]")
    return folder


@pytest.mark.parametrize("large", [_large_telegram, _large_chatgpt, _large_discord])
def test_fifty_megabytes_are_read_in_a_fraction_of_the_memory(tmp_path: Path, large: Callable[[Path], Path]) -> None:
    reader = read(large(tmp_path))
    assert reader.bytes_total > 50_000_000
    tracemalloc.start()
    try:
        count = sum(1 for _ in reader)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 10_000
    assert reader.bytes_read == reader.bytes_total
    assert peak < 15_000_000

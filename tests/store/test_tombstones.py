"""The file of the forgotten."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import StoreDamaged, StoreFull
from bot.store.keys import Keys
from bot.store.tombstones import Tombstones
from tests.fakes import NOON

KEYS = Keys(b"k" * 32)


async def test_a_tombstone_names_nobody_and_is_found_by_who_has_the_key(tmp_path: Path) -> None:
    path = tmp_path / "tombstones.jsonl"
    tombstones = Tombstones(path, KEYS)
    await tombstones.add([("telegram", "ana"), ("web", "ana")], NOON)
    assert "ana" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert dict(await tombstones.read()) == {KEYS.identity("telegram", "ana"): NOON, KEYS.identity("web", "ana"): NOON}
    other = Keys(b"o" * 32)
    assert other.identity("telegram", "ana") not in await tombstones.read()


async def test_the_latest_time_of_an_identity_counts(tmp_path: Path) -> None:
    tombstones = Tombstones(tmp_path / "tombstones.jsonl", KEYS)
    for days in (0, 2, 1):
        await tombstones.add([("web", "ana")], NOON + timedelta(days=days))
    assert list((await tombstones.read()).values()) == [NOON + timedelta(days=2)]


async def test_no_file_is_nobody(tmp_path: Path) -> None:
    tombstones = Tombstones(tmp_path / "tombstones.jsonl", KEYS)
    await tombstones.add([], NOON)
    assert dict(await tombstones.read()) == {}


@given(torn=st.integers(min_value=1, max_value=80))
async def test_a_line_torn_by_a_crash_is_no_tombstone_and_spoils_none(
    tmp_path_factory: pytest.TempPathFactory, torn: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "tombstones.jsonl"
    tombstones = Tombstones(path, KEYS)
    await tombstones.add([("web", "ana")], NOON)
    whole = len(path.read_bytes())
    await tombstones.add([("web", "luis")], NOON)
    path.write_bytes(path.read_bytes()[: whole + torn])
    assert set(await tombstones.read()) == {KEYS.identity("web", "ana")}
    await tombstones.add([("web", "eva")], NOON)
    assert set(await tombstones.read()) == {KEYS.identity("web", "ana"), KEYS.identity("web", "eva")}


async def test_a_damaged_file_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "tombstones.jsonl"
    path.write_text('{"identity": "abc"}\n')
    with pytest.raises(StoreDamaged, match="line 1"):
        await Tombstones(path, KEYS).read()


async def test_a_folder_that_cannot_be_written_erases_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreFull, match="nothing was erased"):
        await Tombstones(tmp_path / "missing" / "tombstones.jsonl", KEYS).add([("web", "ana")], NOON)


def test_keys_show_no_secret_and_keep_events_and_identities_apart() -> None:
    assert "kkk" not in repr(KEYS)
    assert KEYS.event("web", "ana") != KEYS.identity("web", "ana")
    assert KEYS.event("web", "a") != KEYS.event("discord", "a")
    with pytest.raises(ValueError, match="16 to 64"):
        Keys(b"short")

"""What doctor says of every state that an installation can be in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from bot.config import read_config
from bot.errors import StoreDamaged
from bot.jobs.doctor import (
    MANY,
    Broken,
    Database,
    Doctor,
    Finding,
    Looks,
    Remembered,
    State,
    changed_settings,
    invariant_in_words,
    worst,
)
from bot.model_types import ModelStatus
from bot.ports import UsageOfDay
from bot.store.invariants import INVARIANTS
from bot.types import AdminNotice, Limit
from tests.canaries import Canaries

T = TypeVar("T")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KNOWN = Remembered(memories=120, vectors=118, made_by="hash-1", chosen="hash-1")
OFFLINE = ModelStatus(name="offline", is_ready=True, is_remote=False, detail="always")


class FixedClock:
    """Noon."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def gives(value: T) -> Callable[[], Awaitable[T]]:
    async def look() -> T:
        return value

    return look


def fails(error: Exception) -> Callable[[], Awaitable[T]]:
    async def look() -> T:
        raise error

    return look


WELL = Looks(
    holder=gives(None),
    free_bytes=gives(10 << 30),
    database=gives(Database(exists=True, size=1 << 20)),
    backups=gives([NOW - timedelta(hours=9)]),
    knowledge=gives((12, ())),
    models=gives([OFFLINE]),
    memory=gives(KNOWN),
    usage=gives(UsageOfDay(day=NOW.date(), people=0, messages=0, tokens=0, cost=0)),
    notices=gives(()),
    port_is_free=gives(True),
    invariants=gives(()),
)


async def examine(
    tmp_path: Path,
    looks: Looks = WELL,
    *,
    language: str = "en",
    with_invariants: bool = True,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Finding]:
    loaded = read_config(environ=environ or {}, folder=tmp_path)
    found = await Doctor(loaded, looks, clock=FixedClock(), language=language).examine(with_invariants=with_invariants)
    return {finding.part: finding for finding in found}


async def test_a_healthy_installation_is_all_ok(tmp_path: Path) -> None:
    findings = await examine(tmp_path)
    assert list(findings) == [
        *(
            "configuration",
            "data folder",
            "disk space",
            "database",
            "backups",
            "knowledge",
            "models",
            "memory",
            "use today",
            "page",
            "invariants",
        )
    ]
    assert {finding.state for finding in findings.values()} == {State.OK}
    assert worst(findings.values()) is State.OK


async def test_the_store_is_read_whole_only_when_asked(tmp_path: Path) -> None:
    looks = replace(WELL, invariants=fails(AssertionError("read")))
    assert "invariants" not in await examine(tmp_path, looks, with_invariants=False)


@pytest.mark.parametrize(
    ("part", "looks", "state", "says"),
    [
        ("data folder", replace(WELL, holder=gives("process 7 at http://x")), State.OK, "served by process 7 at http://x"),
        ("data folder", replace(WELL, holder=gives("process 7")), State.OK, "served by process 7"),
        ("data folder", replace(WELL, holder=gives("another process")), State.OK, "served by another process"),
        ("disk space", replace(WELL, free_bytes=gives(500 << 20)), State.ATTENTION, "524\xa0MB"),
        ("disk space", replace(WELL, free_bytes=gives(1 << 20)), State.BROKEN, "1.0\xa0MB"),
        (
            "disk space",
            replace(WELL, free_bytes=fails(PermissionError(13, "Permission denied"))),
            State.BROKEN,
            "Permission denied",
        ),
        ("database", replace(WELL, database=gives(Database(exists=False))), State.ATTENTION, "none yet"),
        ("database", replace(WELL, database=gives(Database(exists=True, is_old=True))), State.ATTENTION, "earlier version"),
        ("database", replace(WELL, database=fails(StoreDamaged("page 5 is bad"))), State.BROKEN, "page 5 is bad"),
        ("backups", replace(WELL, backups=gives(())), State.ATTENTION, "none yet"),
        ("backups", replace(WELL, backups=gives([NOW - timedelta(days=3)])), State.ATTENTION, "2026-11-17"),
        ("knowledge", replace(WELL, knowledge=gives((0, ()))), State.ATTENTION, "0 passages in knowledge"),
        ("knowledge", replace(WELL, knowledge=gives((3, ["a.csv:2: no answer"] * 9))), State.ATTENTION, "and 4 more"),
        ("page", replace(WELL, port_is_free=gives(False)), State.BROKEN, "127.0.0.1:8080 is taken"),
        ("page", replace(WELL, port_is_free=gives(False), holder=gives("process 7")), State.OK, "as it should be"),
        (
            "invariants",
            replace(WELL, invariants=gives([Broken(name="one turn", count=2, examples=["a", "b"])])),
            State.BROKEN,
            "one turn: 2 (a, b)",
        ),
    ],
)
async def test_each_part_is_told_apart(part: str, looks: Looks, state: State, says: str, tmp_path: Path) -> None:
    findings = await examine(tmp_path, looks)
    assert findings[part].state is state
    assert says in findings[part].detail
    others = [finding.state for name, finding in findings.items() if name != part]
    assert set(others) == {State.OK}


async def test_a_look_that_hangs_is_given_up(tmp_path: Path) -> None:
    async def hang() -> int:
        await asyncio.Event().wait()
        return 0

    looks = replace(WELL, free_bytes=hang)
    loaded = read_config(environ={}, folder=tmp_path)
    found = await Doctor(loaded, looks, clock=FixedClock(), language="en", deadline_s=0.05).examine()
    assert [finding.part for finding in found if finding.state is State.BROKEN] == ["disk space"]


async def test_models_are_broken_only_when_none_answers(tmp_path: Path) -> None:
    away = ModelStatus(name="far", is_ready=False, is_remote=True, detail="refused", next_step="start it")
    mixed = (await examine(tmp_path, replace(WELL, models=gives([away, OFFLINE]))))["models"]
    assert mixed.state is State.ATTENTION
    assert "✗ far: refused; text leaves this machine\n    → start it" in mixed.detail
    assert (await examine(tmp_path, replace(WELL, models=gives([away]))))["models"].state is State.BROKEN


async def test_settings_are_shown_with_their_source_and_secrets_never(tmp_path: Path, canaries: Canaries) -> None:
    (tmp_path / "config.toml").write_text("[core]\nhistory = 3\n[limits]\nqueue_all = 1000\n")
    environ = {"MARTIN_WEB__ACCESS_TOKEN": canaries.access_token}
    loaded = read_config(environ=environ, folder=tmp_path)
    assert changed_settings(loaded) == [
        "web.access_token = ••• (MARTIN_WEB__ACCESS_TOKEN)",
        "core.history = 3 (config.toml: core.history)",
    ]
    assert canaries.found_in(repr(await examine(tmp_path, environ=environ))) == []


async def test_doctor_speaks_spanish(tmp_path: Path) -> None:
    english, spanish = await examine(tmp_path), await examine(tmp_path, language="es")
    assert "base de datos" in spanish
    assert not set(english) & set(spanish)


async def test_a_model_that_nobody_named_may_be_away_and_is_told_all_the_same(tmp_path: Path) -> None:
    away = ModelStatus(
        name="ollama", is_ready=False, is_remote=False, detail="not there", next_step="start it", is_wanted=False
    )
    found = (await examine(tmp_path, replace(WELL, models=gives([away, OFFLINE]))))["models"]
    assert found.state is State.OK
    assert "· ollama: not there\n    → start it" in found.detail


async def test_a_models_version_and_its_time_to_a_first_token_are_told(tmp_path: Path) -> None:
    tried = replace(OFFLINE, name="ollama/x", version="abc", first_token_s=0.35)
    english = (await examine(tmp_path, replace(WELL, models=gives([tried]))))["models"]
    assert "ollama/x: always; version abc; first token after 0.35\xa0s" in english.detail
    spanish = (await examine(tmp_path, replace(WELL, models=gives([tried])), language="es"))["modelos"]
    assert "0,35\xa0s" in spanish.detail


async def test_use_of_the_day_and_notices_are_told(tmp_path: Path) -> None:
    used = UsageOfDay(day=NOW.date(), people=3, messages=12, tokens=3456, cost=1_250_000)
    notice = AdminNotice(kind=Limit.TOKENS.value, day=NOW.date(), facts={"limit": "5000"}, at=NOW)
    found = (await examine(tmp_path, replace(WELL, usage=gives(used), notices=gives([notice]))))["use today"]
    assert found.state is State.ATTENTION
    assert "12 messages, 3456 tokens, 1.25\xa0EUR, by 3 people" in found.detail
    assert "2026-11-20: " in found.detail


async def test_every_invariant_and_holder_is_named_in_spanish(tmp_path: Path) -> None:
    assert len({invariant_in_words("es", name) for name in INVARIANTS} | {*INVARIANTS}) == 2 * len(INVARIANTS)
    assert [invariant_in_words("en", name) for name in INVARIANTS] == [*INVARIANTS]
    looks = replace(
        WELL,
        holder=gives("process 6861 at http://127.0.0.1:8080"),
        invariants=gives([Broken(name=name, count=1, examples=["x"]) for name in INVARIANTS]),
    )
    details = " ".join(finding.detail for finding in (await examine(tmp_path, looks, language="es")).values())
    assert "6861" in details
    assert "http://127.0.0.1:8080" in details
    assert not [word for word in ("process ", "served", *INVARIANTS) if word in details]


@pytest.mark.parametrize(
    ("found", "environ", "state", "says", "step"),
    [
        (Remembered(chosen="hash-1"), {}, State.OK, "nothing is remembered yet\nembedder hash-1, which compares letters", ""),
        (KNOWN, {}, State.OK, "120 memories, 118 with a vector by hash-1", ""),
        (Remembered(memories=1, chosen="hash-1"), {}, State.OK, "1 memory, without a vector yet", ""),
        (
            replace(KNOWN, to_remember=2, to_index=MANY, to_remove=3),
            {},
            State.OK,
            "waiting: 2 to be remembered, 1000+ to go into the index, 3 to leave it",
            "",
        ),
        (replace(KNOWN, chosen="onnx-1a2b-384"), {}, State.OK, "embedder onnx-1a2b-384; every vector is made anew", ""),
        (replace(KNOWN, has_model=True), {"MARTIN_MEMORY__EMBEDDER": "hash"}, State.OK, "by hash-1\nembedder hash-1", ""),
        (
            replace(KNOWN, chosen="onnx", why_not="onnx: there is no model.onnx in the folder"),
            {"MARTIN_MEMORY__EMBEDDER": "onnx"},
            State.ATTENTION,
            "embedder onnx is not ready: onnx: there is no model.onnx in the folder",
            "embedder-pull",
        ),
        (
            replace(KNOWN, chosen="onnx", why_not="damaged", has_model=True),
            {"MARTIN_MEMORY__EMBEDDER": "onnx"},
            State.ATTENTION,
            "embedder onnx is not ready: damaged",
            "set memory.embedder to hash",
        ),
        (
            replace(KNOWN, chosen="ollama/", why_not="refused"),
            {"MARTIN_MEMORY__EMBEDDER": "ollama"},
            State.ATTENTION,
            "not ready: refused",
            "ollama pull embeddinggemma",
        ),
        (
            replace(KNOWN, chosen="mistral", why_not="401"),
            {"MARTIN_MEMORY__EMBEDDER": "mistral"},
            State.ATTENTION,
            "not ready: 401",
            "models.mistral.api_key",
        ),
        (
            replace(KNOWN, server_answers=True),
            {"MARTIN_MEMORY__CHROMA_SERVER": "http://127.0.0.1:8000"},
            State.OK,
            "the Chroma server http://127.0.0.1:8000 answers",
            "",
        ),
        (
            replace(KNOWN, server_answers=False),
            {"MARTIN_MEMORY__CHROMA_SERVER": "http://127.0.0.1:8000"},
            State.ATTENTION,
            "does not answer",
            "start the Chroma server",
        ),
        (
            replace(KNOWN, chosen=""),
            {"MARTIN_MEMORY__ENABLED": "false"},
            State.OK,
            "switched off: memory.enabled is false\n120 memories",
            "",
        ),
    ],
)
async def test_memory_is_told_with_what_waits_and_what_finds_it(
    found: Remembered, environ: Mapping[str, str], state: State, says: str, step: str, tmp_path: Path
) -> None:
    looks = replace(WELL, memory=gives(found))
    finding = (await examine(tmp_path, looks, environ=environ))["memory"]
    assert finding.state is state
    assert says in finding.detail
    assert step in finding.next_step
    assert bool(finding.next_step) == (state is not State.OK)

"""The invented people of `two_weeks_people` in a real database: as the bot would have stored what they did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import msgspec

from benchmarks.two_weeks_people import Happening, What
from bot.profile_types import NEUTRAL
from bot.store.db import Unit
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.store.open import Stores
from bot.store.statements import (
    INSERT_ADDRESS,
    INSERT_CONSENT,
    INSERT_IDENTITY,
    INSERT_PERSON,
    INSERT_TURN,
    LOG_ANSWER,
    SET_RATING,
)
from bot.store.writes import Step, by_rank
from bot.system import SystemClock

_KEY = "secret.key"


async def new_folder(path: Path, seed: int) -> DataFolder:
    """An empty, migrated data folder whose key follows from the seed, so that rows have the same names every time."""
    folder = DataFolder.open(path)
    (path / _KEY).write_bytes(blake2b(f"two weeks {seed}".encode(), digest_size=32).digest())
    await migrate(folder, SystemClock())
    return folder


class Chronicle:
    """Stores what happens, in its order; it may come in several pieces, and `at_once` so much in one transaction."""

    def __init__(self, stores: Stores, *, at_once: int = 1) -> None:
        self._stores, self._at_once = stores, at_once
        self._met: set[tuple[str, str]] = set()
        self._number = 0

    async def live(self, happened: Iterable[Happening]) -> None:
        """What happens next."""
        for some in _pieces(happened, self._at_once):
            steps: list[Step] = []
            for one in some:
                self._number += 1
                steps += [step for met in _meeting(one, self._met) for step in met]
                steps += _steps(one, self._number)
            if steps:
                await self._stores.database.commit(Unit(*sorted(steps, key=by_rank)))


def _pieces(happened: Iterable[Happening], size: int) -> Iterator[list[Happening]]:
    """In pieces of so many."""
    rest = iter(happened)
    while piece := list(islice(rest, size)):
        yield piece


def _meeting(one: Happening, met: set[tuple[str, str]]) -> Iterable[list[Step]]:
    """Person and address, at first sight; each is there before what refers to it."""
    if (one.person, "") not in met:
        met.add((one.person, ""))
        yield [
            (INSERT_PERSON, {"id": one.person, "language": one.language, "created_at": one.at}),
            (
                INSERT_IDENTITY,
                {"channel": one.channel.value, "user": one.user, "person_id": one.person, "created_at": one.at},
            ),
        ]
    if one.chat and (one.person, one.chat) not in met:
        met.add((one.person, one.chat))
        address: dict[str, object] = {
            "id": _address(one),
            "channel": one.channel.value,
            "chat": one.chat,
            "user": one.user,
            "thread": "",
            "is_private": one.is_private,
            "conversation_id": f"first of {_address(one)}",
            "created_at": one.at,
        }
        yield [(INSERT_ADDRESS, address)]


def _steps(one: Happening, number: int) -> list[Step]:
    match one.what:
        case What.ARRIVAL:
            return []
        case What.CONSENT:
            consent: dict[str, object] = {
                "id": f"{number:08}",
                "person_id": one.person,
                "granted": one.granted,
                "version": "1",
                "at": one.at,
            }
            return [(INSERT_CONSENT, consent)]
        case What.TURN:
            return [(INSERT_TURN, _turn(one)), (LOG_ANSWER, _log(one))]
        case What.RATING:
            rating: dict[str, object] = {
                "turn_id": one.turn,
                "person_id": one.person,
                "value": one.value or 0,
                "reason": one.reason.value if one.reason else None,
                "correction": one.correction,
                "rated_at": one.at,
            }
            return [(SET_RATING, rating)]


def _turn(one: Happening) -> dict[str, object]:
    return {
        "id": one.turn,
        "person_id": one.person,
        "address_id": _address(one),
        "conversation_id": one.conversation,
        "is_private": one.is_private,
        "kind": "text",
        "handler": "chat",
        "status": one.status.value,
        "language": one.language,
        "question": one.question,
        "answer": one.answer,
        "note": None,
        "choices": None,
        "is_rateable": True,
        "model": one.model,
        "generation": None,
        "flags": msgspec.json.encode(sorted(one.flags)).decode() if one.flags else None,
        "evidence": None,
        "asked_at": one.at,
        "answered_at": one.at,
    }


def _log(one: Happening) -> dict[str, object]:
    arms = msgspec.json.encode(one.arms).decode()
    return {
        "turn_id": one.turn,
        "person_id": one.person,
        "address_id": _address(one),
        "conversation_id": one.conversation,
        "thread": one.conversation,
        "condition": "profile",
        "is_measured": False,
        "topic": "",
        "level": 0.0,
        "goal": "",
        "length": 0.0,
        "arms": arms,
        "asked": arms,
        "used": msgspec.json.encode(NEUTRAL).decode(),
        "propensities": "[]",
        "obeyed": "[]",
        "is_length_obeyed": None,
        "words": len(one.answer.split()),
        "version": one.prompt_version,
        "at": one.at,
    }


def _address(one: Happening) -> str:
    return f"{one.channel.value} {one.chat} {one.user}"

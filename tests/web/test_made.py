"""How an answer was made, and what admins are to know, over real HTTP: for whoever it is meant for and for nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from bot.notices import notice_text
from bot.system import SystemClock
from bot.types import LANGUAGES, AdminNotice, EvidenceKind, Flag, Generation, Language, Limit, Source
from tests.web.client import ANA, BEA, at_home, error_of, reply
from tests.web.house import settings
from web.strings import page_strings

MADE = Generation(
    model="mistral/small", prompt_tokens=1204, completion_tokens=87, seconds=4.2, first_token_s=0.9, version="2506", cost=2_950
)
SOURCES = (
    Source(kind=EvidenceKind.CORRECTION, source="0123456789abcdefghjkmnpqrs", score=0.9),
    Source(kind=EvidenceKind.KNOWLEDGE, source="mill.md", score=0.7, title="The mill › Its gate"),
)
ADMIN = "an-admin-token-of-the-test"
OWNER = {"X-Martin-Owner": "owner-token-of-the-test"}


async def test_an_answer_says_how_it_was_made_when_it_comes_and_in_the_history() -> None:
    async with at_home(settings(currency="MXN", place={"mistral/small": "remote"}.get)) as (house, client):
        house.generation, house.sources = MADE, SOURCES
        arrived = await reply(client, "hello")
        (stored,) = (await client.get("/api/messages", headers=ANA)).json()["messages"]
    assert arrived["made"] == stored["made"]
    assert stored["made"] == {
        "model": "mistral/small",
        "version": "2506",
        "prompt_tokens": 1204,
        "completion_tokens": 87,
        "seconds": 4.2,
        "first_token_s": 0.9,
        "cost": 0.00295,
        "currency": "MXN",
        "is_fallback": False,
        "is_counted": True,
        "place": "remote",
    }
    assert "sources" not in arrived
    assert stored["sources"] == [
        {"kind": "correction", "source": "0123456789abcdefghjkmnpqrs", "title": ""},
        {"kind": "knowledge", "source": "mill.md", "title": "The mill › Its gate"},
    ]


async def test_what_nothing_was_generated_for_was_not_made() -> None:
    async with at_home() as (_, client):
        assert (await reply(client, "hello"))["made"] is None
        assert (await reply(client, "/stop"))["made"] is None
        (first, *_) = (await client.get("/api/messages", headers=ANA)).json()["messages"]
        assert (first["made"], first["sources"]) == (None, [])


@pytest.mark.parametrize("where", ["generation", "turn"])
async def test_a_fallback_is_told_wherever_it_is_flagged(where: str) -> None:
    async with at_home() as (house, client):
        flags = frozenset({Flag.FALLBACK})
        house.generation = Generation(
            model="m", prompt_tokens=1, completion_tokens=1, seconds=1, flags=flags if where == "generation" else frozenset()
        )
        house.flags = flags if where == "turn" else frozenset()
        assert (await reply(client, "hello"))["made"]["is_fallback"] is True


async def test_without_a_language_model_no_text_left_and_else_it_is_not_guessed() -> None:
    async with at_home() as (house, client):
        for is_counted, place in ((False, "machine"), (True, None)):
            house.generation = Generation(
                model="offline", prompt_tokens=1, completion_tokens=1, seconds=0.1, is_counted=is_counted
            )
            made = (await reply(client, f"hello {is_counted}"))["made"]
            assert (made["is_counted"], made["place"]) == (is_counted, place)


async def test_one_answer_can_be_read_alone_by_whom_it_belongs_to() -> None:
    async with at_home() as (house, client):
        house.sources = SOURCES
        turn_id = (await reply(client, "hello"))["turn_id"]
        await reply(client, "mine", BEA)
        stored = (await client.get("/api/messages", headers=ANA)).json()["messages"][0]
        assert (await client.get(f"/api/turns/{turn_id}", headers=ANA)).json() == stored
        refused = [
            await client.get(f"/api/turns/{known}", headers=BEA) for known in (turn_id, "0123456789abcdefghjkmnpqrs", "n!")
        ]
        assert {(response.status_code, error_of(response)) for response in refused} == {(404, "unknown_turn")}
        assert {response.text for response in refused} == {refused[0].text}
        assert error_of(await client.get(f"/api/turns/{turn_id}")) == "no_session"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_admins_read_the_notices_of_the_last_seven_days_in_their_language(language: Language) -> None:
    async with at_home(settings(admin_token=ADMIN, currency="MXN")) as (house, client):
        house.notices = tuple(_notice(days) for days in (0, 3, 6, 7))
        house.notices += (replace(house.notices[0], kind="unheard of"),)
        accepting = {"Accept-Language": language}
        await _sign_in(client)
        listed = (await client.get("/api/notices", headers=ANA | accepting)).json()["notices"]
        assert listed == [
            {"kind": notice.kind, "day": notice.day.isoformat(), "text": notice_text(notice, language, "MXN")}
            for notice in (*house.notices[:3], house.notices[4])
        ]
        assert "MXN" in listed[0]["text"]
        assert (await client.get("/api/notices", headers=OWNER | accepting)).json()["notices"] == listed


async def test_nobody_but_admins_reads_the_notices() -> None:
    async with at_home(settings(admin_token=ADMIN)) as (house, client):
        house.notices = (_notice(0),)
        response = await client.get("/api/notices", headers=ANA)
        assert (response.status_code, error_of(response)) == (403, "not_admin")
        assert error_of(await client.get("/api/notices")) == "no_session"
        assert error_of(await client.get("/api/notices", headers={"X-Martin-Owner": "wrong"})) == "wrong_token"
        forged = ANA | {"Cookie": "martin_admin=99999999999.0000"}
        assert (await client.get("/api/notices", headers=forged)).status_code == 403


async def test_notices_that_cannot_be_read_are_a_503() -> None:
    async with at_home() as (house, client):
        house.is_full = True
        response = await client.get("/api/notices", headers=OWNER)
        assert (response.status_code, error_of(response)) == (503, "unavailable")


def _notice(days_ago: int) -> AdminNotice:
    now = SystemClock().now()
    day = now.date() - timedelta(days=days_ago)
    return AdminNotice(kind=Limit.MONEY.value, day=day, facts={"limit": "5000000"}, at=now)


async def _sign_in(client: httpx.AsyncClient) -> None:
    response = await client.post("/login", data={"token": ADMIN}, headers={"Sec-Fetch-Site": "same-origin"})
    assert response.status_code == 303


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_words_for_every_kind_of_evidence(language: Language) -> None:
    words = page_strings(language, "Martín")
    assert {kind for kind in EvidenceKind if not words.get(f"source_{kind}")} == set()

"""The preference profile in a whole bot: asked on page and console, killed at every item, followed, and forgotten."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from bot.types import LANGUAGES, Language
from profiles.directives import Style, block
from profiles.events import DIMENSIONS
from tests.journeys.process import Running, choose, person, running, say
from tests.journeys.profile import (
    ASKED,
    MINUS,
    PLUS,
    QUESTIONNAIRE,
    Json,
    Signs,
    answer,
    begin,
    file_of,
    item_of,
    key_for,
    letter_of,
    owner,
    told,
)
from tests.servers.openai import OpenAiServer

SIGNS: dict[Language, Signs] = {"es": PLUS, "en": MINUS}
IN_BETWEEN: dict[Language, str] = {
    "es": "¿Qué es Martín y dónde guarda los datos?",
    "en": "What is Martín, and where is data kept?",
}
QUESTION = "Explain how a vaccine trains the immune system"
CANARY = "zanzibarquill"
MOST_THREADS = 60
"""With half of all threads neutral, in so many there is one of each kind: it fails once in millions of runs."""


# --- from the first item to the result ---


@pytest.mark.timeout(180)
async def test_a_person_finishes_the_questionnaire_on_the_page_and_at_the_console_in_both_languages(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        async with asyncio.TaskGroup() as group:
            for language in LANGUAGES:
                group.create_task(_on_the_page(bot, language))
            group.create_task(_at_the_console(tmp_path, bot))
        assert await bot.end() == 0


async def _on_the_page(bot: Running, language: Language) -> None:
    """Everything by button, but for what follows a question in between."""
    async with person(bot.address, f"a-person-who-speaks-{language}", language) as ana:
        reply = await begin(ana)
        for place, item in enumerate(ASKED):
            _asks(reply, item, language)
            key = key_for(item, SIGNS[language])
            if item != "ENT2":
                reply = await choose(ana, reply["turn_id"], key)
                continue
            letter, asking = letter_of(reply, key), reply["turn_id"]
            await say(ana, IN_BETWEEN[language])
            *_, asked, between = (await ana.get("/api/messages")).json()["messages"]
            assert (asked["turn_id"], asked["chosen"]) == (asking, None)
            assert (between["handler"], between["question"]) == ("chat", IN_BETWEEN[language])
            assert len(await told(ana)) == place
            reply = await say(ana, letter)
            messages = (await ana.get("/api/messages")).json()["messages"]
            assert next(one["chosen"] for one in messages if one["turn_id"] == asking) == key
        _is_result(reply, language)
        _is_result(await say(ana, "/profile"), language)
        assert [f"item:{one['item']}:{one['option']}" for one in await told(ana)] == [
            key_for(item, SIGNS[language]) for item in ASKED
        ]


async def _at_the_console(data: Path, bot: Running) -> None:
    """Everything by letter, in Spanish; then once more in English, as somebody may who answered too fast."""
    async with owner(data, bot, "es") as ana:
        result = await _typed(ana, await begin(ana), "es")
        assert "profile_start:redo" in [choice["key"] for choice in result["choices"]], "nobody reads so fast"
    async with owner(data, bot, "en") as ana:
        await say(ana, "/language en")
        await _typed(ana, await choose(ana, result["turn_id"], "profile_start:redo"), "en")
        assert len(await told(ana)) == 2 * len(ASKED)


async def _typed(client: httpx.AsyncClient, reply: Json, language: Language) -> Json:
    for item in ASKED:
        _asks(reply, item, language)
        reply = await say(client, letter_of(reply, key_for(item, SIGNS[language])))
    _is_result(reply, language)
    return reply


def _asks(reply: Json, item: str, language: Language) -> None:
    asked = QUESTIONNAIRE.items[item]
    assert item_of(reply) == item
    assert asked.text[language] in reply["text"]
    assert all(option.text[language] in reply["text"] for option in asked.options)
    if asked.dimension:
        number = ASKED.index(item) + 1 - 3
        assert QUESTIONNAIRE.progress[language].format(number=number, count=12) in reply["text"]


def _is_result(reply: Json, language: Language) -> None:
    assert item_of(reply) == ""
    assert QUESTIONNAIRE.science[language] in reply["text"]


# --- killed at every item ---


@pytest.mark.timeout(240)
@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)])
async def test_killed_at_an_item_it_goes_on_there_and_is_forgotten_when_asked_to(tmp_path: Path, every: int) -> None:
    async with running(tmp_path) as bot, person(bot.address, "an-unlucky-person") as ana:
        asking, unconfirmed = await begin(ana), ""
        bot.process.kill()
    for life, first in enumerate(range(0, len(ASKED), every)):
        async with running(tmp_path) as bot, person(bot.address, "an-unlucky-person") as ana:
            if unconfirmed:
                asking = await _give(ana, asking, ASKED[first - 1], unconfirmed)
            last = (await ana.get("/api/messages")).json()["messages"][-1]
            shown = (asking["turn_id"], ASKED[first], None)
            assert (last["turn_id"], item_of(last), last["chosen"]) == shown, "the page shows it open"
            *before, place = range(first, min(first + every, len(ASKED)))
            for earlier in before:
                asking = await _give(ana, asking, ASKED[earlier], f"answer-{earlier}")
            giving = asyncio.create_task(_give(ana, asking, ASKED[place], f"answer-{place}"))
            if life % 2:
                # Killed with the answer on its way, or half taken in: it is sent again under its id, as the page does.
                await asyncio.wait({giving}, timeout=0.01 * (life // 2 % 3))
                bot.process.kill()
                await asyncio.wait({giving})
                giving.exception()
                unconfirmed = f"answer-{place}"
            else:
                asking, unconfirmed = await giving, ""
                bot.process.kill()
    if unconfirmed:
        async with running(tmp_path) as bot, person(bot.address, "an-unlucky-person") as ana:
            asking = await _give(ana, asking, ASKED[-1], unconfirmed)
    _is_result(asking, "en")
    async with running(tmp_path) as bot, person(bot.address, "an-unlucky-person") as ana:
        assert [f"item:{one['item']}:{one['option']}" for one in await told(ana)] == [key_for(item, PLUS) for item in ASKED]
        await say(ana, QUESTION)
        rows = _rows(tmp_path)
        assert rows["answer_log"] == 1
        assert rows["profile_events"] >= len(ASKED) + 2, "with the consent and the course"
        held = json.dumps(file_of(await say(ana, "/mydata")))
        assert all(f'"{item}"' in held for item in ASKED)
        await choose(ana, (await say(ana, "/forgetme"))["turn_id"], "forgetme:yes")
        async with asyncio.timeout(20):
            while any(_rows(tmp_path).values()):
                await asyncio.sleep(0.1)
        assert (await say(ana, "/profile"))["choices"][0]["key"] == "profile_start:full"
        assert await bot.end() == 0


async def _give(client: httpx.AsyncClient, asking: Json, item: str, event_id: str) -> Json:
    """Every third answer is typed, the others are pressed."""
    key = key_for(item, PLUS)
    if ASKED.index(item) % 3 == 2:
        return await say(client, letter_of(asking, key), event_id)
    return await choose(client, asking["turn_id"], key, event_id)


def _rows(data: Path) -> dict[str, int]:
    """How many rows each table of the profile has."""
    with closing(sqlite3.connect(data / "martin.db")) as database:
        return {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("profile_events", "answer_log")
        }


# --- what a model is told ---


@pytest.mark.timeout(240)
async def test_two_profiles_ask_for_two_ways_to_explain_and_a_neutral_answer_for_none(tmp_path: Path) -> None:
    async with OpenAiServer() as server:
        settings = {
            "MARTIN_MODELS__PROVIDER": "openai",
            "MARTIN_MODELS__OPENAI__BASE_URL": server.base_url,
            "MARTIN_PROFILE__HOLDOUT_PERCENT": "50",
        }
        async with (
            running(tmp_path, **settings) as bot,
            person(bot.address, "a-person-of-examples") as ana,
            person(bot.address, "a-person-of-principles") as bea,
        ):
            both = ((ana, PLUS), (bea, MINUS))
            async with asyncio.TaskGroup() as group:
                for client, signs in both:
                    group.create_task(_becomes_clear(client, signs))
            wanted = [_directives(signs) for _, signs in both]
            assert not set(wanted[0][-4:]) & set(wanted[1]), "nothing of style is the same"
            for (client, _), directives in zip(both, wanted, strict=True):
                await _asks_until_seen(server, client, directives)
            assert await bot.end() == 0
        assert server.problems == []
        asked = [request.json["messages"] for request in server.requests if request.method == "POST"]
        assert any(CANARY in messages[-1]["content"] for messages in asked), "a correction is evidence"
        assert not any(CANARY in messages[0]["content"] for messages in asked), "and no directive"


async def _becomes_clear(client: httpx.AsyncClient, signs: Signs) -> None:
    result = await answer(client, await begin(client), signs, reads=True)
    assert result["text"].count("quite sure") == len(DIMENSIONS), result["text"]


async def _asks_until_seen(server: OpenAiServer, client: httpx.AsyncClient, wanted: tuple[str, ...]) -> None:
    """The same question in thread after thread, each drawn anew, until one had exactly these directives and one had none."""
    seen: list[tuple[str, ...]] = []
    while not {wanted, ()} <= set(seen):
        assert len(seen) < MOST_THREADS, seen
        await say(client, "/new")
        reply = await say(client, QUESTION)
        system = server.requests[-1].json["messages"][0]["content"]
        seen.append(tuple(system.partition("\n\n")[2].splitlines()))
        if len(seen) == 1:
            correction = {
                "turn_id": reply["turn_id"],
                "value": -1,
                "reason": "wrong",
                "correction": f"By a {CANARY}, in steps.",
            }
            assert (await client.post("/api/ratings", json=correction)).status_code == 200


def _directives(signs: Signs) -> tuple[str, ...]:
    """What a model is to read about whoever answered so, as far as nothing was tried out: four lines of style at the end."""
    ent, rut, act, form = (signs[dimension] for dimension in DIMENSIONS)
    assert {ent, rut, act, form} <= {1, -1}
    sign = "+" if ent > 0 else "-"
    style = Style(theta=(0.67,) * 4, sd=(0.33,) * 4, labels=(f"{sign}clear",) * 4, arms=(ent, rut, act, form))
    return block("en", level=4, goal="curious", length=1, style=style).lines

"""Two thousand hostile requests to the page's API: none brings a 5xx, and the bot answers afterwards as before."""

from __future__ import annotations

import asyncio
import json
import random
import string
from typing import Any

import httpx
import pytest

from tests.web.client import ANA, at_home, reply

COUNT = 2_000
NASTY: tuple[Any, ...] = (
    "",
    " ",
    "\x00",
    "\ud800",
    "\u202e",
    "😀" * 500,
    "é" * 4000,
    "'; DROP TABLE turns;--",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "../../../etc/passwd",
    "%s%n",
    "\r\nSet-Cookie: a=b",
    "A" * 20_000,
    "/stop",
    "/new",
    "/again",
    "//",
    "/" + "x" * 300,
    None,
    True,
    0,
    -1,
    1,
    2**70,
    1e308,
    -0.0,
    [],
    {},
    [[[[]]]],
    {"text": {"text": "x"}},
    "null",
    "NaN",
    "\u0000\u001b[2J",
    "\ufeff",
    "\U000e0041",
)
FIELDS = ("text", "event_id", "turn_id", "key", "value", "reason", "correction", "__proto__", "constructor", "")
PATHS = (
    "/api/messages",
    "/api/choices",
    "/api/ratings",
    "/api/turns/{}/stop",
    "/api/turns/{}/again",
    "/api/messages?limit={}",
    "/api/messages?before={}",
    "/login",
    "/logout",
    "/",
    "/?lang={}",
    "/static/{}",
    "/health/ready",
    "/api/{}",
    "/{}",
)
RAW = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"\x00",
    b"\xff" * 100,
    b'{"text":' * 500,
    b"[" * 5_000,
    b'{"text":"\\ud800"}',
    b'{"text":1e999}',
    b'{"text":"a","text":"b"}',
    b'{"turn_id":"x","value":NaN}',
    b"\xef\xbb\xbf{}",
    b"a=b&c=d",
    b'"' + b"x" * 70_000 + b'"',
)


def _value(chance: random.Random) -> Any:
    if chance.random() < 0.2:
        return "".join(chr(chance.randrange(0x2FFF)) for _ in range(chance.randrange(60)))
    return chance.choice(NASTY)


def _content(chance: random.Random) -> bytes:
    if chance.random() < 0.35:
        return chance.choice(RAW)
    fields = {chance.choice(FIELDS): _value(chance) for _ in range(chance.randrange(5))}
    return json.dumps(fields).encode("utf-8", "surrogatepass")


def _headers(chance: random.Random) -> dict[str, str]:
    junk = "".join(chance.choice(string.printable[:95]) for _ in range(chance.randrange(40))).strip()
    headers = {} if chance.random() < 0.15 else dict(ANA)
    headers["Content-Type"] = chance.choice(
        ["application/json"] * 6 + ["text/plain", "application/x-www-form-urlencoded", junk]
    )
    for name in (
        "Accept-Language",
        "Cookie",
        "Origin",
        "X-Martin-Access",
        "If-None-Match",
        "Sec-Fetch-Site",
        "X-Forwarded-For",
    ):
        if chance.random() < 0.08:
            headers[name] = junk
    if chance.random() < 0.1:
        headers["Cookie"] = f"martin_session={junk}; martin_admin=9999999999.{junk}; martin_lang={junk}"
    return headers


def _path(chance: random.Random) -> str:
    piece = str(_value(chance)).encode("utf-8", "replace")[:300]
    return chance.choice(PATHS).format("".join(f"%{byte:02x}" for byte in piece[:100]))


async def _fire(client: httpx.AsyncClient, seed: int) -> int:
    chance = random.Random(seed)
    method = chance.choice(["POST"] * 7 + ["GET"] * 2 + ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
    request = client.build_request(method, _path(chance), content=_content(chance), headers=_headers(chance))
    response = await client.send(request, stream=True)
    try:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            await response.aread()
        else:
            # An idle stream never ends by itself: its beginning is what counts here.
            await anext(response.aiter_bytes())
    finally:
        await response.aclose()
    return response.status_code


@pytest.mark.timeout(60)
async def test_two_thousand_hostile_requests_bring_no_5xx() -> None:
    statuses: list[int] = []
    async with at_home() as (_, client):

        async def fire_every(start: int) -> None:
            for seed in range(start, COUNT, 8):
                statuses.append(await _fire(client, seed))

        async with asyncio.TaskGroup() as tasks:
            for start in range(8):
                tasks.create_task(fire_every(start))
        assert (await reply(client, "still there?"))["text"] == "You said: still there?"
    assert len(statuses) == COUNT
    assert [status for status in statuses if status >= 500] == []
    assert len(set(statuses)) >= 6  # the generator reaches more than one kind of refusal

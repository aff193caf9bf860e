"""Who may see the page, whose session a request speaks for, and which sites may ask for a change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from bot.types import ChannelName
from tests.web.client import ANA, at_home, error_of, reply
from tests.web.house import settings
from web.auth import ATTEMPTS, ATTEMPTS_TABLE, Attempts
from web.language import locale_of
from web.origin import is_loopback_name, name_of

ACCESS = "an-access-token-of-the-test"
ADMIN = "an-admin-token-of-the-test"
OWNER = {"X-Martin-Owner": "owner-token-of-the-test"}


class TestClock:
    """A clock that a test moves."""

    __test__ = False

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        """The present."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Seconds."""
        return self.seconds


async def test_the_page_gives_a_session_that_scripts_cannot_read_and_other_sites_cannot_send() -> None:
    async with at_home() as (_, client):
        cookie = (await client.get("/")).headers["set-cookie"]
    name, _, value = cookie.partition(";")[0].partition("=")
    assert name == "martin_session"
    assert len(value) >= 43  # 256 bits in base 64
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
    assert "secure" not in cookie.lower()


async def test_over_https_every_cookie_is_secure() -> None:
    async with at_home(settings(access_token=ACCESS)) as (_, client):
        headers = {"X-Forwarded-Proto": "https", "Origin": str(client.base_url)}
        response = await client.post("/login", data={"token": ACCESS}, headers=headers)
        assert response.status_code == 303
        assert "secure" in response.headers["set-cookie"].lower()


async def test_the_cookie_session_talks_when_its_own_page_asks() -> None:
    async with at_home() as (_, client):
        await client.get("/")
        own = {"Origin": str(client.base_url).rstrip("/")}
        assert (await reply(client, "hello", own))["text"] == "You said: hello"
        assert (await reply(client, "hello", {"Sec-Fetch-Site": "same-origin"}))["text"] == "You said: hello"


FOREIGN: list[dict[str, str]] = [
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://[::1"},
    {"Origin": "http://user@127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example", **ANA},
    {"Origin": "https://evil.example", **OWNER},
]


async def test_another_site_can_ask_for_no_change() -> None:
    async with at_home() as (house, client):
        await client.get("/")
        for headers in FOREIGN:
            response = await client.post("/api/messages", json={"text": "hello"}, headers=headers)
            assert (response.status_code, error_of(response)) == (403, "wrong_origin"), headers
        assert not house.rows


FOREIGN_NAMES: list[str] = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "", "a b", "[::1"]


async def test_a_foreign_name_that_points_here_is_not_served() -> None:
    async with at_home() as (_, client):
        for host in FOREIGN_NAMES:
            for path in ("/", "/api/messages", "/static/page.css"):
                response = await client.get(path, headers=ANA | {"Host": host})
                assert response.status_code in (400, 403), host  # 400 where the server already refuses the header


async def test_configured_names_are_served_and_may_ask() -> None:
    configured = settings(allowed_hosts=("Bot.Example",), is_loopback=False)
    async with at_home(configured) as (_, client):
        headers = ANA | {"Host": "bot.example"}
        assert (await reply(client, "hello", headers | {"Origin": "https://bot.example"}))["text"] == "You said: hello"
        assert (await client.get("/", headers={"Host": "other.example"})).status_code == 403
        assert (await client.get("/", headers={"Host": "localhost:99"})).status_code == 200


async def test_without_configured_names_an_open_server_takes_any_but_the_origin_must_match() -> None:
    async with at_home(settings(is_loopback=False)) as (_, client):
        headers = ANA | {"Host": "anything.example"}
        assert (await client.get("/api/messages", headers=headers)).status_code == 200
        right = await client.post("/api/messages", json={"text": "x"}, headers=headers | {"Origin": "http://anything.example"})
        wrong = await client.post("/api/messages", json={"text": "x"}, headers=headers | {"Origin": "http://other.example"})
        assert (right.status_code, wrong.status_code) == (200, 403)


WRONG_SESSIONS: list[str] = ["Bearer short", "Bearer " + "x" * 129, "Bearer with space in it!!", "Basic abc", "Bearer"]


async def test_a_session_of_the_wrong_form_is_told_the_right_one() -> None:
    async with at_home() as (_, client):
        for header in WRONG_SESSIONS:
            response = await client.get("/api/messages", headers={"Authorization": header})
            assert (response.status_code, error_of(response)) == (401, "bad_session"), header


async def test_without_any_session_the_api_says_how_to_get_one() -> None:
    async with at_home() as (_, client):
        response = await client.get("/api/messages")
        assert (response.status_code, error_of(response)) == (401, "no_session")


async def test_the_owners_token_opens_the_console_as_admin() -> None:
    async with at_home(settings(access_token=ACCESS)) as (house, client):
        await reply(client, "hello", OWNER)
        (row,) = house.rows.values()
        assert (row.message.address.channel, row.message.address.user) == (ChannelName.CONSOLE, "owner")
        assert row.message.is_admin
        wrong = await client.get("/api/messages", headers={"X-Martin-Owner": "owner-token-of-the-tesT"})
        assert (wrong.status_code, error_of(wrong)) == (401, "wrong_token")


async def test_with_an_access_token_everything_but_liveness_is_closed() -> None:
    async with at_home(settings(access_token=ACCESS)) as (_, client):
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/")).headers["location"] == "/login"
        for path in ("/api/messages", "/api/events", "/health/ready", "/anything"):
            response = await client.get(path, headers=ANA)
            assert (response.status_code, error_of(response)) == (401, "access_needed")
        allowed = await client.get("/api/messages", headers=ANA | {"X-Martin-Access": ACCESS})
        assert allowed.status_code == 200


async def test_the_sign_in_form_opens_the_page_and_sign_out_closes_it() -> None:
    async with at_home(settings(access_token=ACCESS)) as (_, client):
        own = {"Origin": str(client.base_url).rstrip("/")}
        assert 'name="token"' in (await client.get("/login")).text
        assert (await client.post("/login", data={"token": "wrong"}, headers=own)).status_code == 401
        assert (await client.post("/login", data={"token": ACCESS}, headers=own)).status_code == 303
        assert (await client.get("/")).status_code == 200
        await client.post("/logout", headers=own)
        assert (await client.get("/")).status_code == 303


async def test_the_admin_token_makes_admin_and_opens_the_page_too() -> None:
    async with at_home(settings(access_token=ACCESS, admin_token=ADMIN)) as (house, client):
        own = {"Origin": str(client.base_url).rstrip("/")}
        await client.post("/login", data={"token": ADMIN}, headers=own)
        await client.get("/")
        await reply(client, "hello", own)
        (row,) = house.rows.values()
        assert row.message.is_admin
        assert ADMIN not in str(client.cookies)


async def test_the_access_token_alone_makes_no_admin() -> None:
    async with at_home(settings(access_token=ACCESS, admin_token=ADMIN)) as (house, client):
        await reply(client, "hello", ANA | {"X-Martin-Access": ACCESS})
        (row,) = house.rows.values()
        assert not row.message.is_admin


FORGERIES: list[str] = ["", "9999999999.", "9999999999.00", ".", "x.y", "9" * 40 + ".a", "99999999999.{other}"]


async def test_a_forged_sign_in_opens_nothing() -> None:
    async with at_home(settings(access_token=ACCESS)) as (_, client):
        own = {"Origin": str(client.base_url).rstrip("/")}
        signed = (await client.post("/login", data={"token": ACCESS}, headers=own)).cookies["martin_access"]
        for forgery in FORGERIES:
            client.cookies.clear()
            client.cookies.set("martin_access", forgery.replace("{other}", signed.partition(".")[2]))
            assert (await client.get("/api/messages", headers=ANA)).status_code == 401, forgery


async def test_a_changed_token_ends_every_sign_in() -> None:
    async with at_home(settings(access_token=ACCESS)) as (_, client):
        own = {"Origin": str(client.base_url).rstrip("/")}
        signed = (await client.post("/login", data={"token": ACCESS}, headers=own)).cookies["martin_access"]
    async with at_home(settings(access_token=ACCESS + "2")) as (_, client):
        client.cookies.set("martin_access", signed)
        assert (await client.get("/api/messages", headers=ANA)).status_code == 401


async def test_guessing_tokens_is_slowed_down_for_headers_and_form_alike() -> None:
    async with at_home(settings(access_token=ACCESS)) as (_, client):
        own = {"Origin": str(client.base_url).rstrip("/")}
        for _ in range(ATTEMPTS):
            await client.get("/api/messages", headers=ANA | {"X-Martin-Access": "guess"})
        by_header = await client.get("/api/messages", headers=ANA | {"X-Martin-Access": ACCESS})
        by_form = await client.post("/login", data={"token": ACCESS}, headers=own)
        assert (by_header.status_code, by_form.status_code) == (429, 429)
        assert int(by_header.headers["retry-after"]) > 0
        assert "set-cookie" not in by_form.headers


def test_attempts_are_forgotten_in_time_and_their_table_stays_bounded() -> None:
    clock = TestClock()
    attempts = Attempts(clock)
    for _ in range(ATTEMPTS):
        attempts.failed("one")
    assert attempts.wait_s("one") > 0
    clock.seconds += 301
    assert attempts.wait_s("one") == 0
    for count in range(ATTEMPTS_TABLE + 50):
        attempts.failed(f"client {count}")
    assert len(attempts._failures) == ATTEMPTS_TABLE


async def test_every_answer_carries_the_security_headers() -> None:
    async with at_home() as (_, client):
        for response in (
            await client.get("/"),
            await client.get("/static/app.js"),
            await client.get("/api/messages"),
            await client.get("/nowhere"),
            await client.get("/", headers={"Host": "evil.example"}),
        ):
            policy = response.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["referrer-policy"] == "same-origin"


async def test_the_page_has_no_inline_script_or_style_and_names_no_other_host() -> None:
    async with at_home() as (_, client):
        page = (await client.get("/")).text
        for forbidden in ("<style", " style=", "onclick", "http://", "https://", "javascript:"):
            assert forbidden not in page
        assert page.count("<script") == 3  # the theme, the strings as data, the page's module


async def test_static_files_are_revalidated_by_their_etag() -> None:
    async with at_home() as (_, client):
        first = await client.get("/static/page.css")
        again = await client.get("/static/page.css", headers={"If-None-Match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        for path in ("/static/nothing.js", "/static/..%2fapp.py", "/static/%00", "/static/../app.py"):
            assert (await client.get(path)).status_code == 404


async def test_the_language_switch_is_remembered() -> None:
    async with at_home() as (_, client):
        assert '<html lang="en"' in (await client.get("/")).text
        assert '<html lang="es"' in (await client.get("/", headers={"Accept-Language": "es-AR"})).text
        assert (await client.get("/?lang=es")).status_code == 303
        assert '<html lang="es"' in (await client.get("/", headers={"Accept-Language": "en"})).text


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "my.localhost"])
def test_loopback_names_mean_this_machine(name: str) -> None:
    assert is_loopback_name(name)


@given(st.text(max_size=80))
def test_any_host_header_has_a_name_or_none(host: str) -> None:
    name = name_of(host)
    assert name == name.lower()
    assert not set(name) & set("/@ []")


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_any_accept_language_gives_a_tag_or_nothing(header: str) -> None:
    raw = header.encode("latin-1")
    request = request_with(raw)
    assert locale_of(request) == "" or locale_of(request).isascii()


def request_with(header: bytes) -> Request:
    """A request with this Accept-Language, without a server."""
    return Request({"type": "http", "method": "GET", "headers": [(b"accept-language", header)]})

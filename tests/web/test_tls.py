"""The page over https: a real server with a certificate of the product's own making, a real console and a real Chromium."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from bot.channels.console import converse
from bot.channels.console.link import Attach
from bot.errors import ConfigError
from tests.certificates import clean_environment, command, made_in, made_in_2020, needs_openssl
from tests.web.browser import ANSWERED, chromium, needs_chromium
from tests.web.client import error_of, reply
from tests.web.house import House, application, served, settings
from web.server import WebServer

pytestmark = needs_openssl
ACCESS = "an-access-token-of-the-test"
OWNER = "owner-token-of-the-test"


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Build one page before any loop runs: the first costs FastAPI 100 ms of reading type hints."""
    house = House()
    application(house, settings())


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    return made_in(tmp_path_factory.mktemp("certificate"))


async def test_sign_in_over_https_sets_secure_cookies_and_opens_the_page(tls: tuple[Path, Path]) -> None:
    trust = ssl.create_default_context(cafile=str(tls[0]))
    async with served(House(), settings(access_token=ACCESS), tls=tls) as server:
        assert server.address.startswith("https://127.0.0.1:")
        async with httpx.AsyncClient(base_url=server.address, verify=trust, trust_env=False) as client:
            assert (await client.get("/")).headers["location"] == "/login"
            own = {"Origin": server.address}
            signed = await client.post("/login", data={"token": ACCESS}, headers=own)
            assert signed.status_code == 303
            cookie = {part.strip().lower() for part in signed.headers["set-cookie"].split(";")[1:]}
            assert {"secure", "httponly", "samesite=strict"} <= cookie
            page = await client.get("/")
            assert (page.status_code, "secure" in page.headers["set-cookie"].lower()) == (200, True)
            assert (await reply(client, "hello", own))["text"] == "You said: hello"
            foreign = await client.post("/api/messages", json={"text": "x"}, headers={"Origin": "https://evil.example"})
            assert error_of(foreign) == "wrong_origin"


async def test_plain_http_is_not_answered_where_https_is_served(tls: tuple[Path, Path]) -> None:
    async with served(House(), tls=tls) as server, httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(server.address.replace("https", "http") + "/health/live")
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(tls[0])), trust_env=False) as right:
            assert (await right.get(server.address + "/health/live")).status_code == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_what_was_broken_long_ago_is_not_spoken(version: ssl.TLSVersion, tls: tuple[Path, Path]) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = version
    async with served(House(), tls=tls) as server:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection("127.0.0.1", int(server.address.rpartition(":")[2]), ssl=old)


@pytest.mark.parametrize(("host", "name"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::", "[::1]")])
def test_a_server_that_listens_everywhere_is_found_on_this_machine(host: str, name: str) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    house = House()
    app = application(house, settings())
    server = WebServer(app, host=host, port=0, chats=())
    assert re.fullmatch(rf"http://{re.escape(name)}:[1-9]\d*", server.address)
    server.close()


# --- the console ---


async def talk(
    address: str, words: str, certificate: Path | None, *, token: str = OWNER, reattach: Attach | None = None
) -> tuple[int, str, str]:
    """What a program that writes these words to the console gets back."""
    out, err = io.StringIO(), io.StringIO()
    code = await converse(
        address,
        token,
        language="en",
        stdin=io.StringIO(words),
        stdout=out,
        stderr=err,
        is_terminal=False,
        certificate=certificate,
        reattach=reattach,
        pauses_s=(0.05,) * 20,
    )
    return code, out.getvalue(), err.getvalue()


async def test_the_console_attaches_to_a_bot_that_serves_https(tls: tuple[Path, Path]) -> None:
    async with served(House(), settings(access_token=ACCESS), tls=tls) as server:
        assert (await talk(server.address, "hello\n", tls[0]))[:2] == (0, "You said: hello\n")


async def test_the_console_knows_its_bot_by_the_certificate_whatever_name_and_date_it_has(tmp_path: Path) -> None:
    old = made_in_2020(tmp_path)
    async with served(House(), tls=old) as server:
        assert (await talk(server.address, "hello\n", old[0]))[:2] == (0, "You said: hello\n")


async def test_a_stranger_at_the_address_never_sees_the_owners_token(tls: tuple[Path, Path], tmp_path: Path) -> None:
    house = House()
    async with served(house, tls=made_in(tmp_path)) as stranger:
        for certificate in (tls[0], None):
            code, out, err = await talk(stranger.address, "hello\n", certificate)
            assert (code, out) == (1, "")
            assert "cannot be reached" in err
    assert not house.rows


async def test_a_bot_that_starts_anew_with_a_new_certificate_is_found_again(tmp_path: Path) -> None:
    house = House()
    tls = made_in(tmp_path)
    places: list[tuple[str, str]] = []
    async with asyncio.TaskGroup() as group:
        async with served(house, tls=tls) as first:
            attach = lambda: places[0] if places else None  # noqa: E731
            talking = group.create_task(talk(first.address, "hold on\n", tls[0], reattach=attach))
            async with asyncio.timeout(5):
                while not house.rows:
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(made_in, tmp_path)
        async with served(house, settings(owner_token="another-token"), tls=tls) as second:
            places.append((second.address, "another-token"))
            code, out, _ = await talking
    assert (code, out) == (0, "You said: hold on\n")


async def test_a_certificate_that_is_gone_is_told_as_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        await talk("https://127.0.0.1:1", "hello\n", tmp_path / "gone.pem")
    assert [problem.path for problem in caught.value.problems] == ["web.certificate"]


# --- the whole bot, as the README says ---


@dataclass(frozen=True, slots=True)
class Running:
    """A bot that other devices may reach, and what it printed."""

    process: asyncio.subprocess.Process
    folder: Path
    printed: str

    @property
    def run_json(self) -> dict[str, str]:
        """What it tells the console."""
        found: dict[str, str] = json.loads((self.folder / "data" / "run.json").read_text())
        return found


@asynccontextmanager
async def open_bot(folder: Path) -> AsyncIterator[Running]:
    """The bot with the settings of the README's section on phones, in a folder of its own."""
    made = await asyncio.to_thread(command, folder)
    more = {"HOST": "0.0.0.0", "PORT": "0", "ACCESS_TOKEN": ACCESS}
    (folder / ".env").write_text(made.stdout + "".join(f"MARTIN_WEB__{name}={value}\n" for name, value in more.items()))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", cwd=folder, env=clean_environment(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        lines: list[str] = []
        async with asyncio.timeout(40):
            while not lines or "Ctrl-C" not in lines[-1]:
                lines.append((await process.stdout.readline()).decode())
                assert lines[-1], "the bot ended before it was ready"
        yield Running(process, folder, "".join(lines))
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


@needs_chromium
@pytest.mark.timeout(120)
async def test_a_phone_signs_in_at_the_printed_address_and_the_console_attaches(tmp_path: Path) -> None:
    async with open_bot(tmp_path) as running:
        assert (tmp_path / "data" / "run.json").stat().st_mode & 0o777 == 0o600
        assert running.run_json["address"].startswith("https://127.0.0.1:")
        assert running.run_json["certificate"] == str(tmp_path / "data" / "tls" / "certificate.pem")
        found = re.search(r"^  Phone +(https://\S+)", running.printed, re.MULTILINE)
        assert found, running.printed
        async with chromium() as browser:
            phone = await browser.new_context(ignore_https_errors=True, locale="en-GB", viewport={"width": 390, "height": 844})
            page = await phone.new_page()
            await page.goto(found[1])
            await expect(page.locator("#insecure")).to_be_hidden()
            await page.fill("#token", ACCESS)
            await page.get_by_role("button", name="Sign in").click()
            await expect(page.locator("#welcome:not([hidden])")).to_be_visible()
            await page.fill("#text", "What can you do?")
            await page.press("#text", "Enter")
            await expect(page.locator(ANSWERED)).to_have_count(1)
            await page.reload()
            await expect(page.locator(ANSWERED)).to_have_count(1)
            kept = {cookie["name"]: cookie["secure"] for cookie in await phone.cookies() if cookie.get("httpOnly")}
            assert kept == {"martin_session": True, "martin_access": True}
        console = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "chat", cwd=tmp_path, env=clean_environment(),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await console.communicate(b"/about\n")
        assert (console.returncode, b"Mart" in out) == (0, True), err
        running.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await running.process.wait() == 0

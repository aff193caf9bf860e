"""The way to a running bot: its JSON and event streams, wherever it is now, with every failure as one of two errors."""

from __future__ import annotations

import json
import ssl
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.channels.console.lines import Answer, Made, visible
from bot.errors import ConfigError, Problem
from bot.locale import say
from bot.types import Choice, Language, ReplyFile

if TYPE_CHECKING:
    import httpx

Json = dict[str, Any]
Attach = Callable[[], "tuple[str, str] | None"]
"""Where the bot is now: its address and owner token, None while nothing runs. Both change when it starts anew."""

CONNECT_S = 5.0
_WHATEVER_THE_DATE = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME (openssl/x509_vfy.h), which Python has no name for."""
MILLIONTHS = 1_000_000
SILENCE_S = 60.0
"""The server sends a heartbeat every 15 s; a stream that is silent for so long is dead."""


class Lost(Exception):
    """The bot cannot be reached, or went away in the middle. Trying again may help."""


class Refused(Exception):
    """The bot will not do this; `message` is for the person."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class Link:
    """Requests to the bot as its owner. The token goes into one header and nowhere else."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        language: Language,
        reattach: Attach | None,
        certificate: Path | None = None,
    ) -> None:
        """Raises ConfigError when the certificate to trust cannot be read."""
        import httpx

        self._address, self._token, self._reattach, self._certificate = base_url, token, reattach, certificate
        self.language = language
        self._trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # The own bot is known by its certificate, whatever names and dates stand in that: it is the very file that it serves.
        self._trust.check_hostname = False
        self._trust.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN | _WHATEVER_THE_DATE
        self._read_certificate()
        # trust_env: a proxy of the environment must never see a talk with the own machine.
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(CONNECT_S, read=SILENCE_S), trust_env=False, verify=self._trust)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    def look_again(self) -> bool:
        """Ask where the bot is now; True when it has another token, which a new start gives it."""
        place = self._reattach() if self._reattach is not None else None
        if place is None or place == (self._address, self._token) or _scheme(place[0]) != _scheme(self._address):
            return False
        self._address, self._token = place
        with suppress(ConfigError):  # what was trusted before may still do; else the bot stays out of reach
            self._read_certificate()
        return True

    def _read_certificate(self) -> None:
        """Trust what the certificate's file holds now, besides what it held: a bot that started anew may have another."""
        if self._certificate is not None:
            try:
                self._trust.load_verify_locations(self._certificate)
            except OSError as error:
                reason = say(self.language, "the certificate of the running bot cannot be read")
                raise ConfigError([Problem(path="web.certificate", reason=reason)]) from error

    async def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """One request and the JSON object that answers it. Raises Lost and Refused."""
        async with self._open(method, path, body) as response:
            return _object(await response.aread())

    async def stream(self, method: str, path: str, body: Json | None = None) -> AsyncGenerator[tuple[str, Json], None]:
        """The events of a stream, as (name, data), until it ends. Raises Lost and Refused."""
        async with self._open(method, path, body) as response:
            name, data = "", ""
            async for line in response.aiter_lines():
                field, _, value = line.partition(":")
                if field == "event":
                    name = value.strip()
                elif field == "data":
                    data += value.removeprefix(" ")
                elif not line and name:
                    yield name, _object(data)
                    name, data = "", ""

    @asynccontextmanager
    async def _open(self, method: str, path: str, body: Json | None) -> AsyncIterator[httpx.Response]:
        """A response that is fine. Raises Refused for one that is not, and Lost when that may pass by itself."""
        import httpx

        headers = {"X-Martin-Owner": self._token, "Accept-Language": self.language}
        url = self._address.rstrip("/") + path
        try:
            async with self._client.stream(method, url, json=body, headers=headers) as response:
                if response.is_success:
                    yield response
                    return
                problem = _problem(await response.aread())
                if response.status_code == 401 and self.look_again():
                    raise Lost("the bot has started anew")
                if response.status_code in {502, 503, 504}:
                    raise Lost(problem)
                raise Refused(problem or f"HTTP {response.status_code}")
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise Lost(type(error).__name__) from error
        except httpx.InvalidURL as error:
            raise Refused(str(error)) from error


def answer_of(data: Json) -> Answer:
    """A reply as it came over the wire. Missing parts are empty; a file that cannot be read is left out."""
    return Answer(
        turn_id=str(data.get("turn_id") or ""),
        text=visible(str(data.get("text") or "")),
        choices=tuple(
            Choice(key=str(one["key"]), label=visible(str(one["label"])), row=int(one.get("row") or 0))
            for one in data.get("choices") or ()
        ),
        is_rateable=bool(data.get("rateable")),
        files=tuple(file for one in data.get("files") or () if (file := _file(one)) is not None),
        model=visible(str(data.get("model") or "")),
        flags=frozenset(data.get("flags") or ()),
        made=_made(data.get("made")),
    )


def _made(data: Json | None) -> Made | None:
    """How an answer was made; None where nothing was generated, or where an older bot does not say."""
    if not data:
        return None
    return Made(
        model=visible(str(data.get("model") or "")),
        seconds=float(data.get("seconds") or 0),
        cost=round(float(data.get("cost") or 0) * MILLIONTHS),
        currency=visible(str(data.get("currency") or "")),
        is_remote=data.get("place") == "remote",
    )


def _scheme(address: str) -> str:
    return address.partition(":")[0].lower()


def _file(data: Json) -> ReplyFile | None:
    try:
        content = b64decode(data["base64"], validate=True)
    except NotBase64:
        return None
    return ReplyFile(name=visible(str(data["name"])), media_type=str(data["media_type"]), content=content)


def _object(content: bytes | str) -> Json:
    """The JSON object in `content`. Raises Lost for anything else: that is no bot, or one that broke off."""
    try:
        found = json.loads(content)
    except ValueError as error:
        raise Lost("what came back is not JSON") from error
    if not isinstance(found, dict):
        raise Lost("what came back is no JSON object")
    return found


def _problem(content: bytes) -> str:
    """The message in an error's JSON, empty when there is none."""
    try:
        error = _object(content).get("error")
    except Lost:
        return ""
    return visible(str(error.get("message") or "")) if isinstance(error, dict) else ""

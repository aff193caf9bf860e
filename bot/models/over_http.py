"""What HTTP says of a server, the same whichever interface it speaks: how long to wait, what went wrong, names to show."""

from __future__ import annotations

import re
import socket
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from bot.locale import say
from bot.types import Language

CONNECT_S: Final = 5.0
"""Seconds that a connection may take to be made."""
_NO_NAME: Final = re.compile(r"[^\w./:@+ -]+", re.ASCII)
_FILE: Final = re.compile(r"(?:[.~]{0,2}[/\\]|[A-Za-z]:[/\\]).*[/\\]")
_SECONDS: Final = re.compile(r"\d{1,7}(?:\.\d{0,9})?")


def shown_name(name: object) -> str:
    """A name as it may be shown and logged: a file's without its folders, which may name somebody, and safe letters only."""
    if not isinstance(name, str):
        return ""
    return _NO_NAME.sub("", _FILE.sub("", name)).strip()[:100]


def wait_s(retry_after: str | None, now: datetime) -> float | None:
    """The seconds of a Retry-After header (RFC 9110, 10.2.3: seconds or a date), None where it says none that can be read."""
    text = (retry_after or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


def why(error: BaseException, language: Language) -> str:
    """What kept a request from being answered, out of the chain of causes: the outermost error says it only in prose."""
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case ssl.SSLCertVerificationError():
                return say(language, "its certificate is not trusted")
            case socket.gaierror():
                return say(language, "there is no host of this name")
            case ConnectionRefusedError():
                return say(language, "the connection was refused")
            case TimeoutError():
                return say(language, "no connection within {seconds} s", seconds=f"{CONNECT_S:g}")
            case ImportError() | ValueError() | FileNotFoundError():
                return say(language, "the proxy or the certificates of the environment cannot be used")
            case BaseExceptionGroup():
                cause = cause.exceptions[0]
            case _:
                cause = cause.__cause__ or cause.__context__
    return say(language, "the connection was lost")

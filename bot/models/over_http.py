"""What HTTP says of a server, the same whichever interface it speaks: waits, failures, counts, names, whom to trust."""

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
"""Seconds that a connection may take to be made. What comes after has no limit: a caller knows how long it wants to wait."""
BUSY: Final = frozenset({429, 502, 503, 504})
"""Statuses that say: not now. Nothing was done, so the same may be asked again (R-14)."""
NOT_THIS: Final = frozenset({400, 413, 422})
"""Statuses that refuse one request for what it holds; they say nothing of the next one."""
LONGEST_WAIT_S: Final = 86_400.0
"""A day; a server that asks to wait longer means about the same."""
MOST_TOKENS: Final = 100_000_000
"""More than any model's room; what a server counts beyond it is no count."""
_NO_NAME: Final = re.compile(r"[^\w./:@+ -]+", re.ASCII)
_FILE: Final = re.compile(r"(?:[.~]{0,2}[/\\]|[A-Za-z]:[/\\]).*[/\\]")
_SECONDS: Final = re.compile(r"\d+(?:\.\d*)?", re.ASCII)


def shown_name(name: object) -> str:
    """A name as it may be shown and logged: a file's without its folders, which may name somebody, and safe letters only."""
    if not isinstance(name, str):
        return ""
    return _NO_NAME.sub("", _FILE.sub("", name)).strip()[:100]


def wait_s(retry_after: str | None, now: datetime | None) -> float | None:
    """The seconds of a Retry-After header (RFC 9110, 10.2.3: seconds or a date), None where it says none that can be read.

    At most a day. Without `now` a date is not read.
    """
    text = (retry_after or "").strip()
    try:
        if _SECONDS.fullmatch(text):
            seconds = float(text)
        elif now is None:
            return None
        else:
            at = parsedate_to_datetime(text)
            seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    except (ValueError, OverflowError, TypeError, IndexError):
        # Dates are read by a parser that was made for mail: zones and years of any size go through to arithmetic.
        return None
    return min(max(0.0, seconds), LONGEST_WAIT_S)


def token_count(told: object) -> int:
    """Tokens as a server counts them, 0 for what can be no count: then they are estimated."""
    is_count = isinstance(told, int) and not isinstance(told, bool) and 0 < told <= MOST_TOKENS
    return told if isinstance(told, int) and is_count else 0


def trusted(*, is_remote: bool) -> ssl.SSLContext | bool:
    """Whose certificates a client trusts, as its `verify`.

    A server in the house may have a certificate of the house, which the system knows (SSL_CERT_FILE and SSL_CERT_DIR
    included); the HTTP client's own list does not.
    """
    return True if is_remote else ssl.create_default_context()


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

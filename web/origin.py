"""Which Host and Origin a request may name: what keeps other people's pages from using this one (CSRF, DNS rebinding)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from fastapi import Request

from bot.locale import say
from web.language import language_of
from web.problems import Problem
from web.settings import WebSettings

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?")


def name_of(host: str) -> str:
    """The name in a Host header, without port and brackets, in lower case; empty for what is no host."""
    match = _HOST.fullmatch(host)
    return match[1].strip("[]").lower().rstrip(".") if match else ""


def is_loopback_name(name: str) -> bool:
    """Whether a name can only mean this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def check_host(request: Request, settings: WebSettings) -> None:
    """Raise Problem 403 for a Host that is not ours: a page elsewhere may have pointed its own name here."""
    name = name_of(request.headers.get("host", ""))
    allowed = {host.lower() for host in settings.allowed_hosts}
    is_open = not settings.is_loopback and not allowed
    if not name or not (is_open or name in allowed or is_loopback_name(name)):
        message = say(
            language_of(request), "This server does not answer under that name. Its owner can allow it in web.allowed_hosts."
        )
        raise Problem(403, "wrong_host", message)


def check_origin(request: Request, settings: WebSettings) -> None:
    """Raise Problem 403 for a change that another site asks for.

    A named Origin must be ours. Without one, a request that speaks through a cookie needs `Sec-Fetch-Site: same-origin`; one
    that brings its session in a header cannot come from a foreign page.
    """
    if request.url.path.startswith("/api/") and request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise _foreign(request)
    if request.method in _SAFE:
        return
    origin = request.headers.get("origin")
    brings_session = "authorization" in request.headers or "x-martin-owner" in request.headers
    if origin is not None:
        if not _is_ours(origin, request, settings):
            raise _foreign(request)
    elif not brings_session and request.headers.get("sec-fetch-site") != "same-origin":
        raise _foreign(request)


def _is_ours(origin: str, request: Request, settings: WebSettings) -> bool:
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return False
    if parts.netloc.lower() == request.headers.get("host", "").lower():
        return True
    is_standard = port in (None, {"http": 80, "https": 443}[parts.scheme])
    return is_standard and parts.hostname in {host.lower() for host in settings.allowed_hosts}


def _foreign(request: Request) -> Problem:
    return Problem(403, "wrong_origin", say(language_of(request), "Another site asked for this, so I did not do it."))

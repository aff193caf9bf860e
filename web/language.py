"""The language of a request: what was chosen on the page, else what the browser asks for, else English."""

from __future__ import annotations

import re

from starlette.requests import HTTPConnection

from bot.types import LANGUAGES, Language

COOKIE = "martin_lang"
_TAG = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,4}")


def language_of(request: HTTPConnection) -> Language:
    """The language to word things in for this request."""
    chosen = request.cookies.get(COOKIE, "")
    for tag in (chosen, *_accepted(request)):
        for language in LANGUAGES:
            if tag.lower().split("-")[0] == language:
                return language
    return "en"


def locale_of(request: HTTPConnection) -> str:
    """What the client says of its language, for the core (`es-MX`); empty when it says nothing."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return next(iter(_accepted(request)), "")


def _accepted(request: HTTPConnection) -> list[str]:
    """The tags of Accept-Language, best first; malformed ones are left out, and no more than ten are read."""
    weighed: list[tuple[float, int, str]] = []
    for part in request.headers.get("accept-language", "")[:500].split(",")[:10]:
        tag, _, parameters = part.strip().partition(";")
        weight = parameters.strip().removeprefix("q=") if parameters else "1"
        if _TAG.fullmatch(tag) and re.fullmatch(r"[01](\.\d{0,3})?", weight) and float(weight) > 0:
            weighed.append((-float(weight), len(weighed), tag))
    return [tag for _, _, tag in sorted(weighed)]

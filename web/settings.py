"""What the web is told about itself, as one frozen record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.model_types import Place
from bot.types import Language


def _not_known(model: str) -> Place | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """How the page is served and who may see it. Secrets stay out of its repr.

    `secret` keys the signed cookies, `owner_token` lets the console in, `access_token` (needed beyond loopback) and
    `admin_token` are None where not configured. `notice` words, per language, that this is an automated AI and where text
    goes; it is asked at every page load. `is_loopback` says whether the server is bound to loopback only. `currency` is that of
    what answers cost. `place` tells of a model, by name, where it runs; None where that is not known (any more).
    """

    secret: bytes = field(repr=False)
    owner_token: str = field(repr=False)
    notice: Callable[[Language], str]
    access_token: str | None = field(default=None, repr=False)
    admin_token: str | None = field(default=None, repr=False)
    allowed_hosts: tuple[str, ...] = ()
    is_loopback: bool = True
    bot_name: str = "Martín"
    text_limit: int = 16_000
    heartbeat_s: float = 15.0
    history_limit: int = 50
    currency: str = "EUR"
    place: Callable[[str], Place | None] = _not_known

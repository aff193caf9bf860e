"""Secrets of a run that must never come out again: every shape that a real one has, new at each run."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """One secret of each shape."""

    access_token: str
    admin_token: str
    telegram: str
    discord: str
    api_key: str
    bearer: str

    @property
    def all(self) -> tuple[str, ...]:
        """Every one."""
        return tuple(str(getattr(self, field.name)) for field in fields(self))

    def found_in(self, *places: str | bytes | Path) -> list[str]:
        """The names of those that stand in a text, or in a file at or below a path, as they are or encoded."""
        content = b"\n".join(_content(place) for place in places)
        return [field.name for field in fields(self) if any(form in content for form in _forms(str(getattr(self, field.name))))]


def new_canaries() -> Canaries:
    """Fresh secrets."""
    return Canaries(
        access_token=f"canary-{secrets.token_urlsafe(24)}",
        admin_token=f'canary"\\/+{secrets.token_urlsafe(24)}',
        telegram=f"{secrets.randbelow(10**9) + 10**9}:AA{secrets.token_hex(17)}",
        discord=f"M{secrets.token_hex(12)[1:]}.{secrets.token_hex(3)}.{secrets.token_hex(19)}",
        api_key=f"sk-{secrets.token_urlsafe(30)}",
        bearer=secrets.token_urlsafe(32),
    )


def _content(place: str | bytes | Path) -> bytes:
    if isinstance(place, Path):
        files = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
        return b"\n".join(file.read_bytes() for file in files)
    return place.encode("utf-8", "surrogatepass") if isinstance(place, str) else place


def _forms(secret: str) -> tuple[bytes, ...]:
    # Telegram's and Discord's public first part is an id, not a secret: what follows it is.
    core = secret.rpartition(":")[2].rpartition(".")[2]
    forms = {core, json.dumps(core)[1:-1], repr(core)[1:-1], quote(core, safe=""), base64.b64encode(secret.encode()).decode()}
    return tuple(form.encode() for form in forms)

"""Keyed hashes of what must be recognised again but not kept: erased events and forgotten people."""

from __future__ import annotations

import hmac
from hashlib import sha256

_ERASED = "erased:"


class Keys:
    """HMAC-SHA-256 under the data folder's secret: without the secret nobody can try out names or numbers."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 16:
            raise ValueError(f"the secret is {len(secret)} bytes long; at least 16 are needed")
        self._secret = secret

    def event(self, channel: str, event_id: str) -> str:
        """What stands for a platform's event once its row is erased."""
        return _ERASED + self._hash("event", channel, event_id)

    def identity(self, channel: str, user: str) -> str:
        """What stands for a user of a channel once they are forgotten."""
        return self._hash("identity", channel, user)

    def is_event(self, event_id: str) -> bool:
        """Whether this is a hash made by `event`."""
        return event_id.startswith(_ERASED)

    def _hash(self, *parts: str) -> str:
        return hmac.digest(self._secret, "\0".join(parts).encode(), sha256).hex()

    def __repr__(self) -> str:
        return "Keys(...)"

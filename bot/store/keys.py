"""Keyed hashes of what must be recognised again but not named: erased events, forgotten people, people in figures."""

from __future__ import annotations

from hashlib import blake2b

ERASED = "erased:"
"""How the hash begins that stands for an erased event."""


class Keys:
    """BLAKE2b in its keyed mode (RFC 7693), under the data folder's secret: without it nobody can try out names or numbers.

    It is a MAC like HMAC, at a twentieth of the cost per message.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if not 16 <= len(secret) <= 64:
            raise ValueError(f"the secret is {len(secret)} bytes long; 16 to 64 are needed")
        self._secret = secret

    def event(self, channel: str, event_id: str) -> str:
        """What stands for a platform's event once its row is erased."""
        return ERASED + self._hash("event", channel, event_id)

    def identity(self, channel: str, user: str) -> str:
        """What stands for a user of a channel once they are forgotten."""
        return self._hash("identity", channel, user)

    def measured(self, person: str) -> str:
        """What stands for a person in figures about many: the same one every time, and nobody's id."""
        return self._hash("measured", person)[:16]

    def training(self, kind: str, id: str) -> str:
        """What stands for a turn, a conversation or a person in training data; the same every night."""
        return kind[0] + self._hash("training", kind, id)[:20]

    def _hash(self, *parts: str) -> str:
        return blake2b("\0".join(parts).encode(), key=self._secret, digest_size=32).hexdigest()

    def __repr__(self) -> str:
        return "Keys(...)"

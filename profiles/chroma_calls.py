"""What the bot and Chroma's process say to each other, and the names of collections, which tell nothing of anybody."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec

from bot.types import PersonId, Scope

CANARY: Final = "canary"


class Names:
    """The names of one bot's collections with one embedder: keyed hashes, so that nobody can try out whose they are."""

    __slots__ = ("_embedder", "_secret")

    def __init__(self, secret: bytes, embedder: str) -> None:
        self._secret, self._embedder = secret, embedder

    @property
    def bot(self) -> str:
        """How every name of this bot begins: several may share a server."""
        return f"martin-{self._hash(8, 'bot')}-"

    @property
    def canary(self) -> str:
        """The collection of known vectors."""
        return self.bot + CANARY

    @property
    def embedder(self) -> str:
        """How every name with this embedder ends."""
        return f"-{self._hash(12, 'embedder', self._embedder)}"

    def person(self, person: PersonId) -> str:
        """How every name of this person begins, whatever the embedder."""
        return f"{self.bot}{self._hash(32, 'person', person)}-"

    def collection(self, person: PersonId, scope: Scope) -> str:
        """The name for one person and scope: at most 100 of `[a-z0-9-]`."""
        return f"{self.person(person)}{self._hash(16, 'scope', person, scope.group or '')}{self.embedder}"

    def _hash(self, length: int, *parts: str) -> str:
        return blake2b("\0".join(parts).encode(), key=self._secret, digest_size=length // 2).hexdigest()

    def __repr__(self) -> str:
        return "Names(...)"


class ChromaSetup(msgspec.Struct, kw_only=True):
    """Where the index is: a folder of ours or, when `server` is set, a Chroma server (`http://host:port`)."""

    folder: str
    bot: str
    embedder: str
    server: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return f"ChromaSetup(folder={self.folder!r}, server={self.server!r})"


class Opened(msgspec.Struct):
    """How the index was found. One that is not complete wants to be built before it is searched.

    `born` is another one after every loss, so what was put in since it was first told is still there.
    """

    is_complete: bool
    born: str


class Add(msgspec.Struct):
    """Put vectors in: float32, row after row."""

    name: str
    ids: list[str]
    dimension: int
    vectors: bytes


class Search(msgspec.Struct):
    """The nearest to one vector in these collections together."""

    names: list[str]
    vector: bytes
    limit: int


class Found(msgspec.Struct, array_like=True):
    """One that is near, with its cosine."""

    id: str
    score: float


class Remove(msgspec.Struct):
    """Take vectors out."""

    name: str
    ids: list[str]


class Named(msgspec.Struct):
    """Collections by their names, or by how they begin."""

    names: list[str]

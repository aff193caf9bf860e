"""Known vectors whose neighbours are known: what an index answers about them tells whether it works (R-18)."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import numpy as np

from profiles.chroma_files import IndexDamaged

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection
    from numpy.typing import NDArray

ROWS: Final = 64
"""More than Chroma keeps in its log before it writes files: so both are looked at."""
_DIMENSION: Final = 16
_ASKED: Final = (0, 21, 42, 63)
_NEAREST: Final = 5
_TOLERANCE: Final = 1e-3


def canary_rows() -> NDArray[np.float32]:
    """The known vectors: the same on every machine and for ever, shape (64, 16), unit length."""
    bytes_of = b"".join(blake2b(b"canary %d" % row, digest_size=_DIMENSION).digest() for row in range(ROWS))
    rows = np.frombuffer(bytes_of, np.uint8).reshape(ROWS, _DIMENSION).astype(np.float32) - 127.5
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def new_canary(collection: Collection) -> None:
    """Put the known vectors in."""
    collection.add(ids=[str(row) for row in range(ROWS)], embeddings=canary_rows())


def check_canary(collection: Collection) -> None:
    """Raises IndexDamaged unless the known vectors are all there and find the neighbours that they must."""
    rows = canary_rows()
    if collection.count() != ROWS:
        raise IndexDamaged("the canary has lost vectors")
    asked = rows[list(_ASKED)]
    answer = collection.query(query_embeddings=asked, n_results=_NEAREST, include=["distances"])
    products = asked @ rows.T
    for number, product in enumerate(products):
        best = np.argsort(-product, kind="stable")[:_NEAREST]
        distances = np.asarray((answer["distances"] or [])[number], np.float64)
        if answer["ids"][number] != [str(row) for row in best]:
            raise IndexDamaged("the canary finds other neighbours")
        if not np.allclose(1.0 - distances, product[best], atol=_TOLERANCE):
            raise IndexDamaged("the canary finds other distances")


def check_rows(collection: Collection, most: int) -> None:
    """Raises IndexDamaged unless the newest `most` vectors are there, are unit vectors, and find themselves."""
    count = collection.count()
    if not count:
        return
    held = collection.get(limit=most, offset=max(0, count - most), include=["embeddings"])
    rows = np.asarray(held["embeddings"], np.float32)
    if len(held["ids"]) != min(count, most) or len(rows) != len(held["ids"]):
        raise IndexDamaged("vectors are missing")
    if not np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=_TOLERANCE):
        raise IndexDamaged("vectors are not what was put in")
    found = collection.query(query_embeddings=rows[[0, -1]], n_results=1, include=["distances"])
    for distances in found["distances"] or [[]]:
        if len(distances) != 1 or not abs(distances[0]) < _TOLERANCE:
            raise IndexDamaged("vectors do not find themselves")

"""Texts on their way to an embedder, and the rows of numbers that come back: checked, float32, of unit length; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from bot.errors import EmbedderError
from bot.tokens import estimate_tokens

if TYPE_CHECKING:
    from bot.memory_ports import Vectors

LONGEST: Final = 16_384
"""Characters of a text that are embedded; more than any model reads at once."""


def load() -> None:
    """Load numpy, a sixth of a second, for a thread to do before anything here is called on a loop."""
    import numpy as np

    np.empty(0)


def embeddable(texts: Sequence[str]) -> list[str]:
    """The texts that say something, no longer than `LONGEST`, as they can be written in UTF-8. See `spread`."""
    return [text[:LONGEST].encode("utf-8", "replace").decode() for text in texts if text.strip()]


def in_batches(texts: Sequence[str], *, most_texts: int, most_tokens: int) -> Iterator[list[str]]:
    """The texts in order, in batches of at most so many estimated tokens; a text with more is cut."""
    batch: list[str] = []
    tokens = 0
    for whole in texts:
        text, cost = whole, estimate_tokens(whole)
        while cost > most_tokens:
            text = text[: len(text) * most_tokens // cost]
            cost = estimate_tokens(text)
        if batch and (len(batch) == most_texts or tokens + cost > most_tokens):
            yield batch
            batch, tokens = [], 0
        batch.append(text)
        tokens += cost
    if batch:
        yield batch


def unit_rows(rows: Any, *, count: int, of: str) -> Vectors:
    """What the embedder `of` gave for `count` texts, as float32 rows of unit length.

    Raises EmbedderError for another number of rows, rows of different lengths, and a row that is no direction: zeros, or
    values that are not finite.
    """
    import numpy as np

    try:
        found = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise EmbedderError(f"{of}: its rows are no numbers, or of different lengths") from error
    if found.ndim != 2 or found.shape[0] != count or not found.shape[1]:
        raise EmbedderError(f"{of}: expected {count} rows, found an array of shape {found.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths)) or not np.all(lengths > 0):
        raise EmbedderError(f"{of}: a row of zeros, or of what is no number")
    unit: Vectors = (found / lengths).astype(np.float32)
    return unit


def spread(rows: Vectors, texts: Sequence[str]) -> Vectors:
    """Rows for all texts, out of those for `embeddable(texts)`: a blank one gets the row that leans nowhere."""
    import numpy as np

    says = np.fromiter((bool(text.strip()) for text in texts), dtype=bool, count=len(texts))
    if says.all():
        return rows
    found = np.full((len(texts), rows.shape[1]), rows.shape[1] ** -0.5, dtype=np.float32)
    found[says] = rows
    return found

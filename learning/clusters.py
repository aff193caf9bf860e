"""Rows grouped by the direction of their vectors: sparse centres that come out the same every time (scikit-learn, scipy)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

_DIGITS: Final = 4

Sparse = dict[int, float]
"""A centre: weights by column, above 0, the heaviest first."""


class Clusters:
    """Vectors to be grouped, each a list of (column, weight). `people` says whose each one is.

    `fit` is the cosine that a row needs to belong to a centre, `kin` that from which two centres are one; a centre keeps its
    `terms` heaviest columns, rounded, in every round, so that what is found is what was written down.
    """

    def __init__(
        self,
        vectors: Sequence[Sequence[tuple[int, float]]],
        people: Sequence[int],
        width: int,
        *,
        fit: float,
        kin: float,
        terms: int,
        seed: int,
    ) -> None:
        from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
        from sklearn.preprocessing import normalize

        starts = np.cumsum([0, *(len(vector) for vector in vectors)])
        columns = np.fromiter((column for vector in vectors for column, _ in vector), dtype=np.int32, count=starts[-1])
        weights = np.fromiter((weight for vector in vectors for _, weight in vector), dtype=np.float64, count=starts[-1])
        shape = (len(vectors), max(width, 1))
        self._rows: Any = normalize(csr_matrix((weights, columns, starts), shape=shape))
        self._people = np.asarray(people)
        self._fit, self._kin, self._terms, self._seed = fit, kin, terms, seed

    def found(self, old: Sequence[Sparse], *, most: int, wanted: int, fewest: int, people: int, rounds: int) -> list[Sparse]:
        """The centres: those of `old` that still have rows, moved to where these are, and new ones for what fits none.

        Without `old`, `wanted` new ones are looked for. One is kept when at least `fewest` rows of at least `people` people
        belong to it. At most `most`.
        """
        centres = self._settled(self._dense(old), fewest, people, rounds)
        left = np.flatnonzero(self._belonging(centres) < 0)
        room = most - len(centres)
        new = min(room, wanted if not len(centres) else max(1, len(left) // (4 * fewest)))
        if new > 0 and len(left) >= 2 * fewest:
            begun = self._begun(left, new)
            apart = begun[self._likest(begun, centres) < self._kin] if len(centres) else begun
            centres = self._settled(np.vstack([centres, apart]), fewest, people, rounds)
        return [_sparse(centre) for centre in centres[:most]]

    def _begun(self, places: Any, count: int) -> Any:
        """Centres of some rows, as mini-batch k-means finds them (Sculley 2010)."""
        from sklearn.cluster import MiniBatchKMeans
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        rows = self._rows[places]
        rows = rows[np.asarray(rows.getnnz(axis=1) > 0)]
        count = min(count, rows.shape[0])
        if not count:
            return self._dense(())
        with threadpool_limits(limits=1):
            model = MiniBatchKMeans(count, random_state=self._seed, n_init=5, batch_size=1024, reassignment_ratio=0.0)
            model.fit(rows)
        return self._trimmed(model.cluster_centers_)

    def _settled(self, centres: Any, fewest: int, people: int, rounds: int) -> Any:
        """`centres` moved to the middle of their rows until nothing moves; too small ones and doubles are gone."""
        for _ in range(rounds):
            belonging = self._belonging(centres)
            kept = [number for number in range(len(centres)) if self._is_enough(belonging == number, fewest, people)]
            moved = self._apart(self._trimmed(self._middles(belonging, kept)))
            if moved.shape == centres.shape and np.array_equal(moved, centres):
                break
            centres = moved
        return centres

    def _is_enough(self, members: Any, fewest: int, people: int) -> bool:
        return bool(members.sum() >= fewest and len(np.unique(self._people[members])) >= people)

    def _belonging(self, centres: Any) -> Any:
        """The number of each row's centre, -1 for rows that fit none."""
        if not len(centres):
            return np.full(self._rows.shape[0], -1)
        likeness = np.asarray(self._rows @ centres.T)
        best = likeness.argmax(axis=1)
        return np.where(likeness[np.arange(len(best)), best] >= self._fit, best, -1)

    def _middles(self, belonging: Any, kept: Sequence[int]) -> Any:
        """The sums of the rows of each centre."""
        if not kept:
            return self._dense(())
        return np.vstack([np.asarray(self._rows[np.flatnonzero(belonging == number)].sum(axis=0)).ravel() for number in kept])

    def _trimmed(self, centres: Any) -> Any:
        """Unit vectors of the heaviest columns, rounded; of equally heavy ones the first."""
        trimmed = np.zeros_like(centres)
        for number, centre in enumerate(centres):
            heaviest = np.argsort(-np.round(centre, 10), kind="stable")[: self._terms]
            trimmed[number, heaviest] = np.maximum(centre[heaviest], 0)
            length = np.linalg.norm(trimmed[number])
            trimmed[number] = np.round(trimmed[number] / length, _DIGITS) if length else 0
        return trimmed

    def _apart(self, centres: Any) -> Any:
        """`centres` without those that are nearly one before them."""
        kept: list[int] = []
        for number in range(len(centres)):
            if not kept or float((centres[kept] @ centres[number]).max()) < self._kin:
                kept.append(number)
        return centres[kept]

    def _likest(self, centres: Any, others: Any) -> Any:
        return (centres @ others.T).max(axis=1)

    def _dense(self, centres: Sequence[Mapping[int, float]]) -> Any:
        dense = np.zeros((len(centres), self._rows.shape[1]))
        for number, centre in enumerate(centres):
            for column, weight in centre.items():
                dense[number, column] = weight
        return dense


def _sparse(centre: Any) -> Sparse:
    """The columns of a centre that have a weight, the heaviest first."""
    columns = np.flatnonzero(centre)
    return {int(column): float(centre[column]) for column in sorted(columns, key=lambda column: (-centre[column], column))}

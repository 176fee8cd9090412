"""The contract of an index: which rows of a gallery are near a point, and how far they are.

An index never holds on to the features: whoever searches hands them over, be they in memory or mapped from a file, and
gets exact distances; without them an index answers by its own estimates. After each build every vector is looked for;
those that the structure does not find stand on a side list, which is looked at in every search.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from semsearch.errors import InputError
from semsearch.indices import faiss_index, members, nearest, recipes, space
from semsearch.indices.faiss_index import Structure
from semsearch.indices.members import Members
from semsearch.ranking import metrics
from semsearch.ranking.sums import Prepared

AUDITED = 2_048
"""Vectors that are looked for at a time in the audit."""
QUICKLY = 100_000
"""Vectors up to which the audit looks for each as a search would; of more it asks first the list that a vector lies in,
as every search for it does, and looks again, fully, for those that this does not find."""
NOTHING = np.zeros(0, np.int64)
EMPTY = members.plain(0)


@dataclass(frozen=True, eq=False)
class Index:
    """An index over (count, dimension) vectors for one metric; may be searched by many threads."""

    recipe: str
    metric: str
    count: int
    dimension: int
    members: Members = EMPTY
    """Which rows the structure holds; of no meaning without one."""
    structure: Structure | None = None
    """None where all rows are looked at: of the exact recipe, and of a gallery of up to ``recipes.FEW``."""
    axes: np.ndarray | None = None
    """Directions that vectors are projected to, (dimension, a) float32; None where they are taken as they are."""
    side: np.ndarray = field(default_factory=lambda: NOTHING)
    """Rows that did not find themselves, rising; they are looked at in every search."""

    @property
    def memory(self) -> int:
        """Bytes in memory, the features not among them; of exact search, which reads all of them, they are."""
        if self.recipe == "exact":
            return 4 * self.count * self.dimension
        if self.structure is None:
            return 0
        axes = 0 if self.axes is None else self.axes.nbytes
        return self.structure.nbytes + self.members.nbytes + axes + self.side.nbytes

    def candidates(self, point: np.ndarray, count: int, allowed: np.ndarray | None = None) -> np.ndarray:
        """Rows among which the ``count`` nearest to ``point``, (d,), should be, rising; mostly more of them.

        All are of ``allowed``, row numbers that rise; None is all.
        """
        mask = self._mask(allowed)
        rows, _ = next(self._named(np.asarray(point)[None], count, allowed, mask))
        return rows

    def search(
        self,
        points: np.ndarray,
        k: int,
        vectors: np.ndarray | Prepared | None = None,
        *,
        allowed: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest of each point, (m, d): rows (m, k') int64 and distances (m, k') float32, nearest first.

        ``vectors`` are those that it was built from, or ``metrics.prepared`` of them: distances are then exact, and
        equal ones rank by row. Without them they are estimates, for which IVF and graph need no features. k' is
        min(k, rows of ``allowed``). InputError for other shapes, k < 1, and where the features are needed.
        """
        points = np.asarray(points, np.float32)
        values = None if vectors is None else np.asarray(vectors.values if isinstance(vectors, Prepared) else vectors)
        self._check(points, k, values)
        mask = self._mask(allowed)
        total = self.count if allowed is None else len(allowed)
        ids, far = np.empty((len(points), min(k, total)), np.int64), np.empty((len(points), min(k, total)), np.float32)
        if vectors is not None and values is not None and self._looks_at_all(k, total):
            return self._all(points, k, vectors, allowed)
        for place, (rows, near) in enumerate(self._named(points, k, allowed, mask, estimated=values is None)):
            if values is not None:
                first, far[place] = nearest.nearest(points[place], values[rows], k, self.metric)
            elif near is not None:
                first, far[place] = (part[0] for part in metrics.rank(near[None], min(k, total)))
            else:
                raise InputError(f"expected the features: an index of {self.count} rows by {self.recipe} has none")
            ids[place] = rows[first]
        return ids, far

    def _check(self, points: np.ndarray, k: int, values: np.ndarray | None) -> None:
        if points.ndim != 2 or points.shape[1] != self.dimension or k < 1:
            raise InputError(f"expected points (m, {self.dimension}) and k of at least 1; got {points.shape}, k = {k}")
        if values is not None and values.shape != (self.count, self.dimension):
            raise InputError(f"expected features {(self.count, self.dimension)} of this index, got {values.shape}")

    def _all(
        self, points: np.ndarray, k: int, vectors: np.ndarray | Prepared, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """What ``search`` gives where all rows that are allowed are looked at."""
        if allowed is None:
            rows, gallery = np.arange(self.count), vectors
        else:
            values = vectors.values if isinstance(vectors, Prepared) else vectors
            rows, gallery = np.asarray(allowed, np.int64), values[allowed]
        if not len(rows):
            return np.empty((len(points), 0), np.int64), np.empty((len(points), 0), np.float32)
        first, near = metrics.rank(metrics.distances(points, gallery, self.metric), k)
        return rows[first], near

    def _looks_at_all(self, count: int, total: int) -> bool:
        """Whether all of the rows that are allowed, ``total`` of them, are looked at for ``count`` of them."""
        recipe = recipes.RECIPES[self.recipe]
        return self.structure is None or total <= max(recipes.FEW, recipe.least, count * recipe.depth)

    def _mask(self, allowed: np.ndarray | None) -> np.ndarray | None:
        if allowed is None or self.structure is None:
            return None
        mask = np.zeros(self.count, bool)
        mask[allowed] = True
        return mask

    def _named(
        self,
        points: np.ndarray,
        count: int,
        allowed: np.ndarray | None,
        mask: np.ndarray | None,
        *,
        estimated: bool = False,
    ) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """For each point the rows to look at, rising; ``estimated``: and distances, where the structure named all."""
        recipe, total = recipes.RECIPES[self.recipe], self.count if allowed is None else len(allowed)
        depth = max(recipe.least, count * recipe.depth)
        if self.structure is None or self._looks_at_all(count, total):
            yield from ((self._every(allowed), None) for _ in points)
            return
        line = ready(points, self.metric, self.axes)
        among = None if mask is None else self.members.places(mask)
        places, near = self.structure.nearest(line, depth, among)
        if (places < 0).any():
            places, near = self.structure.nearest(line, depth, among, all_lists=True)
        for point, found, far in zip(line, places, near, strict=True):
            if self.metric in space.DIRECTIONS and not point.any():
                yield self._every(allowed)[:depth], None  # without direction: as far from all, and the first rank first
                continue
            rows = self._rows(found[found >= 0], mask, depth)
            if len(rows) < min(count, total):
                yield self._every(allowed), None
            else:
                yield rows, self._estimates(rows, found, far) if estimated else None

    def _every(self, allowed: np.ndarray | None) -> np.ndarray:
        return np.arange(self.count) if allowed is None else np.asarray(allowed, np.int64)

    def _rows(self, places: np.ndarray, mask: np.ndarray | None, depth: int) -> np.ndarray:
        rows = self.members.rows(places, mask, depth)
        beside = self.side if mask is None else self.side[mask[self.side]]
        return np.union1d(rows, beside) if len(beside) else rows

    def _estimates(self, rows: np.ndarray, found: np.ndarray, far: np.ndarray) -> np.ndarray:
        """Estimated distance of each row, infinite where the structure says nothing of it."""
        far = np.maximum(far[found >= 0], 0)
        if self.metric in recipes.PRODUCTS:
            far = np.sqrt(far) if self.metric == "euclidean" else far / 2
        elif self.metric == "minkowski3":
            far = np.cbrt(far)
        order = np.argsort(found[found >= 0])
        ranked = found[found >= 0][order]
        places = rows if self.members.place is None else self.members.place[rows]
        at = np.minimum(np.searchsorted(ranked, places), len(ranked) - 1)
        return np.where(ranked[at] == places, far[order][at], np.float32(np.inf))


def ready(vectors: np.ndarray, metric: str, axes: np.ndarray | None) -> np.ndarray:
    """Vectors as a structure takes them, (n, a) float32."""
    line = space.straight(vectors, metric)
    return line if axes is None else np.ascontiguousarray(line @ axes)


def build(vectors: np.ndarray, metric: str, recipe: str) -> Index:
    """An index of vectors, (n, d) float32, and every one of them looked for in it.

    UnknownName for names that are none, InputError for a metric that the recipe cannot do and for other shapes.
    """
    recipes.check(recipe, metric)
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise InputError(f"expected features (n, d), d > 0; got {vectors.shape}")
    return audited(structured(vectors, metric, recipe), vectors)


def structured(vectors: np.ndarray, metric: str, recipe: str) -> Index:
    """The index with its structure, not yet audited."""
    bare = Index(recipe, metric, *vectors.shape)
    if recipe == "exact" or len(vectors) <= recipes.FEW:
        return bare
    inside = members.of(vectors, metric)
    axes, width = _axes(vectors, metric, recipe)
    held = inside.held
    if len(held) <= recipes.FEW:  # all but a few are copies
        return bare
    pieces: Iterator[np.ndarray] = (
        ready(vectors[rows] if inside.place is None else vectors[held[rows]], metric, axes)
        for rows in space.pieces(len(held), vectors.shape[1])
    )
    chosen = space.sample(len(held), faiss_index.training(recipe, len(held)))
    if axes is None:
        train = ready(vectors[held[chosen]], metric, None)
    else:  # small enough to be held
        small = np.concatenate(list(pieces))
        pieces, train = iter([small]), small[chosen]
    structure = faiss_index.built(recipe, metric, width, train, pieces, len(held))
    return replace(bare, members=inside, structure=structure, axes=axes)


def _axes(vectors: np.ndarray, metric: str, recipe: str) -> tuple[np.ndarray | None, int]:
    """Directions to project to, and how many numbers are left of a vector."""
    dimension = vectors.shape[1]
    if recipe == "pca-ivf" and dimension > recipes.AXES:
        return space.principal(vectors, metric, recipes.AXES), recipes.AXES
    if recipe == "rabitq":
        width = min(recipes.SIGNS, dimension)
        turned = space.rotation(width)
        return (turned if width == dimension else space.principal(vectors, metric, width) @ turned), width
    if recipe == "pq" and dimension % faiss_index.PQ_PARTS:
        width = -(-dimension // faiss_index.PQ_PARTS) * faiss_index.PQ_PARTS
        return np.eye(dimension, width, dtype=np.float32), width
    return None, dimension


def audited(made: Index, vectors: np.ndarray) -> Index:
    """The index with those vectors on its side list that it does not name when it is asked for the nearest of them."""
    if made.structure is None:
        return made
    held = made.members.held
    depth = max(1, recipes.RECIPES[made.recipe].least)
    lost = np.arange(len(held))
    if len(held) > QUICKLY and made.structure.probed:
        one = Structure(made.structure.inner, 1)
        lost = _lost(made, one, vectors, held, lost, max(1, depth // 4))
    lost = _lost(made, made.structure, vectors, held, lost, depth)
    return replace(made, side=held[lost])


def _lost(
    made: Index, structure: Structure, vectors: np.ndarray, held: np.ndarray, places: np.ndarray, depth: int
) -> np.ndarray:
    """Which of the places are not named when their own vector is looked for."""
    lost = [NOTHING]
    for start in range(0, len(places), AUDITED):
        some = places[start : start + AUDITED]
        named, _ = structure.nearest(ready(vectors[held[some]], made.metric, made.axes), depth)
        lost.append(some[~(named == some[:, None]).any(axis=1)])
    return np.concatenate(lost)

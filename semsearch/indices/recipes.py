"""The recipes of an index: what each is, which metrics it can do, what it weighs, and which one to take.

A recipe decides which rows are looked at. What is returned is measured by ``ranking.metrics`` wherever the features
are at hand, so a distance means the same under every recipe.
"""

from dataclasses import dataclass
from types import MappingProxyType

from semsearch.errors import InputError, UnknownName
from semsearch.ranking import metrics

PRODUCTS = ("cosine", "euclidean", "correlation")
"""Metrics that rank as straight-line distance does, once vectors are brought to length 1, or centred before that."""
AXES, SIGNS = 72, 256
"""Dimensions that are kept by PCA for IVF + scalar quantiser, and for RaBitQ, which keeps one bit of each."""
NEIGHBOURS = 32
"""Links of each vector in the graph."""
FEW = 1_000
"""Rows of which all are looked at: that takes no longer than to look for the nearest."""
PER_MILLISECOND, UNPREPARED = 1_000_000, 200_000
"""Numbers of the features that exact search goes through in a millisecond on one core of 2020, where they are held in
float64 (``metrics.READY``), and where they are not. Measured by ``benchmarks/indices.py``."""
PATIENCE = 10.0
"""Milliseconds up to which nobody needs an index."""


@dataclass(frozen=True)
class Recipe:
    """One way to find the nearest rows."""

    name: str
    title: str
    meaning: str
    metrics: tuple[str, ...]
    depth: int = 1
    """Rows that are looked at for each that is asked for; of lossy codes the true nearest are among the first few."""
    least: int = 0
    """Rows that are looked at whatever is asked for."""


RECIPES = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            Recipe("exact", "Exact", "Every vector is compared. Nothing is missed.", tuple(metrics.METRICS)),
            Recipe(
                "hnsw",
                "HNSW",
                "A graph that links near vectors is followed. It holds all features in memory; any metric.",
                tuple(metrics.METRICS),
                least=10,
            ),
            Recipe(
                "pca-ivf",
                "PCA-IVF",
                f"{AXES} principal components in 8 bits each, in lists around centroids; the best are measured again "
                "with the features on disk.",
                PRODUCTS,
                depth=2,
                least=20,
            ),
            Recipe(
                "rabitq",
                "RaBitQ",
                f"One bit of each of {SIGNS} rotated principal components, in lists around centroids; the best are "
                "measured again with the features on disk.",
                PRODUCTS,
                depth=10,
                least=200,
            ),
            Recipe(
                "pq",
                "PQ",
                "16 bytes for each vector (product quantiser), in 201 lists of which 4 are looked into. Shown for "
                "comparison.",
                PRODUCTS,
                least=10,
            ),
        )
    }
)
"""By name."""


def check(recipe: str, metric: str) -> Recipe:
    """The recipe of that name; UnknownName, or InputError where it cannot do the metric."""
    if recipe not in RECIPES:
        raise UnknownName("recipe", recipe, RECIPES)
    if metric not in metrics.METRICS:
        raise UnknownName("metric", metric, metrics.METRICS)
    if metric not in RECIPES[recipe].metrics:
        able = " or ".join(one.name for one in RECIPES.values() if metric in one.metrics)
        can = ", ".join(RECIPES[recipe].metrics)
        raise InputError(f"the index {recipe} can do {can}, not {metric}; use {able} for that")
    return RECIPES[recipe]


def weight(recipe: str, count: int, dimension: int) -> int:
    """About how many bytes of memory an index of ``count`` vectors takes, the features not among them.

    Exact search reads all features for each query, so for it they count.
    """
    if recipe == "exact":
        return 4 * count * dimension
    if recipe == "hnsw":
        return count * (4 * dimension + 8 * NEIGHBOURS + 12)
    if recipe == "pq":
        return count * 24 + 4 * dimension * (256 + 201)
    axes, code = (AXES, AXES) if recipe == "pca-ivf" else (SIGNS, SIGNS // 8 + 8)
    axes, code = min(axes, dimension), min(code, 4 * dimension)
    return int(count * (code + 8) + 4 * dimension * axes + 4 * axes * count**0.5)


def recommended(
    count: int, dimension: int, metric: str, *, memory: float | None = None, milliseconds: float = PATIENCE
) -> str:
    """Name of the recipe to take for ``count`` vectors of ``dimension`` numbers.

    ``memory`` is in bytes, None for as much as there is; ``milliseconds`` is what a query may take on one core.

    1. Exact, where that is quick enough: up to FEW vectors, or as many as are gone through in time (10 million numbers
       in 10 ms) and fit the memory.
    2. For metrics that are made of products (PRODUCTS): PCA + IVF with the features on disk; where that is too large,
       RaBitQ, which is about half of it.
    3. For the others HNSW, where the graph with its copy of the features fits, else exact: slow and right.
    """
    check("exact", metric)
    numbers = count * dimension
    rate = PER_MILLISECOND if numbers <= metrics.READY and metric in PRODUCTS else UNPREPARED
    room = float("inf") if memory is None else memory
    if count <= FEW or (numbers <= rate * milliseconds and weight("exact", count, dimension) <= room):
        return "exact"
    if metric in PRODUCTS:
        lists, signs = (weight(name, count, dimension) for name in ("pca-ivf", "rabitq"))
        return "rabitq" if signs < lists and lists > room else "pca-ivf"
    return "hnsw" if weight("hnsw", count, dimension) <= room else "exact"


INDEXES = (*RECIPES, "approximate")
"""What a search can be told to use."""


def of_index(index: str, metric: str) -> str:
    """The recipe of a name of INDEXES; approximate is the usual one of the metric. Raises as ``check``."""
    if index not in INDEXES:
        raise UnknownName("index", index, INDEXES)
    name = ("pca-ivf" if metric in PRODUCTS else "hnsw") if index == "approximate" else index
    return check(name, metric).name

"""What a tile of the picture grid says about an item, a match or the query."""

from collections.abc import Container, Iterable, Mapping, Sequence

from semsearch.data.datasets import Dataset
from semsearch.results.experiments import Match
from ui import texts
from ui.components.gallery import Tile


def item_tile(dataset: Dataset, item: int, addresses: Mapping[int, str]) -> Tile:
    """A picture with its class, or the class alone where it has none."""
    name = dataset.classes[dataset.items[item].label]
    return {
        "id": item,
        "dataset": dataset.name,
        "file": dataset.items[item].shown,
        "name": name,
        "src": addresses.get(item),
        "alt": f"{name}, picture {item}",
        "spoken": f"{name}, picture {item}. Use as the query.",
        "hint": f"{name}, picture {item}: click to search with it",
    }


def match_tiles(dataset: Dataset, matches: Sequence[Match], addresses: Mapping[int, str]) -> list[Tile]:
    """One tile per match, nearest first."""
    return [_match_tile(dataset, match, addresses) for match in matches]


def linked(side_tiles: Iterable[Tile], there: Container[int], ranks: Mapping[int, int], *, side: str) -> list[Tile]:
    """The tiles of one side of a comparison, each saying where the same picture stands on the other.

    ``there`` are the other side's matches, ``ranks`` all its stored ranks. ``side`` is A or B.
    """
    return [tile | _link(tile, tile["id"] in there, ranks, side) for tile in side_tiles]


def _link(tile: Tile, shared: bool, ranks: Mapping[int, int], side: str) -> Tile:
    other, rank = "B" if side == "A" else "A", ranks.get(tile["id"])
    stands = f"rank {rank} in {other}" if rank else f"not in {other}'s first {len(ranks)}"
    badge = f"{rank} in {other}" if shared else f"only in {side}"
    spoken = f"{stands[0].upper()}{stands[1:]}. {tile['spoken']}"
    return {"linked": shared, "note": None if shared else stands, "badge": badge, "spoken": spoken}


def _meaning(match: Match, similarity: str) -> str:
    if match.pairs:
        return f"Of {match.pairs:,} pairs as close as this one, {similarity} are of one class."
    return f"{similarity} of the pairs of this dataset are farther apart."


def _match_tile(dataset: Dataset, match: Match, addresses: Mapping[int, str]) -> Tile:
    tile = item_tile(dataset, match.item, addresses)
    verdict = "same class" if match.correct else "other class"
    similarity = f"{100 * match.similarity:.0f} %"
    distance = texts.distance(match.distance)
    return tile | {
        "rank": str(match.rank),
        "right": match.correct,
        "verdict": verdict,
        "bar": round(match.similarity, 4),
        "similarity": similarity,
        "distance": distance,
        "hint": f"{tile['name']}, picture {match.item}. {_meaning(match, similarity)} Click to search with it",
        "spoken": f"Rank {match.rank}: {tile['name']}, {verdict}, similarity {similarity}, distance {distance}. "
        "Use as the query.",
    }

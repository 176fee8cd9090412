"""What a tile of the picture grid says about an item, a match or the query."""

from collections.abc import Mapping, Sequence

from pages.shared import texts
from pages.shared.gallery import Tile
from semsearch.datasets import Dataset
from semsearch.experiments import Match

_GOLDEN_ANGLE = 137.5


def item_tile(dataset: Dataset, item: int, addresses: Mapping[int, str]) -> Tile:
    """A picture with its class; without a picture, the class on a colour of its own."""
    label = dataset.items[item].label
    name = dataset.classes[label]
    return {
        "id": item,
        "name": name,
        "hue": round(label * _GOLDEN_ANGLE % 360),
        "src": addresses.get(item),
        "alt": f"{name}, picture {item}",
        "spoken": f"{name}, picture {item}. Use as the query.",
        "hint": f"{name}, picture {item}: click to search with it",
    }


def match_tiles(dataset: Dataset, matches: Sequence[Match], addresses: Mapping[int, str]) -> list[Tile]:
    """One tile per match, nearest first."""
    return [_match_tile(dataset, match, addresses) for match in matches]


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
        "spoken": f"Rank {match.rank}: {tile['name']}, {verdict}, similarity {similarity}, distance {distance}. "
        "Use as the query.",
    }

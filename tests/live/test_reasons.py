"""Why a match stands where it does, through the service, on networks whose maps are known: places by colour, and 5."""

from dataclasses import replace

import numpy as np
import pytest

from semsearch import images
from semsearch.errors import Busy, ImageRefused, InputError
from semsearch.explain.agreement import DIFFERENT
from semsearch.live import serving
from semsearch.live.galleries import Galleries
from semsearch.live.reasons import Why
from semsearch.live.search import Example
from tests.worlds.live_world import SPEC, TOOLS

HALVES = np.full((40, 40, 3), 30, np.uint8)
"""At 2 on its left, at 12 on its right."""
HALVES[:, 20:] = 180


@pytest.fixture(scope="module")
def service():
    opened = serving.Service(galleries=Galleries(TOOLS))
    yield opened
    opened.close()


def plain(place):
    return Example(np.full((8, 8, 3), 15 * place, np.uint8))


def explained(service, query, *matches, metric="euclidean", **more):
    return service.explain(Why(query, matches, SPEC, metric, **more)).result()


def test_a_distance_is_taken_apart(service):
    found = explained(service, plain(3), plain(4), plain(10))
    assert [one.value for one in found.agreements] == pytest.approx([1, 7])
    assert found.agreements[1].heat[0] == pytest.approx(np.full((2, 2), 7 / 4))
    assert [square.shape for square in found.squares] == [(SPEC.size, SPEC.size, 3)] * 3


def test_a_similarity_lies_where_the_pictures_agree(service):
    """Vectors (7, 5) and (12, 5): the right half of the query answers 12 · 12, the left 2 · 12, both 5 · 5 beside."""
    found = explained(service, Example(HALVES), plain(12), metric="cosine").agreements[0]
    length = 4 * np.hypot(7, 5) * np.hypot(12, 5)
    assert found.heat[0] == pytest.approx(np.array([[2 * 12 + 25, 12 * 12 + 25]] * 2) / length)
    apart = explained(service, Example(HALVES), plain(12), metric="cosine", question=DIFFERENT).agreements[0]
    assert apart.value == pytest.approx(1 - found.value)


def test_the_part_that_counts_is_looked_at(service):
    half = Example(HALVES, crop=(0.5, 0, 1, 1))
    assert explained(service, half, plain(12)).agreements[0].value == pytest.approx(0, abs=1e-6)
    encoded = Example(images.thumbnail(HALVES), crop=(0, 0, 0.4, 1))
    assert explained(service, encoded, plain(12)).agreements[0].value == pytest.approx(10)


def test_without_colour_all_that_is_seen_is_grey(service):
    grey = Why(Example(HALVES * np.array([1, 2, 0], np.uint8)), [plain(3)], replace(SPEC, preset="grey"), "euclidean")
    found = service.explain(grey).result()
    assert all((square == square[..., :1]).all() for square in found.squares)


def test_what_cannot_be_explained_is_refused(service, monkeypatch):
    for query, matches in ((Example(3), [plain(3)]), (plain(3), [])):
        with pytest.raises(InputError, match="expected a query"):
            explained(service, query, *matches)
    with pytest.raises(ImageRefused):
        explained(service, Example(b"no picture"), plain(3))
    monkeypatch.setattr(service, "_capacity", 0)
    with pytest.raises(Busy):
        explained(service, plain(3), plain(4))
    assert service.health().refused == 1

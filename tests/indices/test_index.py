"""The approximate index: what it must name, in worlds small enough that nothing may be missed."""

import numpy as np
import pytest

from semsearch.indices import faiss_index
from semsearch.indices.faiss_index import Approximate
from semsearch.ranking import metrics


@pytest.mark.parametrize("metric", metrics.METRICS)
def test_candidates_hold_the_nearest_of_those_allowed(metric, monkeypatch):
    monkeypatch.setattr(faiss_index, "FEW", 10)
    vectors = np.random.default_rng(7).normal(size=(400, 12)).astype(np.float32)
    graph = Approximate(vectors, metric)
    missed = 0
    for allowed in (np.arange(400), np.arange(0, 400, 3), np.arange(5)):
        for point in vectors[::40] + np.float32(0.05):
            near, _ = metrics.rank(metrics.distances(point[None], vectors[allowed], metric), 8)
            found = graph.candidates(point, 8, allowed)
            assert set(found) <= set(allowed.tolist()) and len(found) == min(8, len(allowed))
            missed += len(set(allowed[near[0]].tolist()) - set(found.tolist()))
    assert missed <= 5, f"{missed} of 210 nearest were missed"


def test_nothing_allowed_gives_nothing_and_zero_vectors_do_not_harm():
    vectors = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
    graph = Approximate(vectors, "cosine")
    assert graph.candidates(vectors[1], 2, np.array([], int)).tolist() == []
    assert graph.candidates(vectors[1], 9, np.arange(3)).tolist() == [0, 1, 2]

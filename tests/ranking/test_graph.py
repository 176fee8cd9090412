"""Maps of many items from a graph: neighbours, components and trust equal those of all distances, where both can be."""

import numpy as np
import pytest

from semsearch.processes.child import Child
from semsearch.ranking import graph, metrics, projection

RNG = np.random.default_rng(3)
CENTRES = RNG.normal(size=(6, 40)).astype(np.float32) * 3
LABELS = np.repeat(np.arange(6), 50)
POINTS = CENTRES[LABELS] + RNG.normal(size=(300, 40)).astype(np.float32)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_are_those_of_all_distances(metric, monkeypatch):
    monkeypatch.setattr(graph, "_BLOCK", 70)
    euclidean = metric == "euclidean"
    found = graph.nearest(POINTS if euclidean else graph.directed(POINTS), 20, euclidean=euclidean)
    ids, distances = metrics.rank(metrics.pairwise(POINTS, [metric])[metric], 20, exclude=np.arange(300))
    assert np.array_equal(found.ids, ids)
    np.testing.assert_allclose(found.distances, distances, atol=2e-5)


def test_copies_and_blank_pictures_are_neighbours_of_others_and_never_of_themselves():
    points = np.concatenate([np.repeat([[3, 4]], 9, axis=0), np.zeros((3, 2)), [[4, 3]]]).astype(np.float32)
    found = graph.nearest(graph.directed(points), 4)
    assert (found.ids != np.arange(13)[:, None]).all() and found.ids.shape == (13, 4)
    assert set(found.ids[0].tolist()) < set(range(1, 9)) and (found.distances[:9] < 1e-6).all()
    assert found.distances[10].tolist() == [1, 1, 1, 1]


def test_more_neighbours_than_there_are_others():
    assert graph.nearest(np.eye(3, dtype=np.float32), 15).ids.tolist() == [[1, 2], [0, 2], [0, 1]]


def test_components_are_those_of_all_distances(monkeypatch):
    monkeypatch.setattr(graph, "_BLOCK", 70)
    expected = projection.pca(metrics.pairwise(POINTS, ["euclidean"])["euclidean"], 3)
    np.testing.assert_allclose(graph.components(POINTS, 3), expected, atol=2e-3)


def test_components_beyond_the_rank_of_the_features_are_nothing():
    line = np.outer(np.arange(50), [3, 4]).astype(np.float32)
    found = graph.components(line, 3)
    np.testing.assert_allclose(np.abs(found[:, 0]), np.abs(5 * (np.arange(50) - 24.5)), rtol=1e-5)
    assert np.abs(found[:, 1:]).max() < 1e-2


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_trust_is_that_of_all_distances(metric):
    """With fewer items than are sampled, every one is judged."""
    euclidean = metric == "euclidean"
    drawn = graph.components(POINTS, 2)
    expected = projection.trust(metrics.pairwise(POINTS, [metric])[metric], drawn, LABELS)
    compared = POINTS if euclidean else graph.directed(POINTS)
    near = graph.nearest(compared, 15, euclidean=euclidean)
    found = graph.trust(compared, near, drawn, LABELS, euclidean=euclidean)
    assert found.kept_neighbours.tolist() == expected.kept_neighbours.tolist()
    for name in ("trustworthiness", "continuity", "overlap", "silhouette"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-3), name


def test_a_sample_judges_nearly_as_all_do(monkeypatch):
    drawn, near = graph.components(POINTS, 2), graph.nearest(graph.directed(POINTS), 15)
    whole = graph.trust(graph.directed(POINTS), near, drawn, LABELS)
    monkeypatch.setattr(graph, "SAMPLE", 100)
    part = graph.trust(graph.directed(POINTS), near, drawn, LABELS)
    assert part.trustworthiness == pytest.approx(whole.trustworthiness, abs=0.05)
    assert part.trustworthiness != whole.trustworthiness
    assert part.overlap == whole.overlap


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_a_map_of_a_graph_keeps_neighbours_and_repeats(method):
    """In a process of its own, where UMAP does not bring TensorFlow along."""
    near = graph.nearest(graph.directed(POINTS), graph.NEEDED[method])
    start = graph.components(POINTS, 2)
    with Child("the maps could not be drawn") as child:
        first, again = (child.call(graph.draw, method, near, start) for _ in range(2))
    assert first.shape == (300, 2) and np.array_equal(first, again)
    judged = graph.nearest(graph.directed(POINTS), 15)
    assert graph.trust(graph.directed(POINTS), judged, first, LABELS).trustworthiness > 0.9

"""Maps judged by what they must keep: distances, neighbours, orientation, seed."""

import os
import subprocess
import sys

import numpy as np
import pytest

from semsearch.errors import InputError
from semsearch.ranking import projection


def euclidean(points):
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1)).astype(np.float32)


@pytest.fixture(scope="module")
def project():
    with projection.map_worker() as worker:
        yield worker


def blobs(seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(centre, 0.3, (20, 8)) for centre in (0, 4, 8)]).astype(np.float32)


def test_pca_of_a_rectangle_is_the_rectangle():
    corners = np.array([[0, 0], [4, 0], [4, 1], [0, 1]], np.float32)
    found = projection.pca(euclidean(corners))
    np.testing.assert_allclose(euclidean(found), euclidean(corners), atol=1e-5)
    np.testing.assert_allclose(np.abs(found), [[2, 0.5]] * 4, atol=1e-5)


def test_pca_equals_scikit_learn_up_to_sign():
    from sklearn.decomposition import PCA

    points = blobs()
    np.testing.assert_allclose(
        np.abs(projection.pca(euclidean(points))), np.abs(PCA(2).fit_transform(points)), atol=1e-3
    )


def test_pca_of_one_item_and_of_equal_items_is_the_origin():
    assert projection.pca(np.zeros((1, 1))).tolist() == [[0, 0]]
    assert projection.pca(np.zeros((3, 3))).tolist() == [[0, 0]] * 3


def test_align_undoes_a_turn_a_mirror_and_a_shift():
    reference = np.array([[0, 0], [3, 0], [0, 1]], np.float32)
    turned = reference @ np.array([[0, 1], [1, 0]]) + [5, 7]
    np.testing.assert_allclose(projection.align(turned, reference), reference, atol=1e-6)


def test_align_keeps_distances():
    rng = np.random.default_rng(1)
    points, reference = rng.normal(size=(9, 2)), rng.normal(size=(9, 2))
    np.testing.assert_allclose(euclidean(projection.align(points, reference)), euclidean(points), atol=1e-5)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_maps_keep_neighbours_and_repeat(project, method, dimensions):
    distances = euclidean(blobs())
    start = projection.pca(distances, dimensions)
    first, second = project(method, distances, start), project(method, distances, start)
    assert first.shape == (60, dimensions) and first.dtype == np.float32
    assert np.array_equal(first, second)
    assert projection.trust(distances, first, np.repeat(range(3), 20)).trustworthiness > 0.9
    shuffled = np.random.default_rng(0).permutation(first)
    assert projection.trust(distances, shuffled, np.repeat(range(3), 20)).trustworthiness < 0.7


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_maps_of_fewer_items_than_neighbours(project, method):
    distances = euclidean(blobs()[::10])
    assert np.isfinite(project(method, distances, projection.pca(distances))).all()


def test_a_perfect_map_is_fully_trusted():
    points = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    found = projection.trust(euclidean(points), points, np.arange(40) % 2)
    assert (found.trustworthiness, found.continuity, found.overlap) == (1, 1, 1)
    assert found.kept_neighbours.tolist() == [15] * 40


def test_trust_of_a_small_map_by_hand():
    """Five items on a line, k = 2; the map swaps the outer right item with the middle one."""
    true = np.array([[0.0], [1.0], [2.1], [3.3], [4.6]])
    drawn = np.array([[0.0, 0], [1.0, 0], [4.6, 0], [3.3, 0], [2.1, 0]])
    found = projection.trust(euclidean(true), drawn, np.array([0, 0, 0, 1, 1]))
    true_near = [{1, 2}, {0, 2}, {1, 3}, {2, 4}, {3, 2}]
    map_near = [{1, 4}, {0, 4}, {3, 4}, {4, 2}, {1, 3}]
    assert found.kept_neighbours.tolist() == [len(a & b) for a, b in zip(true_near, map_near, strict=True)]
    assert found.overlap == pytest.approx(sum(found.kept_neighbours) / 10)


@pytest.mark.parametrize("seed", range(3))
def test_trust_equals_scikit_learn(seed):
    from sklearn.manifold import trustworthiness
    from sklearn.metrics import silhouette_score
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(seed)
    points, drawn = rng.normal(size=(50, 5)).astype(np.float32), rng.normal(size=(50, 2)).astype(np.float32)
    labels = rng.integers(3, size=50)
    found = projection.trust(euclidean(points), drawn, labels)
    assert found.trustworthiness == pytest.approx(trustworthiness(points, drawn, n_neighbors=15))
    assert found.continuity == pytest.approx(trustworthiness(drawn, points, n_neighbors=15))
    assert found.silhouette == pytest.approx(silhouette_score(drawn, labels), abs=1e-5)
    true, shown = (NearestNeighbors(n_neighbors=15).fit(space).kneighbors()[1] for space in (points, drawn))
    kept = [len(set(a) & set(b)) for a, b in zip(true.tolist(), shown.tolist(), strict=True)]
    assert found.kept_neighbours.tolist() == kept and found.overlap == pytest.approx(np.mean(kept) / 15)


def test_trust_of_one_class_has_no_silhouette_and_of_two_items_no_neighbourhood():
    points = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    assert np.isnan(projection.trust(euclidean(points), points, np.zeros(40)).silhouette)
    assert projection.trust(euclidean(points[:2]), points[:2], np.array([0, 1])).kept_neighbours.tolist() == [0, 0]


def test_bad_distances_are_refused():
    with pytest.raises(InputError, match="square matrix"):
        projection.pca(np.zeros((2, 3)))
    with pytest.raises(InputError, match="finite"):
        projection.pca(np.full((2, 2), np.nan))


def test_a_plain_script_draws_maps_and_imports_neither_umap_nor_tensorflow(tmp_path):
    """Without a main guard: a child that ran the script again waited for its caller's lock for ever."""
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np, sys\n"
        "from semsearch.ranking import projection\n"
        "d = np.abs(np.subtract.outer(np.arange(8.0), np.arange(8.0)))\n"
        "with projection.map_worker() as project: project('umap', d, projection.pca(d))\n"
        "print({'umap', 'tensorflow', 'numba'} & set(sys.modules))\n"
    )
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}  # who imports is asked, not how fast it computes
    out = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, env=env, timeout=120)
    assert out.stdout.strip() == "set()"

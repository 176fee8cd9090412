"""Maps judged by what they must keep: distances, neighbours, orientation, seed."""

import subprocess
import sys

import numpy as np
import pytest

from semsearch import projection
from semsearch.errors import InputError


def euclidean(points):
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1)).astype(np.float32)


@pytest.fixture(scope="module")
def umap():
    with projection.umap_worker() as worker:
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


def test_umap_keeps_neighbours_and_repeats(umap):
    from sklearn.manifold import trustworthiness

    distances = euclidean(blobs())
    start = projection.pca(distances)
    first, second = umap(distances, start), umap(distances, start)
    assert first.shape == (60, 2) and first.dtype == np.float32
    assert np.array_equal(first, second)
    assert trustworthiness(distances, first, n_neighbors=5, metric="precomputed") > 0.9
    shuffled = np.random.default_rng(0).permutation(first)
    assert trustworthiness(distances, shuffled, n_neighbors=5, metric="precomputed") < 0.7


def test_umap_of_fewer_items_than_neighbours(umap):
    distances = euclidean(blobs()[::10])
    assert np.isfinite(umap(distances, projection.pca(distances))).all()


def test_bad_distances_are_refused():
    with pytest.raises(InputError, match="square matrix"):
        projection.pca(np.zeros((2, 3)))
    with pytest.raises(InputError, match="finite"):
        projection.pca(np.full((2, 2), np.nan))


def test_the_caller_imports_neither_umap_nor_tensorflow():
    code = (
        "import numpy as np, sys\n"
        "from semsearch import projection\n"
        "if __name__ == '__main__':\n"
        "    d = np.abs(np.subtract.outer(np.arange(8.0), np.arange(8.0)))\n"
        "    with projection.umap_worker() as umap: umap(d, projection.pca(d))\n"
        "    print({'umap', 'tensorflow', 'numba'} & set(sys.modules))\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"

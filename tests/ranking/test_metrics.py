"""Distances, similarity and ranking: known answers, then agreement with scikit-learn."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist
from sklearn.metrics import pairwise_distances

from semsearch.errors import InputError, UnknownName
from semsearch.ranking import metrics, sums

NAMES = tuple(metrics.METRICS)
ORIGIN = np.array([[1, 0, 2, 1]], np.float32)
GALLERY = np.array([[1, 0, 2, 1], [3, 4, 2, 1], [2, 0, 4, 2], [-1, 0, -2, -1], [1, 3, 2, 1]], np.float32)


def reference(queries, gallery, name):
    """Scikit-learn's distances of float64 copies, its Minkowski parameter filled in."""
    options = {"metric": "minkowski", "p": 3} if name == "minkowski3" else {"metric": name}
    return pairwise_distances(queries.astype(np.float64), gallery.astype(np.float64), **options)


def ranked(matrix, k, **options):
    """Rows of (id, distance) pairs."""
    ids, found = metrics.rank(matrix, k, **options)
    return [
        [(int(i), pytest.approx(float(d), abs=1e-6)) for i, d in zip(*row, strict=True)]
        for row in zip(ids, found, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cosine", [(0, 0), (2, 0), (4, 1 - 6 / 90**0.5), (1, 1 - 8 / 180**0.5), (3, 2)]),
        ("euclidean", [(0, 0), (2, 6**0.5), (4, 3), (1, 20**0.5), (3, 24**0.5)]),
        ("sqeuclidean", [(0, 0), (2, 6), (4, 9), (1, 20), (3, 24)]),
        ("manhattan", [(0, 0), (4, 3), (2, 4), (1, 6), (3, 8)]),
        ("minkowski3", [(0, 0), (2, 10 ** (1 / 3)), (4, 3), (1, 72 ** (1 / 3)), (3, 80 ** (1 / 3))]),
        ("chebyshev", [(0, 0), (2, 2), (4, 3), (1, 4), (3, 4)]),
        ("correlation", [(0, 0), (2, 0), (4, 1 + 1 / 5.5**0.5), (1, 1 + 2 / 10**0.5), (3, 2)]),
    ],
)
def test_hand_placed_vectors(name, expected):
    assert ranked(metrics.distances(ORIGIN, GALLERY, name), 5) == [expected]


@pytest.mark.parametrize("name", [*NAMES, "sqeuclidean"])
def test_a_prepared_gallery_answers_as_the_plain_one(name, monkeypatch):
    """Near-duplicates, zero and constant vectors included, and one too large to be held ready."""
    rows = np.random.default_rng(1).normal(2, 1, (60, 37)).astype(np.float32)
    rows[7] = rows[6] * np.float32(1 + 1e-6)
    rows[8], rows[9] = 0, 3
    want = metrics.distances(rows[:20], rows, name)
    for room in (metrics.READY, 100):
        monkeypatch.setattr(metrics, "READY", room)
        ready = metrics.prepared(rows, name)
        found = np.concatenate([metrics.distances(rows[[query]], ready, name) for query in range(20)])
        np.testing.assert_allclose(found, want, rtol=1e-6, atol=1e-7 if name != "chebyshev" else 0)
        assert found[6, 7] == want[6, 7] > 0 or name in ("cosine", "correlation")
    with pytest.raises(InputError, match="differ in columns"):
        metrics.distances(rows[:, :5], ready, name)
    with pytest.raises(InputError, match="expected a gallery prepared for"):
        metrics.distances(rows, ready, "cosine" if name != "cosine" else "euclidean")
    with pytest.raises(InputError, match="NaN"):
        metrics.prepared(np.full((2, 2), np.nan), name)


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_explains_itself(name):
    metric = metrics.METRICS[name]
    assert metric.name == name
    assert metric.title and metric.formula and metric.meaning


def vectors(rows, elements):
    """Matrices of 1 … 12 columns."""
    return hnp.arrays(np.float32, st.tuples(rows, st.integers(1, 12)), elements=elements)


GRID = st.integers(-8, 8).map(lambda value: value / 4)
SIZES = st.floats(0.0625, 128, width=32)
SMOOTH = st.one_of(st.just(0.0), SIZES, SIZES.map(lambda value: -value))


@pytest.mark.parametrize("name", ["euclidean", "manhattan", "chebyshev"])
@given(data=vectors(st.integers(2, 20), GRID))
@settings(max_examples=60, deadline=None)
def test_rankings_with_ties_equal_scikit_learn(name, data):
    ours, _ = metrics.rank(metrics.distances(data, data, name), len(data))
    theirs = np.argsort(reference(data, data, name), axis=1, kind="stable")
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", NAMES)
@given(data=vectors(st.integers(2, 20), SMOOTH))
@settings(max_examples=60, deadline=None)
def test_rankings_equal_scikit_learn_to_float32(name, data):
    found = metrics.distances(data, data, name)
    assert np.isfinite(found).all()
    theirs = reference(data, data, name)
    if name == "correlation":
        flat = np.ptp(data, axis=1) <= 0.01 * np.abs(data).max(axis=1)
        theirs = np.where(flat[:, None] | flat, found, theirs)
    np.testing.assert_allclose(found, theirs, rtol=2e-7, atol=5e-5 if name == "euclidean" else 1e-12)
    if name == "euclidean":
        np.testing.assert_allclose(found, cdist(data, data), rtol=2e-7)
    ids, ordered = metrics.rank(found, len(data))
    steps = np.diff(np.take_along_axis(theirs, ids, axis=1), axis=1)
    assert (steps >= -1e-6 * (1 + np.abs(theirs).max())).all()
    assert ((np.diff(ordered, axis=1) > 0) | (np.diff(ids, axis=1) > 0)).all()


@pytest.mark.parametrize("name", NAMES)
def test_rankings_of_real_looking_features_equal_scikit_learn(name):
    draw = np.random.default_rng(3)
    data = np.maximum(draw.normal(0.5, 1, (60, 700)), 0).astype(np.float32)
    matrix = metrics.pairwise(data, [name])[name]
    theirs = reference(data, data, name)
    np.fill_diagonal(theirs, 0)
    ours, _ = metrics.rank(matrix, 60)
    np.testing.assert_array_equal(ours, np.argsort(theirs, axis=1, kind="stable"))


@pytest.mark.parametrize("name", NAMES)
def test_near_duplicates_keep_their_order(name):
    draw = np.random.default_rng(5)
    base = draw.uniform(1, 2, 300).astype(np.float32)
    data = np.tile(base, (9, 1))
    for row in range(1, 9):
        data[row, : 10 * row] += np.float32(2e-6) * row * (-1) ** np.arange(10 * row)
    ids, found = metrics.rank(metrics.distances(data[:1], data, name), 9)
    assert ids[0].tolist() == list(range(9))
    assert found[0, 0] == 0
    if name not in ("cosine", "correlation"):
        options = {"p": 3} if name == "minkowski3" else {}
        exact = cdist(data[:1], data, {"manhattan": "cityblock", "minkowski3": "minkowski"}.get(name, name), **options)
        np.testing.assert_allclose(found[0], exact[0], rtol=1e-6)
    np.testing.assert_allclose(metrics.pairwise(data, [name])[name][0], found[0], rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_equal_rows_are_at_zero_and_rank_by_id(name):
    row = np.random.default_rng(1).normal(size=777).astype(np.float32)
    data = np.stack([row, -row, row, row, -row, row])
    for matrix in (metrics.distances(data, data, name), metrics.pairwise(data, [name])[name]):
        assert metrics.rank(matrix, 5)[0][3].tolist() == [0, 2, 3, 5, 1]
        assert (matrix[3, [0, 2, 3, 5]] == 0).all()


@pytest.mark.parametrize("name", ["cosine", "correlation"])
def test_multiples_of_a_vector_are_equal_in_direction(name):
    row = np.random.default_rng(1).normal(size=50).astype(np.float32)
    data = np.stack([row, 2 * row, row / 4])
    assert (metrics.distances(data, data, name) == 0).all()


def test_zero_and_constant_vectors_have_distance_one():
    data = np.array([[0, 0, 0], [1, 2, 3], [0.1, 0.1, 0.1], [0, 0, 0], [3.3e5, 3.3e5, 3.3e5]], np.float32)
    cosine, correlation = metrics.pairwise(data, ["cosine", "correlation"]).values()
    assert cosine[0].tolist() == [0, 1, 1, 1, 1]
    assert cosine[2, 4] == 0
    assert correlation[:, 1].tolist() == [1, 0, 1, 1, 1]
    assert correlation[2].tolist() == [1, 1, 0, 1, 1]
    assert (metrics.distances(data[:1], data, "cosine") == 1).all()
    np.testing.assert_array_equal(metrics.distances(data, data, "cosine")[0], reference(data, data + 0, "cosine")[0])


def test_a_constant_vector_is_seen_however_long():
    data = np.full((2, 300_001), 0.1, np.float32)
    data[1, 7] = np.nextafter(np.float32(0.1), np.float32(1))
    data = np.vstack([data, data[1:] * 2])
    assert metrics.pairwise(data, ["correlation"])["correlation"].tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]


def test_a_constant_vector_is_seen_through_the_rounding_of_its_mean():
    draw = np.random.default_rng(0)
    data = np.vstack([np.repeat(draw.random((20, 1)), 1_001, axis=1), draw.random((1, 1_001))])
    assert (data[:20] != data[:20].mean(axis=1, keepdims=True)).any()
    assert (metrics.distances(data, data, "correlation")[:20] == 1).all()


@pytest.mark.parametrize("width", [1, 255, 257, 3_000])
def test_pairwise_agrees_with_distances(width):
    data = np.maximum(np.random.default_rng(width).normal(size=(23, width)), 0).astype(np.float32) + np.float32(0.01)
    found = metrics.pairwise(data, NAMES)
    assert tuple(found) == NAMES
    for name, matrix in found.items():
        assert matrix.dtype == np.float32
        np.testing.assert_array_equal(matrix, matrix.T)
        assert not matrix.diagonal().any()
        expected = metrics.distances(data, data, name)
        np.fill_diagonal(expected, 0)
        np.testing.assert_allclose(matrix, expected, rtol=1e-6, atol=1e-12)


def test_chunks_and_memory_maps_change_nothing(tmp_path, monkeypatch):
    data = np.random.default_rng(0).normal(size=(13, 1_111)).astype(np.float32)
    expected = metrics.pairwise(data, NAMES)
    np.save(tmp_path / "features.npy", data)
    monkeypatch.setattr(sums, "_CHUNK", 999)
    monkeypatch.setattr(sums, "_TILE", 100)
    monkeypatch.setattr(sums, "_TILE_COLUMNS", 64)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    for name, matrix in metrics.pairwise(mapped, NAMES).items():
        np.testing.assert_allclose(matrix, expected[name], rtol=2e-7)
        np.testing.assert_allclose(metrics.distances(mapped, data, name), expected[name], rtol=2e-7, atol=1e-12)


def test_thread_count_changes_no_bit(monkeypatch):
    data = np.random.default_rng(0).normal(size=(40, 5_000)).astype(np.float32)
    kernel, _ = sums._compiled()
    found = []
    for threads in (1, 2, 7, 64):
        monkeypatch.setattr(sums, "_compiled", lambda threads=threads: (kernel, threads))
        found.append(metrics.pairwise(data, NAMES))
    for other in found[1:]:
        for name in NAMES:
            np.testing.assert_array_equal(other[name], found[0][name])


def test_order_of_items_changes_no_distance():
    data = np.random.default_rng(2).normal(size=(20, 300)).astype(np.float32)
    turned = metrics.pairwise(data[::-1], NAMES)
    for name, matrix in metrics.pairwise(data, NAMES).items():
        np.testing.assert_allclose(turned[name][::-1, ::-1], matrix, rtol=2e-7)


def test_squared_euclidean_ranks_as_euclidean():
    data = np.random.default_rng(4).normal(size=(30, 64)).astype(np.float32)
    squared = metrics.distances(data, data, "sqeuclidean")
    plain = metrics.distances(data, data, metrics.SAME_RANKING["sqeuclidean"])
    np.testing.assert_allclose(squared, plain.astype(np.float64) ** 2, rtol=1e-6)
    np.testing.assert_array_equal(metrics.rank(squared, 30)[0], metrics.rank(plain, 30)[0])


def test_the_six_metrics_rank_differently():
    data = np.random.default_rng(6).exponential(size=(40, 12)).astype(np.float32) * np.arange(1, 41)[:, None]
    found = {metrics.rank(matrix, 40)[0].tobytes() for matrix in metrics.pairwise(data, NAMES).values()}
    assert len(found) == 6


def test_live_distances_need_no_compiler():
    code = (
        "import sys, numpy as np; from semsearch.ranking import metrics; x = np.eye(3, dtype=np.float32);"
        "[metrics.distances(x, x, name) for name in (*metrics.METRICS, 'sqeuclidean')];"
        "print(sorted({'numba', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", NAMES)
def test_numbers_that_are_none_are_refused(name, value):
    good, bad = np.ones((3, 4), np.float32), np.ones((3, 4), np.float32)
    bad[2, 1] = value
    with pytest.raises(InputError, match="queries: row 2 holds NaN or infinity"):
        metrics.distances(bad, good, name)
    with pytest.raises(InputError, match="gallery: row 2"):
        metrics.distances(good, bad, name)
    with pytest.raises(InputError, match="features: row 2"):
        metrics.pairwise(bad, [name])


def test_huge_features_are_refused_only_where_float32_ends():
    data = np.array([[1e30, 0], [0, 2e30]], np.float32)
    assert metrics.distances(data, data, "euclidean")[0, 1] == pytest.approx(5**0.5 * 1e30, rel=1e-6)
    with pytest.raises(InputError, match="beyond float32"):
        metrics.distances(data, data, "sqeuclidean")


def test_wrong_names_and_shapes_are_refused():
    good = np.ones((2, 3), np.float32)
    with pytest.raises(UnknownName, match="unknown metric 'cosin'; valid: cosine, .*, sqeuclidean"):
        metrics.distances(good, good, "cosin")
    with pytest.raises(UnknownName, match="unknown metric 'sqeuclidean'; valid: cosine"):
        metrics.pairwise(good, ["cosine", "sqeuclidean"])
    with pytest.raises(InputError, match="differ in columns"):
        metrics.distances(good, good[:, :2], "cosine")
    for bad in (good[0], good[:, :0], good.astype(str), good.astype(complex)):
        with pytest.raises(InputError, match="gallery: expected"):
            metrics.distances(good, bad, "cosine")


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_gallery_has_no_matches(name):
    some, none = np.ones((2, 3), np.float32), np.ones((0, 3), np.float32)
    assert metrics.distances(some, none, name).shape == (2, 0)
    assert metrics.distances(none, some, name).shape == (0, 2)
    assert metrics.pairwise(none, [name])[name].shape == (0, 0)
    assert metrics.rank(metrics.distances(some, none, name), 3)[0].shape == (2, 0)


def test_scale_is_the_typical_pair():
    matrix = np.array([[0, 1, 7], [1, 0, 3], [7, 3, 0]], np.float32)
    assert metrics.scale(matrix) == 3
    assert metrics.scale(np.array([[0, 5], [5, 0]])) == 5
    assert metrics.scale(np.zeros((1, 1))) == 1
    assert metrics.scale(np.zeros((0, 0))) == 1
    for bad in (np.zeros((2, 3)), np.zeros(3), np.float32(1)):
        with pytest.raises(InputError, match=r"\(n, n\)"):
            metrics.scale(bad)


MATRIX = np.array([[0, 2, 1, 2], [2, 0, 2, 2], [3, 1, 0, 1]], np.float32)


def test_ties_rank_by_id_and_the_query_is_left_out():
    assert ranked(MATRIX, 3, exclude=np.array([0, 1, 2])) == [
        [(2, 1), (1, 2), (3, 2)],
        [(0, 2), (2, 2), (3, 2)],
        [(1, 1), (3, 1), (0, 3)],
    ]
    assert ranked(MATRIX, 2) == [[(0, 0), (2, 1)], [(1, 0), (0, 2)], [(2, 0), (1, 1)]]


def test_the_query_is_left_out_even_behind_its_duplicates():
    ids, _ = metrics.rank(np.zeros((2, 4), np.float32), 9, exclude=np.array([3, 1]))
    assert ids.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_more_matches_than_items_gives_all_items():
    ids, found = metrics.rank(MATRIX, 100)
    assert (ids.shape, ids.dtype, found.dtype) == ((3, 4), np.int32, np.float32)
    assert metrics.rank(MATRIX, 100, exclude=np.zeros(3, int))[0].shape == (3, 3)
    assert metrics.rank(np.zeros((1, 1)), 5, exclude=np.array([0]))[0].shape == (1, 0)


def test_ranking_in_blocks_of_rows_changes_nothing(monkeypatch):
    matrix = np.random.default_rng(0).integers(0, 5, (17, 17)).astype(np.float32)
    expected = metrics.rank(matrix, 9, exclude=np.arange(17))[0]
    monkeypatch.setattr(metrics, "_ROWS", 40)
    np.testing.assert_array_equal(metrics.rank(matrix, 9, exclude=np.arange(17))[0], expected)


@given(
    matrix=hnp.arrays(
        np.float32, st.tuples(st.integers(1, 8), st.integers(1, 12)), elements=st.sampled_from([0, 1, 2])
    ),
    k=st.integers(1, 15),
    data=st.data(),
)
def test_rank_equals_a_sort_of_pairs(matrix, k, data):
    out = data.draw(st.lists(st.integers(0, matrix.shape[1] - 1), min_size=len(matrix), max_size=len(matrix)))
    expected = [
        sorted((float(d), i) for i, d in enumerate(row) if i != query)[:k]
        for row, query in zip(matrix, out, strict=True)
    ]
    ids, found = metrics.rank(matrix, k, exclude=np.array(out))
    assert [list(zip(d.tolist(), i.tolist(), strict=True)) for i, d in zip(ids, found, strict=True)] == expected


@pytest.mark.parametrize(
    ("matrix", "k", "exclude"),
    [
        (MATRIX, 0, None),
        (MATRIX[0], 1, None),
        (np.where(MATRIX == 3, np.nan, MATRIX), 1, None),
        (MATRIX, 1, np.array([0, 1])),
        (MATRIX, 1, np.array([0, 1, 4])),
        (MATRIX, 1, np.array([0, 1, -1])),
    ],
)
def test_rank_refuses_what_it_cannot_rank(matrix, k, exclude):
    with pytest.raises(InputError, match="expected"):
        metrics.rank(matrix, k, exclude=exclude)

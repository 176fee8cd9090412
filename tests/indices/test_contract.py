"""What every recipe must do, under every metric that it can do; the worlds are so small that nothing may be missed."""

import numpy as np
import pytest

from semsearch.errors import InputError, UnknownName
from semsearch.indices import index, recipes
from semsearch.indices.recipes import RECIPES
from semsearch.ranking import metrics
from tests.indices.conftest import clouds

ABLE = [(name, metric) for name, recipe in RECIPES.items() for metric in recipe.metrics]
CODED = ("pca-ivf", "rabitq", "hnsw")
"""They may miss one of the true nearest now and then."""


@pytest.fixture(params=ABLE, ids="-".join)
def one(request, made):
    """An index, and its metric."""
    return made(*request.param)


def exact(points, vectors, metric, k, allowed=None):
    allowed = np.arange(len(vectors)) if allowed is None else allowed
    first, near = metrics.rank(metrics.distances(points, vectors[allowed], metric), k)
    return allowed[first], near


def test_the_nearest_are_found_and_their_distances_are_exact(one, vectors):
    points = clouds(2)[::20]
    rows, near = one.search(points, 10, vectors)
    true, true_near = exact(points, vectors, one.metric, 10)
    assert rows.shape == near.shape == (30, 10) and near.dtype == np.float32
    for point, found, far in zip(points, rows, near, strict=True):
        assert np.allclose(far, metrics.distances(point[None], vectors[found], one.metric)[0], atol=1e-6, rtol=1e-6)
        assert (np.diff(far) >= 0).all() and len(set(found.tolist())) == 10
    shares = (near <= true_near[:, -1:] * (1 + 1e-6)).mean(axis=1)
    if one.recipe == "exact":
        assert rows.tolist() == true.tolist()
        np.testing.assert_allclose(near, true_near, atol=1e-4)
    assert shares.mean() >= {"exact": 1, "pq": 0.5}.get(one.recipe, 0.98)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02])
def test_only_what_is_allowed_is_found(one, vectors, share):
    allowed = np.sort(np.random.default_rng(3).choice(600, round(600 * share), replace=False))
    points = clouds(2)[::60]
    rows, near = one.search(points, 10, vectors, allowed=allowed)
    _, true_near = exact(points, vectors, one.metric, 10, allowed)
    assert np.isin(rows, allowed).all() and rows.shape == (10, min(10, len(allowed)))
    shares = (near <= true_near[:, -1:] * (1 + 1e-6)).mean(axis=1)
    assert shares.mean() >= {"exact": 1, "pq": 0.5}.get(one.recipe, 0.98)


def test_as_many_as_there_are_when_more_are_asked_for(one, vectors):
    points = clouds(2)[:2]
    rows, near = one.search(points, 1_000, vectors)
    true, true_near = exact(points, vectors, one.metric, 1_000)
    assert rows.tolist() == true.tolist()
    np.testing.assert_allclose(near, true_near, atol=1e-5)
    few = np.array([2, 5, 599])
    assert sorted(one.search(points, 9, vectors, allowed=few)[0][0].tolist()) == few.tolist()


def test_nothing_allowed_gives_nothing(one, vectors):
    rows, near = one.search(clouds(2)[:2], 5, vectors, allowed=np.zeros(0, int))
    assert rows.shape == near.shape == (2, 0)
    assert one.candidates(vectors[0], 5, np.zeros(0, int)).tolist() == []


def test_every_vector_finds_itself(one, vectors):
    """Copies are at distance 0 from each other: the first of them ranks first."""
    rows, near = one.search(vectors, 1, vectors)
    firsts = np.arange(600)
    firsts[[7, *range(300, 310)]] = 3
    assert rows[:, 0].tolist() == firsts.tolist()
    assert (near == 0).all()


def test_copies_are_all_found_and_rank_by_row(one, vectors):
    copies = [3, 7, *range(300, 310)]
    rows, near = one.search(vectors[[3]], 12, vectors)
    assert rows[0].tolist() == copies and (near == 0).all()
    rows, _ = one.search(vectors[[3]], 4, vectors, allowed=np.arange(5, 600))
    assert rows[0].tolist() == [7, 300, 301, 302]


def test_candidates_are_rising_and_hold_what_a_search_returns(one, vectors):
    point, allowed = clouds(2)[100], np.arange(0, 600, 2)
    named = one.candidates(point, 8, allowed)
    assert (np.diff(named) > 0).all() and np.isin(named, allowed).all()
    rows, _ = one.search(point[None], 8, vectors, allowed=allowed)
    assert np.isin(rows, named).all()


def test_vectors_without_direction_harm_nothing(one, vectors):
    """A fifth of all, as the pictures of a broken camera: 0, and the same number throughout."""
    spoiled = vectors.copy()
    spoiled[::5] = 0
    spoiled[1::25] = np.float32(0.1)
    made = index.build(spoiled, one.metric, one.recipe)
    points = np.concatenate([clouds(2)[::60], spoiled[:2]])
    rows, near = made.search(points, 10, spoiled)
    _, true_near = exact(points, spoiled, one.metric, 10)
    assert np.isfinite(near).all()
    if one.recipe == "exact" or one.metric in ("cosine", "correlation"):
        blank = slice(-2, None) if one.metric == "correlation" else slice(-2, -1)
        np.testing.assert_allclose(near[blank], true_near[blank], atol=1e-5)
    shares = (near <= true_near[:, -1:] * (1 + 1e-5) + 1e-7).mean(axis=1)
    assert shares.mean() >= {"exact": 1, "pq": 0.5}.get(one.recipe, 0.97)


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("recipe", RECIPES)
def test_none_one_and_two_vectors(recipe, count, few):
    vectors = np.eye(2, 3, dtype=np.float32)[:count]
    made = index.build(vectors, "euclidean", recipe)
    rows, near = made.search(np.eye(1, 3, dtype=np.float32), 5, vectors)
    assert rows.tolist() == [[*range(count)]]
    np.testing.assert_allclose(near, [[0, 2**0.5][:count]], atol=1e-6)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_world_of_copies_alone(recipe, few):
    vectors = np.ones((90, 8), np.float32)
    made = index.build(vectors, "cosine", recipe)
    rows, near = made.search(vectors[:1], 3, vectors)
    assert rows.tolist() == [[0, 1, 2]] and near.tolist() == [[0, 0, 0]]


def test_two_builds_are_the_same_to_the_last_byte(one, vectors):
    def written(made):
        parts = []
        if made.structure:
            made.structure.write(parts.append)
        return b"".join(parts)

    assert written(index.build(vectors, one.metric, one.recipe)) == written(one)


@pytest.mark.parametrize("recipe", ["hnsw", "pca-ivf", "rabitq"])
def test_vectors_in_double_precision_are_taken_too(recipe, vectors, few):
    wide = vectors.astype(np.float64)
    rows, near = index.build(wide, "euclidean", recipe).search(wide[[9, 50]], 1, wide)
    assert rows.tolist() == [[9], [50]] and (near == 0).all()


def test_without_the_features_an_index_answers_by_its_own_estimates(made, vectors):
    points = clouds(2)[::60]
    for recipe in ("hnsw", "pca-ivf", "rabitq"):
        for metric in RECIPES[recipe].metrics:
            rows, near = made(recipe, metric).search(points, 5)
            true, true_near = exact(points, vectors, metric, 5)
            assert np.allclose(near, true_near, rtol=0.35, atol=0.1), (recipe, metric)
            shared = [len(set(a) & set(b)) for a, b in zip(rows.tolist(), true.tolist(), strict=True)]
            assert np.mean(shared) >= (2 if recipe == "rabitq" else 4.5), (recipe, metric)
    with pytest.raises(InputError, match="expected the features"):
        made("exact", "cosine").search(points, 5)


def test_what_an_index_weighs(made):
    exact_one = made("exact", "cosine").memory
    graph, lists = (made(name, "cosine").memory for name in ("hnsw", "pca-ivf"))
    assert exact_one == 600 * 24 * 4 and graph > exact_one
    codes, ids, groups = 589 * 24, 589 * 8, 600 * 4 * 3
    assert codes + ids < lists < codes + ids + groups + 8_000


def test_a_metric_that_a_recipe_cannot_do_is_refused_in_plain_words(vectors):
    with pytest.raises(InputError, match="the index rabitq can do cosine, euclidean, correlation, not manhattan; use"):
        index.build(vectors, "manhattan", "rabitq")
    with pytest.raises(UnknownName, match="unknown recipe 'ivf'"):
        index.build(vectors, "cosine", "ivf")
    with pytest.raises(UnknownName, match="unknown metric 'angle'"):
        index.build(vectors, "angle", "exact")


def test_points_and_features_of_another_shape_are_refused(made, vectors):
    one = made("pca-ivf", "cosine")
    for points, k, features in ((vectors[0], 1, vectors), (vectors[:, :5], 1, vectors), (vectors, 0, vectors)):
        with pytest.raises(InputError, match="expected points"):
            one.search(points, k, features)
    with pytest.raises(InputError, match="expected features"):
        one.search(vectors[:1], 1, vectors[:9])


def test_what_the_structure_does_not_find_is_on_the_side_list_and_found(vectors, few, monkeypatch):
    """A structure that has lost every tenth vector."""
    real = index.Structure.nearest

    def lossy(self, points, count, among=None, *, all_lists=False):
        places, near = real(self, points, count, among, all_lists=all_lists)
        return np.where(places % 10 == 0, -1, places), near

    monkeypatch.setattr(index.Structure, "nearest", lossy)
    made = index.build(vectors, "euclidean", "pca-ivf")
    assert len(made.side) == 59 and made.side[0] == 0
    rows, near = made.search(vectors[made.side], 1, vectors)
    assert rows[:, 0].tolist() == made.side.tolist() and (near == 0).all()
    allowed = np.setdiff1d(np.arange(600), made.side[::2])
    assert np.isin(made.candidates(vectors[0], 5, allowed), allowed).all()


@pytest.mark.parametrize("quickly", [10, 100_000])
def test_large_and_small_audits_lose_nothing(vectors, few, monkeypatch, quickly):
    monkeypatch.setattr(index, "QUICKLY", quickly)
    for recipe in ("pca-ivf", "rabitq"):
        made = index.build(vectors, "cosine", recipe)
        assert not len(made.side)


@pytest.mark.parametrize(
    ("count", "dimension", "metric", "budget", "name"),
    [
        (200, 4_096, "cosine", {}, "exact"),
        (9_144, 1_280, "cosine", {}, "pca-ivf"),
        (9_144, 512, "cosine", {}, "exact"),
        (9_144, 512, "cosine", {"milliseconds": 1}, "pca-ivf"),
        (40_504, 4_096, "cosine", {}, "pca-ivf"),
        (1_000_000, 256, "euclidean", {"memory": 80e6}, "rabitq"),
        (40_504, 4_096, "manhattan", {}, "hnsw"),
        (40_504, 4_096, "manhattan", {"memory": 1e6}, "exact"),
    ],
)
def test_which_recipe_is_recommended(count, dimension, metric, budget, name):
    assert recipes.recommended(count, dimension, metric, **budget) == name

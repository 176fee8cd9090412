"""What makes a similarity or a distance: small maps whose parts are known by hand, and sums that must add up."""

import numpy as np
import pytest

from semsearch.data import datasets
from semsearch.errors import InputError, UnknownName
from semsearch.explain import regions
from semsearch.explain.agreement import DIFFERENT, QUESTIONS, SIMILAR, SIMILARITIES, agreement, layer_map, margin
from semsearch.features import FeatureExtractor
from semsearch.models.catalog import POOLINGS, FeatureSpec
from semsearch.ranking import metrics

LEFT = np.array([[[3.0, 0], [0, 0]], [[0, 4], [0, 0]]], np.float32)
"""Two channels on 2 × 2 positions: the first answers 3 above left, the second 4 below left."""
RIGHT = np.array([[[0.0, 0], [5, 0]], [[0, 0], [0, 12]]], np.float32)
"""The first answers 5 above right, the second 12 below right."""


def seeded(seed, shape=(5, 4, 6), floor=0.0):
    return np.maximum(np.random.default_rng(seed).normal(size=shape), floor).astype(np.float32)


def pooled(values, pooling):
    if pooling == "gem":
        return (np.maximum(values, 1e-6).astype(np.float64) ** 3).mean((0, 1)) ** (1 / 3)
    return {"flatten": np.ravel(values), "avg": values.mean((0, 1)), "max": values.max((0, 1))}[pooling]


def distance(a, b, pooling, metric):
    return float(metrics.distances(pooled(a, pooling)[None], pooled(b, pooling)[None], metric)[0, 0])


def sums(found):
    return [found.heat[0].sum(), found.heat[1].sum(), found.pairs.sum(), found.channels.sum()]


@pytest.mark.parametrize("floor", [0.0, -9.0], ids=["rectified", "signed"])
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("metric", metrics.METRICS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_all_parts_sum_to_the_number(pooling, metric, question, floor):
    a, b = seeded(1, floor=floor), seeded(2, floor=floor)
    found = agreement(a, b, pooling, metric, question)
    assert found.is_distance == (question == DIFFERENT or metric not in SIMILARITIES)
    far = distance(a, b, pooling, metric)
    known = far if found.is_distance else 1 - far
    assert found.value == pytest.approx(known, rel=1e-5, abs=1e-5) and sums(found) == pytest.approx([found.value] * 4)
    for heat, pairs in zip(found.heat, (found.pairs.sum(1), found.pairs.sum(0)), strict=True):
        assert regions.summed(heat) == pytest.approx(pairs)
    assert found.exact == (pooling != "gem") == found.method.startswith("Exact")


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_pairs_of_positions_are_known(pooling):
    """Pooled they are (3, 4) and (5, 12), a quarter of it by avg: the similarity is 15 / 65 and 48 / 65."""
    found = agreement(LEFT, RIGHT, pooling, "cosine")
    first, second = 15 / 65, 48 / 65
    assert found.value == pytest.approx(63 / 65) and found.channels == pytest.approx([first, second])
    assert found.heat[0] == pytest.approx(np.array([[first, 0], [second, 0]]))
    assert found.heat[1] == pytest.approx(np.array([[0, first], [0, second]]))
    pairs = np.zeros((4, 4))
    pairs[0, 1], pairs[2, 3] = first, second
    assert found.pairs == pytest.approx(pairs)


def test_flattened_maps_agree_at_the_same_position_alone():
    assert agreement(LEFT, RIGHT, "flatten", "cosine").value == 0
    other = LEFT.copy()
    other[1, 0] = [4, 3]  # 9 + 12 of 5 · √34
    found = agreement(LEFT, other, "flatten", "cosine")
    assert found.heat[0] == pytest.approx(np.array([[9, 0], [12, 0]]) / (5 * 34**0.5))
    assert found.pairs == pytest.approx(np.diag(found.heat[0].ravel()))
    apart = agreement(LEFT, other, "flatten", "manhattan")
    assert apart.value == 5 and apart.heat[0] == pytest.approx(np.array([[0, 0], [5, 0]]))
    assert agreement(LEFT, other, "flatten", "chebyshev").channels == pytest.approx([4, 0])


def test_average_pooling_takes_the_distance_apart_by_pairs():
    """The vectors are (0.75, 1) and (1.25, 3): apart by 0.5 and 2 in the channels."""
    found = agreement(LEFT, RIGHT, "avg", "manhattan")
    assert found.value == pytest.approx(2.5) and found.channels == pytest.approx([0.5, 2])
    assert found.pairs[1, 1] == pytest.approx(5 / 16) and found.pairs[3, 3] == pytest.approx(12 / 16)
    assert found.pairs[0, 0] == pytest.approx(-3 / 16), "a part of it brings them nearer"


def test_equal_pictures_differ_nowhere():
    for metric in metrics.METRICS:
        found = agreement(LEFT, LEFT, "avg", metric, DIFFERENT)
        assert found.value == pytest.approx(0, abs=1e-12) and np.abs(found.pairs).max() < 1e-12
    assert agreement(LEFT, LEFT, "gem", "cosine").value == pytest.approx(1)


def test_gem_shares_a_channel_out_by_its_gradient():
    """The slope of the generalized mean, found by moving one number, times that number: as ``heat`` has it."""
    a, b = seeded(3).astype(np.float64) + 0.1, seeded(4).astype(np.float64) + 0.1
    x, y = pooled(a, "gem"), pooled(b, "gem")
    heat = agreement(a, b, "gem", "cosine").heat[0]
    moved, step = np.zeros_like(heat), 1e-6
    for place in np.ndindex(heat.shape):
        for channel in range(a.shape[2]):
            more = a.copy()
            more[(*place, channel)] += step
            slope = (pooled(more, "gem") - x)[channel] / step
            moved[place] += slope * a[(*place, channel)] * y[channel]
    assert heat == pytest.approx(moved / np.linalg.norm(x) / np.linalg.norm(y), rel=1e-4)


def test_a_margin_is_the_difference_of_two():
    query, near, far = seeded(5), seeded(6), seeded(7)
    for metric in ("cosine", "euclidean"):
        a, b = (agreement(query, match, "avg", metric) for match in (near, far))
        found = margin(a, b)
        gap = distance(query, far, "avg", metric) - distance(query, near, "avg", metric)
        assert found.value == pytest.approx(gap, abs=1e-5) and margin(b, a).value == pytest.approx(-gap, abs=1e-5)
        assert [found.heat.sum(), found.channels.sum()] == pytest.approx([found.value] * 2)


def test_what_cannot_be_compared_is_refused():
    silent = np.zeros_like(LEFT)
    for bad in ((LEFT, LEFT[..., :1], "avg"), (LEFT, seeded(1, (3, 2, 2)), "flatten"), (LEFT[0], LEFT[0], "max")):
        with pytest.raises(InputError, match="expected maps"):
            agreement(*bad, "cosine")
    with pytest.raises(InputError, match="silent"):
        agreement(LEFT, silent, "avg", "cosine")
    assert agreement(LEFT, silent, "avg", "euclidean").value == pytest.approx(1.25)
    for words in (("mean", "cosine", SIMILAR), ("avg", "angle", SIMILAR), ("avg", "cosine", "alike")):
        with pytest.raises(UnknownName):
            agreement(LEFT, RIGHT, *words)


def test_a_map_of_many_positions_has_few_regions():
    values = np.arange(30 * 7, dtype=float).reshape(30, 7)
    assert regions.grid(30, 7) == (14, 7)
    found = regions.summed(values).reshape(14, 7)
    assert found.sum() == values.sum() and found[0].tolist() == (values[0] + values[1]).tolist()
    assert regions.summed(LEFT).tolist() == LEFT.reshape(4, 2).tolist()


def test_the_hottest_region_has_its_size_and_its_place():
    heat = np.array([[0.0, 0, 0], [0, 0, 9], [0, -9, 0]])
    hot = regions.hottest(heat, 30, 0.1)
    assert hot.sum() == 90 and hot[15, 25] and not hot[:, :10].any() and not hot[20:, 10:20].any()
    rows, columns = np.nonzero(regions.hottest(np.array([[0.0, 1], [0, 0]]), 8, 1 / 64))
    assert rows.tolist() == [0] and columns.tolist() == [7], "where it is spread least"
    assert regions.hottest(heat, 6, 1).all()
    for area in (0, 1.5):
        with pytest.raises(InputError):
            regions.hottest(heat, 6, area)


@pytest.mark.real
def test_real_features_add_up():
    """Two pictures through MobileNetV2: all poolings and metrics, against the distances of the pooled features."""
    specs = {pooling: FeatureSpec("mobilenetv2", "Conv_1", pooling) for pooling in POOLINGS}
    dataset = datasets.load("groceries200")
    vectors = FeatureExtractor(list(specs.values())).extract([dataset.path(0), dataset.path(116)])
    a, b = (layer_map(row, specs["flatten"]) for row in vectors[specs["flatten"]])
    for pooling, spec in specs.items():
        for metric in metrics.METRICS:
            far = float(metrics.distances(vectors[spec][:1], vectors[spec][1:], metric)[0, 0])
            for question in QUESTIONS:
                found = agreement(a, b, pooling, metric, question)
                known = far if found.is_distance else 1 - far
                assert sums(found) == pytest.approx([known] * 4, rel=1e-5, abs=1e-5), (pooling, metric, question)

"""Whether a network misses most what the heat map calls hot: a part of ``benchmarks.why``."""

import numpy as np
import pytest

from benchmarks import why
from semsearch.models.catalog import FeatureSpec


def test_what_is_painted_over_has_one_size():
    hot = np.zeros((6, 6), bool)
    hot[0, :4] = True
    for mask in why.masks(hot, np.random.default_rng(0)):
        assert mask.sum() == 4
    assert why.masks(hot, np.random.default_rng(0))[2][2:4, 2:4].all()


@pytest.mark.real
def test_painting_over_the_hot_region_lowers_the_similarity_most():
    seen = why.pictures(FeatureSpec("mobilenetv2", "Conv_1", "avg"), 60)
    painted, silenced = why.drops(seen, why.pairs(seen.features, 30))
    for fallen in (painted, silenced):
        over_random, over_centre = why.wins(fallen)
        assert over_random >= 0.85 and over_centre >= 0.6

"""What survives of a ranking: features placed by hand, changes of small pictures, and the sealed file."""

import numpy as np
import pytest

from semsearch.errors import IntegrityError
from semsearch.explain import invariance
from semsearch.images import changes
from semsearch.models import catalog
from tests import ROOT

COLUMNS = sum(len(change.strengths) for change in invariance.CHANGES.values())


def circle(degrees):
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=-1)


def test_what_does_not_change_survives_and_what_is_swapped_does_not():
    """Two groups of 16 on a circle: within one, all 15 others are the nearest."""
    angles = np.concatenate([np.arange(16), 90 + np.arange(16)]).astype(float)
    vectors = np.repeat(circle(angles)[:, None], 1 + COLUMNS, axis=1)
    vectors[:, 1] = circle(angles + 90 * (angles < 90) - 90 * (angles >= 90))  # the first strength: as the others
    vectors[:, 2] = circle(np.where(angles < 90, angles, angles - 90))  # the second: all as the first group
    found = invariance.survived(vectors)
    assert [found["rotation"][place] for place in range(4)] == [pytest.approx(0, abs=0.07), 0.5, 1, 1]
    assert {name: len(shares) for name, shares in found.items()} == {
        name: len(change.strengths) for name, change in invariance.CHANGES.items()
    }
    assert all(share == 1 for name, shares in found.items() if name != "rotation" for share in shares)


def test_the_advice_names_the_best_and_the_worst():
    found = {name: [0.9] * len(change.strengths) for name, change in invariance.CHANGES.items()}
    found |= {"blur": [1, 0.25, 0], "jpeg": [1, 0.95, 0.1]}
    assert invariance.advice(found) == (
        "Most matches stay when the query is a JPEG of quality 20, 95 % of them; fewest when it is "
        "blurred by 2 %, 25 %: leave out blurred pictures."
    )


def test_pictures_change_as_they_are_called():
    rgb = np.zeros((8, 12, 3), np.uint8)
    rgb[:, :3] = (200, 100, 0)
    assert changes.mirrored(rgb)[0, -1].tolist() == [200, 100, 0] and not changes.mirrored(rgb)[:, :9].any()
    assert changes.cut(rgb, 50).shape == (4, 6, 3) and not changes.cut(rgb, 50).any()
    assert changes.darker(rgb, 40)[0, 0].tolist() == [120, 60, 0]
    assert changes.grey(rgb)[0, 0].tolist() == [118, 118, 118]
    assert changes.blurred(rgb, 25)[4, 3, 0] in range(40, 130) and rgb[4, 3, 0] == 0
    assert changes.turned(rgb, 180).tolist() == changes.mirrored(rgb[::-1]).tolist()
    assert abs(changes.compressed(rgb, 90).astype(int) - rgb).mean() < 20
    for change in invariance.CHANGES.values():
        for strength in change.strengths:
            assert change.apply(rgb, strength).dtype == np.uint8


def test_the_file_is_sealed(tmp_path):
    path = tmp_path / invariance.FILE
    assert invariance.read(path) == {}
    measured = {"mobilenetv2": {"Conv_1": {"grey": [0.5]}}}
    invariance.write(path, measured)
    assert invariance.read(path) == measured
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6"))
    with pytest.raises(IntegrityError, match="measure again"):
        invariance.read(path)


def test_what_is_shipped_covers_whole_models():
    shipped = invariance.read(ROOT / "precomputed" / invariance.FILE)
    assert {"mobilenetv2", "efficientnetlite0"} <= shipped.keys()
    for model, layers in shipped.items():
        assert set(layers) == set(catalog.model(model).layer_names)
        for found in layers.values():
            assert invariance.advice(found) and found.keys() == invariance.CHANGES.keys()
            assert all(0 <= share <= 1 for shares in found.values() for share in shares)

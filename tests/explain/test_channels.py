"""What is stored about channels: whole, sealed, replaced in one step."""

from dataclasses import fields

import numpy as np
import pytest

from semsearch.errors import IntegrityError, NotComputed, UnknownName
from semsearch.explain import channels
from semsearch.explain.channels import Channels


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(tmp_path))
    return tmp_path / "_channels"


def world(first=1.0):
    return Channels(
        shown=np.array([0, 2], np.int32),
        sheet=np.arange(20, dtype=np.uint8),
        activations=np.array([first, 2], np.float32),
        natural=np.array([0.5, 1, 2], np.float32),
        photos=np.array([[3, 1], [0, 2], [9, 8]], np.uint16),
        units=np.zeros((3, 2, 2), np.uint16),
        strengths=np.ones((3, 2), np.float32),
        responses=np.zeros((4, 3), np.float32),
    )


def test_what_was_written_is_read():
    channels.write("mobilenetv2", "Conv_1", world())
    found = channels.read("mobilenetv2", "Conv_1")
    for field in fields(Channels):
        assert np.array_equal(getattr(found, field.name), getattr(world(), field.name)), field.name
    assert found.places == {0: 0, 2: 1}
    assert list(channels.layers_of("mobilenetv2")) == ["Conv_1"]


def test_a_layer_that_is_written_again_leaves_one_file(store):
    channels.write("mobilenetv2", "Conv_1", world())
    channels.write("mobilenetv2", "Conv_1", world(first=7.0))
    assert channels.read("mobilenetv2", "Conv_1").activations[0] == 7
    assert len(list((store / "mobilenetv2").iterdir())) == 1


def test_nothing_stored_says_which_command_stores_it():
    with pytest.raises(NotComputed, match="semsearch channels mobilenetv2"):
        channels.read("mobilenetv2", "Conv_1")
    with pytest.raises(UnknownName, match="layer of mobilenetv2"):
        channels.read("mobilenetv2", "no-such")


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_file_is_noticed_before_it_is_read(store, damage):
    channels.write("mobilenetv2", "Conv_1", world())
    (path,) = (store / "mobilenetv2").iterdir()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data if damage == "flip" else data[:-1])
    with pytest.raises(IntegrityError, match="compute them again"):
        channels.read("mobilenetv2", "Conv_1")


def test_every_beginning_of_the_order_is_spread_over_the_layer():
    for count in (32, 64, 1280):
        order = channels.order(count)
        assert len(set(order)) == 30
        assert (min(order), max(order)) == (0, count - 1)
        for length in (4, 8, 12, 20):
            gaps = np.diff(sorted([*order[:length], count]))
            assert gaps.max() <= 2.2 * count / length + 1, (count, length)
    assert channels.order(5) == [0, 4, 2, 1, 3]

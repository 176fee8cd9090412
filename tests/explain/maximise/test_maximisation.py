"""Activation maximisation with real weights: pictures become stronger, seeded, and stop when they are told to."""

import itertools
import time

import numpy as np
import pytest

from semsearch.errors import InputError, UnknownName
from semsearch.explain.maximise.maximisation import Maximiser, Options
from semsearch.explain.maximise.objectives import channel, layer, neuron
from semsearch.models import weights

MODEL, LAYER = "mobilenetv2", "block_2_depthwise"


@pytest.fixture(scope="module")
def maximiser():
    weights.pull(MODEL)
    return Maximiser(MODEL, LAYER, options=Options(size=64, steps=24), batch=2)


@pytest.mark.real
def test_a_picture_excites_its_channel_more_with_each_look(maximiser):
    looks = [look() for look in maximiser.steps([channel(3), channel(70)])]
    assert [look.steps for look in looks] == list(range(1, 25))
    values = np.stack([look.activations for look in looks])
    assert (values[-1] > values[0] + 1).all()
    assert (np.diff(values[::6], axis=0) > 0).all()
    assert looks[-1].pictures.shape == (2, 64, 64, 3)
    assert looks[-1].pictures.dtype == np.uint8


@pytest.mark.real
def test_a_run_is_seeded_and_pictures_do_not_hang_on_those_beside_them(maximiser):
    first = maximiser.run([channel(3), channel(70)], seed=5)
    again = maximiser.run([channel(3), channel(70)], seed=5)
    assert np.array_equal(first.pictures, again.pictures)
    beside = maximiser.run([channel(3), channel(9)], seed=5)
    assert np.abs(first.pictures[0].astype(int) - beside.pictures[0]).max() <= 2
    assert not np.array_equal(first.pictures, maximiser.run([channel(3), channel(70)], seed=6).pictures)


@pytest.mark.real
def test_what_there_is_comes_back_at_the_deadline(maximiser):
    assert maximiser.run([channel(3), channel(3)], deadline=time.monotonic()).steps == 1


@pytest.mark.real
def test_a_picture_of_ones_own_is_accentuated_and_not_replaced(maximiser):
    down, right = np.mgrid[:64, :64]
    own = np.stack([down * 2 + 60, right * 2 + 60, down + right + 40], -1).astype(np.uint8)
    looks = list(itertools.islice(maximiser.steps([channel(3), channel(3)], start=own), 12))
    before, after = looks[0](), looks[-1]()
    assert (after.activations > before.activations).all()
    assert np.corrcoef(own.ravel(), after.pictures[0].ravel())[0, 1] > 0.8


@pytest.mark.real
def test_pictures_of_one_channel_differ_where_they_are_to():
    options = Options(size=64, steps=40, diversity=True)
    found = Maximiser(MODEL, LAYER, options=options, batch=2).run([layer(), layer()])
    assert np.abs(found.pictures[0].astype(int) - found.pictures[1]).mean() > 10


@pytest.mark.real
def test_what_an_objective_does_not_need_becomes_transparent():
    options = Options(size=64, steps=60, opacity=True)
    found = Maximiser(MODEL, LAYER, options=options, batch=1).run([neuron(3)])
    assert found.pictures.shape == (1, 64, 64, 4)
    cover = found.pictures[0, ..., 3].astype(float)
    assert cover[24:40, 24:40].mean() > cover[:8].mean() + 20


@pytest.mark.real
def test_what_cannot_be_done_is_said(maximiser):
    with pytest.raises(InputError, match="expected 2 objectives"):
        maximiser.run([channel(1)])
    with pytest.raises(InputError, match="from 0 to 143, got 144"):
        maximiser.run([channel(1), channel(144)])
    with pytest.raises(InputError, match=r"expected a picture of \(64, 64, 3\)"):
        maximiser.run([channel(1), channel(1)], start=np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(UnknownName, match="layer of mobilenetv2"):
        Maximiser(MODEL, "no-such", options=Options(size=64), batch=1)


@pytest.mark.parametrize("bias", [-4.0, 0.0])
def test_a_channel_that_no_start_excites_is_woken(monkeypatch, bias):
    """Its rectifier is at rest for the picture that a run begins with, so its plain gradient is nothing."""
    import keras

    inputs = keras.Input((64, 64, 3))
    filters = keras.layers.Conv2D(1, 3, padding="same", activation="relu", name="only")
    network = keras.Model(inputs, filters(inputs))
    filters.set_weights([np.ones((3, 3, 3, 1), np.float32), np.array([bias], np.float32)])
    monkeypatch.setattr(weights, "load_model", lambda model, size: network)
    made = Maximiser(MODEL, "only", options=Options(size=64, steps=120), batch=1)
    looks = [look() for look in made.steps([channel(0)])]
    assert looks[-1].activations[0] > looks[0].activations[0] + 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"size": 63}, "size from 64 to 512"),
        ({"size": 513}, "size from 64 to 512"),
        ({"steps": 0}, "steps from 1"),
        ({"smoothness": -1.0}, "smoothness from 0"),
        ({"smoothness": float("nan")}, "smoothness from 0"),
        ({"kind": "oil"}, "parametrisation"),
    ],
)
def test_options_that_cannot_be_are_refused(settings, words):
    with pytest.raises(InputError, match=words):
        Options(**settings)

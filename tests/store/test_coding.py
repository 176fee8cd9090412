"""Rankings in few bytes: nothing is lost but what the docstring says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsearch.store import coding


def rankings(n, k, seed):
    """A random ranking (n, k) of all other items."""
    rng = np.random.default_rng(seed)
    return np.array([rng.permutation([j for j in range(n) if j != i])[:k] for i in range(n)], np.int32)


def round_trip(chain):
    first = coding.first_reference(len(chain[0]))
    codes, reference = [], first
    for ids in chain:
        one, reference = coding.encode(ids, reference)
        codes.append(one)
    reference, back = first, []
    for one in codes:
        ids, reference = coding.decode(one, reference)
        back.append(ids)
    return codes, back


def test_codes_by_hand():
    ids = np.array([[2, 1], [0, 2], [1, 0]], np.int32)
    codes, reference = coding.encode(ids, coding.first_reference(3))
    assert codes.tolist() == [[1, 0], [0, 0], [1, 0]]
    assert reference.tolist() == ids.tolist()
    assert coding.encode(ids, reference)[0].tolist() == [[0, 0]] * 3


def test_what_was_not_taken_keeps_its_order_in_the_reference():
    ids = np.array([[3], [3], [3], [0]], np.int32)
    _, reference = coding.encode(ids, coding.first_reference(4))
    assert reference.tolist() == [[3, 1, 2], [3, 0, 2], [3, 0, 1], [0, 1, 2]]


@given(st.integers(2, 12), st.integers(1, 11), st.integers(0, 1000), st.integers(1, 4))
def test_ids_come_back_exactly(n, k, seed, length):
    chain = [rankings(n, min(k, n - 1), seed + i) for i in range(length)]
    _, back = round_trip(chain)
    assert all(np.array_equal(a, b) for a, b in zip(chain, back, strict=True))


@pytest.mark.parametrize("n", [256, 257, 300])
def test_ids_come_back_around_the_limit_of_a_byte(n):
    chain = [rankings(n, 50, seed) for seed in range(2)]
    codes, back = round_trip(chain)
    assert all(np.array_equal(a, b) for a, b in zip(chain, back, strict=True))
    assert codes[0].dtype == (np.uint8 if n <= 256 else np.uint16)


def test_equal_rankings_cost_nothing():
    ids = rankings(50, 20, 0)
    codes, _ = round_trip([ids, ids])
    assert not codes[1].any()


@given(
    st.lists(st.lists(st.floats(0, 1e6, width=32), min_size=3, max_size=3), min_size=1, max_size=8),
    st.floats(1e-3, 1e6),
)
def test_distances_come_back_within_the_stated_error_and_ascending(rows, scale):
    distances = np.sort(np.array(rows, np.float32), axis=1)
    scale = max(scale, float(distances.max()) / 1000)
    back = coding.unpack(*coding.pack(distances, scale), scale)
    span = distances[:, -1:] - distances[:, :1]
    rounding = distances * 2**-10 + distances[:, -1:] * 2**-10 + scale * 1e-7
    assert (np.abs(back - distances) <= span / (2 * coding.LEVELS) + rounding).all()
    assert (np.diff(back, axis=1) >= 0).all()


def test_a_distance_of_zero_stays_zero():
    distances = np.array([[0, 0, 2.5]], np.float32)
    assert coding.unpack(*coding.pack(distances, 2.5), 2.5).tolist() == [[0, 0, 2.5]]
    nothing = np.zeros((2, 3), np.float32)
    assert coding.unpack(*coding.pack(nothing, 0.0), 0.0).tolist() == nothing.tolist()

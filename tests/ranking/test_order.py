"""Sheets of maps whose right order is known beforehand, and how near the quick way comes to the exact one."""

import time

import numpy as np
import pytest

from semsearch.ranking import order


def grid(rows, columns):
    """Places of a full grid, the first at the top left, row by row."""
    return np.array([(column, -row) for row in range(rows) for column in range(columns)], np.float32)


def way(coordinates, found, columns):
    """The sum of squared ways from the points to their cells, in cells; both frames are unit squares."""
    n = len(coordinates)
    cells = np.stack([np.arange(n) % columns, -(np.arange(n) // columns)], 1).astype(float)
    span = np.ptp(coordinates, axis=0)
    places = (coordinates - coordinates.min(0)) / span * np.ptp(cells, axis=0) + cells.min(0)
    return ((places[found] - cells) ** 2).sum()


@pytest.mark.parametrize(("rows", "columns"), [(1, 5), (5, 1), (3, 4), (14, 15), (80, 16)])
def test_a_shuffled_grid_comes_back(rows, columns):
    shuffled = np.random.default_rng(rows).permutation(rows * columns)
    found = order.sheet(7 * grid(rows, columns)[shuffled] + 3, columns)
    assert shuffled[found].tolist() == list(range(rows * columns))


def test_a_short_last_row_comes_back():
    places = grid(3, 4)[:10]
    shuffled = np.random.default_rng(0).permutation(10)
    assert shuffled[order.sheet(places[shuffled], 4)].tolist() == list(range(10))


def test_more_columns_than_points_are_one_row_from_left_to_right():
    assert order.sheet(np.array([[5, 0], [-1, 9], [2, 4]], np.float32), 16).tolist() == [1, 2, 0]


def test_one_point_is_the_sheet():
    assert order.sheet(np.array([[3, 4]], np.float32), 16).tolist() == [0]
    assert order.columns(1) == 1 and order.line(np.array([0]), 1).tolist() == [0]


def test_points_in_one_place_come_in_order():
    assert order.sheet(np.ones((7, 2), np.float32), 3).tolist() == list(range(7))
    left_and_right = np.array([[1, 0], [0, 0], [1, 0], [0, 0]], np.float32)
    assert order.sheet(left_and_right, 4).tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize("noise", [0, 1e-7])
def test_points_on_one_height_fill_the_sheet_column_by_column(noise):
    """With nothing to tell rows apart, what is left on the map is left on the sheet; rounding tells nothing."""
    places = np.array([[x, noise * (i % 3)] for i, x in enumerate((0, 0.1, 1, 1.1, 2, 2.1))])
    found = order.sheet(places, 3)
    assert [sorted(column) for column in found.reshape(2, 3).T.tolist()] == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("n", [1, 2, 9, 200, 256, 257, 1_393])
def test_every_point_has_one_cell_and_the_answer_is_always_the_same(n):
    places = np.random.default_rng(n).normal(size=(n, 2)).astype(np.float32)
    columns = order.columns(n)
    found = order.sheet(places, columns)
    assert sorted(found.tolist()) == list(range(n))
    order._sheet.cache_clear()
    assert found.tolist() == order.sheet(places, columns).tolist()


def test_the_order_of_the_points_changes_nothing():
    places = np.random.default_rng(5).normal(size=(60, 2)).astype(np.float32)
    shuffled = np.random.default_rng(6).permutation(60)
    assert shuffled[order.sheet(places[shuffled], 8)].tolist() == order.sheet(places, 8).tolist()


def test_a_line_goes_on_to_a_neighbour_at_each_step():
    found = order.line(np.arange(10), 4)
    assert found.tolist() == [0, 1, 2, 3, 7, 6, 5, 4, 8, 9]
    cells = grid(14, 15)
    steps = np.abs(np.diff(cells[order.line(np.arange(210), 15)], axis=0)).sum(1)
    assert steps.tolist() == [1] * 209


def test_columns_are_as_many_as_rows_up_to_the_widest():
    assert [order.columns(n) for n in (1, 2, 4, 5, 200, 257, 10_000)] == [1, 2, 2, 3, 15, 16, 16]


def clumps(n, seed=0):
    """A map as UMAP makes it: dense groups with gaps between them."""
    draw = np.random.default_rng(seed)
    return (draw.uniform(-10, 10, (12, 2))[draw.integers(0, 12, n)] + draw.normal(size=(n, 2))).astype(np.float32)


@pytest.mark.parametrize("n", [700, 801])
def test_the_quick_way_is_nearly_the_exact_one(n, monkeypatch):
    places, columns = clumps(n), order.columns(n)
    quick = way(places, order.sheet(places, columns), columns)
    monkeypatch.setattr(order, "EXACT", n)
    order._sheet.cache_clear()
    exact = way(places, order.sheet(places, columns), columns)
    assert exact <= quick < 1.03 * exact


@pytest.mark.alone
def test_the_sheet_of_ten_thousand_pictures_is_there_in_seconds():
    started = time.perf_counter()
    order.sheet(clumps(10_000), order.columns(10_000))
    assert time.perf_counter() - started < 3

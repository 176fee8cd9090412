"""The measures of ``benchmarks/signals.py`` and the rows of ``benchmarks/grades.py``, by hand."""

import re

import numpy as np
import pytest

from benchmarks import grades, signals
from semsearch.data import datasets
from semsearch.models import weights
from semsearch.models.weights import WeightsStatus
from semsearch.ranking.verdict import Rates
from semsearch.results import experiments


@pytest.mark.parametrize(
    ("values", "right", "expected"),
    [
        ([0.9, 0.8, 0.1], [1, 1, 0], 1.0),
        ([0.1, 0.8, 0.9], [1, 1, 0], 0.0),
        ([0.5, 0.5], [1, 0], 0.5),
        ([0.3, 0.7, 0.7, 0.9], [0, 1, 0, 1], 0.875),
    ],
)
def test_the_area_counts_pairs_in_order_and_draws_half(values, right, expected):
    assert signals.area(np.array(values), np.array(right, bool)) == expected


def test_the_error_is_the_gap_of_value_and_frequency_weighed_by_matches():
    """0.95 of which one is right, 0.25 of which one of two is, 0.55 and 0.55 of which one is."""
    values, right = np.array([0.95, 0.25, 0.25, 0.55, 0.55]), np.array([1, 1, 0, 1, 0], bool)
    assert np.isclose(signals.error(values, right), (0.05 + 2 * 0.25 + 2 * 0.05) / 5)


def test_it_measures_the_shipped_results(capsys, monkeypatch):
    """Grades with the quickest model alone, so that the target of the best may be missed; CI has no time for more."""
    here = weights.status
    slow = WeightsStatus(False, "not here", "slow")
    monkeypatch.setattr(grades.weights, "status", lambda name: here(name) if name == "mobilenetv2" else slow)
    monkeypatch.setattr("sys.argv", ["signals", "--every", "400"])
    signals.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:5]] == ["fashion200", "groceries200", "iconic200"]
    for line in lines[2:5]:
        area, of_distance, before = (float(cell) for cell in line.split("|")[4:7])
        assert area > max(of_distance, before)
    assert float(re.search(r"largest calibration error (\S+)", "\n".join(lines))[1]) <= signals.ERROR
    assert len([line for line in lines if line.startswith("| groceries200, mobilenetv2.")]) == 3


def test_foreign_pictures_are_of_classes_that_are_not_there(home):
    known = datasets.load("groceries200")
    [(title, items, other)] = grades.foreign(known)
    assert title == "Groceries, all photos" and len(items) > 100
    assert {other.classes[other.items[item].label] for item in items}.isdisjoint(known.classes)


def test_a_row_of_grades():
    rates, shares = Rates(0.345, float("nan"), 0.1), {"Iconic 200": 0.02, "Fashion 200": 0.0}
    assert grades.row("here", "confident", rates, shares) == (
        "| here | confident | 34% | – | 10% | Iconic 200 2%, Fashion 200 0% |"
    )


def test_without_weights_a_line_says_so(home, capsys):
    store = experiments.open_store()
    assert grades.table(store) == []
    said = capsys.readouterr().out
    assert all(f"| {name}: its pictures, or the weights of any model, are not here" in said for name in store.datasets)

"""``benchmarks/indices.py`` in its small way: the whole of it, on features so few that its figures mean nothing."""

from benchmarks import indices
from semsearch.indices.recipes import RECIPES


def test_it_prints_a_row_for_each_recipe_and_a_verdict_for_each_target(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["indices", "--small", "--queries", "20"])
    assert indices.main() == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split("|")[1].strip(): line for line in lines if line.startswith("| ")}
    assert RECIPES.keys() <= rows.keys() and {"pq, no side list", "FAISS flat", "index"} <= rows.keys()
    assert rows["exact"].split("|")[2].strip() == "1.000"
    verdicts = [line for line in lines if line.endswith((", met", ", MISSED"))]
    assert len(verdicts) == 8 and "pca-ivf found again: every one finds itself: not found: 0, met" in verdicts


def test_a_target_that_is_missed_is_said(capsys):
    row = indices.Row("pca-ivf", 0.98, 0.9, 0.5, 0.4, 0.3, 2.0, 1.0, 0, 5.0, 5.0)
    assert not indices.told(("recall@10 ≥ 0.99", "pca-ivf", "recall", 0.99), {"pca-ivf": row})
    assert indices.told(("≤ 5 MB", "pca-ivf", "memory", 5), {"pca-ivf": row})
    assert capsys.readouterr().out == "pca-ivf: recall@10 ≥ 0.99: 0.98, MISSED\npca-ivf: ≤ 5 MB: 5, met\n"

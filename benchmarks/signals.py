"""How far the bar of a match can be trusted: does it tell right matches from wrong ones, and is it a frequency?

    python -m benchmarks.signals [--every 1] [--k 15]

Over all stored configurations of each dataset taken together, for the k nearest of every query: the area under the ROC
curve of similarity against "of the query's class", and the expected calibration error in ten bins, with the calibration
made without the queries that are judged (ten folds). Beside them stand those of the same calibration of the distance
alone, and of the bar of version 0.1. With ``--every 4`` it takes one configuration in four of the leaderboard. Exit
code 1 when an error is above 0.05. Then the verdicts of live search, see grades.py, for the datasets that are here.
"""

import argparse

import numpy as np

from benchmarks import grades, needs
from semsearch.ranking import closeness, scores
from semsearch.results import experiments
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store

FOLDS, BINS, ERROR = 10, 10, 0.05


def judged(store: Store, experiment: Experiment, k: int) -> np.ndarray:
    """(matches, 4): similarity, the same of the distance alone, the bar of 0.1, and whether the match is right."""
    ranking = store.ranking(experiment)
    labels, items = (
        experiments.labels(store, experiment.dataset),
        store.items(experiment.dataset, experiment.spec.model),
    )
    right = scores.hits(labels[items], labels[ranking.ids])
    near = closeness.closeness(ranking.distances)
    bars = [held_out(values, right)[:, :k] for values in (near, ranking.distances)]
    bars.append(first_bar(ranking.distances[:, :k], experiment.stored_metric, ranking.scale))
    return np.stack([*bars, right[:, :k]], axis=-1).reshape(-1, 4)


def held_out(near: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The frequency of each pair, (m, k), as the pairs of other queries have it."""
    fold, share = np.arange(len(near)) % FOLDS, np.empty(near.shape)
    for one in range(FOLDS):
        share[fold == one] = closeness.calibrated(near[fold != one], right[fold != one]).share(near[fold == one])
    return share


def first_bar(distance: np.ndarray, metric: str, scale: float) -> np.ndarray:
    """The bar of version 0.1: of angles 1 − distance / 2, else half full at the typical distance of a pair."""
    if metric in ("cosine", "correlation"):
        return np.asarray(np.clip(1 - distance / 2, 0, 1))
    return np.asarray(1 / (1 + distance / scale))


def area(values: np.ndarray, right: np.ndarray) -> float:
    """Area under the ROC curve: how often a right match has the larger value than a wrong one, draws counted half."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    good = int(right.sum())
    return float((ranks[right].sum() - good * (good + 1) / 2) / (good * (len(right) - good)))


def error(values: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error (Naeini et al. 2015): the mean gap of value and frequency, by bins of the value."""
    bins = np.minimum((values * BINS).astype(int), BINS - 1)
    gaps = [abs(values[bins == one].sum() - right[bins == one].sum()) for one in np.unique(bins)]
    return float(sum(gaps) / len(values))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--k", type=int, default=15)
    given = parser.parse_args()
    store = experiments.open_store()
    print("| dataset | configurations | matches | AUC | distance | 0.1 | calibration error | distance | 0.1 |")
    print("|---|---|---|---|---|---|---|---|---|")
    worst = 0.0
    for dataset in store.datasets:
        chosen = [experiment for experiment, _, _ in experiments.leaderboard(store, dataset)][:: given.every]
        *bars, right = np.concatenate([judged(store, one, given.k) for one in chosen]).T
        figures = [measure(bar, right == 1) for measure in (area, error) for bar in bars]
        worst = max(worst, figures[3])
        shown = " | ".join(f"{figure:.3f}" for figure in figures)
        print(f"| {dataset} | {len(chosen):,} | {len(right):,} | {shown} |", flush=True)
    print(f"largest calibration error {worst:.3f} (target ≤ {ERROR})\n")
    missed = grades.table(store)
    print("\n".join(f"MISSED {line}" for line in missed))
    return int(worst > ERROR or bool(missed))


if __name__ == "__main__":
    needs.run(main)

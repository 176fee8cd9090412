"""A configuration in words, for the views that list many of them, and how a click on one chooses it."""

from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import metrics
from semsearch.results.experiments import Experiment
from semsearch.results.leaderboard import Board
from ui import sidebar
from ui.choice import READOUT_OF, READOUTS, parts_of


def place(spec: FeatureSpec) -> int:
    """Where a layer stands among the eight, from 1."""
    return [layer.name for layer in catalog.model(spec.model).layers].index(spec.layer) + 1


def title(experiment: Experiment) -> str:
    """An experiment in one line, catalogue names only."""
    return named(experiment.spec, experiment.stored_metric)


def named(spec: FeatureSpec, metric: str) -> str:
    """A configuration in one line, catalogue names only."""
    return (
        f"{catalog.model(spec.model).title} · layer {place(spec)}, {spec.layer} · "
        f"{READOUTS[READOUT_OF[spec.pooling, spec.preset]].title} · {metrics.METRICS[metric].title}"
    )


def go_to(board: Board, row: int) -> None:
    """Show the experiment of that row, if there is such a row; for callbacks."""
    if 0 <= row < len(board.specs):
        sidebar.go(**parts_of(board.specs[row], board.metrics[row]))

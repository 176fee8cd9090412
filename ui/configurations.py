"""A configuration in words, for the views that list many of them, and how a click on one chooses it."""

from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import metrics
from semsearch.results.leaderboard import Board
from semsearch.store.experiment import Experiment
from ui import sidebar
from ui.choice import parts_of


def title(experiment: Experiment) -> str:
    """An experiment in one line, catalogue names only."""
    return named(experiment.spec, experiment.stored_metric)


def named(spec: FeatureSpec, metric: str) -> str:
    """A configuration in one line, catalogue names only."""
    model = catalog.model(spec.model)
    return (
        f"{model.title} · layer {model.place(spec.layer)}, {spec.layer} · "
        f"{spec.readout.title} · {metrics.METRICS[metric].title}"
    )


def go_to(board: Board, row: int) -> None:
    """Show the experiment of that row, if there is such a row; for callbacks."""
    if 0 <= row < len(board.specs):
        sidebar.go(**parts_of(board.specs[row], board.metrics[row]))

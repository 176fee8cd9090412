"""The map of a dataset as a figure of Plotly."""

import html
from typing import TYPE_CHECKING

from semsearch.results import experiments
from semsearch.store import opened
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store

if TYPE_CHECKING:
    import plotly.graph_objects as go


def map_figure(
    experiment: Experiment,
    *,
    method: str = "umap",
    dims: int = 2,
    query: int | None = None,
    colour: str = "class",
    store: Store | None = None,
    theme: str = "light",
) -> "go.Figure":
    """One trace per class of the dataset's map of that method; ``customdata`` holds the item ids."""
    import plotly.graph_objects as go

    store = store or experiments.open_store()
    dataset = opened.dataset(experiment.dataset)
    ids = store.items(experiment.dataset, experiment.spec.model)
    places = store.map(experiment.dataset, experiment.spec, f"{method}{dims}").coordinates
    labels, figure = dataset.labels[ids], go.Figure(layout={"template": "plotly_white"})
    kind = go.Scatter if dims == 2 else go.Scatter3d
    for label in sorted(set(labels.tolist())):
        rows = labels == label
        at = dict(zip("xyz", places[rows].T, strict=False))
        name = html.escape(dataset.classes[label], quote=False)
        figure.add_trace(kind(**at, mode="markers", name=name, customdata=ids[rows][:, None], hoverinfo="none"))
    return figure

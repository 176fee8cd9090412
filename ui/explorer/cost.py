"""Score against cost, layer by layer, on the chosen dataset."""

import numpy as np
import streamlit as st

from semsearch.models import catalog, layers
from semsearch.results import experiments, leaderboard
from ui import charts, resources, sidebar, texts
from ui.choice import Choice
from ui.explorer import times

COSTS = {
    "multiply_adds": "Multiply-adds up to the layer",
    "parameters": "Parameters up to the layer",
    "milliseconds": "Milliseconds up to the layer",
}
_SHORT = {"multiply_adds": "Multiply-adds", "parameters": "Parameters", "milliseconds": "Milliseconds"}


def show(choice: Choice) -> None:
    """A drawer with the chart, drawn when it is opened, for it takes a browser longer than the rest of the page."""
    with st.expander(
        "What each layer is worth: score against cost",
        icon=":material/monitoring:",
        key="explorer_worth",
        on_change="rerun",
    ) as box:
        if box.open:
            _worth(choice)


def _worth(choice: Choice) -> None:
    """The chart; a click on a mark chooses its model and layer. Without stored results, a word about it."""
    store = resources.store()
    known = choice.dataset in store.datasets and not resources.unfit(choice.dataset)
    metric = choice.experiment.stored_metric
    scores = experiments.layer_means(store, choice.dataset, choice.readout, metric) if known else {}
    if not scores:
        st.info(
            f"There are no stored results of {texts.plain(resources.peek(choice.dataset)[0].title)} with this pooling "
            "and metric. Search computes them.",
            icon=":material/info:",
        )
        return
    cost = st.segmented_control(
        "Cost of a picture",
        list(COSTS),
        key="explorer_cost",
        default="multiply_adds",
        required=True,
        format_func=_SHORT.__getitem__,
    )
    points = [(model, layer, _cost(cost, model, layer), score) for (model, layer), score in scores.items()]
    drawn = [point for point in points if point[2] is not None and point[2] > 0]
    _draw(choice, cost, drawn)


def _draw(choice: Choice, cost: str, points: list) -> None:
    names = list(dict.fromkeys(model for model, *_ in points))
    groups = [
        charts.Points(
            name=catalog.model(name).title,
            x=[value for model, _, value, _ in points if model == name],
            y=[score for model, _, _, score in points if model == name],
            numbers=[number for number, point in enumerate(points) if point[0] == name],
            hovers=[
                f"{charts.literal(layer)}<br>score {score:.1f}, {texts.count(round(value)) if value >= 1 else value}"
                for model, layer, value, score in points
                if model == name
            ],
            place=place,
        )
        for place, name in enumerate(names)
    ]
    values, heights = (np.array([point[place] for point in points]) for place in (2, 3))
    best = [points[place] for place in leaderboard.front(values, heights)]
    here = next((point for point in points if point[:2] == (choice.model, choice.layer)), None)
    figure = charts.scatter(
        groups,
        across=COSTS[cost],
        line=([point[2] for point in best], [point[3] for point in best]),
        current=None if here is None else here[2:],
    )

    def pick(number: int) -> None:
        if 0 <= number < len(points):
            sidebar.go(model=points[number][0], layer=points[number][1])

    alt = f"Mean score against {COSTS[cost].lower()}: {texts.counted(len(points), 'layer')} of all models"
    charts.draw(figure, key="explorer_pareto", alt=alt, on_click=pick)
    title = texts.plain(resources.dataset(choice.dataset).title)
    st.caption(
        f"Each mark is a layer of the experiments: how well it finds like pictures in {title} with the pooling "
        "and metric of the sidebar. The line joins what nothing cheaper beats; the ring is the layer of the sidebar. "
        "Click a mark to go to its layer."
    )


def _cost(cost: str, model: str, layer: str) -> float | None:
    if cost == "multiply_adds":
        return layers.cost(model, layer)
    if cost == "parameters":
        return layers.facts(model, layer).cumulative_parameters
    measured = times.up_to_layers(model)
    return measured.models[model].get(layer) if measured else None

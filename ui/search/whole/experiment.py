"""One experiment in depth: what each class finds, the score of every picture, the worst and the best queries."""

import numpy as np
import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.ranking.scores import PUBLISHED_K
from semsearch.results import leaderboard
from semsearch.results.leaderboard import Queries
from ui import charts, pictures, resources, sidebar, texts, tiles
from ui.charts import export, heat
from ui.choice import Choice
from ui.components.gallery import gallery
from ui.search import preview

SHOWN = 12
"""Worst and best queries shown."""


def show(choice: Choice) -> None:
    """The whole part, of the configuration in the sidebar."""
    dataset = resources.dataset(choice.dataset)
    queries = leaderboard.queries(resources.store(), choice.experiment)
    _extremes(choice, dataset, queries)
    preview.show(choice)
    shares = 100 * leaderboard.confusion(resources.store(), choice.experiment, len(dataset.classes))
    drawn = np.sort(np.argsort(np.diag(shares), kind="stable")[: charts.MOST])
    some = ""
    if len(drawn) < len(dataset.classes):
        some = f" Of {len(dataset.classes):,} classes those {len(drawn)} are drawn that find the least of their own."
    st.subheader("The score of every picture")
    st.caption(f"One mark per picture, by class; the ring is the query. Click a mark to see its matches above.{some}")
    _strip(choice, dataset, queries, drawn)
    st.subheader("Which classes are confused")
    near = min(PUBLISHED_K, len(resources.items(choice.dataset)) - 1)
    st.caption(f"For each row: how the {near} nearest of its pictures divide among the columns, in %.{some}")
    _confusion([dataset.classes[label] for label in drawn], shares[np.ix_(drawn, drawn)], near)


def _extremes(choice: Choice, dataset: Dataset, queries: Queries) -> None:
    count = min(SHOWN, len(queries.order) // 2)
    if not count:
        return
    ends = {"worst": queries.order[:count], "best": queries.order[::-1][:count]}
    pictures.ensure_thumbnails(dataset, [int(queries.items[place]) for end in ends.values() for place in end])
    addresses = pictures.addresses(dataset)
    for column, (name, places) in zip(st.columns(2, gap="large"), ends.items(), strict=True):
        with column:
            st.subheader(f"The {name} queries")
            scores = queries.score[places]
            st.caption(f"{_range(scores)} Click a picture to see its matches below.")
            end_tiles = []
            for place in places:
                item, score = int(queries.items[place]), queries.score[place]
                tile = tiles.item_tile(dataset, item, addresses)
                spoken = f"{tile['name']}, picture {item}, score {score:.1f}. Use as the query."
                hint = f"{tile['name']}, picture {item}: score {score:.1f}. Click to search with it"
                end_tiles.append(tile | {"current": item == choice.q, "spoken": spoken, "hint": hint})
            gallery(
                end_tiles,
                key=f"dataset_{name}",
                look="pictures",
                label="The " + texts.counted(len(places), f"{name} query"),
                on_pick=sidebar.pick,
            )


def _range(scores: np.ndarray) -> str:
    low, high = f"{scores.min():.1f}", f"{scores.max():.1f}"
    if low == high:
        return f"{'All score' if len(scores) > 1 else 'It scores'} {low.removesuffix('.0')}."
    return f"Scores {low} to {high}."


def _strip(choice: Choice, dataset: Dataset, queries: Queries, drawn: np.ndarray) -> None:
    """The queries of the classes ``drawn``, a row each."""
    groups, current = [], None
    for row, label in enumerate(drawn.tolist()):
        places = np.flatnonzero(queries.labels == label)
        if not len(places):
            continue
        spread = row + np.linspace(-0.32, 0.32, len(places)) if len(places) > 1 else np.array([float(row)])
        items, scores = queries.items[places].tolist(), queries.score[places].tolist()
        name = charts.literal(dataset.classes[label])
        groups.append(
            charts.Points(
                name=dataset.classes[label],
                x=scores,
                y=spread.tolist(),
                numbers=items,
                hovers=[f"{name}, picture {i}<br>score {s:.1f}" for i, s in zip(items, scores, strict=True)],
                place=label,
            )
        )
        if choice.q in items:
            at = items.index(choice.q)
            current = (scores[at], float(spread[at]))
    names = [dataset.classes[label] for label in drawn]
    figure = charts.strip(groups, names, across="Score of the picture as the query", current=current)
    alt = f"Scores of {texts.counted(len(queries.items), 'picture')} by class, from {queries.score.min():.0f} "
    alt += f"to {queries.score.max():.0f}"
    charts.draw(figure, key="strip", alt=alt, on_click=sidebar.pick)


def _confusion(classes: list[str], shares: np.ndarray, near: int) -> None:
    """Shares (classes, classes) in percent, NaN in the row of a class without queries."""
    names = [charts.literal(name) for name in classes]
    known = ~np.isnan(shares)
    grid = heat.Grid(
        values=shares,
        texts=[[f"{value:.0f}" if value >= 0.5 else "" for value in row] for row in shares],
        hovers=[
            [f"{row} finds {column}<br>{shares[i, j]:.1f} %" if known[i, j] else "" for j, column in enumerate(names)]
            for i, row in enumerate(names)
        ],
        rows=classes,
        columns=classes,
        title=f"% of the {near} nearest",
    )
    same_class = np.nanmean(np.diag(shares))
    charts.draw(
        heat.figure(grid),
        key="confusion",
        alt=f"Which classes are confused among the {near} nearest; on average {same_class:.0f} % are of its own class",
    )
    with st.expander("As a table", icon=":material/table:"):
        # a table has a button of its own that saves it
        columns: dict = {"Class of the query": [export.inert(name) for name in classes]}
        columns |= {export.inert(f"{j + 1} {name}"): shares[:, j].tolist() for j, name in enumerate(classes)}
        formats = {name: st.column_config.NumberColumn(texts.plain(name), format="%.1f") for name in list(columns)[1:]}
        st.dataframe(
            columns,
            key="confusion_table",
            hide_index=True,
            placeholder=texts.UNDEFINED,
            column_config=formats,
            alt="Which classes are confused, in %",
        )

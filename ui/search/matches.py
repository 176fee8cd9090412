"""The view of one query's matches: those of A or, while two configurations are compared, of A and B side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from semsearch.data.datasets import Dataset
from semsearch.live.search import Example
from semsearch.ranking.scores import PUBLISHED_K
from semsearch.results import compare, experiments
from semsearch.results.compare import Agreement
from semsearch.results.experiments import Match, QueryScore
from ui import filters, pictures, resources, sidebar, texts, tiles
from ui.charts import export
from ui.choice import Choice
from ui.components.gallery import Tile, gallery
from ui.filters import Sieve
from ui.search import explanations, panels, versus
from ui.why import asked
from ui.why import panel as why


@dataclass(frozen=True)
class Side:
    """One configuration with its matches and their scores."""

    name: str
    """A or B."""
    choice: Choice
    matches: Sequence[Match]
    at_k: QueryScore
    published: QueryScore


def show(choice: Choice) -> None:
    """Draw the view."""
    dataset, queries = resources.dataset(choice.dataset), resources.queries(choice.dataset)
    rival = sidebar.other()
    sides = [_side("A", choice)] + ([_side("B", rival)] if rival else [])
    kind = dataset.classes[dataset.items[choice.q].label]
    left, right = st.columns([1, 5] if rival else [1, 3.4], gap="small")
    with right:
        sieve = _tools(dataset, sides, queries, kind)
    pictures.ensure_thumbnails(dataset, {choice.q, *(match.item for side in sides for match in side.matches)})
    addresses = pictures.addresses(dataset)
    with left.container(width=360):
        panels.query(choice, dataset, addresses, queries)
    with right:
        if rival:
            _compared(dataset, sides, sieve, addresses)
        else:
            _gallery(dataset, sides[0], tiles.match_tiles(dataset, sides[0].matches, addresses), sieve)
        top = experiments.matches(resources.store(), choice.experiment, choice.q, k=PUBLISHED_K)
        numbers = None if rival else partial(panels.scores, choice)
        explanations.explain_scores(kind, top, sides[0].published, sides[0].at_k, numbers)
        explanations.explain_page(choice)
    if resources.pictured(choice.dataset):
        _explain(dataset, sides)


def _explain(dataset: Dataset, sides: Sequence[Side]) -> None:
    """Why a match is one, where that is asked."""
    q = sides[0].choice.q
    name = f"{dataset.classes[dataset.items[q].label]}, picture {q}"

    def query() -> Example:
        return Example(dataset.path(q))

    shown = {}
    for side in sides:
        items = [match.item for match in side.matches]
        shown[side.name] = why.Shown(side.choice, side.choice.experiment.spec, query, name, items)
    why.show(shown)


def _side(name: str, choice: Choice) -> Side:
    store, experiment = resources.store(), choice.experiment
    return Side(
        name,
        choice,
        experiments.matches(store, experiment, choice.q, k=choice.k),
        experiments.query_score(store, experiment, choice.q, k=choice.k),
        experiments.query_score(store, experiment, choice.q),
    )


def _tools(dataset: Dataset, sides: Sequence[Side], queries: Sequence[int], kind: str) -> Sieve:
    words, tools = st.columns([1, 1.2], gap="small", vertical_alignment="center")
    with words:
        if len(sides) == 1:
            panels.headline(kind, sides[0].at_k)
        else:
            st.caption(panels.TWO_ANSWER)
    with tools.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
        if st.button("Browse", key="search_browse", icon=":material/grid_view:", help="Choose a query."):
            panels.browse(dataset, queries, sides[0].choice.q, sidebar.pick, "search with it")
        sieve = filters.choose(dataset)
        with st.popover("Export", icon=":material/ios_share:", key="export"):
            rows = [row for side in sides for row in table(dataset, side, sieve)]
            st.download_button(
                "Matches as CSV",
                lambda: export.csv_bytes(rows),
                file_name=f"matches-{sides[0].choice.dataset}-{sides[0].choice.q}.csv",
                mime="text/csv",
                key="export_csv",
                icon=":material/table:",
                on_click="ignore",
            )
            st.caption("Link to this view")
            st.code(export.link(sieve.address(dataset)), language=None, wrap_lines=True)
    return sieve


def table(dataset: Dataset, side: Side, sieve: Sieve) -> list[dict[str, object]]:
    """The matches on screen of one side, a row each."""
    choice = side.choice
    spec = choice.experiment.spec
    shown_items = sieve.shown_items(dataset, choice.experiment, side.matches)
    about: dict[str, object] = {"configuration": side.name, "dataset": choice.dataset}
    about |= {"model": spec.model, "layer": spec.layer, "pooling": spec.pooling, "preset": spec.preset}
    about |= {"metric": choice.metric, "query": choice.q}
    about |= {"query_class": dataset.classes[dataset.items[choice.q].label]}
    return [
        about
        | {"rank": match.rank, "item": match.item, "class": dataset.classes[dataset.items[match.item].label]}
        | {"same_class": match.correct, "distance": f"{match.distance:.6g}", "similarity": f"{match.similarity:.4f}"}
        for match in side.matches
        if match.item in shown_items
    ]


def _compared(dataset: Dataset, sides: Sequence[Side], sieve: Sieve, addresses: Mapping[int, str]) -> None:
    a, b = sides
    store, ours, theirs = resources.store(), a.choice.experiment, b.choice.experiment
    agreement = compare.agreement(store, ours, theirs, a.choice.q, k=a.choice.k)
    difference = resources.difference(ours, theirs)
    versus.summary(agreement, difference)
    for column, side in zip(_pair(), sides, strict=True):
        with column:
            versus.heading(side.name, side.choice)
    for column, side in zip(_pair(), sides, strict=True):
        with column:
            _gallery(dataset, side, _linked(dataset, sides, side, agreement, addresses), sieve)
    means = [resources.summary(side.choice.experiment).score.mean for side in sides]
    of_a, of_b = ((side.published.score, side.at_k, mean) for side, mean in zip(sides, means, strict=True))
    versus.explain(of_a, of_b, agreement, difference)


def _pair() -> Sequence[DeltaGenerator]:
    return st.columns(2, gap="small", wrap=False)


def _linked(
    dataset: Dataset, sides: Sequence[Side], side: Side, agreement: Agreement, addresses: Mapping[int, str]
) -> list[Tile]:
    drawn = tiles.match_tiles(dataset, side.matches, addresses)
    there = sides[1] if side is sides[0] else sides[0]
    ranks = agreement.ranks_b if side is sides[0] else agreement.ranks_a
    return tiles.linked(drawn, {match.item for match in there.matches}, ranks, side=side.name)


def _gallery(dataset: Dataset, side: Side, drawn: Sequence[Tile], sieve: Sieve) -> None:
    shown_items = sieve.shown_items(dataset, side.choice.experiment, side.matches)
    shown_tiles = [tile for tile in drawn if tile["id"] in shown_items]
    whose = "" if sidebar.other() is None else f" by configuration {side.name}"
    if sieve.active:
        st.caption(
            f":material/filter_alt: {len(shown_tiles)} of {texts.counted(len(drawn), 'match')} "
            f"{'passes' if len(drawn) == 1 else 'pass'} the filter."
        )
    gallery(
        shown_tiles,
        key="search_matches" if side.name == "A" else "search_matches_b",
        look="matches",
        small=sidebar.other() is not None,
        label=f"The {texts.counted(len(shown_tiles), 'picture')} most like the query{whose}, nearest first",
        spoken=panels.spoken(dataset, side.choice, side.at_k),
        on_pick=sidebar.pick,
        on_why=partial(asked.ask, side=side.name),
    )

"""The query and its matches in one row, for the views in which a click asks for them: they come where one is."""

from collections.abc import Sequence

import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.ranking.scores import PUBLISHED_K
from semsearch.results import experiments
from semsearch.results.experiments import Match
from semsearch.store.artifacts import DEPTH
from semsearch.store.experiment import Experiment
from ui import configurations, pictures, resources, sidebar, texts, tiles
from ui.choice import OTHER, PARTS, Choice
from ui.components.gallery import Tile, gallery


def show(choice: Choice, *, expected: int | None = None, usable: bool = False) -> None:
    """The first matches of a choice; with one that is ``expected``, all that stand before it, and it marked.

    One that is ``usable`` has buttons that make it configuration A or B.
    """
    dataset = resources.dataset(choice.dataset)
    stored = experiments.matches(resources.store(), choice.experiment, choice.q, k=DEPTH)
    rank = next((match.rank for match in stored if match.item == expected), 0)
    matches = stored[: max(PUBLISHED_K, rank)]
    pictures.ensure_thumbnails(dataset, [choice.q, *(match.item for match in matches)])
    found = _right(dataset, choice, stored[:PUBLISHED_K]) if expected is None else _before(stored, expected, rank)
    _head(choice, found, usable)
    gallery(
        _tiles(choice, dataset, matches, expected),
        key="preview",
        look="strip",
        label=f"The query, then the {texts.counted(len(matches), 'picture')} most like it, nearest first",
        spoken=f"{configurations.title(choice.experiment)}: {found}.",
        on_pick=sidebar.pick,
    )


def _head(choice: Choice, found: str, usable: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        name = texts.plain(configurations.title(choice.experiment))
        st.markdown(f"**{texts.plain(found)}**  \n:small[{name}]", width="stretch")
        if usable:
            a, b = sidebar.current(), sidebar.other()
            _use("A", choice, "", a.experiment)
            _use("B", choice, OTHER, b.experiment if b else None)
        st.button("Open in Matches", key="open_matches", icon=":material/grid_view:", on_click=_open, args=(choice,))


def _use(name: str, choice: Choice, before: str, now: Experiment | None) -> None:
    parts = {before + part: getattr(choice, part) for part in PARTS}
    st.button(
        f"Use as {name}",
        key=f"use_{name.lower()}",
        disabled=now == choice.experiment,
        on_click=sidebar.go,
        kwargs=parts,
    )


def _right(dataset: Dataset, choice: Choice, first: Sequence[Match]) -> str:
    hits, kind = sum(match.correct for match in first), dataset.classes[dataset.items[choice.q].label]
    return f"{hits} of {len(first)} {'is' if len(first) == 1 else 'are'} {kind}"


def _before(stored: Sequence[Match], expected: int, rank: int) -> str:
    if not rank:
        return f"Picture {expected} is not among the first {len(stored)}"
    wrong = sum(not match.correct for match in stored[: rank - 1])
    return f"Picture {expected} is number {rank}: {wrong} of the {rank - 1} before it are wrong"


def _open(choice: Choice) -> None:
    sidebar.go(**{name: getattr(choice, name) for name in PARTS})
    st.session_state["view"] = "Matches"


def _tiles(choice: Choice, dataset: Dataset, matches: Sequence[Match], expected: int | None) -> list[Tile]:
    addresses = pictures.addresses(dataset)
    query = tiles.item_tile(dataset, choice.q, addresses) | {"note": "Query", "spoken": "The query."}
    row = [query]
    for match in matches:
        verdict = "right" if match.correct else "wrong"
        tile = tiles.item_tile(dataset, match.item, addresses)
        row.append(
            tile
            | {"rank": str(match.rank), "right": match.correct, "verdict": verdict}
            | {"current": match.item == expected, "spoken": f"Rank {match.rank}, {verdict}: {tile['spoken']}"}
        )
    return row

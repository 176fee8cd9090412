"""The answer of a live search: whether it is a good one, the matches, the vote of their classes, the time it took."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.errors import InputError
from semsearch.live.search import LESS, MORE, Example, SearchResult
from semsearch.ranking.verdict import CONFIDENT, NOTHING, UNCERTAIN, Verdict
from semsearch.results.experiments import Match
from ui import pictures, resources, sidebar, texts, tiles
from ui.choice import Choice
from ui.components.gallery import Tile, gallery
from ui.live import map as live_map
from ui.live import query as live_query
from ui.live import query_pictures, question
from ui.live.query_pictures import QueryPicture
from ui.why import asked
from ui.why import panel as why

SHARES = 5
"""Classes of the vote that are shown."""
_GRADES = {
    CONFIDENT: (st.success, "check_circle"),
    UNCERTAIN: (st.info, "help"),
    NOTHING: (st.warning, "search_off"),
}
_TIMES = {
    "waiting": ("Waiting", "From being admitted to being begun: the server takes several searches at once."),
    "gallery": ("Opening", "Having the features of the dataset at hand; more than nothing only after a while."),
    "decode": ("Decoding", "From the bytes of the query's pictures to what the network sees, in another process."),
    "features": (
        "Network",
        "From that to a list of numbers, waiting for the network included; 0 for known pictures.",
    ),
    "search": ("Search", "Comparing that with the pictures of the dataset."),
}


def show(choice: Choice, query: Sequence[QueryPicture], result: SearchResult) -> None:
    """Draw the answer."""
    dataset = resources.dataset(choice.dataset)
    pictures.ensure_thumbnails(dataset, [match.item for match in result.matches])
    _verdict(dataset, result)
    gallery(
        _tiles(dataset, result, query_pictures.label(choice, query), pictures.addresses(dataset)),
        key="live_matches",
        look="matches",
        label=f"The {texts.counted(len(result.matches), 'picture')} most like the query, nearest first",
        spoken=_spoken(dataset, result),
        on_pick=_searched_with,
        on_mark=partial(_mark, choice),
        on_why=asked.ask,
    )
    vote, map_place = st.columns([1, 1.6], gap="medium")
    with vote:
        _vote(dataset, result)
    with map_place:
        live_map.show(choice, query, result)
        with st.expander("What the network sees, and the time it takes", icon=":material/timer:"):
            live_query.seen(choice, query)
            _times(result)
    if result.verdict:
        _trust(result.verdict)
    _explain(choice, query, result)


def _explain(choice: Choice, query: Sequence[QueryPicture], result: SearchResult) -> None:
    """Why a match is one, where that is asked; of several pictures, it is compared with the first that is included."""
    first = next((picture for picture in query if picture.weight > 0), query[0])

    def example() -> Example:
        [made], _ = query_pictures.examples(choice, [first])
        if isinstance(made.picture, int):
            return replace(made, picture=resources.dataset(choice.dataset).path(made.picture))
        return made

    name = first.name if len(query) == 1 else f"{first.name}, one of {len(query)}"
    items = [match.item for match in result.matches]
    why.show({"A": why.Shown(choice, question.spec(choice), example, name, items)})


def _tiles(dataset: Dataset, result: SearchResult, label: int | None, addresses: Mapping[int, str]) -> list[Tile]:
    drawn = []
    for match in result.matches:
        judged = Match(match.item, match.distance, match.similarity, match.rank, match.pairs, match.label == label)
        [tile] = tiles.match_tiles(dataset, [judged], addresses)
        if label is None:
            tile["spoken"] = tile["spoken"].replace(f", {tile.pop('verdict')}", "", 1)
        drawn.append(tile)
    return drawn


def _searched_with(number: object) -> None:
    query_pictures.clear()
    sidebar.pick(number)


def _mark(choice: Choice, event: object) -> None:
    """Take a mark as the browser says it: {"id", "more"}."""
    if not isinstance(event, dict):
        return
    number = event.get("id")
    if type(number) is not int or not 0 <= number < len(resources.dataset(choice.dataset).items):
        return
    try:
        query_pictures.mark(choice, number, MORE if event["more"] is True else LESS)
    except (InputError, KeyError) as error:
        st.session_state["live_refused"] = [f"{texts.for_visitors(error)}."]


def _verdict(dataset: Dataset, result: SearchResult) -> None:
    """Whether the first match can be trusted; always one box of the same height, so that nothing jumps."""
    if not result.matches:
        st.info(
            "No picture passes the filter. Choose other classes or a lower similarity.", icon=":material/filter_alt:"
        )
        return
    verdict = result.verdict
    if verdict is None:
        st.info(
            "How far to trust this answer is not known: the dataset has too few pictures, or no classes, to learn it "
            "from.",
            icon=":material/help:",
        )
        return
    box, icon = _GRADES[verdict.grade]
    box(verdict.words(f"**{texts.plain(dataset.classes[verdict.label])}**"), icon=f":material/{icon}:")


def _spoken(dataset: Dataset, result: SearchResult) -> str:
    if not result.matches:
        return "No match."
    label, share = result.vote[0]
    matches = texts.counted(len(result.matches), "match")
    return f"{matches}, {100 * share:.0f} % of them {dataset.classes[label]}."


def _trust(verdict: Verdict) -> None:
    """How often each grade errs on this dataset, under this configuration."""
    rows = [
        f"| {grade} | {_percent(rates.own)} | {_percent(rates.wrong)} | {_percent(rates.foreign)} |"
        for grade, rates in verdict.rates.items()
    ]
    head = "| Grade | Pictures of this dataset | … of these wrong | Pictures of another kind |\n|:--|--:|--:|--:|\n"
    with st.expander("How far to trust it", icon=":material/balance:"):
        st.markdown(head + "\n".join(rows))
        st.caption(
            "Each picture was judged by the others: its nearest is wrong when it is of another class. For pictures of "
            "another kind, all of a picture's class were taken away."
        )


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.0f} %"


def _vote(dataset: Dataset, result: SearchResult) -> None:
    st.markdown("**Classes among the matches**")
    for label, share in result.vote[:SHARES]:
        name = dataset.classes[label]
        st.progress(share, f"{texts.plain(name)}: {100 * share:.0f} %")
    if len(result.vote) > SHARES:
        rest = sum(share for _, share in result.vote[SHARES:])
        more = texts.counted(len(result.vote) - SHARES, "more class")
        st.caption(f"{more}: {100 * rest:.0f} %")


def _times(result: SearchResult) -> None:
    st.markdown("**Time in ms**")
    with st.grid(3, min_column_width=90, gap="small"):
        for name, (title, meaning) in _TIMES.items():
            st.metric(title, f"{1000 * result.timings[name]:.1f}", help=meaning)
        st.metric("Total", f"{1000 * sum(result.timings.values()):.1f}")

"""What the sections of the Guide are built from: the picture that they follow, and panels of its matches."""

from dataclasses import asdict, replace
from functools import partial

import numpy as np
import streamlit as st

from semsearch.models import catalog
from semsearch.results import experiments
from semsearch.results.experiments import Match
from ui import offers as stored_offers
from ui import pictures, resources, sidebar, texts, tiles
from ui.choice import Choice
from ui.components.gallery import Tile, gallery

SEARCH = "pages/search.py"
PANEL, NARROW = 6, 250
"""Matches in a panel, and the least width of one in pixels."""
_LEAVING = "guide_leaving"
_EXAMPLES = {"telling": "Best example", "query": "My query"}


def expect_results() -> None:
    """End the page with a sentence where no dataset has results of every kind."""
    if not stored_offers.told().datasets:
        st.info(
            "The Guide tells with results of every kind, maps among them, and no dataset has them yet. Compute them "
            "with `semsearch precompute --full` and the name of a dataset.",
            icon=":material/menu_book:",
        )
        st.stop()


def with_pictures(choice: Choice) -> Choice:
    """The choice, on a dataset whose pictures are here where its own are not and there is one."""
    offers = stored_offers.told()
    here = [name for name in offers.datasets if resources.dataset(name).has_pictures]
    if choice.dataset in here or not here:
        return choice
    choice = offers.settle(replace(choice, dataset=here[0]))
    return replace(choice, q=telling(choice))


def tell_stand_in(asked: Choice, choice: Choice) -> None:
    """Say that another dataset tells the story than the one in the sidebar."""
    if asked.dataset == choice.dataset:
        return
    missing, here = (texts.plain(resources.dataset(one.dataset).title) for one in (asked, choice))
    st.caption(
        f":material/hide_image: The pictures of {missing} are not downloaded yet, so this page uses {here}. "
        "The button that gets them is on the Search page."
    )


def leave_if_asked() -> None:
    """Go to the Search page when a picture of the Guide was clicked."""
    if st.session_state.pop(_LEAVING, False):
        st.switch_page(SEARCH)


def open_in_search(view: Choice, item: object) -> None:
    """Search with that picture in the configuration of ``view``; for callbacks."""
    sidebar.go(**asdict(view) | {"q": item})
    st.session_state[_LEAVING] = True


def link(view: Choice, label: str) -> None:
    """A link to the Search page, with all of ``view`` in its address."""
    st.page_link(SEARCH, label=label, icon=":material/image_search:", query_params=view.address())


def example(choice: Choice) -> Choice:
    """The choice with the picture that the Guide follows, as its control says."""
    which = st.segmented_control(
        "Example picture",
        list(_EXAMPLES),
        default="telling",
        key="guide_example",
        required=True,
        format_func=_EXAMPLES.__getitem__,
        help="The best example gains most from the first to the last layer of the model in the sidebar.",
    )
    return choice if which == "query" else replace(choice, q=telling(choice))


def at_layer(choice: Choice, place: int) -> Choice:
    """The choice at the layer of its model in that place, counted as in lists."""
    return replace(choice, layer=catalog.model(choice.model).layers[place].name)


def telling(choice: Choice) -> int:
    """The query whose score rises most from the first to the last layer of the chosen model; the first of equals."""
    first, last = (
        resources.store().score(view.experiment).score for view in (at_layer(choice, 0), at_layer(choice, -1))
    )
    return resources.queries(choice.dataset)[int(np.argmax(last - first))]


def panel(view: Choice, title: str, note: str, *, key: str) -> list[Match]:
    """A titled box of the first matches of ``view``, each a click away from the Search page."""
    dataset = resources.dataset(view.dataset)
    matches = experiments.matches(resources.store(), view.experiment, view.q, k=PANEL)
    pictures.ensure_thumbnails(dataset, [match.item for match in matches])
    with st.container(border=True, key=key):
        st.markdown(f"**{title}**  \n{note}")
        gallery(
            [_small(tile) for tile in tiles.match_tiles(dataset, matches, pictures.addresses(dataset))],
            key=f"{key}_matches",
            look="pictures",
            label=f"{title}: the first matches, nearest first",
            on_pick=partial(open_in_search, view),
        )
        link(view, "Open this in Search")
    return matches


def _small(tile: Tile) -> Tile:
    """A match as it fits a panel: rank, class and the cue; the rest is spoken and in the hint."""
    small = {name: value for name, value in tile.items() if name not in ("bar", "similarity", "distance")}
    return small | {"verdict": "same" if tile["right"] else "other", "hint": tile["spoken"]}


def query(view: Choice, *, key: str) -> None:
    """The query of ``view``, as the Search page shows it."""
    dataset = resources.dataset(view.dataset)
    pictures.ensure_thumbnails(dataset, [view.q])
    tile = tiles.item_tile(dataset, view.q, pictures.addresses(dataset))
    gallery([tile | {"note": f"Query, picture {view.q}"}], key=key, look="query", label="Query")

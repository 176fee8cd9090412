"""The dataset of the sidebar ranked by a channel, or by two together."""

import streamlit as st

from semsearch.errors import SemsearchError
from semsearch.explain import excitation
from semsearch.live import serving
from semsearch.live.preparations import Preparation
from semsearch.models import catalog, weights
from semsearch.models.catalog import FeatureSpec
from ui import failures, pictures, resources, texts, tiles
from ui.choice import Choice
from ui.components.gallery import gallery
from ui.explorer.channels.shown import channel_of
from ui.explorer.looked import Looked

SHOWN = 24
_ASKED = "explorer_ranking"
"""The dataset and features that were asked for in this session, and the preparation of them, or why there is none."""


def show(choice: Choice, at: Looked) -> None:
    """A button, and the pictures that excite the channel most; nothing where there are no features of the layer."""
    if at.layer.name not in catalog.model(at.model).layer_names or not weights.status(at.model).here:
        return
    dataset = resources.dataset(choice.dataset)
    if not dataset.has_pictures:
        return
    channel = channel_of(at)
    left, right = st.columns([1, 3], gap="medium", vertical_alignment="bottom")
    last = at.layer.channels - 1
    also = left.number_input("Also by channel", 0, last, None, key=f"explorer_also_{at.layer.name}", placeholder="none")
    wanted = [channel] if also is None or int(also) == channel else [channel, int(also)]
    spec = FeatureSpec(at.model, at.layer.name, "max")
    asked = (dataset.content_hash, spec)
    names = " and ".join(f"{number:,}" for number in wanted)
    label = f"Rank {texts.plain(dataset.title)} by channel {names}"
    right.button(label, key="explorer_rank", icon=":material/sort:", on_click=_ask, args=(choice, asked))
    before, preparation = st.session_state.get(_ASKED, (None, None))
    if before == asked:
        _ranked(choice, spec, wanted, preparation)


def _ask(choice: Choice, asked: tuple[str, FeatureSpec]) -> None:
    try:
        preparation = serving.service().prepare(choice.dataset, asked[1], client=resources.session())
    except SemsearchError as busy:
        st.session_state[_ASKED] = asked, busy
    else:
        st.session_state[_ASKED] = asked, preparation


def _ranked(choice: Choice, spec: FeatureSpec, wanted: list[int], preparation: Preparation | SemsearchError) -> None:
    """The pictures, or how far their features are."""
    try:
        if isinstance(preparation, SemsearchError):
            raise preparation
        if not preparation.finished.done():
            _watch(preparation)
            return
        preparation.finished.result()
        searched = serving.service().gallery(choice.dataset, spec)
        rows, values = excitation.strongest(searched.vectors, wanted)
    except SemsearchError as error:
        st.warning(failures.caught(error), icon=":material/error:")
        return
    dataset = resources.dataset(choice.dataset)
    items = [int(searched.items[row]) for row in rows[:SHOWN]]
    pictures.ensure_thumbnails(dataset, items)
    addresses = pictures.addresses(dataset)
    shown = [
        tiles.item_tile(dataset, item, addresses) | {"rank": str(place), "note": f"{value:,.2f}"}
        for place, (item, value) in enumerate(zip(items, values, strict=False), 1)
    ]
    gallery(shown, key="explorer_ranked", look="seen", label=f"Pictures that excite channel {wanted[0]} most")


@st.fragment(run_every=0.5)
def _watch(preparation: Preparation) -> None:
    """How far the features are; the next run shows what they say."""
    if preparation.finished.done():
        st.rerun()
    done, total = preparation.done, preparation.total
    words = f"Computing features: {done:,} of {texts.counted(total, 'picture')}" if total else "Opening the features …"
    st.progress(done / total if total else 0.0, words)

"""The configuration, shared by all pages: controls in the sidebar, kept equal to the address of the page.

The address is read when it differs from what was written last: on the first run, for a link, and after the
browser's back and forward. All else that changes the choice is written to the address at the end of a run.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import streamlit as st

from pages.shared import resources, texts
from pages.shared.choice import K_RANGE, KEYS, WAYS, Choice, Offers, Way
from semsearch import catalog, metrics

_WRITTEN = "written_address"


def show() -> None:
    """Draw the controls, and a notice for each part of a link that could not be met."""
    offers = resources.offers()
    notices = _follow_address(offers)
    choice = offers.settle(current())
    _remember(choice)
    with st.sidebar:
        _controls(choice, offers)
        for reason in offers.hidden.values():
            st.caption(f":material/info: {texts.plain(reason)}")
    _write_address(choice)
    if notices:
        lines = "\n".join(f"- {texts.plain(notice)}" for notice in notices)
        st.warning(lines, title="This link asks for what is not here", icon=":material/link_off:")


def current() -> Choice:
    """The choice of this session."""
    state = st.session_state
    return Choice(**{key: state[key] for key in KEYS if key in state})


def pick(item: object) -> None:
    """Make a picture the query; for callbacks, so that the next run shows it."""
    st.session_state["q"] = item


def _remember(choice: Choice) -> None:
    for key in KEYS:
        st.session_state[key] = getattr(choice, key)


def _follow_address(offers: Offers) -> list[str]:
    asked = {key: st.query_params[key] for key in KEYS if key in st.query_params}
    written = st.session_state.get(_WRITTEN)
    if asked == written or (written and not asked):
        return []
    choice, notices = offers.read(asked)
    _remember(choice)
    return notices


def _write_address(choice: Choice) -> None:
    address = choice.address()
    if any(st.query_params.get(key) != value for key, value in address.items()):
        st.query_params.update(address)
    st.session_state[_WRITTEN] = address


def _controls(choice: Choice, offers: Offers) -> None:
    model = catalog.model(choice.model)
    layers = [layer.name for layer in model.layers]
    dataset = resources.dataset(choice.dataset)
    with _group(f"{len(dataset.items):,} pictures of {len(dataset.classes)} classes"):
        st.selectbox("Dataset", offers.datasets, key="dataset", format_func=lambda name: resources.dataset(name).title)
    with _group(texts.model_facts(model)):
        models = offers.models(choice.dataset)
        st.selectbox("Model", models, key="model", format_func=lambda name: catalog.model(name).title)
    with _group(texts.layer_facts(model.layer(choice.layer))):
        st.selectbox("Layer", layers, key="layer", format_func=lambda name: f"{layers.index(name) + 1} of 8 · {name}")
    ways, names = list(WAYS), list(metrics.METRICS)
    st.segmented_control(
        "Pooling",
        ways,
        key="pooling",
        required=True,
        width="stretch",
        format_func=lambda name: WAYS[name].title,
        help=_meanings(WAYS.values()),
    )
    st.selectbox(
        "Metric",
        names,
        key="metric",
        format_func=lambda name: metrics.METRICS[name].title,
        help=_meanings(metrics.METRICS.values()),
    )
    st.slider("Matches shown (k)", K_RANGE[0], K_RANGE[-1], key="k")


@contextmanager
def _group(about: str) -> Iterator[None]:
    """A control and, close below it, one line about what it is set to."""
    with st.container(gap="xxsmall"):
        yield
        st.caption(texts.plain(about))


def _meanings(entries: Iterable[Way | metrics.Metric]) -> str:
    return "\n".join(f"- **{entry.title}**: {texts.plain(entry.meaning)}" for entry in entries)

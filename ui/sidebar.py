"""The configuration, shared by all pages: controls in the sidebar, kept equal to the address of the page.

What a visitor chose is kept apart from what a page shows of it, for no page can show everything: what one of them has
to replace is shown again by the next that has it. The address is read when it differs from what was written last: on
the first run, for a link, and after the browser's back and forward. All else that changes the choice is written to
the address at the end of a run.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from semsearch.errors import UnknownName
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS, Readout
from semsearch.ranking import metrics
from ui import address, resources, texts
from ui import offers as all_offers
from ui.choice import K_RANGE, KEYS, OTHER, PARTS, Choice, Offers, other_address
from ui.pictures import left_out

_RIVAL = "last_rival"
_CHOSEN, _SHOWN = "chosen_parts", "shown_choice"
"""The parts that were chosen, by link or control, and what the last run showed of them: a control that differs from it
was used since."""
_WHOLES = (("dataset", "q"), PARTS, ("k",))
"""Parts that are chosen together: whoever changes one of them has seen the others, and means them."""
OTHER_KEYS = tuple(OTHER + name for name in PARTS)
_ADDRESS = address.Part("sidebar", (*KEYS, *OTHER_KEYS))


def show(offers: Offers, *, compare: bool = True) -> None:
    """Draw the controls, and a notice for each part of a link that could not be met.

    ``offers`` is what can be chosen; without ``compare`` there is no B.
    """
    notices = _follow_address(offers)
    choice = _settled(offers)
    rival = offers.settle(_rival(choice, offers)) if _comparing() else None
    _remember(choice, rival)
    with st.sidebar:
        _controls(choice, offers)
        if compare:
            _compare(rival, offers)
        else:
            st.session_state["compare"] = _comparing()  # remembered for the pages that draw its switch
        _steps(choice, offers)
        for reason in offers.hidden.values():
            st.caption(f":material/info: {texts.plain(texts.without_paths(reason))}")
    _write_address(choice)
    address.tell(notices, anew=True)
    _tell_replaced(choice)


def current() -> Choice:
    """The choice of this session: configuration A."""
    state = st.session_state
    return Choice(**{key: state[key] for key in KEYS if key in state})


def other() -> Choice | None:
    """Configuration B, on the dataset and query of A; None while nothing is compared."""
    if not _comparing():
        return None
    state = st.session_state
    return replace(current(), **{name: state[OTHER + name] for name in PARTS if OTHER + name in state})


def pick(item: object) -> None:
    """Make a picture the query; for callbacks, so that the next run shows it."""
    go(q=item)


def go(**parts: object) -> None:
    """Set any parts of the choice; for callbacks, so that the next run shows them.

    Names are those of a link: dataset, model, layer, pooling, metric, k, q, and b_model, b_layer, b_pooling and
    b_metric, which turn the comparison on. A part that does not fit the others becomes the default.
    """
    for name, value in parts.items():
        if name not in (*KEYS, *OTHER_KEYS):
            raise UnknownName("part of the choice", name, (*KEYS, *OTHER_KEYS))
        st.session_state[name] = value
    if not parts.keys().isdisjoint(OTHER_KEYS):
        st.session_state["compare"] = True


def _settled(offers: Offers) -> Choice:
    """What this page shows of what was chosen, which is what it was before but for the controls that were used."""
    now = current()
    used = _differ(st.session_state.get(_SHOWN, now), now, KEYS)
    for whole in _WHOLES:
        if not used.isdisjoint(whole):
            _choose(whole, offers.settle(now))
    choice = offers.begin(_chosen())
    for name in ("dataset", "q", "k"):  # unlike the configuration, nowhere begun with another
        _chosen().setdefault(name, getattr(choice, name))
    return choice


def _chosen() -> dict[str, Any]:
    chosen: dict[str, Any] = st.session_state.setdefault(_CHOSEN, {})
    return chosen


def _choose(whole: Iterable[str], choice: Choice) -> None:
    """Keep those parts of ``choice`` as chosen by the visitor."""
    _chosen().update({name: getattr(choice, name) for name in whole})


def _differ(one: Choice, other: Choice, names: Iterable[str]) -> set[str]:
    return {name for name in names if getattr(one, name) != getattr(other, name)}


def _tell_replaced(choice: Choice) -> None:
    """Say in a line what the page cannot show of what was chosen, and that it is not forgotten."""
    for name in sorted(_differ(replace(choice, **_chosen()), choice, ("dataset", "model"))):
        wanted, shown = (_title(name, value) for value in (_chosen()[name], getattr(choice, name)))
        if wanted:
            st.caption(
                f":material/info: This page cannot tell of {texts.plain(wanted)}: it shows {texts.plain(shown)}. "
                "The others still use your choice."
            )


def _title(kind: str, name: str) -> str:
    """What a dataset or model is called; nothing when it is not here any more."""
    if kind == "model":
        return catalog.model(name).title
    return resources.peek(name)[0].title if name in all_offers.live().datasets else ""


def _comparing() -> bool:
    return bool(st.session_state.get("compare"))


def _rival(choice: Choice, offers: Offers) -> Choice:
    """Configuration B as it was asked for, as it was when last compared, or as it is best begun with."""
    start = st.session_state.get(_RIVAL) or offers.rival(choice)
    parts = {name: st.session_state.get(OTHER + name, getattr(start, name)) for name in PARTS}
    return replace(choice, **parts)


def _remember(choice: Choice, rival: Choice | None) -> None:
    state = st.session_state
    state[_SHOWN] = choice
    for key in KEYS:
        value = getattr(choice, key)
        if key != "k" or state.get(key) != value:  # written in each run, k would push back a slider on the move
            state[key] = value
    if rival:
        state[_RIVAL] = rival
        for name in PARTS:
            state[OTHER + name] = getattr(rival, name)


def _follow_address(offers: Offers) -> list[str]:
    asked = _ADDRESS.asked()
    if asked is None:
        return []
    choice, notices = offers.read(asked)
    if offers.first_query and "q" not in asked:
        choice = replace(choice, q=offers.first_query(choice))
    rival, more = offers.read_other(asked, choice)
    st.session_state["compare"] = rival is not None
    begun = offers.begin(_chosen()) if _SHOWN in st.session_state else None
    for whole in _WHOLES:  # the browser's way back names all that was on screen: what nobody chose is no choice now
        if any(name in asked and (not begun or _differ(begun, choice, whole)) for name in whole):
            _choose(whole, choice)
    choice = offers.begin(_chosen())
    _remember(choice, rival)
    return notices + more


def _write_address(choice: Choice) -> None:
    rival = other()
    _ADDRESS.write(choice.address() | (other_address(rival) if rival else {}))


def _controls(choice: Choice, offers: Offers) -> None:
    dataset = resources.dataset(choice.dataset)
    with _group(f"{texts.counted(len(dataset.items), 'picture')} of {texts.counted(len(dataset.classes), 'class')}"):
        st.selectbox(
            "Dataset",
            offers.datasets,
            key="dataset",
            format_func=_labels(offers.datasets, lambda name: resources.peek(name)[0].title, offers.dataset_state),
        )
    left_out.show(dataset)
    _configuration(choice, offers, "")
    st.slider("Matches shown (k)", K_RANGE[0], K_RANGE[-1], key="k")


def _compare(rival: Choice | None, offers: Offers) -> None:
    st.toggle("Compare two settings", key="compare", help="A second configuration, B, on the same query, side by side.")
    if rival:
        _configuration(rival, offers, OTHER)
        st.button("Swap A and B", key="swap", icon=":material/swap_horiz:", on_click=_swap, width="stretch")


def _swap() -> None:
    state = st.session_state
    for name in PARTS:
        state[name], state[OTHER + name] = state[OTHER + name], state[name]


def _configuration(choice: Choice, offers: Offers, before: str) -> None:
    model, of = catalog.model(choice.model), " of B" if before else ""
    layers = model.layer_names
    with _group(texts.model_facts(model)):
        models, state = offers.models(choice.dataset), partial(offers.model_state, choice.dataset)
        st.selectbox(
            f"Model{of}",
            models,
            key=f"{before}model",
            format_func=_labels(models, lambda name: catalog.model(name).title, state),
        )
    with _group(texts.layer_facts(model.layer(choice.layer), choice.experiment.spec.size)):
        st.selectbox(
            f"Layer{of}",
            layers,
            key=f"{before}layer",
            format_func=lambda name: f"{layers.index(name) + 1} of {len(layers)} · {name}",
        )
    st.segmented_control(
        f"Pooling{of}",
        list(READOUTS),
        key=f"{before}pooling",
        required=True,
        width="stretch",
        format_func=lambda name: READOUTS[name].title,
        help=_meanings(READOUTS.values()),
    )
    st.selectbox(
        f"Metric{of}",
        list(metrics.METRICS),
        key=f"{before}metric",
        format_func=lambda name: metrics.METRICS[name].title,
        help=_meanings(metrics.METRICS.values()),
    )


def _labels(names: Iterable[str], title: Callable[[str], str], state: Callable[[str], str]) -> Callable[[str], str]:
    """The entries of a list, each with whether it can be had at once; as they are now, for that may change."""
    labels = {name: f"{title(name)} · {now}" if (now := state(name)) else title(name) for name in names}
    return lambda name: labels.get(name, name)


def _steps(choice: Choice, offers: Offers) -> None:
    """Buttons and keys for the query, layer and model before and after the present ones; they go round."""
    layers, models = catalog.model(choice.model).layer_names, offers.models(choice.dataset)
    if offers.ready and choice.model in (ready := offers.ready(choice.dataset)):
        models = ready
    rows = (
        ("query", "q", offers.queries(choice.dataset), "P", "N"),
        ("layer", "layer", layers, "K", "L"),
        ("model", "model", models, "I", "O"),
    )
    with st.expander("Keyboard shortcuts", icon=":material/keyboard:"):
        for word, key, options, back, on in rows:
            for direction, step, letter in (("Previous", -1, back), ("Next", 1, on)):
                now = getattr(choice, key)
                place = (options.index(now) + step) % len(options) if now in options else 0
                st.button(
                    f"{direction} {word}",
                    key=f"{direction.lower()}_{word}",
                    on_click=go,
                    kwargs={key: options[place]},
                    shortcut=f"Alt+{letter}",
                    width="stretch",
                )


@contextmanager
def _group(about: str) -> Iterator[None]:
    """A control and, close below it, one line about what it is set to."""
    with st.container(gap="xxsmall"):
        yield
        st.caption(texts.plain(about))


def _meanings(entries: Iterable[Readout | metrics.Metric]) -> str:
    return "\n".join(f"- **{entry.title}**: {texts.plain(entry.meaning)}" for entry in entries)

"""The dialog that says why a match is one: heat maps, what is compared, and how it came about."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from semsearch.errors import PicturesUnavailable, SemsearchError, WeightsUnavailable
from semsearch.explain.agreement import DIFFERENT, SIMILAR, SIMILARITIES, margin
from semsearch.live import serving
from semsearch.live.reasons import Reason, Why
from semsearch.live.search import Example
from semsearch.models import weights
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import metrics
from ui import failures, resources, texts
from ui.admission import turn
from ui.choice import Choice
from ui.components.why import why as draw
from ui.jobs import weights as weights_offer
from ui.why import asked
from ui.why.asked import Asked
from ui.why.payload import CHANNELS, payload, together

_NONE = -1
"""In place of a match to compare with."""
_QUESTIONS: Mapping[str, str] = {SIMILAR: "Why similar?", DIFFERENT: "Why different?"}


@dataclass(frozen=True)
class Shown:
    """What is on the page: a query and its matches."""

    choice: Choice
    spec: FeatureSpec
    """The features that were compared."""
    query: Callable[[], Example]
    """Raises where its picture is not here."""
    name: str
    """Of the query; untrusted."""
    matches: Sequence[int]
    """Items, nearest first."""


def show(sides: Mapping[str, Shown]) -> None:
    """Answer what is asked about a match of one of the sides, A or B, in a dialog; nothing when nothing is."""
    dataset = sides["A"].choice.dataset
    now = asked.current(len(resources.dataset(dataset).items))
    asked.write(now)
    if now:
        answer(sides.get(now.side, sides["A"]))


@st.dialog("Why is it a match?", width=960, icon=":material/compare:", on_dismiss=asked.close)
def answer(shown: Shown) -> None:
    """The answer, and what else can be asked."""
    now = asked.current(len(resources.dataset(shown.choice.dataset).items))
    if now is None:
        return
    asked.write(now)
    _controls(shown, now)
    try:
        reason = _reason(shown, now)
    except WeightsUnavailable:
        weights_offer.offer(shown.choice.model, "This answer", asked_nothing)
    except PicturesUnavailable:
        st.info("It needs both pictures, and they are not here yet. Close this and press *Fetch pictures*.")
    except SemsearchError as error:
        st.error(failures.caught(error), icon=":material/error:")
        st.button("Try again", key="why_again", icon=":material/refresh:")
    else:
        _draw(shown, now, reason)


def asked_nothing() -> None:
    """No way back beside the offer of a model: the dialog can be closed."""


def _controls(shown: Shown, now: Asked) -> None:
    """The two questions, where the metric has both, and the match to compare with."""
    known = [*shown.matches, *([] if now.than is None else [now.than])]
    others = [_NONE, *(item for item in dict.fromkeys(known) if item != now.item)]
    st.session_state["why_question"] = now.question
    st.session_state["why_than"] = _NONE if now.than is None else now.than
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if shown.choice.metric in SIMILARITIES:
            st.segmented_control(
                "Question",
                list(_QUESTIONS),
                key="why_question",
                required=True,
                format_func=_QUESTIONS.__getitem__,
                on_change=_changed,
                args=(now,),
            )
        st.selectbox(
            "Why above this one?",
            others,
            key="why_than",
            format_func=partial(_match, shown),
            on_change=_changed,
            args=(now,),
            width=280,
        )


def _changed(now: Asked) -> None:
    state = st.session_state
    than = None if state["why_than"] == _NONE else state["why_than"]
    asked.put(replace(now, question=state.get("why_question", now.question), than=than))


def _reason(shown: Shown, now: Asked) -> Reason:
    """The answer of the service; raises as that does."""
    status = weights.status(shown.choice.model)
    if not status.here:
        raise WeightsUnavailable(status.note)
    dataset = resources.dataset(shown.choice.dataset)
    items = [now.item] if now.than is None else [now.item, now.than]
    why = Why(
        shown.query(),
        [Example(dataset.path(item)) for item in items],
        shown.spec,
        shown.choice.metric,
        now.question,
    )
    resources.allow("search")
    return turn.awaited(serving.service().explain(why, client=resources.session()), "Asking the network …")


def _draw(shown: Shown, now: Asked, reason: Reason) -> None:
    first, *others = reason.agreements
    spec, what = shown.spec, "distance" if first.is_distance else "similarity"
    names = [f"Query: {shown.name}", _match(shown, now.item)]
    if now.than is None:
        said = f"Bright regions make the {_number(shown.choice.metric, first.is_distance, first.value)}."
        noun, signs = f"the {what}", (f"adds to the {what}", "takes away")
    else:
        names.append(_match(shown, now.than))
        gap = margin(first, others[0])
        place = "nearer" if gap.value >= 0 else "farther"
        said = (
            f"{texts.plain(names[1])} is {place} than {texts.plain(names[2])} by **{texts.distance(abs(gap.value))}**. "
            "On the query, warm regions speak for the first of the two, cold ones for the second."
        )
        noun, signs = "all that tells them apart", ("for the first", "for the second")
    st.markdown(said)
    share = together(first if now.than is None else margin(first, others[0]))
    st.caption(
        f"{first.method} The {min(CHANNELS, first.channels.size)} channels below add {100 * share:.0f} % of all. "
        f"Pictures are shown as the network sees them, {spec.size} × {spec.size} pixels."
    )
    draw(payload(reason, spec, names), noun=noun, signs=signs, key="why_pictures")


def _number(metric: str, is_distance: bool, value: float) -> str:
    title = metrics.METRICS[metric].title.lower()
    if is_distance:
        return f"{title} distance of **{texts.distance(value)}**"
    return f"{title} similarity of **{value:.3f}**, which is 1 − the distance"


def _match(shown: Shown, item: int) -> str:
    """A match by its rank, class and number; as text."""
    if item == _NONE:
        return "No other match"
    dataset = resources.dataset(shown.choice.dataset)
    name = f"{dataset.classes[dataset.items[item].label]}, picture {item}"
    return f"{shown.matches.index(item) + 1}. {name}" if item in shown.matches else name

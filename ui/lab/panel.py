"""What can be measured, the button that does, how far it is, and what became of it."""

import streamlit as st

from semsearch.errors import Cancelled, SemsearchError
from semsearch.indices import lab, recipes
from semsearch.models import catalog, weights
from ui import editors, failures, resources, texts
from ui.choice import Choice
from ui.lab import results
from ui.lab.measuring import Measuring, Subject, measurements
from ui.pictures import fetching

LIVE = "pages/live_search.py"
_REFUSED, _BEGUN = "lab_refused", "lab_begun"


def show(choice: Choice) -> None:
    """All of it, for what is chosen in the sidebar."""
    dataset = resources.dataset(choice.dataset)
    if not dataset.has_pictures:
        fetching.offer_pictures(dataset, "Fetch them once to measure indices on them.")
        return
    if not weights.status(choice.model).here:
        _without_model(choice)
        return
    _tell_few(len(dataset.items))
    if len(dataset.items) < lab.SHORTEST:
        return
    subject = Subject(choice.dataset, dataset.content_hash, choice.experiment.spec, choice.metric)
    job = measurements().of(subject)
    if job and not job.finished.done():
        _watch(subject)
        return
    label = "Measure again" if job and not job.error else "Measure"
    st.button(label, key="lab_measure", icon=":material/speed:", type="primary", on_click=_start, args=(subject,))
    if refused := st.session_state.pop(_REFUSED, None):
        st.warning(refused, icon=":material/hourglass_top:")
    if job:
        _outcome(choice, job)
    else:
        st.caption(
            "Builds each kind of index over the features of this dataset, without up to "
            f"{lab.QUERIES} pictures that are then searched with. Features that are not there yet are computed first."
        )


def _without_model(choice: Choice) -> None:
    title = texts.plain(catalog.model(choice.model).title)
    st.info(
        f"**{title} is not on this machine.** To measure indices, features are needed. Live search gets the model; "
        "then come back.",
        icon=":material/deployed_code:",
    )
    st.page_link(LIVE, label="Get the model in Live search", query_params=choice.address())


def _tell_few(count: int) -> None:
    """Say it where nobody needs an index."""
    if count < lab.SHORTEST:
        st.info(
            f"**Exact search is all that {texts.counted(count, 'picture')} need.** It misses nothing, and no index is "
            f"faster. From {lab.SHORTEST} pictures on, indices can be measured here.",
            icon=":material/check_circle:",
        )
    elif count <= recipes.FEW:
        st.info(
            f"**Exact search is all that {texts.counted(count, 'picture')} need.** Up to {recipes.FEW:,} pictures "
            "every index looks at all of them, so none is faster and none misses anything.",
            icon=":material/check_circle:",
        )


def _start(subject: Subject) -> None:
    try:
        resources.allow("job")
        measurements().start(subject, resources.session())
        st.session_state[_BEGUN] = subject
    except SemsearchError as busy:
        st.session_state[_REFUSED] = failures.in_words(busy)


@st.fragment(run_every=0.5)
def _watch(subject: Subject) -> None:
    job = measurements().of(subject)
    if job is None or job.finished.done():
        st.rerun()
    with st.container(border=True, key="lab_progress"):
        st.progress(*_progress(job))
        st.button(
            "Stopping …" if job.stopping else "Cancel",
            key="lab_cancel",
            icon=":material/close:",
            on_click=job.stop,
            disabled=job.stopping or not (st.session_state.get(_BEGUN) == subject or editors.may_edit()),
        )
        st.caption("It goes on when you leave, and everybody who opens this configuration sees it.")


def _progress(job: Measuring) -> tuple[float, str]:
    """How far it is, and in words."""
    if job.total:
        names = [one.title for one in recipes.RECIPES.values() if job.subject.metric in one.metrics]
        now = "the true nearest pictures" if job.done == 0 else names[min(job.done, len(names)) - 1]
        return job.done / job.total, f"Measuring {texts.plain(now)} …"
    way = job.preparation
    if way and way.total:
        return way.done / way.total, f"Computing features: {way.done:,} of {texts.counted(way.total, 'picture')}"
    return 0.0, "Opening the features …"


def _outcome(choice: Choice, job: Measuring) -> None:
    error = job.error
    if isinstance(error, Cancelled):
        st.caption("The last measurement was cancelled.")
    elif error:
        st.error(failures.in_words(error), title="This could not be measured", icon=":material/error:")
    else:
        results.show(choice, job.finished.result())

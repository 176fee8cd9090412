"""What neighbours say: pictures whose nearest are mostly of another class, look-alikes, and what nobody finds."""

import time
from collections.abc import Sequence

import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.live import checkup, serving
from semsearch.live.checkup import Checkup
from semsearch.own import decisions
from semsearch.store.experiment import Experiment
from ui import pictures, resources, texts, tiles
from ui.choice import Choice
from ui.components.gallery import Tile, gallery
from ui.datasets import editing, review, said
from ui.pictures.work import Progress, Work

_FOUND, _CHECKING = "datasets_checkup", "datasets_checking"
SHOWN = 60


def show(choice: Choice, dataset: Dataset) -> None:
    """A button that asks the neighbours of every picture, and what they said."""
    st.caption(
        f"Asks the {checkup.K} nearest of every picture, under the model, layer and metric in the sidebar. Where most "
        "are of one other class, the label may be wrong; or two classes look alike to this network. Pictures that are "
        "nearly the same are shown together. You decide."
    )
    st.button("Check pictures", key="datasets_check", icon=":material/rule:", on_click=_start, args=(choice,))
    watch()
    then, asked, found = st.session_state.get(_FOUND, (None, None, None))
    if found and then.name == dataset.name and asked == choice.experiment:
        _tell(dataset, review.carried(found, then, dataset))


def _start(choice: Choice) -> None:
    then, client = resources.dataset(choice.dataset), resources.session()

    def run(progress: Progress) -> tuple[Dataset, Experiment, Checkup]:
        return then, choice.experiment, _checked(choice, client, progress)

    with said.failing():
        st.session_state[_CHECKING] = resources.works().start(choice.dataset, run)


def _checked(choice: Choice, client: str, progress: Progress) -> Checkup:
    service, spec = serving.service(), choice.experiment.spec
    preparation = service.prepare(choice.dataset, spec, client=client)
    while not preparation.finished.done():
        progress(preparation.done, preparation.total)
        time.sleep(0.1)
    preparation.finished.result()
    return checkup.checkup(service.gallery(choice.dataset, spec), choice.metric, progress=progress)


@st.fragment(run_every=0.5)
def watch() -> None:
    """How far the check is; the next run shows what it found."""
    work: Work | None = st.session_state.get(_CHECKING)
    if work is None:
        return
    if not work.finished.done():
        said.progress(work)
        return
    del st.session_state[_CHECKING]
    with said.failing():
        st.session_state[_FOUND] = work.finished.result()
    st.rerun()


def _tell(dataset: Dataset, found: Checkup) -> None:
    chosen = editing.chosen_of(dataset)
    if chosen:
        editing.act(dataset, chosen, review.confirm)
    made = review.made(dataset)
    doubts = [one for one in found.doubts if decisions.doubted(dataset, one.item, made)]
    answered = len(found.doubts) - len(doubts)
    before = f" {answered:,} more are right, as you said." if answered else ""
    st.markdown(
        f"**{texts.counted(len(doubts), 'picture')} to look at.** Click one, then give it its class, take it out, or "
        f"say that its label is right.{before}"
    )
    _gallery(
        dataset,
        [(one.item, f"{one.agree} of {found.k} nearest: {dataset.classes[one.other]}") for one in doubts],
        "datasets_doubts",
        "Labels to doubt",
    )
    review.look_alikes(dataset, found.alike)
    rest = (
        ("Everybody's neighbour", "datasets_hubs", [(item, f"nearest of {count}") for item, count in found.hubs]),
        ("Found by nobody", "datasets_unseen", [(item, "") for item in found.unseen]),
    )
    for title, key, rows in rest:
        if rows:
            with st.expander(f"{title}: {len(rows):,}", key=f"{key}_open"):
                _gallery(dataset, rows, key, title)


def _gallery(dataset: Dataset, rows: Sequence[tuple[int, str]], key: str, title: str) -> None:
    """The first of them; a click chooses one, or leaves it again."""
    shown = rows[:SHOWN]
    pictures.ensure_thumbnails(dataset, [item for item, _ in shown])
    addresses, chosen = pictures.addresses(dataset), editing.chosen_of(dataset)
    noted: list[Tile] = [
        tiles.item_tile(dataset, item, addresses) | {"current": item in chosen} | ({"note": note} if note else {})
        for item, note in shown
    ]
    if noted:
        gallery(noted, key=key, look="pictures", label=title, on_pick=lambda item: editing.pick(dataset, item))
    if len(rows) > SHOWN:
        st.caption(f"The first {SHOWN} of {len(rows):,}.")

"""Which matches are shown: of some classes, alike enough, no near-duplicates. Ranks and scores stay those of all."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from semsearch.data.datasets import Dataset
from semsearch.results import compare
from semsearch.results.experiments import Match
from semsearch.store.experiment import Experiment
from ui import resources

_CLASSES, _LEAST, _FOLD = "classes", "least", "fold"
_MEANING = "Hides matches from view; ranks and scores do not change."


@dataclass(frozen=True)
class Sieve:
    """What the reader asked to see."""

    classes: frozenset[int] = frozenset()
    """Labels; all when empty."""
    least: int = 0
    """Similarity in percent."""
    fold: bool = False
    """Whether near-duplicates of a better match are hidden."""

    @property
    def active(self) -> bool:
        """Whether it may hold anything back."""
        return bool(self.classes or self.least or self.fold)

    def shown_items(self, dataset: Dataset, experiment: Experiment, matches: Sequence[Match]) -> list[int]:
        """The items of the matches that are shown."""
        fitting = [match.item for match in matches if self._fits(dataset, match)]
        repeats = compare.near_duplicates(resources.store(), experiment, fitting) if self.fold else {}
        return [item for item in fitting if item not in repeats]

    def _fits(self, dataset: Dataset, match: Match) -> bool:
        fits = not self.classes or dataset.items[match.item].label in self.classes
        return fits and 100 * match.similarity >= self.least

    def address(self, dataset: Dataset) -> dict[str, object]:
        """What the sieve adds to a link."""
        return {
            _CLASSES: [dataset.classes[label] for label in sorted(self.classes)],
            _LEAST: self.least,
            _FOLD: self.fold,
        }


def choose(dataset: Dataset, meaning: str = _MEANING, place: DeltaGenerator | None = None) -> Sieve:
    """The controls, in ``place`` or else a popover; ``meaning`` says what becomes of what they hold back."""
    labels = range(len(dataset.classes))
    state = st.session_state
    if any(label not in labels for label in state.get(_CLASSES, [])):
        state[_CLASSES] = [label for label in state[_CLASSES] if label in labels]
    with place or st.popover("Filter", icon=":material/filter_alt:", key="filter"):
        classes = st.multiselect(
            "Classes",
            labels,
            key=_CLASSES,
            format_func=lambda label: dataset.classes[label],
            placeholder="All classes",
            bind="query-params",
        )
        least = st.slider("At least this similar (%)", 0, 100, key=_LEAST, step=1, bind="query-params")
        fold = st.toggle(
            "Hide near-duplicates",
            key=_FOLD,
            bind="query-params",
            help="Hides a match that lies within a tenth of the typical distance from a better one "
            "(a hundredth for cosine and correlation, whose distances grow with the square of the angle).",
        )
        st.button("Show all", key="show_all", icon=":material/filter_alt_off:", on_click=_clear)
        st.caption(meaning)
    return Sieve(frozenset(classes), least, fold)


def _clear() -> None:
    st.session_state[_CLASSES], st.session_state[_LEAST], st.session_state[_FOLD] = [], 0, False

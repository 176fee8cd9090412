"""The queries of this session in the order in which they were seen, with a way back and forward."""

import streamlit as st

_SEEN, _PLACE = "history_seen", "history_place"
LIMIT = 50
"""Queries that are remembered."""

Seen = tuple[str, int]
"""A dataset and the item id of a query."""


def note(dataset: str, item: int) -> None:
    """The query that is shown now; a new one ends what lay ahead."""
    state = st.session_state
    seen, place = seen_so_far()
    if seen and seen[place] == (dataset, item):
        return
    seen = [*seen[: place + 1], (dataset, item)][-LIMIT:]
    state[_SEEN], state[_PLACE] = seen, len(seen) - 1


def revisit(dataset: str, item: int) -> None:
    """The address leads to that query, as the browser's back and forward do: move to where it was last seen, if ever.

    Of several places the nearest to the present one is taken, of two as near the earlier.
    """
    seen, place = seen_so_far()
    same = [other for other, query in enumerate(seen) if query == (dataset, item)]
    if same:
        st.session_state[_PLACE] = min(same, key=lambda other: abs(other - place))


def seen_so_far() -> tuple[list[Seen], int]:
    """All queries that are remembered, oldest first, and the place of the present one."""
    return st.session_state.get(_SEEN, []), st.session_state.get(_PLACE, -1)


def can_go(step: int) -> bool:
    """Whether there is a query that many steps ahead (behind, if negative)."""
    seen, place = seen_so_far()
    return 0 <= place + step < len(seen)


def go(step: int) -> None:
    """Show the query that many steps ahead again; for callbacks."""
    if not can_go(step):
        return
    seen, place = seen_so_far()
    state = st.session_state
    state[_PLACE] = place + step
    state["dataset"], state["q"] = seen[place + step]

"""A measurement on screen: the recommendation for a budget, the frontier, the table; each index one press from use."""

from collections.abc import Sequence

import streamlit as st

from semsearch.indices import lab, recipes
from semsearch.indices.lab import Measured, Report
from ui import charts, texts
from ui.choice import Choice
from ui.components.table import table

LIVE = "pages/live_search.py"
_ADOPTED = "lab_adopted"
_MEGA = 1e6


def show(choice: Choice, report: Report) -> None:
    """Draw it, or go to Live search where an index was chosen for it."""
    recipe = st.session_state.pop(_ADOPTED, None)
    if recipe in {row.recipe for row in report.rows}:
        index = recipes.RECIPES[recipe].title
        st.switch_page(LIVE, query_params=choice.address() | {"index": index})
    shape = f"{report.count:,} vectors of {report.dimension:,} numbers"
    st.markdown(f"{shape}; {texts.counted(report.queries, 'query')} that no index holds.")
    _budget(report)
    _frontier(report)
    table(_columns(report), _lines(report), key="lab_table", label="What each index finds and costs", on_pick=_adopt)
    for name in recipes.RECIPES:
        if name in report.refused:
            st.caption(f":material/block: {texts.plain(report.refused[name])}.")
    left = [one.title for name, one in recipes.RECIPES.items() if name not in _measured(report) | report.refused.keys()]
    if left:
        st.caption(f":material/block: {', '.join(left)} was left out: it would take more memory than a page may use.")


def _measured(report: Report) -> set[str]:
    return {row.recipe for row in report.rows}


def _adopt(place: object) -> None:
    """Use the index of that place in the table; it comes from the browser."""
    names = list(recipes.RECIPES)
    if isinstance(place, int) and 0 <= place < len(names):
        st.session_state[_ADOPTED] = names[place]


def _budget(report: Report) -> None:
    """Limits, and the best index within them."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="lab_budget"):
        memory = st.number_input(
            "Memory at most, MB", 0.0, value=None, key="lab_memory", placeholder="no limit", width=180
        )
        patience = st.number_input(
            "Milliseconds a query at most", 0.0, value=None, key="lab_ms", placeholder="no limit", width=220
        )
        best = _best(report, memory, patience)
        if best:
            st.button(
                "Use this index",
                key="lab_use",
                icon=":material/check:",
                on_click=_adopt,
                args=(list(recipes.RECIPES).index(best.recipe),),
                help="Opens Live search with the recommended index, on this dataset and configuration.",
            )
    if best is None:
        st.warning("No index is within that budget. Allow more memory or more time.", icon=":material/block:")
        return
    found, title = best.recall[lab.K], texts.plain(recipes.RECIPES[best.recipe].title)
    st.success(
        f"**{title}** finds {found.mean:.1%} of the ten nearest, {found.low:.0%} or more for 19 queries of 20, in "
        f"{best.single:.2f} ms with {best.memory / _MEGA:,.1f} MB. {texts.plain(recipes.RECIPES[best.recipe].meaning)}",
        icon=":material/recommend:",
    )


def _best(report: Report, memory: float | None, patience: float | None) -> Measured | None:
    """The best within limits, of MB and milliseconds; without any what is usual for so many vectors."""
    if memory is None and patience is None:
        usual = recipes.recommended(report.count, report.dimension, report.metric)
        if found := [row for row in report.rows if row.recipe == usual]:
            return found[0]
    return lab.best(report.rows, memory=None if memory is None else memory * _MEGA, milliseconds=patience)


def _frontier(report: Report) -> None:
    """Recall against time; the line joins those that no other beats in both."""
    best = lab.frontier(report.rows)
    quick = [
        row for row in best if all(row.recall[lab.K].mean > other.recall[lab.K].mean for other in _before(row, best))
    ]
    places = {name: place for place, name in enumerate(recipes.RECIPES)}
    groups = [
        charts.Points(
            name=recipes.RECIPES[row.recipe].title,
            x=[row.single],
            y=[100 * _finds(row)],
            numbers=[places[row.recipe]],
            hovers=[
                f"{recipes.RECIPES[row.recipe].title}<br>{_finds(row):.1%} found, {row.single:.2f} ms, "
                f"{row.memory / _MEGA:,.1f} MB"
            ],
            place=places[row.recipe],
        )
        for row in report.rows
    ]
    line = ([row.single for row in quick], [100 * _finds(row) for row in quick])
    figure = charts.scatter(groups, across="Milliseconds per query, one thread", line=line, current=None)
    figure["layout"] |= {
        "height": 340,
        "yaxis": {"title": {"text": "Of the ten nearest found, %"}, "automargin": True, "range": _range(report.rows)},
    }
    names = ", ".join(recipes.RECIPES[row.recipe].title for row in best)
    charts.draw(figure, key="lab_frontier", alt=f"Share of the ten nearest found against time; not beaten: {names}")
    st.caption(
        "The line joins those that no other beats in recall and time. In recall, time and memory at once nothing beats "
        f"{names}."
    )


def _finds(row: Measured) -> float:
    return row.recall[lab.K].mean


def _before(row: Measured, rows: Sequence[Measured]) -> list[Measured]:
    """Those that are quicker."""
    return [other for other in rows if other.single < row.single]


def _range(rows: Sequence[Measured]) -> list[float]:
    least = min(100 * _finds(row) for row in rows)
    return [max(0.0, least - 3 - (100 - least) / 10), 101.5]


def _columns(report: Report) -> list[str]:
    cuts = " · ".join(str(k) for k in report.rows[0].recall)
    parts = " · ".join(f"{share:.0%}" for share in report.rows[0].filtered if share < 1)
    costs = ["One · of many, ms", "Build · audit, s", "Not found", "Memory · disk, MB"]
    return ["Index", f"Recall at {cuts}", "Worst 5 % · worst", f"Recall in {parts}", *costs]


def _lines(report: Report) -> list[tuple[int, list[str]]]:
    names = list(recipes.RECIPES)
    return [
        (names.index(row.recipe), [f"Use {recipes.RECIPES[row.recipe].title}", *_cells(row)]) for row in report.rows
    ]


def _cells(row: Measured) -> list[str]:
    of_ten, parts = row.recall[lab.K], [recall for share, recall in row.filtered.items() if share < 1]
    return [
        " · ".join(f"{recall.mean:.3f}" for recall in row.recall.values()),
        f"{of_ten.low:.2f} · {of_ten.least:.2f}",
        " · ".join(f"{recall.mean:.3f}" for recall in parts),
        f"{row.single:.2f} · {row.batched:.2f}",
        f"{row.built:.1f} · {row.audited:.1f}",
        f"{row.lost:,}",
        f"{row.memory / _MEGA:,.2f} · {row.disk / _MEGA:,.2f}",
    ]


def explain() -> None:
    """What the page does, and how each figure comes about."""
    meanings = "\n".join(f"- **{one.title}**: {texts.plain(one.meaning)}" for one in recipes.RECIPES.values())
    with st.expander("What am I looking at?", icon=":material/help:"):
        st.markdown(
            "An **index** names the pictures that may be near a query, so that not all of them need to be compared. "
            "What it names is then measured exactly: a distance means the same under every index, but a match may be "
            f"missed.\n\n{meanings}\n\n"
            "**Recall at 10** is the share of the ten truly nearest that are found, on average over queries that no "
            "index has seen; **worst 5 %** is what one query in twenty stays below, **worst** the worst of all. "
            "**Recall in 10 %** means a search among a tenth of the pictures, as with a filter. **Not found**: after "
            "each build every picture is searched for by itself; those that do not find themselves go to a list that "
            "every search looks at. Times are of one thread, on this server, now; memory is without the features, but "
            "for Exact, which reads all of them."
        )

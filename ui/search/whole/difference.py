"""Two experiments apart: by class, with intervals that say what is significant."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.results import leaderboard
from semsearch.results.leaderboard import FEWEST, Board, ClassDifference
from semsearch.store.experiment import Experiment
from ui import charts, configurations, resources, sidebar, texts
from ui.charts import export
from ui.choice import Choice

VERDICT: Mapping[tuple[bool, bool], str] = {
    (True, True): "significant, also after correction",
    (True, False): "significant, but not after correction",
    (False, False): "not significant",
}


def show(choice: Choice, board: Board) -> None:
    """The whole part: A is the configuration in the sidebar, B the one it is compared with or one chosen here."""
    rival = _rival(choice, board)
    a, b = configurations.title(choice.experiment), configurations.title(rival)
    st.markdown(f"**A**: {texts.plain(a)}  \n**B**: {texts.plain(b)}")
    if rival == choice.experiment:
        st.info("A and B are the same configuration. Choose another one.", icon=":material/compare_arrows:")
        return
    dataset = resources.dataset(choice.dataset)
    differences = leaderboard.differences(resources.store(), choice.experiment, rival, len(dataset.classes))
    _say(differences, len(resources.items(choice.dataset)))
    names = ["All classes", *(dataset.classes[each.label] for each in differences[1:])]
    drawn = sorted(range(1, len(differences)), key=lambda place: -abs(differences[place].mean))[: charts.MOST]
    if len(drawn) < len(differences) - 1:
        st.caption(
            f"Of {len(differences) - 1:,} classes those {len(drawn)} are drawn that differ most; the table holds all."
        )
    drawn = [0, *sorted(drawn)]
    _draw([differences[place] for place in drawn], [names[place] for place in drawn])
    _table(differences, names)
    _explain(differences, dataset)


def _rival(choice: Choice, board: Board) -> Experiment:
    other = sidebar.other()
    if other:
        return other.experiment
    rows = np.argsort(-board.score, kind="stable")[:50].tolist()
    if st.session_state.get("rival") not in rows:  # chosen on another dataset, or never
        st.session_state["rival"] = rows[0]
    row = st.selectbox(
        "B: one of the 50 best (turn on *Compare two settings* in the sidebar for any other)",
        rows,
        key="rival",
        persist_state="session",
        format_func=lambda row: f"{board.score[row]:.1f} · {configurations.title(board.experiment(row))}",
    )
    return board.experiment(row)


def _say(differences: list[ClassDifference], items: int) -> None:
    whole, classes = differences[0], differences[1:]
    ahead = f"**{'A' if whole.mean > 0 else 'B'}** is ahead by **{abs(whole.mean):.1f}** points"
    if whole.mean == 0:
        ahead = "A and B are level"
    sure = "This is significant." if whole.significant else "This is not significant."
    alone, corrected = sum(each.significant for each in classes), sum(each.corrected for each in classes)
    st.markdown(
        f"Over {texts.queries(whole.count, items)} {ahead} "
        f"(95\u00a0% interval of A − B: {texts.signed(whole.low)} to {texts.signed(whole.high)}). {sure} "
        f"Of {texts.counted(len(classes), 'class')}, {alone} differ significantly, {corrected} of them also "
        f"after correcting for {texts.counted(len(classes), 'comparison')}."
    )


def _draw(differences: list[ClassDifference], names: list[str]) -> None:
    def colour(each: ClassDifference) -> str:
        return charts.QUIET if not each.significant else charts.AHEAD if each.mean > 0 else charts.BEHIND

    marks = {True: "✱ ", False: ""}
    figure = charts.forest(
        [marks[each.corrected] + name for name, each in zip(names, differences, strict=True)],
        np.array([(each.mean, each.low, each.high) for each in differences]),
        [colour(each) for each in differences],
        [
            f"{charts.literal(name)}<br>A − B {texts.signed(each.mean)} "
            f"({texts.signed(each.low)} to {texts.signed(each.high)})<br>{VERDICT[each.significant, each.corrected]}"
            for name, each in zip(names, differences, strict=True)
        ],
        "A − B, points of the mean score",
    )
    whole = differences[0]
    charts.draw(figure, key="difference", alt=f"A minus B by class, {texts.signed(whole.mean)} points over all classes")


def _table(differences: list[ClassDifference], names: list[str]) -> None:
    with st.expander("As a table", icon=":material/table:"):
        number = st.column_config.NumberColumn(format="%+.1f")
        st.dataframe(
            {
                "Class": [export.inert(name) for name in names],  # a table has a button of its own that saves it
                "Queries": [each.count for each in differences],
                "A − B": [each.mean for each in differences],
                "Low": [each.low for each in differences],
                "High": [each.high for each in differences],
                "Verdict": [VERDICT[each.significant, each.corrected] for each in differences],
            },
            key="difference_table",
            hide_index=True,
            placeholder=texts.UNDEFINED,
            column_config={"A − B": number, "Low": number, "High": number},
            alt="A minus B by class",
        )


def _explain(differences: list[ClassDifference], dataset: Dataset) -> None:
    compared = len(differences) - 1
    many = (
        f"But {compared} classes make {compared} comparisons: even between equals, about {0.05 * compared:.1f} of them "
        f"would look significant at 95 %. Those marked ✱ hold at {100 * (1 - 0.05 / compared):.2f} % too, which keeps "
        "the risk of even one false mark near 5 % (Bonferroni). "
    )
    with st.expander("When is a difference significant?", icon=":material/help:"):
        st.markdown(
            "Both configurations answer the same queries, so their scores are subtracted query by query. The "
            "interval is a paired bootstrap: the queries are drawn again with replacement thousands of times, and "
            "95 % of the mean differences lie within it. When it leaves out 0, the difference is *significant*.\n\n"
            f"{many if compared > 1 else ''}A class of fewer than {FEWEST} queries is never called significant, and "
            "one with a single query has no interval. The intervals speak of other queries of the same kind, searched "
            f"among these {texts.counted(len(dataset.items), 'picture')}; not of other datasets."
        )

"""The comparison of A and B in numbers: on one query, and over all."""

import math
from collections.abc import Sequence

import streamlit as st

from semsearch.models import catalog
from semsearch.ranking import metrics
from semsearch.ranking.scores import Difference
from semsearch.results import compare
from semsearch.results.compare import Agreement
from semsearch.results.experiments import QueryScore
from ui import texts
from ui.choice import Choice

Numbers = tuple[float, QueryScore, float]
"""Of one configuration: the score of the query, its numbers at k, the mean score of all queries."""


def heading(name: str, choice: Choice) -> None:
    """Which configuration a side of the comparison shows."""
    parts = (catalog.model(choice.model).title, choice.layer, choice.readout.title)
    words = " · ".join(texts.plain(part) for part in (*parts, metrics.METRICS[choice.metric].title))
    st.markdown(f"**{name}** · {words}")


def table(a: Numbers, b: Numbers) -> None:
    """The numbers of both, and how far A is above B; as many side by side as there is room for."""
    k = a[1].k
    names = ("Score", "Same class", f"Precision@{k}", f"Recall@{k}", "Avg precision", "Mean score")
    with st.grid(len(names), min_column_width=80, gap="small"):
        for name, text_a, text_b, of_a, of_b, form in zip(
            names, _texts(a), _texts(b), _values(a), _values(b), _FORMS, strict=True
        ):
            change = _change(of_a - of_b, form)
            st.markdown(f":small[{name}]  \nA **{text_a}**  \nB **{text_b}**  \n:small[A\u00a0−\u00a0B: {change}]")


_FORMS = ("+.1f", "+d", "+.2f", "+.2f", "+.2f", "+.1f")


def _values(numbers: Numbers) -> Sequence[float]:
    score, at_k, mean = numbers
    return (score, at_k.hits, at_k.precision, at_k.recall, at_k.average_precision, mean)


def _texts(numbers: Numbers) -> Sequence[str]:
    score, at_k, mean = numbers
    shares = (texts.share(value) for value in (at_k.precision, at_k.recall, at_k.average_precision))
    return (f"{score:.1f}", f"{at_k.hits}\u00a0of\u00a0{at_k.k}", *shares, f"{mean:.1f}")


def _change(value: float, form: str) -> str:
    return texts.UNDEFINED if math.isnan(value) else format(value, form).replace("-", "−")


def summary(agreement: Agreement, difference: Difference) -> None:
    """How far A and B agree on this query, and whether one is better over all, in one line."""
    st.markdown(
        f"**{agreement.common} of {agreement.k}** shared · over the whole dataset, {_judged(difference)} "
        f"(A\u00a0−\u00a0B **{_change(difference.interval.mean, '+.1f')}**)"
    )


def explain(a: Numbers, b: Numbers, agreement: Agreement, difference: Difference) -> None:
    """All numbers of both, and what they and the line of ``summary`` mean, a sentence each."""
    gap = difference.interval
    low, high = _change(gap.low, "+.1f"), _change(gap.high, "+.1f")
    with st.expander("All numbers of A and B, and how they are compared", icon=":material/compare_arrows:"):
        table(a, b)
        st.markdown(
            f"- **Shared**: {agreement.common} of the {texts.counted(agreement.k, 'match')} of A "
            f"{'is' if agreement.common == 1 else 'are'} also among those of B, wherever they stand "
            f"(overlap {texts.share(agreement.overlap)}).\n"
            "- **Rank-biased overlap** (Webber, Moffat and Zobel 2010): how alike the two orders are, from 0 to 1, as "
            f"seen by a reader who goes on after each match with probability {compare.PERSISTENCE}, so the first ranks "
            f"count most: {texts.share(agreement.rbo)}.\n"
            f"- **Mean score, A − B**: with the {texts.counted(gap.count, 'query')} of this "
            f"dataset drawn again and again (paired bootstrap), 95 % of the differences are from {low} to "
            f"{high}: {_judged(difference)}.\n"
            "- **Badges**: a match with a coloured border is among the matches of both, and its badge tells the rank "
            "on the other side. The others are *only in A* or *only in B*."
        )


def _judged(difference: Difference) -> str:
    gap = difference.interval
    if gap.low == gap.high == 0:
        return "A and B score alike on every query"
    if gap.low > 0 or gap.high < 0:
        return f"{'A' if gap.mean > 0 else 'B'} is better (significant)"
    return "A and B do not differ significantly"

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
    st.markdown(f":primary-badge[{name}] {words}")


def table(a: Numbers, b: Numbers) -> None:
    """The numbers of both, and what B adds; as many side by side as there is room for."""
    k = a[1].k
    names = ("Score", "Same class", f"Precision@{k}", f"Recall@{k}", "Avg precision", "Mean score")
    with st.grid(len(names), min_column_width=80, gap="small"):
        for name, text_a, text_b, before, after, form in zip(
            names, _texts(a), _texts(b), _values(a), _values(b), _FORMS, strict=True
        ):
            change = _change(after - before, form)
            st.markdown(f":small[{name}]  \nA **{text_a}**  \nB **{text_b}**  \n:small[B\u00a0−\u00a0A: {change}]")


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
    low, high, verdict = _judged(difference)
    st.markdown(
        f"Overlap@{agreement.k} **{texts.share(agreement.overlap)}** · "
        f"rank-biased overlap **{texts.share(agreement.rbo)}** · "
        f"mean score, A minus B **{_change(difference.interval.mean, '+.1f')}** ({low} to {high}: {verdict})"
    )


def explain(agreement: Agreement, difference: Difference) -> None:
    """What the numbers of ``summary`` mean, a sentence each."""
    low, high, verdict = _judged(difference)
    with st.expander("How are A and B compared?", icon=":material/compare_arrows:"):
        st.markdown(
            f"- **Overlap@{agreement.k}**: {agreement.common} of the {texts.counted(agreement.k, 'match')} of A "
            f"{'is' if agreement.common == 1 else 'are'} also among those of B, "
            f"wherever they stand: {texts.share(agreement.overlap)}.\n"
            "- **Rank-biased overlap** (Webber, Moffat and Zobel 2010): how alike the two orders are, from 0 to 1, as "
            f"seen by a reader who goes on after each match with probability {compare.PERSISTENCE}, so the first ranks "
            f"count most: {texts.share(agreement.rbo)}.\n"
            f"- **Mean score, A minus B**: with the {texts.counted(difference.interval.count, 'query')} of this "
            f"dataset drawn again and again (paired bootstrap), 95 % of the differences are from {low} to "
            f"{high}: {verdict}.\n"
            "- **Badges**: a match with a coloured border is among the matches of both. On A it tells the rank in B; "
            "on B, by how many ranks it rose (▲) or fell (▼) from A, or that it is new."
        )


def _judged(difference: Difference) -> tuple[str, str, str]:
    gap = difference.interval
    better, worse = ("A", "B") if gap.mean > 0 else ("B", "A")
    apart = gap.low > 0 or gap.high < 0
    verdict = f"{better} is better than {worse}, beyond chance" if apart else "this may be chance"
    if gap.low == gap.high == 0:
        verdict = "they score alike on every query"
    return _change(gap.low, "+.1f"), _change(gap.high, "+.1f"), verdict

"""The words that explain what is on the Search page, with the numbers that are on it."""

import math
from collections.abc import Callable, Sequence

import streamlit as st

from semsearch.models import catalog
from semsearch.ranking import metrics
from semsearch.results.experiments import Match, QueryScore
from ui import texts
from ui.choice import Choice


def explain_scores(
    kind: str,
    top: Sequence[Match],
    published: QueryScore,
    at_k: QueryScore,
    numbers: Callable[[float, QueryScore], None] | None = None,
) -> None:
    """All scores, where ``numbers`` draws them, and how each comes about.

    ``kind`` is the class of the query, ``top`` the matches that ``published`` looks at.
    """
    weights = range(len(top), 0, -1)
    earned = [weight for weight, match in zip(weights, top, strict=True) if match.correct]
    matches = texts.counted(len(top), "match")
    sum_of_earned = " + ".join(map(str, earned)) or "0"
    alone = ""
    if math.isnan(at_k.average_precision):
        alone = (
            f"\n\n{texts.UNDEFINED} means that there is no such number: the query is the only picture of its class, so "
            "nothing could be found. Means leave it out."
        )
    with st.expander("All numbers of this query, and how they are made", icon=":material/calculate:"):
        if numbers:
            numbers(published.score, at_k)
        st.markdown(
            f"A match is right when it is of the query's class, here **{texts.plain(kind)}**. "
            "The query itself is never among its matches.\n\n"
            f"- **Score**, as in the published experiments: of the first {matches}, rank 1 weighs {len(top)}, "
            f"the last weighs 1. Right ones here earn {sum_of_earned} = {sum(earned)} of {sum(weights)}, "
            f"so {published.score:.1f} of 100.\n"
            f"- **Same class**: {at_k.hits} of the {texts.counted(at_k.k, 'match')} shown, wherever "
            f"{'it stands' if at_k.k == 1 else 'they stand'}.\n"
            f"- **Precision@{at_k.k}**: that count divided by {at_k.k}, {texts.share(at_k.precision)}.\n"
            f"- **Recall@{at_k.k}**: that count divided by the other pictures of the class, "
            f"{texts.share(at_k.recall)}.\n"
            "- **Average precision**: over the ranking of all pictures, the precision at the rank of each right one, "
            f"averaged, {texts.share(at_k.average_precision)}. 1 means that the whole class comes first.{alone}"
        )


def explain_page(choice: Choice) -> None:
    """What the page shows and how to read a tile."""
    model, metric = catalog.model(choice.model), metrics.METRICS[choice.metric]
    layer, readout = model.layer(choice.layer), choice.readout
    place = model.place(layer.name)
    with st.expander("What am I looking at?", icon=":material/help:"):
        st.markdown(
            f"Every picture was shown to **{texts.plain(model.title)}**, a network trained to name the things in "
            f"photos. Its layer {place} of 8, `{layer.name}`, answers with {layer.channels:,} channels. "
            f"{readout.meaning} That list of numbers is the picture's fingerprint. "
            "No class label was used to make it.\n\n"
            f"Two pictures are alike when their fingerprints are near each other. **{metric.title}** distance: "
            f"{texts.plain(metric.formula)}. {texts.plain(metric.meaning)}\n\n"
            "Each tile shows the rank, the class with :material/check_circle: same class or :material/cancel: other "
            "class than the query, the similarity as a bar, and on the right the distance that made the ranking. "
            "**Similarity** is a frequency: of the pairs of this dataset that are as close as the query and this "
            "match, how many in a hundred are of one class; the query's own pairs do not count. So 90 % means the same "
            "under every model, layer and metric. Where classes say nothing, for there is one or each has one picture, "
            "it is the share of pairs that are farther apart.\n\n"
            "Early layers see colours and textures, late layers see things: change the layer and watch the matches "
            "change. The address of this page holds every choice; send it to share what you see."
        )

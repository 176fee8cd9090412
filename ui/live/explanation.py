"""The words that explain the Live search page."""

import streamlit as st

from semsearch.live.search import LESS, MORE
from semsearch.models import catalog
from semsearch.ranking import metrics
from ui import texts
from ui.choice import Choice


def explain(choice: Choice) -> None:
    """What the page does, and how each part of its answer comes about."""
    model, metric = catalog.model(choice.model), metrics.METRICS[choice.metric]
    with st.expander("What am I looking at?", icon=":material/help:"):
        st.markdown(
            f"Your picture goes through **{texts.plain(model.title)}** now, on this server, just as the pictures of "
            f"the dataset did before. Layer `{choice.layer}` answers with a list of numbers. "
            f"{choice.readout.meaning} The pictures whose lists are nearest are the matches. "
            f"**{metric.title}** distance: {texts.plain(metric.formula)}. The same search can be had from Python, "
            "from the command line and over REST.\n\n"
            "**Several pictures.** Each list is scaled to length 1. Included pictures are averaged, excluded ones "
            "are subtracted (Rocchio 1971): "
            "`q = mean(w · x / ‖x‖) of the included − mean(|w| · x / ‖x‖) of the excluded`. "
            "The result is made as long as the lists of the included pictures are on average. "
            f"A picture of yours weighs 1. A match you call **More** weighs {MORE:g}, one you call **Less** "
            f"{abs(LESS):g}. Cosine and correlation suit this best: they compare directions alone.\n\n"
            "**Confident, uncertain, nothing like it.** Every picture of the dataset was searched with twice: with its "
            "class among the others, and with all of its class taken away, as if it showed something that is not "
            "here. From that a rule was learned that weighs how far the nearest is and how many of the nearest five "
            "agree with it. How often it errs stands under *How far to trust it*. It was learned with single "
            "pictures, so read it with care for several.\n\n"
            "**Classes among the matches** counts them. It is not a classifier: the network never learned these "
            "classes.\n\n"
            "**Privacy.** Large photos are made smaller in your browser before they are sent. Your pictures are "
            "decoded in a process with limits, kept in memory for this session only, never written to disk, and shown "
            "as small new copies without their metadata."
        )

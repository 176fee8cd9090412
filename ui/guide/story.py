"""The Guide's story: from a picture to its matches, and what the layer, the pooling and the metric change."""

from dataclasses import replace

import streamlit as st

from semsearch.models import catalog
from semsearch.models.catalog import READOUTS
from semsearch.ranking import metrics
from semsearch.ranking.scores import PUBLISHED_K
from semsearch.results import experiments
from ui import resources, texts
from ui.choice import Choice
from ui.guide import facts as guide_facts
from ui.guide import panel as guide_panel

_VARIED = {"pooling": "The pooling", "metric": "The metric"}


def steps(view: Choice) -> None:
    """From picture to distance, one card per step, with the numbers of the configuration in ``view``."""
    model = catalog.model(view.model)
    st.header("What a network sees", anchor="sees")
    st.markdown(
        f"A *convolutional network* is a long chain of small pattern detectors. **{texts.plain(model.title)}** was "
        "trained on a great many photos to name the thing in each of them. Nobody told it what to look for: it found "
        "out by itself which patterns help. We use what it found, and leave out its last step, the naming."
    )
    picture, cards = st.columns([1, 3], gap="medium")
    with picture.container(width=300):
        guide_panel.query(view, key="guide_query")
    with cards, st.grid(3, min_column_width=200):
        for place, (title, icon, words) in enumerate(_cards(view)):
            with st.container(border=True, key=f"guide_step_{place}"):
                st.markdown(f":material/{icon}: **{title}**  \n{words}")


def _cards(view: Choice) -> list[tuple[str, str, str]]:
    spec, model, readout = view.experiment.spec, catalog.model(view.model), view.readout
    layer, metric = model.layer(view.layer), metrics.METRICS[view.metric]
    nearest = experiments.matches(resources.store(), view.experiment, view.q, k=1)[0]
    whole = readout.pooling == "flatten"
    of_channels = f"{layer.channels:,} numbers, one for each channel"
    numbers = "one number for each channel and position" if whole else of_channels
    dropped = "" if whole else " Where in the picture the pattern was found is mostly dropped."
    return [
        (
            "Picture",
            "image",
            f"Resized to {spec.size} × {spec.size} pixels, each with red, green and blue values: "
            f"{3 * spec.size**2:,} numbers.",
        ),
        (
            "Layers",
            "layers",
            f"{texts.plain(model.title)} passes them through {model.layer_count} layers, one after the other. Early "
            "ones answer to edges and colours, late ones to parts and things.",
        ),
        (
            "Channels",
            "filter_b_and_w",
            f"A layer looks for many patterns at once. `{layer.name}` has {layer.channels:,} channels: each is a "
            "grey picture, bright where its pattern was found.",
        ),
        ("Pooling", "compress", f"**{readout.title}**: {_lower(readout.meaning)}{dropped}"),
        (
            "Vector",
            "data_array",
            f"What is left is a list: {numbers}. This list, the *features*, is the picture's fingerprint.",
        ),
        (
            "Distance",
            "straighten",
            f"Two lists are compared by **{metric.title}** distance. To this picture the nearest other one is at "
            f"{texts.distance(nearest.distance)}; a typical pair is {texts.distance(guide_facts.typical(view))} apart.",
        ),
    ]


def layers(view: Choice) -> None:
    """The same query at the first, a middle and the last layer, and the scores at all of them."""
    chosen = catalog.model(view.model).layers
    size = view.experiment.spec.size
    places = {"First layer": 0, "Middle layer": len(chosen) // 2, "Last layer": len(chosen) - 1}
    st.header("One picture, three depths", anchor="depths")
    st.markdown(
        "These are the first matches of the same picture at three depths of the same network. One unit of the first "
        f"layer sees {texts.sees(chosen[0], size)} of {size:,} px: such layers match colours and textures. One unit of "
        f"the last sees {texts.sees(chosen[-1], size)}: such layers match things. The table below them has the scores "
        "of this picture at all eight layers, beside the mean over all pictures."
    )
    with st.grid(3, min_column_width=guide_panel.NARROW):
        for name, place in places.items():
            at = guide_panel.at_layer(view, place)
            note = f"`{at.layer}` · score {_score(at):.1f}"
            guide_panel.panel(at, name, note, key=f"guide_layer_{place}")
    st.markdown(_depth_table(view))
    guide_panel.link(view, "Open the sidebar's choice in Search")


def _depth_table(view: Choice) -> str:
    lines = ["| Layer | Score here | Mean score |", "|---|---:|---:|"]
    for place, layer in enumerate(catalog.model(view.model).layers):
        at = guide_panel.at_layer(view, place)
        mean = experiments.summary(resources.store(), at.experiment).score.mean
        lines.append(f"| {texts.plain(layer.name)} | {_score(at):.1f} | {mean:.1f} |")
    return "\n".join(lines)


def variations(view: Choice) -> None:
    """The same query under every pooling, or under every metric."""
    st.header("Same layer, different measures", anchor="measures")
    st.markdown(
        "Two more choices decide what counts as alike: how each channel is summed up (*pooling*) and how two lists "
        "are compared (*metric*). Everything else stays as chosen in the sidebar."
    )
    part = st.segmented_control(
        "What changes",
        list(_VARIED),
        default="pooling",
        key="guide_varied",
        required=True,
        format_func=_VARIED.__getitem__,
    )
    entries = READOUTS if part == "pooling" else metrics.METRICS
    with st.grid(3, min_column_width=guide_panel.NARROW):
        for name, entry in entries.items():
            other = replace(view, pooling=name) if part == "pooling" else replace(view, metric=name)
            guide_panel.panel(other, entry.title, _note(view, other), key=f"guide_varied_{name}")


def _note(view: Choice, other: Choice) -> str:
    words = f"score {_score(other):.1f}"
    if other == view:
        return f"{words} · the sidebar's choice"
    count = guide_facts.ranks(view)
    return f"{words} · shares {guide_facts.shared(view, other)} of its first {count} with the sidebar's choice"


def _score(view: Choice) -> float:
    return experiments.query_score(resources.store(), view.experiment, view.q, k=PUBLISHED_K).score


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]

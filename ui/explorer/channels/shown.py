"""What the channels of a layer look for: their pictures, and the photos that excite each most."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.errors import NotComputed, SemsearchError, UnknownName
from semsearch.explain import patterns
from semsearch.explain.channels import DATASET, Channels
from semsearch.explain.patterns import Sort
from semsearch.models import catalog, layers, weights
from ui import failures, pictures, resources, texts
from ui.components.channels import Card, Photo, cards
from ui.explorer import looked
from ui.explorer.channels import maximise
from ui.explorer.looked import Looked
from ui.pictures.sheets import Sheet

FIRST = 4
"""Photos on a card."""
HEIGHT = 460
"""Pixels of the part of the page in which the cards of a layer scroll."""


def show(at: Looked) -> None:
    """The channel that is looked at, all of the layer that have a picture, and how to have one made."""
    st.subheader("What its channels look for")
    try:
        found = resources.channels_of(at.model, at.layer.name)
    except (NotComputed, UnknownName):
        _without(at)
        maximise.show(at, at.channel or 0)
        return
    except SemsearchError as error:
        st.warning(failures.caught(error), icon=":material/broken_image:")
        return
    kinds = sorts(at.model, at.layer.name)
    channel = channel_of(at)
    _one(at, found, channel, kinds[channel].kind)
    _all(at, found, channel, kinds)
    maximise.show(at, channel)


def _without(at: Looked) -> None:
    model = catalog.model(at.model)
    below = "; they can be made below" if weights.status(at.model).here else ""
    if at.layer.name in model.layer_names:
        words = f"No pictures are kept for this layer of {texts.plain(model.title)} yet{below}."
    else:
        words = f"Pictures are kept for channels of the layers of the experiments, not of this one{below}."
    st.info(words, icon=":material/imagesmode:")


def channel_of(at: Looked) -> int:
    """The channel that is looked at, or the one to begin with: the first where nothing is stored."""
    if at.channel is not None:
        return at.channel
    try:
        return telling(resources.channels_of(at.model, at.layer.name))
    except SemsearchError:
        return 0


def sorts(model: str, layer: str) -> list[Sort]:
    """What kind of thing each channel of a layer looks for."""
    field = layers.facts(model, layer).receptive_field
    return patterns.kinds(resources.channels_of(model, layer), field, [item.label for item in _photos().items])


def telling(found: Channels) -> int:
    """The channel to begin with: whose picture excites it most, beside what photos do."""
    natural = found.natural[found.shown]
    usual = np.where(natural > 0.05 * natural.max(), found.activations / np.maximum(natural, 1e-6), -np.inf)
    return int(found.shown[int(usual.argmax())])


def _photos() -> Dataset:
    return resources.dataset(DATASET)


def _one(at: Looked, found: Channels, channel: int, kind: str) -> None:
    """One channel: its picture, what excites it, and where in the photos that is."""
    dataset = _photos()
    made, seen = st.columns([1, 3], gap="medium")
    with made:
        _number(at, channel)
        if (made_for := Sheet(found).sprite(channel)) is None:
            st.caption("No picture of this channel is kept; it can be made below.")
        else:
            card = Card(channel, "", "", "", (), made_for)
            cards([card], key="explorer_made", look="grid", label=f"What excites channel {channel}")
    with seen:
        st.markdown(told(found, channel, kind))
        wanted = found.photos[channel]
        pictures.ensure_thumbnails(dataset, map(int, wanted))
        shown = [
            Card(place, photo.alt.partition(",")[0], f"{value:,.4g}", photo.alt, (photo,))
            for place, (photo, value) in enumerate(
                zip(photos(at, found, channel), found.strengths[channel], strict=True)
            )
        ]
        if dataset.has_pictures:
            cards(shown, key="explorer_photos", look="photos", label=f"Photos that excite channel {channel} most")
            st.caption(
                f"The photos of {texts.plain(dataset.title)} with the strongest unit of this channel, and its value. "
                "The frame is all that this unit can see."
            )


def _number(at: Looked, channel: int) -> None:
    key = f"explorer_channel_{at.model}_{at.layer.name}"

    def picked() -> None:
        looked.go(at.layer.name, int(st.session_state[key]))

    st.session_state[key] = channel
    st.number_input("Channel", 0, at.layer.channels - 1, key=key, on_change=picked)


def told(found: Channels, channel: int, kind: str) -> str:
    """What is known of a channel, in sentences."""
    words = [f"**Channel {channel:,}** looks for **{kind}**."]
    if (place := found.places.get(channel)) is not None and found.natural[channel] > 0:
        gain = found.activations[place] / found.natural[channel]
        if gain < 1:
            words.append("Its picture **did not succeed**: the best photo excites it more, so look at the photos.")
        else:
            words.append(f"Its picture excites it {gain:,.1f} times as much as the best photo does.")
    simple = patterns.strongest_stimulus(found, channel)
    if simple.angle >= 0:
        words.append(f"Of simple pictures, stripes every {simple.wavelength} px at {simple.angle}° excite it most.")
    elif simple.hue >= 0:
        words.append(f"Of simple pictures, a plain {colour(simple.hue)} excites it most.")
    else:
        words.append(
            f"Of simple pictures, plain {('black', 'grey', 'white')[(simple.level + 1) // 128]} excites it most."
        )
    return " ".join(words)


def colour(hue: int) -> str:
    """The plain name of a hue in degrees."""
    names = (
        "red",
        "orange",
        "yellow",
        "lime",
        "green",
        "spring green",
        "cyan",
        "azure",
        "blue",
        "violet",
        "magenta",
        "pink",
    )
    return names[hue // 30 % 12]


def photos(at: Looked, found: Channels, channel: int) -> list[Photo]:
    """The photos that excite a channel most, each with what the strongest unit sees as its box."""
    dataset = _photos()
    addresses = pictures.addresses(dataset)
    size = catalog.model(at.model).size
    shown = []
    for item, unit in zip(found.photos[channel], found.units[channel], strict=True):
        top, left, bottom, right = (min(max(side, 0), size) / size for side in at.layer.box(*map(int, unit)))
        name = dataset.classes[dataset.items[int(item)].label]
        box = (left, top, right - left, bottom - top)
        shown.append(Photo(addresses.get(int(item), ""), f"{name}, picture {item}", box))
    return shown


def _all(at: Looked, found: Channels, channel: int, kinds: Sequence[Sort]) -> None:
    """The cards of all channels that have a picture, by kind."""
    numbers = [int(number) for number in found.shown]
    counts = {kind: sum(kinds[number].kind == kind for number in numbers) for kind in patterns.KINDS}
    options = [kind for kind, count in counts.items() if count]
    wanted = st.pills(
        "Which channels",
        options,
        key="explorer_kinds",
        selection_mode="multi",
        format_func=lambda kind: f"{kind.capitalize()} {counts[kind]}",
    )
    chosen = [number for number in numbers if not wanted or kinds[number].kind in wanted]

    def picked(number: object) -> None:
        if isinstance(number, int) and 0 <= number < at.layer.channels:
            looked.go(at.layer.name, number)

    with st.container(height=HEIGHT, border=False):
        cards(
            _cards(at, found, chosen, kinds),
            key="explorer_channels",
            look="grid",
            label="Channels of the layer",
            current=channel,
            on_pick=picked,
        )
    st.caption(
        f"{len(numbers)} of {texts.counted(at.layer.channels, 'channel')}, evenly spread over the layer; type a number "
        "above for any other. Each picture was made to excite its channel as much as it can."
    )


def _cards(at: Looked, found: Channels, numbers: Sequence[int], kinds: Sequence[Sort]) -> list[Card]:
    """A card for each of some channels, with the first photos that excite it."""
    dataset, sheet = _photos(), Sheet(found)
    pictures.ensure_thumbnails(dataset, {int(item) for number in numbers for item in found.photos[number][:FIRST]})
    return [
        Card(
            number,
            f"Channel {number:,}",
            kinds[number].kind.capitalize(),
            f"Channel {number}, {kinds[number].kind}. Look at it.",
            tuple(photos(at, found, number)[:FIRST]) if dataset.has_pictures else (),
            sheet.sprite(number),
        )
        for number in numbers
    ]

"""How the map is drawn, as one value: to and from the address of the Embeddings page."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import streamlit as st

from semsearch.errors import InputError, UnknownName
from ui import sidebar
from ui.address import Part

VALID = MappingProxyType(
    {
        "method": MappingProxyType({"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}),
        "dims": MappingProxyType({"2": "2-D", "3": "3-D"}),
        "colour": MappingProxyType({"class": "Class", "kept": "Neighbours kept"}),
        "points": MappingProxyType({"dots": "Dots", "pictures": "Pictures"}),
    }
)
"""By name in the address: what can be chosen, and its title on the page."""


@dataclass(frozen=True)
class Look:
    """One of VALID for each field."""

    method: str = "umap"
    dims: str = "2"
    colour: str = "class"
    points: str = "dots"

    @property
    def kind(self) -> str:
        """Name of the stored map, see artifacts.KINDS."""
        return self.method + self.dims

    def address(self) -> dict[str, str]:
        """The whole look as query parameters."""
        return asdict(self)


KEYS = tuple(field.name for field in fields(Look))
_LOOK = "map_look"
_ADDRESS = Part("map", (*KEYS, "chosen", "muted"))


def read(address: Mapping[str, str]) -> tuple[Look, list[str]]:
    """The look that a link asks for, and one sentence for each part of the link that could not be met."""
    look = Look()
    notices: list[str] = []
    for name in KEYS:
        if name not in address:
            continue
        value = re.sub(r"[^\w-]", "?", address[name][:60])
        try:
            look = replace(look, **{name: known(name, value)})
        except InputError as error:
            notices.append(f"{name}: {error}. Showing {getattr(look, name)}.")
    return look, notices


def known(name: str, value: str) -> str:
    """``value`` if it can be chosen; UnknownName lists what can."""
    if value not in VALID[name]:
        raise UnknownName(name, value, VALID[name])
    return value


def chosen_text(chosen: Sequence[int], items: Sequence[int]) -> str:
    """A selection of ``items`` as a word for the address: one bit per item."""
    return base64.urlsafe_b64encode(np.packbits(np.isin(items, chosen)).tobytes()).decode().rstrip("=")


def chosen_items(text: str, items: Sequence[int]) -> list[int]:
    """The inverse of ``chosen_text``; nothing for what is no such word."""
    size = (len(items) + 7) // 8
    if not re.fullmatch(rf"[\w-]{{{-(-size * 4 // 3)}}}", text, re.ASCII):
        return []
    bits = np.unpackbits(np.frombuffer(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), np.uint8))
    return [item for item, bit in zip(items, bits, strict=False) if bit]


def muted_labels(text: str) -> list[int]:
    """Labels of muted classes as the address has them; nothing for what is no such list."""
    return [int(label) for label in text.split(".")] if re.fullmatch(r"\d{1,5}(\.\d{1,5})*", text, re.ASCII) else []


def settle(layers: Sequence[str], place: object) -> None:
    """Go on with the layer at that place of ``layers``; with none for what the browser may say else."""
    sidebar.go(layer=layers[place] if isinstance(place, int) and place in range(len(layers)) else "")


def follow_address() -> tuple[Look, list[str]]:
    """The look of this session, taken from the address when that differs from what was written last.

    Written as in the sidebar: so a link, and the browser's back and forward, bring their own look.
    """
    state = st.session_state
    notices: list[str] = []
    asked = _ADDRESS.asked()
    if asked is not None:
        look, notices = read(asked)
    else:
        chosen: dict[str, Any] = {key: state.get(f"map_{key}") for key in KEYS}
        look = replace(state.get(_LOOK, Look()), **{key: value for key, value in chosen.items() if value in VALID[key]})
    for key in KEYS:
        state[f"map_{key}"] = getattr(look, key)
    return look, notices


def write_address(look: Look, chosen: str, muted: Sequence[int]) -> None:
    """Put the look, what is selected as ``chosen_text`` has it, and the muted classes into the address."""
    st.session_state[_LOOK] = look
    more = {"chosen": chosen, "muted": ".".join(str(label) for label in muted)}
    _ADDRESS.write(look.address() | {name: text for name, text in more.items() if text})

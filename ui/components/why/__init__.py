"""Pictures with heat maps over them: a region that is pointed at lights what answers to it in the others."""

from collections.abc import Mapping
from typing import Any

from ui.components import component

_RENDER = component("why")


def why(payload: Mapping[str, Any], *, noun: str, signs: tuple[str, str], key: str) -> None:
    """Draw what ``ui.why.payload`` made; ``noun`` is what the shares are of, ``signs`` what warm and cold mean."""
    _RENDER(key=key, data={**payload, "noun": noun, "signs": signs})

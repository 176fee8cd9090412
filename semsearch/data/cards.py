"""The file in which the list of a dataset is kept: JSON that begins with the SHA-256 of all that follows.

Cards of version 0.1 have no such seal and are read all the same; what they hold of more than their items and classes
(see ``Dataset.content_hash``) cannot be checked.
"""

import hashlib
import json
import re
from typing import Any

FIELDS = {"name", "title", "licence", "source", "content_hash", "folder", "base", "classes", "items"}
"""What every card has; ``left_out`` may be added."""
_SEAL = re.compile(rb'\{\n "seal": "([0-9a-f]{64})",\n')


def written(card: dict[str, Any]) -> bytes:
    """A card as it is stored, sealed, one item a line."""
    about = json.dumps({field: value for field, value in card.items() if field != "items"}, indent=1)
    text = json.encoder.encode_basestring_ascii
    items = ",\n".join([f"[{label}, {text(pin)}, {text(file)}]" for label, pin, file in card["items"]])
    rest = f'{about[2:-2]},\n "items": [\n{items}\n]}}\n'.encode()
    return f'{{\n "seal": "{hashlib.sha256(rest).hexdigest()}",\n'.encode() + rest


def read(data: bytes) -> dict[str, Any]:
    """The card of which these are the bytes; ValueError when its seal is broken, or it is no card."""
    card = json.loads(data)
    if not isinstance(card, dict) or card.keys() - {"seal", "left_out"} != FIELDS:
        raise ValueError("other fields than those of a card")
    if "seal" in card:
        found = _SEAL.match(data)
        if not found or hashlib.sha256(data[found.end() :]).hexdigest() != found[1].decode():
            raise ValueError("a broken seal")
    return card

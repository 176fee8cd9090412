"""The pictures that a live search starts from: kept in the session, with weight and crop; what a link carries of them.

Those that a user brings stay in the memory of the session. In the address the list is ``with``, its entries parted
by commas: ``q`` is the query of the sidebar, ``like.7`` or ``unlike.groceries.7~100-0-500-1000`` an item (here with
the part that counts, in thousandths), ``more.7`` and ``less.7`` a match that was marked, ``own.3f2a`` a picture that
only its session has.
"""

import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import streamlit as st

from semsearch.errors import InputError, SemsearchError
from semsearch.images import WHOLE, Box
from semsearch.live.search import LESS, MORE, Example
from ui import resources
from ui.choice import Choice

MOST = 16
"""Pictures in use at once."""
ROOM = 40_000_000
"""Bytes of a session's own pictures."""
LAG = 5.0
"""Seconds within which a browser may still name an address that was written before the last: it is no step back."""
WEIGHTS = {"like": 1.0, "unlike": -1.0, "more": MORE, "less": LESS}
_WORDS = {weight: word for word, weight in WEIGHTS.items()}
_LIST, _BEFORE, _SEEN_Q = "live_given", "live_given_before", "live_q"
_WRITTEN, _PARAMETER = "live_written", "with"
_ENTRY = re.compile(
    r"(like|unlike|more|less)\.(?:([a-z0-9-]{1,64})\.)?(\d{1,9})(?:~(\d{1,4})-(\d{1,4})-(\d{1,4})-(\d{1,4}))?", re.ASCII
)


@dataclass(frozen=True)
class Given:
    """One picture that the search starts from."""

    source: bytes | tuple[str, int]
    """Encoded, or (dataset, item)."""
    name: str
    """In the words of whoever gave it: show it as text only."""
    weight: float = 1.0
    crop: Box = WHOLE
    preview: str = ""
    """Of an encoded one, a small copy as a data URI."""
    key: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def marked(self) -> bool:
        """Whether it is a match that was called more or less like what is wanted."""
        return self.weight in (MORE, LESS)


def item(dataset: str, number: int, weight: float = 1.0, crop: Box = WHOLE) -> Given:
    """A picture of a dataset."""
    found = resources.dataset(dataset)
    kind = found.classes[found.items[number].label]
    return Given((dataset, number), f"{kind}, picture {number}", weight, crop, key=f"{dataset}-{number}")


def kept() -> tuple[Given, ...]:
    """What this session holds; without a picture that is not a marked match, the query of the sidebar comes first."""
    held: tuple[Given, ...] = st.session_state.get(_LIST, ())
    return held


def current(choice: Choice) -> tuple[Given, ...]:
    """All pictures of the search, marked matches last."""
    mains = [one for one in kept() if not one.marked] or [item(choice.dataset, choice.q)]
    return (*mains, *(one for one in kept() if one.marked and one.key not in {main.key for main in mains}))


def take(choice: Choice, new: Sequence[Given], *, adds: bool) -> None:
    """Search with new pictures, beside those in use or in place of them; InputError when they are too many."""
    old = [one for one in current(choice) if one.key not in {given.key for given in new}] if adds else []
    _keep(_checked([*(one for one in old if not one.marked), *new, *(one for one in old if one.marked)]))


def mark(choice: Choice, number: int, weight: float) -> None:
    """Call a match more, or less, like what is wanted; InputError when the pictures are too many."""
    new = item(choice.dataset, number, weight)
    _keep(_checked([*(one for one in kept() if one.key != new.key), new]))


def change(choice: Choice, key: str, *, weight: float | None = None, crop: Box | None = None) -> None:
    """Set the weight or the crop of the picture with that key."""

    def changed(one: Given) -> Given:
        return replace(one, weight=one.weight if weight is None else weight, crop=crop or one.crop)

    _keep([changed(one) if one.key == key else one for one in current(choice)])


def remove(choice: Choice, key: str) -> None:
    """Do without the picture with that key; ``undo`` takes that back."""
    st.session_state[_BEFORE] = kept()
    _keep([one for one in current(choice) if one.key != key])


def clear() -> None:
    """Search with the query of the sidebar alone."""
    if kept():
        st.session_state[_BEFORE] = kept()
    _keep([])


def can_undo() -> bool:
    """Whether something was removed that is not there now."""
    return bool(st.session_state.get(_BEFORE))


def undo() -> None:
    """Bring back what the last removal took."""
    _keep(st.session_state.pop(_BEFORE, ()))


def _keep(given: Sequence[Given]) -> None:
    st.session_state[_LIST] = tuple(given)


def _checked(given: Sequence[Given]) -> Sequence[Given]:
    size = sum(len(one.source) for one in given if isinstance(one.source, bytes))
    if len(given) > MOST or size > ROOM:
        raise InputError(
            f"expected at most {MOST} pictures and {ROOM // 1_000_000} MB of them, got {len(given)} and "
            f"{size / 1e6:.1f} MB; remove one first"
        )
    return given


def examples(choice: Choice, given: Sequence[Given]) -> tuple[list[Example], frozenset[int]]:
    """The pictures as ``search`` takes them, and those items to leave out which it cannot tell for itself.

    A part of an item, and an item of another dataset, is read from its file; PicturesUnavailable if that is gone.
    """
    found, parts = [], set()
    for one in given:
        if isinstance(one.source, bytes):
            found.append(Example(one.source, one.weight, one.crop))
            continue
        name, number = one.source
        if name == choice.dataset and one.crop == WHOLE:
            found.append(Example(number, one.weight))
            continue
        if name == choice.dataset:
            parts.add(number)
        found.append(Example(resources.dataset(name).path(number), one.weight, one.crop))
    return found, frozenset(parts)


def label(choice: Choice, given: Sequence[Given]) -> int | None:
    """The class that is searched for, where it is known: all wanted pictures are of one class of the dataset."""
    wanted = [one.source for one in given if one.weight > 0]
    if not wanted or any(isinstance(source, bytes) or source[0] != choice.dataset for source in wanted):
        return None
    items = resources.dataset(choice.dataset).items
    labels = {items[source[1]].label for source in wanted if isinstance(source, tuple)}
    return labels.pop() if len(labels) == 1 else None


def follow_address(choice: Choice) -> list[str]:
    """Take the pictures from the address where it is not what was written last; a notice for each that is not here.

    A new query of the sidebar ends what was in use.
    """
    state = st.session_state
    _keep([one for one in kept() if isinstance(one.source, bytes) or _is_here(*one.source)])
    seen, state[_SEEN_Q] = state.get(_SEEN_Q), (choice.dataset, choice.q)
    if seen and seen[0] == choice.dataset and seen[1] != choice.q:
        clear()
    asked, written = st.query_params.get(_PARAMETER), state.get(_WRITTEN, {})
    lags = asked in written and time.monotonic() - max(written.values()) < LAG
    if asked is None or lags or asked == _latest(written):
        return []
    given, notices = _read(choice, asked)
    _keep(given)
    return notices


def write_address(choice: Choice) -> None:
    """Put what a link can carry into the address."""
    text = ",".join(_entry(choice, one) for one in kept()) or "q"
    if kept() and all(one.marked for one in kept()):
        text = f"q,{text}"
    written = st.session_state.setdefault(_WRITTEN, {})
    if not text == st.query_params.get(_PARAMETER) == _latest(written):
        written[text] = time.monotonic()
        st.query_params[_PARAMETER] = text
    while len(written) > MOST:
        del written[min(written, key=written.__getitem__)]


def _latest(written: dict[str, float]) -> str | None:
    """What was written last, of texts and their times."""
    return max(written, key=written.__getitem__, default=None)


def _entry(choice: Choice, one: Given) -> str:
    if isinstance(one.source, bytes):
        return f"own.{one.key}"
    name, number = one.source
    place = str(number) if name == choice.dataset else f"{name}.{number}"
    part = "" if one.crop == WHOLE else "~" + "-".join(str(round(1000 * share)) for share in one.crop)
    return f"{_WORDS[one.weight]}.{place}{part}"


def _read(choice: Choice, text: str) -> tuple[list[Given], list[str]]:
    own = {f"own.{one.key}": one for one in (*kept(), *st.session_state.get(_BEFORE, ()))}
    found: dict[str, Given] = {}
    notices = []
    for entry in text.split(",")[:MOST]:
        if entry == "q":
            continue
        if entry.startswith("own."):
            if entry in own:
                found[own[entry].key] = own[entry]
            else:
                notices.append("with: a picture of someone's own was in use, which a link cannot carry. Left out.")
            continue
        try:
            one = _linked(choice, entry)
            found[one.key] = one
        except SemsearchError as error:
            notices.append(f"with: {error}. Left out.")
    return list(found.values()), notices


def _linked(choice: Choice, entry: str) -> Given:
    said = _ENTRY.fullmatch(entry)
    if said is None:
        got = re.sub(r"[^\w.~-]", "?", entry[:60])
        raise InputError(f"expected like, unlike, more or less and an item, as in like.7, got {got!r}")
    name, number = said[2] or choice.dataset, int(said[3])
    if not _is_here(name, number):
        raise InputError(f"expected a picture of a dataset that is here, got {name[:64]} {number}")
    box = WHOLE
    if said[4]:
        left, top, right, bottom = (int(part) / 1000 for part in said.group(4, 5, 6, 7))
        box = fitting((left, top, right, bottom))
    return item(name, number, WEIGHTS[said[1]], box)


def _is_here(name: str, number: int) -> bool:
    offers = resources.live_offers()
    return name in offers.datasets and number in offers.queries(name)


def fitting(box: object) -> Box:
    """A part of a picture as a link or the browser says it, in thousandths; InputError when it is none."""
    try:
        left, top, right, bottom = (round(float(share), 3) for share in box)  # type: ignore[attr-defined]
        if 0 <= left < right <= 1 and 0 <= top < bottom <= 1:
            return (left, top, right, bottom)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError("expected a part of the picture: left < right and top < bottom, as shares from 0 to 1")

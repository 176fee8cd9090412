"""The pictures that a live search starts from: held in the session with weight and crop, in part also in its link.

Those that a user uploads stay in the memory of the session. In the address the list is ``with``, its entries separated
by commas: ``q`` is the query of the sidebar, ``like.7`` or ``unlike.groceries.7~100-0-500-1000`` an item (here with
the part that counts, in thousandths), ``more.7`` and ``less.7`` a match that was marked, ``own.3f2a`` a picture that
only its session has.
"""

import re
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import streamlit as st

from semsearch.errors import InputError, SemsearchError
from semsearch.images import WHOLE, Box
from semsearch.live.search import LESS, MORE, Example
from ui import offers, resources
from ui.choice import Choice

MOST = 24
"""Pictures in use at once."""
ROOM = 40_000_000
"""Bytes of a session's own pictures."""
LAG = 1.0
"""Seconds within which a browser may still name an address that was written before the last: it is no step back."""
LOST = "Your own picture was only in that session: a link does not carry it. Upload it again."
WEIGHTS = {"like": 1.0, "unlike": -1.0, "more": MORE, "less": LESS}
_WORDS = {weight: word for word, weight in WEIGHTS.items()}
_LIST, _SEEN_Q, STEPS = "live_given", "live_q", "live_steps"
_WRITTEN, _PARAMETER = "live_written", "with"
_ENTRY = re.compile(
    r"(like|unlike|more|less)\.(?:([a-z0-9-]{1,64})\.)?(\d{1,9})(?:~(\d{1,4})-(\d{1,4})-(\d{1,4})-(\d{1,4}))?", re.ASCII
)


@dataclass(frozen=True)
class QueryPicture:
    """One picture that the search starts from."""

    source: bytes | tuple[str, int]
    """Encoded, or (dataset, item)."""
    name: str
    """Untrusted, of the file or the class: show it as text only."""
    weight: float = 1.0
    crop: Box = WHOLE
    preview: str = ""
    """Of an encoded one, a small copy as a data URI."""
    key: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def marked(self) -> bool:
        """Whether it is a match that was called more or less like what is wanted."""
        return self.weight in (MORE, LESS)


@dataclass(frozen=True)
class Step:
    """A query as it was once: what ``undo`` goes back to."""

    pictures: tuple[QueryPicture, ...]
    dataset: str
    q: int
    sieve: tuple[tuple[int, ...], int, bool]
    """Labels, least similarity and whether near-duplicates are hidden."""


def item(dataset: str, number: int, weight: float = 1.0, crop: Box = WHOLE) -> QueryPicture:
    """A picture of a dataset."""
    opened = resources.dataset(dataset)
    class_name = opened.classes[opened.items[number].label]
    return QueryPicture((dataset, number), f"{class_name}, picture {number}", weight, crop, key=f"{dataset}-{number}")


def in_session() -> tuple[QueryPicture, ...]:
    """What this session holds; without a picture that is not a marked match, the query of the sidebar comes first."""
    pictures: tuple[QueryPicture, ...] = st.session_state.get(_LIST, ())
    return pictures


def current(choice: Choice) -> tuple[QueryPicture, ...]:
    """All pictures of the search, marked matches last."""
    mains = [picture for picture in in_session() if not picture.marked] or [item(choice.dataset, choice.q)]
    main_keys = {main.key for main in mains}
    return (*mains, *(picture for picture in in_session() if picture.marked and picture.key not in main_keys))


def take(choice: Choice, new: Sequence[QueryPicture], *, adds: bool) -> None:
    """Search with new pictures, beside those in use or in place of them; InputError when they are too many."""
    new_keys = {picture.key for picture in new}
    old = [picture for picture in current(choice) if picture.key not in new_keys] if adds else []
    mains = [picture for picture in old if not picture.marked]
    marked = [picture for picture in old if picture.marked]
    _store(_checked([*mains, *new, *marked]))


def mark(choice: Choice, number: int, weight: float) -> None:
    """Call a match more, or less, like what is wanted; InputError when the pictures are too many."""
    new = item(choice.dataset, number, weight)
    _store(_checked([*(picture for picture in in_session() if picture.key != new.key), new]))


def change(choice: Choice, key: str, *, weight: float | None = None, crop: Box | None = None) -> None:
    """Set the weight or the crop of the picture with that key."""

    def changed(picture: QueryPicture) -> QueryPicture:
        return replace(picture, weight=picture.weight if weight is None else weight, crop=crop or picture.crop)

    _store([changed(picture) if picture.key == key else picture for picture in current(choice)])


def remove(choice: Choice, key: str) -> None:
    """Do without the picture with that key."""
    _store([picture for picture in current(choice) if picture.key != key])


def clear() -> None:
    """Search with the query of the sidebar alone."""
    _store([])


def bring_back(step: Step) -> None:
    """Search with the pictures of a step again, beside its query of the sidebar; for callbacks."""
    st.session_state[_SEEN_Q] = step.dataset, step.q
    _store(step.pictures)


def _store(pictures: Sequence[QueryPicture]) -> None:
    """Use these; Busy when all sessions together keep too much. Of too much in steps the oldest are forgotten."""
    steps: list[Step] = st.session_state.get(STEPS, [])
    while (size := _size([*pictures, *(one for step in steps for one in step.pictures)])) > ROOM and steps:
        del steps[0]
    resources.keep_pictures(size)
    st.session_state[_LIST] = tuple(pictures)


def _size(pictures: Iterable[QueryPicture]) -> int:
    """Bytes of the visitor's own among them, each counted once."""
    return sum({one.key: len(one.source) for one in pictures if isinstance(one.source, bytes)}.values())


def _checked(pictures: Sequence[QueryPicture]) -> Sequence[QueryPicture]:
    size = _size(pictures)
    if len(pictures) > MOST or size > ROOM:
        raise InputError(
            f"expected at most {MOST} pictures and {ROOM // 1_000_000} MB of them, got {len(pictures)} and "
            f"{size / 1e6:.1f} MB; remove one first"
        )
    return pictures


def examples(choice: Choice, pictures: Sequence[QueryPicture]) -> tuple[list[Example], frozenset[int]]:
    """The pictures as ``search`` takes them, and those items to leave out which it cannot tell for itself.

    A part of an item, and an item of another dataset, is read from its file; PicturesUnavailable if that is gone.
    """
    query_examples, parts = [], set()
    for picture in pictures:
        if isinstance(picture.source, bytes):
            query_examples.append(Example(picture.source, picture.weight, picture.crop))
            continue
        name, number = picture.source
        if name == choice.dataset and picture.crop == WHOLE:
            query_examples.append(Example(number, picture.weight))
            continue
        if name == choice.dataset:
            parts.add(number)
        query_examples.append(Example(resources.dataset(name).path(number), picture.weight, picture.crop))
    return query_examples, frozenset(parts)


def label(choice: Choice, pictures: Sequence[QueryPicture]) -> int | None:
    """The class that is searched for, where it is known: all liked pictures are of one class of the dataset."""
    liked = [picture.source for picture in pictures if picture.weight > 0]
    if not liked or any(isinstance(source, bytes) or source[0] != choice.dataset for source in liked):
        return None
    items = resources.dataset(choice.dataset).items
    labels = {items[source[1]].label for source in liked if isinstance(source, tuple)}
    return labels.pop() if len(labels) == 1 else None


def follow_address(choice: Choice) -> list[str]:
    """Take the pictures from the address where it is not what was written last; a notice for each that is not here.

    A new query of the sidebar ends what was in use.
    """
    state = st.session_state
    _store([picture for picture in in_session() if isinstance(picture.source, bytes) or _is_here(*picture.source)])
    seen, state[_SEEN_Q] = state.get(_SEEN_Q), (choice.dataset, choice.q)
    if seen and seen[0] == choice.dataset and seen[1] != choice.q:
        clear()
    text, written = st.query_params.get(_PARAMETER), state.get(_WRITTEN, {})
    lags = text in written and time.monotonic() - max(written.values()) < LAG
    if text is None or lags or text == _latest(written):
        return []
    pictures, notices = _read(choice, text)
    _store(pictures)
    return notices


def write_address(choice: Choice) -> None:
    """Put what a link can carry into the address."""
    text = ",".join(_entry(choice, picture) for picture in in_session()) or "q"
    if in_session() and all(picture.marked for picture in in_session()):
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


def _entry(choice: Choice, picture: QueryPicture) -> str:
    if isinstance(picture.source, bytes):
        return f"own.{picture.key}"
    name, number = picture.source
    place = str(number) if name == choice.dataset else f"{name}.{number}"
    part = "" if picture.crop == WHOLE else "~" + "-".join(str(round(1000 * share)) for share in picture.crop)
    return f"{_WORDS[picture.weight]}.{place}{part}"


def _read(choice: Choice, text: str) -> tuple[list[QueryPicture], list[str]]:
    steps: list[Step] = st.session_state.get(STEPS, [])
    held = [*in_session(), *(picture for step in steps for picture in step.pictures)]
    by_entry = {f"own.{picture.key}": picture for picture in held}
    by_key: dict[str, QueryPicture] = {}
    notices = []
    for entry in text.split(",")[:MOST]:
        if entry == "q":
            continue
        if entry.startswith("own."):
            if entry in by_entry:
                by_key[by_entry[entry].key] = by_entry[entry]
            else:
                notices.append(LOST)
            continue
        try:
            picture = _linked(choice, entry)
            by_key[picture.key] = picture
        except SemsearchError as error:
            notices.append(f"with: {error}. Left out.")
    return list(by_key.values()), notices


def _linked(choice: Choice, entry: str) -> QueryPicture:
    parsed = _ENTRY.fullmatch(entry)
    if parsed is None:
        got = re.sub(r"[^\w.~-]", "?", entry[:60])
        raise InputError(f"expected like, unlike, more or less and an item, as in like.7, got {got!r}")
    name, number = parsed[2] or choice.dataset, int(parsed[3])
    if not _is_here(name, number):
        raise InputError(f"expected a picture of a dataset that is here, got {name[:64]} {number}")
    box = WHOLE
    if parsed[4]:
        left, top, right, bottom = (int(part) / 1000 for part in parsed.group(4, 5, 6, 7))
        box = fitting((left, top, right, bottom))
    return item(name, number, WEIGHTS[parsed[1]], box)


def _is_here(name: str, number: int) -> bool:
    live = offers.live()
    return name in live.datasets and resources.pictured(name) and number in live.queries(name)


def fitting(box: object) -> Box:
    """A part of a picture as a link or the browser says it, in thousandths; InputError when it is none."""
    try:
        left, top, right, bottom = (round(float(share), 3) for share in box)  # type: ignore[attr-defined]
        if 0 <= left < right <= 1 and 0 <= top < bottom <= 1:
            return (left, top, right, bottom)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError("expected a part of the picture: left < right and top < bottom, as shares from 0 to 1")

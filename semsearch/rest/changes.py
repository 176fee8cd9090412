"""Changes of datasets of one's own over REST, one at a time, by whoever has the token of the server.

Pictures are named by their files, which stay the same while items move up. Each change is a step of the dataset's
history, and can be taken back.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from semsearch.data import datasets
from semsearch.data.dataset import Dataset
from semsearch.data.folder import LeftOut, counted
from semsearch.own import edits, sync
from semsearch.rest import bodies, reading, replies
from semsearch.rest.gate import Gate, answer


def _told(dataset: Dataset, done: str, refused: Iterable[LeftOut] = ()) -> replies.Changed:
    left = [replies.LeftOut(file=file, why=why) for file, why in refused]
    classes = list(dataset.classes)
    return replies.Changed(dataset=dataset.name, items=len(dataset.items), classes=classes, done=done, refused=left)


def _create(asked: bodies.Uploaded, given: list[edits.Given]) -> replies.Changed:
    taken = edits.create_of(asked.dataset, given)
    return _told(taken.dataset, f"made of {counted(taken.added, 'picture')}", taken.refused)


def _add(asked: bodies.Uploaded, given: list[edits.Given]) -> replies.Changed:
    taken = edits.add(asked.dataset, given)
    return _told(taken.dataset, f"added {counted(taken.added, 'picture')}", taken.refused)


def _remove(asked: bodies.Chosen) -> replies.Changed:
    dataset = datasets.load(asked.dataset)
    after = edits.remove(dataset, edits.items(dataset, asked.files))
    return _told(after, f"removed {counted(len(dataset.items) - len(after.items), 'picture')}")


def _relabel(asked: bodies.Relabelled) -> replies.Changed:
    dataset = datasets.load(asked.dataset)
    after = edits.relabel(dataset, edits.items(dataset, asked.files), asked.title)
    return _told(after, f"{counted(len(set(asked.files)), 'picture')}: class {asked.title.strip()}")


def _sync(asked: bodies.Synced) -> replies.Changed:
    if asked.dry:
        plan = sync.plan(asked.dataset)
        return _told(datasets.load(asked.dataset), f"would do: {plan.words()}", plan.left_out)
    plan, dataset = sync.sync(asked.dataset, confirmed=asked.confirmed)
    return _told(dataset, plan.words(), plan.left_out)


def _undo(asked: bodies.Named) -> replies.Changed:
    what, dataset = edits.undo(asked.dataset)
    return _told(dataset, f"took back: {what}")


async def _in_turn(gate: Gate, change: Callable[[], replies.Changed]) -> Response:
    async with gate.changing:
        changed = await run_in_threadpool(change)
    return answer(changed.model_dump())


def _of_pictures(
    change: Callable[[bodies.Uploaded, list[edits.Given]], replies.Changed],
) -> Callable[[Request, Gate], Awaitable[Response]]:
    async def run(request: Request, gate: Gate) -> Response:
        await reading.arrived(request, bodies.FORM)
        parts = await reading.parts(request, files=bodies.MOST_UPLOADS)
        asked = bodies.read_form(parts, bodies.Uploaded)
        files = [(part.file or "picture", part.value) for part in parts if isinstance(part.value, bytes)]
        given = [edits.Given(file, asked.title, data) for file, data in files]
        return await _in_turn(gate, partial(change, asked, given))

    return run


def _of_words(
    change: Callable[[bodies.Kind], replies.Changed], kind: type[bodies.Kind]
) -> Callable[[Request, Gate], Awaitable[Response]]:
    async def run(request: Request, gate: Gate) -> Response:
        await reading.arrived(request, bodies.JSON)
        asked = bodies.read_json(await request.body(), kind)
        return await _in_turn(gate, partial(change, asked))

    return run


RUN: Mapping[str, Callable[[Request, Gate], Awaitable[Response]]] = {
    "/api/datasets/create": _of_pictures(_create),
    "/api/datasets/add": _of_pictures(_add),
    "/api/datasets/remove": _of_words(_remove, bodies.Chosen),
    "/api/datasets/relabel": _of_words(_relabel, bodies.Relabelled),
    "/api/datasets/sync": _of_words(_sync, bodies.Synced),
    "/api/datasets/undo": _of_words(_undo, bodies.Named),
}

"""The REST door: one table of operations, one place where every error becomes an answer.

::

    POST /api/search     a picture, several, or items of a dataset → matches      GET /api/datasets  /api/models
    GET /api/health      503 when it is not well                                  GET /api/metrics   /api/openapi.json
    POST /api/datasets/create  /add  /remove  /relabel  /sync  /undo              with SEMSEARCH_TOKEN only

All of it is below the path that the pages are below. A request is refused before it is read when its host is not
ours, its client asks too often or the service is full. Every answer is JSON.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from semsearch import images
from semsearch.data import datasets
from semsearch.errors import InputError, SemsearchError, UnknownName
from semsearch.live import search, serving
from semsearch.models import catalog, weights
from semsearch.ranking import metrics
from semsearch.rest import bodies, changes, openapi, reading
from semsearch.rest.gate import Gate, Refused, answer, client_of, expect_token, refusal
from semsearch.results import recommend
from semsearch.settings import settings
from semsearch.store import opened


@dataclass(frozen=True)
class _Path:
    """All that is done under one path; an ASGI application."""

    gate: Gate
    operations: Mapping[str, openapi.Operation]
    """By method; empty where nothing is."""
    base: str
    """Path below which the door is."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self.gate.reading(scope, receive) as request:
            try:
                response = await self._answer(request)
            except Exception as error:
                response = refusal(error, self.base)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        operation = self.operations.get(method)
        self.gate.enter(request, counted=operation is None or operation.counted)
        if not self.operations:
            raise Refused(404, f"nothing is here; see GET {self.base}/api/openapi.json")
        if operation is None:
            allowed = ", ".join([*self.operations, *(["HEAD"] if "GET" in self.operations else [])])
            raise Refused(405, f"expected {allowed}", Allow=allowed)
        if operation.token:
            expect_token(request, settings().token)
        run: Callable[[Request, Gate], Awaitable[Response]] = RUN[operation.path]
        return await run(request, self.gate)


def routes(allows_host: Callable[[str | None], bool], base: str = "") -> list[Route]:
    """The routes to mount; ``allows_host`` judges the Host header, against names that are rebound to this server.

    All of them are below the path ``base``, as the pages are.
    InputError when the setting SEMSEARCH_RATE is none.
    """
    try:
        rate = float(settings().rate)
    except ValueError:
        rate = 0.0
    if not 0 < rate < math.inf:
        raise InputError(f"expected SEMSEARCH_RATE to be a number above 0, got {settings().rate!r}")
    gate = Gate(allows_host, rate)
    base = f"/{base.strip('/')}".rstrip("/")
    table = {operation.path: {operation.method: operation} for operation in _operations()}
    paths = (*table, "/api", "/api/{rest:path}")
    return [Route(base + path, _Path(gate, table.get(path, {}), base)) for path in paths]


def _operations() -> tuple[openapi.Operation, ...]:
    """What can be done: changes only where a token is set."""
    return (*openapi.OPERATIONS, *(openapi.CHANGES if settings().token else ()))


async def _search(request: Request, gate: Gate) -> Response:
    kind = await reading.arrived(request, bodies.JSON, bodies.FORM)
    options, queries = await _read(request, kind)
    plan = _plan(options) if options.model else await run_in_threadpool(_plan, options)
    for query in queries:
        if isinstance(query.picture, str):
            gate.take(gate.links, request)
    examples = await asyncio.gather(*(_fetched(query, gate) for query in queries))
    future = serving.service().submit(examples, plan.question, client=client_of(request.scope))
    result = await _unless_gone(request, future)
    spec, metric = plan.question.spec, plan.question.metric
    parts = {part: getattr(spec, part) for part in ("model", "layer", "pooling", "preset")}
    configuration = {**parts, "metric": metric, "index": options.index, "reason": plan.reason}
    head = {"dataset": options.dataset, "configuration": configuration, "fingerprint": options.fingerprint}
    return answer(head | search.document(result, plan.dataset))


@dataclass(frozen=True)
class _QueryPicture:
    picture: bytes | int | str
    """Encoded, an item, or a link."""
    weight: float
    crop: images.Box


async def _fetched(query: _QueryPicture, gate: Gate) -> search.Example:
    picture = await gate.fetch(query.picture) if isinstance(query.picture, str) else query.picture
    return search.Example(picture, query.weight, query.crop)


async def _read(request: Request, kind: str) -> tuple[bodies.Options, list[_QueryPicture]]:
    """The options of a search and its pictures, out of a body that is here."""
    if kind == bodies.JSON:
        options = bodies.read_json(await request.body(), bodies.Asked)
        return options, [_QueryPicture(example.source, example.weight, example.crop) for example in options.query]
    form = bodies.read_form(await reading.parts(request, files=bodies.MOST_EXAMPLES), bodies.Form)
    weights, crops = form.weights or [1.0] * len(form.image), form.crops or [images.WHOLE] * len(form.image)
    return form, [_QueryPicture(*parts) for parts in zip(form.image, weights, crops, strict=True)]


@dataclass(frozen=True)
class _Plan:
    question: search.Question
    reason: str
    dataset: datasets.Dataset


def _plan(options: bodies.Options) -> _Plan:
    dataset = opened.dataset(options.dataset)
    parts = {name: getattr(options, name) for name in ("model", "layer", "pooling", "preset", "metric")}
    chosen = recommend.configured(options.dataset, parts, opened.results)
    exclude = frozenset(options.exclude)
    details = (options.k, options.index, exclude, _labels(options.classes, dataset), options.at_least, options.fold)
    return _Plan(search.Question(options.dataset, chosen.spec, chosen.metric, *details), chosen.reason, dataset)


def _labels(titles: Iterable[str] | None, dataset: datasets.Dataset) -> frozenset[int] | None:
    if titles is None:
        return None
    if unknown := set(titles) - set(dataset.classes):
        raise UnknownName("class", min(unknown), dataset.classes)
    return frozenset(label for label, title in enumerate(dataset.classes) if title in set(titles))


async def _unless_gone(request: Request, future: Future[search.SearchResult]) -> search.SearchResult:
    """The result; the search is cancelled when nobody waits for it any more."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    answer, leaving = asyncio.wrap_future(future), asyncio.ensure_future(gone())
    try:
        await asyncio.wait((answer, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ClientDisconnect
        return answer.result()
    finally:
        answer.cancel()
        leaving.cancel()


async def _datasets(_request: Request, _gate: Gate) -> Response:
    return answer({"datasets": await run_in_threadpool(lambda: [_dataset_row(name) for name in datasets.names()])})


def _dataset_row(name: str) -> dict[str, Any]:
    try:
        dataset = opened.dataset(name)
    except SemsearchError:
        return {"name": name, **dict.fromkeys(("title", "licence", "items", "classes")), "pictures_here": False}
    about = {"name": name, "title": dataset.title, "licence": dataset.licence, "items": len(dataset.items)}
    return {**about, "classes": dataset.classes, "pictures_here": dataset.has_pictures}


async def _models(_request: Request, _gate: Gate) -> Response:
    def row(model: catalog.Model) -> dict[str, Any]:
        about = {name: getattr(model, name) for name in ("name", "title", "size", "parameters")}
        layers = list(model.layer_names)
        return {**about, "layers": layers, "weights": weights.status(model.name).state}

    return answer({"models": await run_in_threadpool(lambda: [row(model) for model in catalog.models().values()])})


async def _metrics(_request: Request, _gate: Gate) -> Response:
    return answer({"metrics": [asdict(metric) for metric in metrics.METRICS.values()]})


async def _health(_request: Request, _gate: Gate) -> Response:
    health = await run_in_threadpool(serving.service().health)
    return answer(asdict(health), 200 if health.healthy else 503)


async def _description(request: Request, _gate: Gate) -> Response:
    base = request.url.path.removesuffix("/api/openapi.json")
    return answer({**openapi.description(_operations()), **({"servers": [{"url": base}]} if base else {})})


RUN: Mapping[str, Callable[[Request, Gate], Awaitable[Response]]] = {
    "/api/search": _search,
    "/api/datasets": _datasets,
    "/api/models": _models,
    "/api/metrics": _metrics,
    "/api/health": _health,
    "/api/openapi.json": _description,
    **changes.RUN,
}

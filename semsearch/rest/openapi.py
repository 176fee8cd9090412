"""All that the REST door does, as one table, and its description in OpenAPI 3.1 made of that table."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from semsearch.live import serving
from semsearch.rest import bodies, replies


@dataclass(frozen=True)
class Operation:
    """One method of one path, as it is described."""

    method: str
    path: str
    summary: str
    answer: type
    """What its body is like when all is well."""
    refusals: tuple[int, ...] = (400, 403, 405, 429, 500)
    asks: tuple[tuple[str, type], ...] = ()
    """(content type, body) that it takes."""
    counted: bool = True
    """Whether it counts against what a client may ask."""
    token: bool = False
    """Whether it takes the token of the server."""


REFUSALS = {
    400: "This cannot be asked: `message` says what was expected and what came.",
    401: "The token of the server is missing or wrong.",
    403: "The Host is not one of this server, or the request comes from a page of another site.",
    405: "The path takes other methods, listed in Allow.",
    408: "The request did not arrive in time.",
    413: f"More than {bodies.LARGEST_BODY:,} bytes.",
    415: f"Neither {bodies.JSON} nor {bodies.FORM}.",
    422: "A picture that cannot be taken, or a link that is not followed: `reason` says why in one word.",
    429: "This client asks too often, or gives too many links.",
    500: "Something failed on the server.",
    502: "The server behind a link sent no whole picture.",
    503: "Busy; features, weights or whole files are not there just now; or no file can be written: `kind` says which.",
    504: "The answer was not there by its deadline.",
}
OPERATIONS = (
    Operation(
        "POST",
        "/api/search",
        "The pictures of a dataset most like a given one, or like and unlike several",
        replies.Answer,
        (400, 403, 405, 408, 413, 415, 422, 429, 500, 502, 503, 504),
        ((bodies.FORM, bodies.Form), (bodies.JSON, bodies.Asked)),
    ),
    Operation("GET", "/api/datasets", "Where can be searched", replies.DatasetsAnswer),
    Operation("GET", "/api/models", "What can be searched with, and whose weights are here", replies.ModelsAnswer),
    Operation("GET", "/api/metrics", "How distance can be measured", replies.MetricsAnswer),
    Operation("GET", "/api/health", "How the service is", serving.Health, (400, 403, 405, 500), counted=False),
    Operation("GET", "/api/openapi.json", "This description", dict[str, Any], counted=False),
)


def _change(name: str, summary: str, asks: tuple[str, type]) -> Operation:
    refusals = (400, 401, 403, 405, 408, 413, 415, 429, 500, 503)
    return Operation("POST", f"/api/datasets/{name}", summary, replies.Changed, refusals, (asks,), token=True)


CHANGES = (
    _change("create", "Make a dataset of pictures", (bodies.FORM, bodies.Uploaded)),
    _change("add", "Add pictures to a dataset", (bodies.FORM, bodies.Uploaded)),
    _change("remove", "Take pictures out of a dataset; no file is deleted", (bodies.JSON, bodies.Chosen)),
    _change("relabel", "Give pictures another class", (bodies.JSON, bodies.Relabelled)),
    _change("sync", "Bring a dataset up to date with its folder", (bodies.JSON, bodies.Synced)),
    _change("undo", "Take back the last change", (bodies.JSON, bodies.Named)),
)
"""Changes of one's own datasets, where the server has a token."""


@cache
def description(operations: tuple[Operation, ...] = OPERATIONS) -> dict[str, Any]:
    """Operations as OpenAPI 3.1."""
    kinds: dict[type, str] = {replies.Refusal: "serialization"}
    for operation in operations:
        kinds |= {operation.answer: "serialization"} | {body: "validation" for _, body in operation.asks}
    inputs: list[Any] = [(kind, mode, TypeAdapter(kind)) for kind, mode in kinds.items()]
    by_kind, shared = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    schemas = {kind: schema for (kind, _), schema in by_kind.items()}
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, schemas)
    about = {"title": "semsearch", "version": "1", "description": "Search images with images. Smaller is nearer."}
    components: dict[str, Any] = {"schemas": shared["$defs"]}
    if any(operation.token for operation in operations):
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return {"openapi": "3.1.0", "info": about, "paths": paths, "components": components}


def _described(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    def body(kind: type) -> dict[str, Any]:
        return {"content": {bodies.JSON: {"schema": schemas[kind]}}}

    answers: dict[str, Any] = {"200": {"description": "Done.", **body(operation.answer)}}
    for status in operation.refusals:
        answers[str(status)] = {"description": REFUSALS[status], **body(replies.Refusal)}
        if status in (429, 503):
            seconds = {"description": "seconds after which to try again", "schema": {"type": "integer"}}
            answers[str(status)]["headers"] = {"Retry-After": seconds}
    if operation.answer is serving.Health:
        answers["503"] = {"description": "Not well; `reason` says why.", **body(operation.answer)}
    about: dict[str, Any] = {"summary": operation.summary, "operationId": _identity(operation)}
    about |= {"security": [{"token": []}]} if operation.token else {}
    asks = {content: {"schema": schemas[kind]} for content, kind in operation.asks}
    return {**about, **({"requestBody": {"required": True, "content": asks}} if asks else {}), "responses": answers}


def _identity(operation: Operation) -> str:
    return "-".join(operation.path.split("/")[2:]).split(".")[0]

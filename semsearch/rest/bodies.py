"""What comes over REST: the bodies of requests, and what they must be to be read."""

import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from semsearch import images
from semsearch.errors import InputError
from semsearch.images import formats
from semsearch.models import catalog
from semsearch.ranking.metrics import METRICS

MOST_EXAMPLES, MOST_UPLOADS = 8, 100
LARGEST_BODY = 10_000_000
"""Bytes of a request, all its pictures together."""
FORM, JSON = "multipart/form-data", "application/json"
LARGEST_ITEM = 2**31 - 1
Name = Annotated[str, StringConstraints(max_length=100)]
Title = Annotated[str, StringConstraints(max_length=1_000)]
Item = Annotated[int, Field(ge=0, le=LARGEST_ITEM)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def _some(weight: float) -> float:
    if weight == 0:
        raise ValueError("expected a weight other than 0")
    return weight


def _box(crop: images.Box) -> images.Box:
    left, top, right, bottom = crop
    if left >= right or top >= bottom:
        raise ValueError("expected left < right and top < bottom")
    return crop


Weight = Annotated[
    float,
    Field(ge=-100, le=100, allow_inf_nan=False, description="below 0: unlike what is wanted"),
    AfterValidator(_some),
]
Crop = Annotated[tuple[Share, Share, Share, Share], AfterValidator(_box)]
CropInWords = Annotated[
    Crop,
    BeforeValidator(lambda text: text.split(",") if isinstance(text, str) else text),
    WithJsonSchema({"type": "string", "pattern": "^[0-9.]{1,20}(,[0-9.]{1,20}){3}$"}),
]
ONE_SOURCE: list[Any] = [
    {"required": [name], "properties": {name: {"type": kind}}}
    for name, kind in (("link", "string"), ("item", "integer"))
]
"""What ``oneOf`` says where a link or an item is given."""
ONE_QUESTION = [*ONE_SOURCE, {"required": ["examples"], "properties": {"examples": {"type": "array"}}}]


def _one_of(names: Iterable[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(names)})


Link = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class Part(NamedTuple):
    """One part of a form."""

    name: str
    value: str | bytes
    """The text, or the bytes of a file."""
    file: str = ""
    """How the sender calls the file."""


class Body(BaseModel):
    """A body in which every field is known."""

    model_config = ConfigDict(extra="forbid")


Kind = TypeVar("Kind", bound=Body)


class Options(Body):
    """How to search. Without a model, the configuration that scores best on the dataset within 20 ms a picture."""

    dataset: Name = Field("groceries200", description="see GET /api/datasets")
    model: Name | None = Field(None, description="see GET /api/models")
    layer: Name | None = Field(None, description="only beside a model; default: its last")
    pooling: Annotated[Name, _one_of(catalog.POOLINGS)] | None = Field(
        None, description="only beside a model: avg (default), max, gem or flatten"
    )
    preset: Annotated[Name, _one_of(catalog.PRESETS)] | None = Field(
        None, description="only beside a model: default or published"
    )
    metric: Annotated[Name, _one_of(METRICS)] | None = Field(
        None, description="only beside a model: see GET /api/metrics; default: cosine"
    )
    k: int = Field(15, ge=1, le=50, description="matches wanted")
    index: Literal["exact", "approximate"] = "exact"
    classes: list[Title] | None = Field(None, max_length=1_000, description="titles; only items of these classes")
    exclude: list[Item] = Field([], max_length=1_000, description="items left out")
    at_least: Share = Field(0.0, description="least similarity of a match")
    fold: bool = Field(False, description="leave out near-duplicates of better matches")
    fingerprint: str = Field("", max_length=200, description="comes back in the answer as it is")


class Example(Body):
    """A picture behind a link, or an item of the dataset: one of the two."""

    model_config = ConfigDict(json_schema_extra={"oneOf": ONE_SOURCE})

    link: Link | None = Field(None, description="http or https, on a public server")
    item: Item | None = None
    weight: Weight = 1.0
    crop: Crop = Field(
        images.WHOLE, description="left, top, right, bottom of the part that counts, as shares of width and height"
    )

    @model_validator(mode="after")
    def _one_source(self) -> "Example":
        if (self.link is None) == (self.item is None):
            raise ValueError("expected a link or an item, one of the two")
        return self

    @property
    def source(self) -> int | str:
        """The item or the link."""
        return self.link or self.item or 0


class Asked(Options):
    """A search in JSON: one of ``link``, ``item`` and ``examples``."""

    model_config = ConfigDict(json_schema_extra={"oneOf": ONE_QUESTION})

    link: Link | None = Field(None, description="a picture on a public server")
    item: Item | None = Field(None, description="a picture of the dataset")
    examples: list[Example] | None = Field(None, min_length=1, max_length=MOST_EXAMPLES)

    @model_validator(mode="after")
    def _one_question(self) -> "Asked":
        if sum(part is not None for part in (self.link, self.item, self.examples)) != 1:
            raise ValueError("expected one of link, item and examples")
        return self

    @property
    def query(self) -> Sequence[Example]:
        """The examples, of whichever form."""
        return self.examples or [Example(link=self.link, item=self.item, crop=images.WHOLE)]


class Form(Options):
    """A search in multipart: pictures as files, the options as fields, lists as fields given several times."""

    image: list[bytes] = Field(min_length=1, max_length=MOST_EXAMPLES, description=f"files: {formats.WORDS}")
    weights: list[Weight] = Field([], description="one for each file, or none: below 0 for unlike what is wanted")
    crops: list[CropInWords] = Field(
        [], description="`left,top,right,bottom` for each file, or none: the part that counts, as shares"
    )

    @model_validator(mode="after")
    def _one_each(self) -> "Form":
        for name, values in (("weights", self.weights), ("crops", self.crops)):
            if values and len(values) != len(self.image):
                raise ValueError(f"expected as many {name} as images or none, {len(self.image)}; got {len(values)}")
        return self


class Named(Body):
    """A dataset of one's own."""

    dataset: Name


class Chosen(Named):
    """Pictures of a dataset, by their files as answers name them."""

    files: list[Title] = Field(min_length=1, max_length=1_000)


class Relabelled(Chosen):
    """Pictures of a dataset, and the class that they are to have."""

    title: Title = Field(alias="class")


class Synced(Named):
    """A dataset that is to be as its folder is."""

    confirmed: bool = Field(False, description="whether more than a tenth of the pictures may leave")
    dry: bool = Field(False, description="only tell what would change")


class Uploaded(Named):
    """Pictures for a dataset, as files; their names are kept."""

    title: Title = Field("", alias="class", description="of all of them; empty: the dataset's name")
    image: list[bytes] = Field(min_length=1, max_length=MOST_UPLOADS, description=f"files: {formats.WORDS}")


def read_json(body: bytes, kind: type[Kind]) -> Kind:
    """What JSON asks for; InputError says what was expected."""
    try:
        asked = kind.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise _unfit(error) from None
    try:
        json.loads(body, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:  # in what stands under a name that stands there twice
        raise error if isinstance(error, InputError) else InputError("expected each name once") from None
    return asked


def _each_once(pairs: list[tuple[str, object]]) -> None:
    """Which of two values counts, two readers may decide in two ways."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise InputError(f"expected {name[:100]!r} once, got it several times")
        seen.add(name)


def read_form(parts: Iterable[Part], kind: type[Kind]) -> Kind:
    """What the parts of a form ask for; InputError says what was expected."""
    values: dict[str, Any] = {}
    for name, value, _ in parts:
        if isinstance(value, bytes) != (name == "image"):
            raise InputError(f"expected files as `image` and all else as text, got {name[:100]!r}")
        if name in LISTS:
            values.setdefault(name, []).append(value)
        elif name in values:
            raise InputError(f"expected {name[:100]!r} once, got it several times")
        else:
            values[name] = value
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _unfit(error) from None


LISTS = ("image", "classes", "exclude", "weights", "crops")


def _unfit(error: ValidationError) -> InputError:
    lines = []
    for fault in error.errors(include_url=False, include_context=False)[:3]:
        where = ".".join(str(part)[:100] for part in fault["loc"])
        got = f", got {fault['input']!r:.60}" if isinstance(fault["input"], str | int | float) and where else ""
        lines.append(f"{where}: {fault['msg']}{got}".removeprefix(": "))
    return InputError("; ".join(lines))

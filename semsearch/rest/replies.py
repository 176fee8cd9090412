"""What goes back over REST: the bodies of answers."""

from typing import Literal

from pydantic import Field

from semsearch.ranking.metrics import Metric
from semsearch.rest.bodies import Body


class Configuration(Body):
    """What was searched with; ``reason`` says why when the asker named no model."""

    model: str
    layer: str
    pooling: str
    preset: str
    metric: str
    index: str
    reason: str


class Match(Body):
    """One match; similarity is how often pairs of the dataset as close as it are of one class."""

    rank: int
    item: int
    label: int
    distance: float
    similarity: float
    pairs: int = Field(description="pairs that it rests on; 0 without classes: then it is the share of farther pairs")
    # "class" is no name for a field of Python.
    title: str = Field(alias="class")
    file: str


class Vote(Body):
    """The share of the matches that a class has."""

    title: str = Field(alias="class")
    share: float


class Answer(Body):
    """What a search found."""

    dataset: str
    configuration: Configuration
    matches: list[Match]
    vote: list[Vote]
    good: bool = Field(description="whether the first match is at most `threshold` away")
    threshold: float | None = Field(description="farthest distance at which nearest matches are right half of the time")
    timings: dict[str, float] = Field(description="seconds")
    fingerprint: str


class DatasetRow(Body):
    """A dataset; what it holds is null where that is known only after its first fetch."""

    name: str
    title: str | None
    licence: str | None
    items: int | None
    classes: list[str] | None
    pictures_here: bool


class DatasetsAnswer(Body):
    """All datasets."""

    datasets: list[DatasetRow]


class ModelRow(Body):
    """A network; ``layers`` from input to output, ``size`` in pixels."""

    name: str
    title: str
    size: int
    parameters: int
    layers: list[str]
    weights: Literal["here", "not here", "cannot be had", "damaged"]


class ModelsAnswer(Body):
    """All models."""

    models: list[ModelRow]


class MetricsAnswer(Body):
    """All metrics."""

    metrics: list[Metric]


class Fault(Body):
    """Why there is no answer: the kind of error, where there is one a word for machines, a sentence for people."""

    kind: str
    reason: str
    message: str


class Refusal(Body):
    """The body of every answer that is none."""

    error: Fault

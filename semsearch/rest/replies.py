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


class Verdict(Body):
    """How far to trust an answer; the shares are those of the dataset's own pictures, measured beforehand."""

    grade: Literal["confident", "uncertain", "nothing like it"]
    title: str = Field(alias="class", description="of the nearest")
    agreeing: int = Field(description="of the `counted` nearest, those of its class")
    counted: int
    own: float = Field(description="share of the pictures that get this grade")
    wrong: float | None = Field(description="share of these whose nearest is of another class; null for none")
    foreign: float = Field(description="share of pictures that get this grade when their class is taken away")


class Answer(Body):
    """What a search found."""

    dataset: str
    configuration: Configuration
    matches: list[Match]
    vote: list[Vote]
    verdict: Verdict | None = Field(description="null where the pictures are too few, or classes say nothing")
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


class LeftOut(Body):
    """A picture that was not taken, and why."""

    file: str
    why: str


class Changed(Body):
    """A dataset after a change."""

    dataset: str
    items: int
    classes: list[str]
    done: str = Field(description="what was done, in words")
    refused: list[LeftOut]


class Fault(Body):
    """Why there is no answer: the kind of error, where there is one a word for machines, a sentence for people."""

    kind: str
    reason: str
    message: str


class Refusal(Body):
    """The body of every answer that is none."""

    error: Fault

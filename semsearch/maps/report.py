"""One HTML file about an experiment: its map with the pictures, its scores, and what they came from.

The file opens without a server and without a network: Plotly.js and small copies of the pictures are in it. Names of
classes and files are untrusted; they are text everywhere, and the file's own policy lets it fetch nothing.
"""

import base64
import html
import json
import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Any

from semsearch import images
from semsearch.data import identity
from semsearch.data.datasets import Dataset
from semsearch.errors import ImageRefused, PicturesUnavailable
from semsearch.maps.figure import map_figure
from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import metrics
from semsearch.ranking.scores import PUBLISHED_K
from semsearch.results import experiments
from semsearch.settings import cores
from semsearch.store import opened
from semsearch.store.artifacts import FIGURES
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store

SIDE = 160
"""Pixels of the longer side of a picture, at most."""
LARGEST, SMALLEST, ROOM = 8_000, 1_500, 12_000_000
"""Bytes of one picture, at the most and, where there are many, at the least; of all, as long as that allows."""
BEST = 10
"""Configurations that are listed."""
_METHODS = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}
Progress = Callable[[int, int], None]


def page(
    experiment: Experiment,
    *,
    method: str = "umap",
    dims: int = 2,
    query: int | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
) -> str:
    """The report of a stored experiment; ``query`` is marked on the map, ``progress`` counts pictures.

    Pictures that are not here, cannot be read or are not those of the dataset are left out, and the file says so.
    UnknownName for what has no stored results; SpecMismatch when the dataset is not the one that they came from.
    """
    store = store or experiments.open_store()
    dataset = opened.dataset(experiment.dataset)
    ids = store.items(experiment.dataset, experiment.spec.model).tolist()
    body = _body(store, experiment, dataset, f"{method}{dims}")
    figure = map_figure(experiment, method=method, dims=dims, query=query, store=store)
    pictures = _pictures(dataset, ids, progress)
    items = {
        item: {"name": f"{dataset.classes[dataset.items[item].label]}, picture {item}", "src": pictures.get(item, "")}
        for item in ids
    }
    template = Template((Path(__file__).parent / "report.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=_text(dataset.title),
        subtitle=_text(_title(experiment.spec, experiment.stored_metric)),
        alt=_text(f"{_METHODS[method]} map of {len(ids):,} pictures, coloured by class"),
        note=_text(_note(len(pictures), len(ids))),
        body=body,
        figure=_data(json.loads(figure.to_json())),
        items=_data(items),
        plotly=_plotly(),
    )


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _text(text: str) -> str:
    return html.escape(text)


def _data(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """``value`` as JSON that ends no element of the page."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _pictures(dataset: Dataset, ids: Sequence[int], progress: Progress | None) -> dict[int, str]:
    """A small copy of each picture that can be read, as the address of an image."""
    limit = max(SMALLEST, min(LARGEST, ROOM // len(ids)))

    def small(item: int) -> str:
        try:
            rgb = images.load_small(identity.pinned(dataset, item).read(), SIDE)
        except (ImageRefused, PicturesUnavailable):
            return ""
        data = images.thumbnail(rgb, side=SIDE, limit=limit)
        return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")

    found = {}
    with ThreadPoolExecutor(cores()) as pool:
        for done, (item, address) in enumerate(zip(ids, pool.map(small, ids), strict=True), 1):
            if address:
                found[item] = address
            if progress:
                progress(done, len(ids))
    return found


def _note(pictures: int, points: int) -> str:
    if not pictures:
        return "The pictures were not on the machine that made this report: points show their names alone."
    missing = f" {points - pictures:,} pictures could not be read." if pictures < points else ""
    return f"Point at a picture to see it; click a class in the legend to hide it.{missing}"


def _title(spec: FeatureSpec, metric: str) -> str:
    model = catalog.model(spec.model)
    place = f"layer {model.place(spec.layer)} of {len(model.layers)}, {spec.layer}"
    return f"{model.title} · {place} · {spec.readout.title} · {metrics.METRICS[metric].title}"


def _body(store: Store, experiment: Experiment, dataset: Dataset, kind: str) -> str:
    """What stands below the map, as HTML."""
    return "\n".join(
        [
            _section("Scores", _scores(store, experiment, kind)),
            _section("Scores by class", _classes(store, experiment, dataset), ("Class", "Queries", "Mean score")),
            _section("Layers of this model", _layers(store, experiment), ("Layer", "Name", "Mean score")),
            _section("Best configurations", _best(store, experiment.dataset), ("Rank", "Configuration", "Mean score")),
            _section("What it came from", _origin(store, experiment, dataset)),
        ]
    )


def _section(title: str, rows: Iterable[Sequence[str]], heads: Sequence[str] = ()) -> str:
    """A titled table of texts; without heads the first cell of each row names the others."""
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in heads)
    lines = [f"<section>\n<h2>{_text(title)}</h2>", '<div class="wide"><table>']
    lines += [f"<thead><tr>{head}</tr></thead>"] if heads else []
    lines.append("<tbody>")
    for name, *cells in rows:
        first = f"<td>{_text(name)}</td>" if heads else f'<th scope="row">{_text(name)}</th>'
        lines.append(f"<tr>{first}{''.join(f'<td>{_text(cell)}</td>' for cell in cells)}</tr>")
    return "\n".join([*lines, "</tbody></table></div>\n</section>"])


def _scores(store: Store, experiment: Experiment, kind: str) -> list[tuple[str, str]]:
    found = experiments.summary(store, experiment)
    trust = store.map(experiment.dataset, experiment.spec, kind).trust
    mean = found.score
    return [
        ("Mean score", f"{mean.mean:.1f} of 100, 95 % interval {_number(mean.low)} to {_number(mean.high)}"),
        ("Queries", f"{mean.count:,}"),
        ("Mean average precision", _number(found.mean_average_precision, 3)),
        (f"Precision@{PUBLISHED_K}", _number(found.precision, 3)),
        (f"Recall@{PUBLISHED_K}", _number(found.recall, 3)),
        *((f"{name.capitalize()} of the map", _number(getattr(trust, name), 3)) for name in FIGURES),
    ]


def _number(value: float, digits: int = 1) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _classes(store: Store, experiment: Experiment, dataset: Dataset) -> list[tuple[str, str, str]]:
    means = experiments.summary(store, experiment).per_class
    labels = [dataset.items[item].label for item in store.queries(experiment.dataset, experiment.spec.model)]
    rows = zip(dataset.classes, means, strict=True)
    return [(name, str(labels.count(label)), _number(mean)) for label, (name, mean) in enumerate(rows)]


def _layers(store: Store, experiment: Experiment) -> list[tuple[str, str, str]]:
    """The score of each layer of the model under the same readout and metric."""
    names = catalog.model(experiment.spec.model).layer_names
    each = [replace(experiment, spec=replace(experiment.spec, layer=name)) for name in names]
    means = [float(store.score(one).score.mean()) for one in each]
    return [
        (str(place), f"{name} (this report)" if name == experiment.spec.layer else name, _number(mean))
        for place, (name, mean) in enumerate(zip(names, means, strict=True), 1)
    ]


def _best(store: Store, dataset: str) -> list[tuple[str, str, str]]:
    found = experiments.leaderboard(store, dataset)[:BEST]
    return [(str(rank), _title(one.spec, one.metric), _number(mean)) for rank, (one, mean, _) in enumerate(found, 1)]


def _origin(store: Store, experiment: Experiment, dataset: Dataset) -> list[tuple[str, str]]:
    facts = store.facts(experiment.dataset, experiment.spec.model)
    libraries = {**facts.get("libraries", {}), "plotly": version("plotly")}
    return [
        ("Dataset", f"{dataset.name}, {len(dataset.items):,} pictures, SHA-256 {dataset.content_hash}"),
        ("Licence", dataset.licence or "not stated"),
        ("Source", dataset.source or "not stated"),
        *((name.capitalize(), value) for name, value in asdict(experiment.spec).items()),
        ("Metric", experiment.metric),
        ("Weights", f"SHA-256 {facts.get('weights', 'unknown')}"),
        ("Stored results", f"SHA-256 {store.digest}"),
        ("semsearch", version("semsearch")),
        ("Libraries", ", ".join(f"{name} {number}" for name, number in sorted(libraries.items()))),
    ]

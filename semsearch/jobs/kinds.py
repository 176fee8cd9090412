"""What jobs do: each kind of work, with all that it needs fetched first."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from types import MappingProxyType

from semsearch.data import datasets
from semsearch.errors import PicturesUnavailable
from semsearch.jobs.owner import Control
from semsearch.jobs.records import Request
from semsearch.models import catalog, weights
from semsearch.processes.child import Child
from semsearch.results import drawing, precompute
from semsearch.results.extent import FULL, POOLED, UNDRAWN, Extent

EXTENTS: Mapping[str, Extent] = MappingProxyType({"pooled": POOLED, "undrawn": UNDRAWN, "full": FULL})
"""How much of the grid a job computes, as its option ``extent`` says; without it what is usual for the dataset."""


def _results(request: Request, control: Control) -> str:
    """Compute the stored results of datasets under some models."""
    fetch(request, control)
    control.begin("Computing")
    report = precompute.precompute(
        request.datasets,
        request.models,
        how_much=EXTENTS[request.options["extent"]] if "extent" in request.options else None,
        progress=control.progress,
    )
    skipped = f"; {len(report.skipped):,} skipped, such as {report.skipped[0]}" if report.skipped else ""
    return f"{report.computed} computed, {report.already} already there{skipped}"


def _maps(request: Request, control: Control) -> str:
    """Draw the maps of a kind, of all layers of a model, of which the store lacks some."""
    fetch(request, control)
    parts = [request.options[name] for name in ("readout", "kind", "layer")]
    phase = ""

    def report(now: str, done: int, total: int) -> None:
        nonlocal phase
        if now != phase:
            phase = now
            control.begin(now)
        control.progress(done, total)

    with Child("the maps could not be drawn") as child, control.closing(child.close):
        wanted = drawing.Wanted(request.datasets[0], request.models[0], *parts)
        count = drawing.draw(wanted, make=precompute.Tools().extractor, report=report, worker=nullcontext(child))
    return f"{count} maps drawn"


def fetch(request: Request, control: Control) -> None:
    """Have the pictures and the weights here that are not; raises as those who fetch them."""
    for dataset in request.datasets:
        if not _pictured(dataset):
            control.begin("Fetching pictures")
            datasets.fetch(dataset, progress=control.progress)
    for model in request.models:
        if not weights.status(model).here:
            control.begin(f"Fetching the weights of {catalog.model(model).title}")
            weights.pull(model, progress=control.progress)


def _pictured(name: str) -> bool:
    try:
        return datasets.load(name).has_pictures or name not in datasets.KNOWN
    except PicturesUnavailable:
        return False


Work = Callable[[Request, Control], str]
"""Does what is requested, and says what came of it."""
KINDS: Mapping[str, Work] = MappingProxyType({"results": _results, "maps": _maps})
"""By name."""

"""Server time of a change of configuration: 200 random changes over the shipped store, page by page.

Usage: python -m benchmarks.changes [--changes N]

Each change picks another dataset, model, layer, pooling, metric, k or query at random and runs the page as the
server does for a visitor, first on Search (each of its views), then on Embeddings. Prints median, 95th percentile
and maximum in milliseconds; what a change needs is read and unpacked within the time.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from benchmarks import needs
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS
from semsearch.ranking import metrics
from semsearch.results import experiments
from ui.choice import K_RANGE

APP = str(Path(__file__).resolve().parents[1] / "app.py")
PLACES = ("Matches", "All models", "Whole dataset", "Embeddings")


def change(draw: np.random.Generator, app: AppTest, offers: dict[str, list]) -> tuple[str, object]:
    """Set one random part of the configuration to a random value; which, and to what."""
    name, state = str(draw.choice(list(offers))), app.session_state
    values = [layer.name for layer in catalog.model(state["model"]).layers] if name == "layer" else offers[name]
    state[name] = values[draw.integers(len(values))]
    return name, state[name]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--changes", type=int, default=200)
    changes = parser.parse_args().changes
    needs.get(sets=["groceries200"])
    store = experiments.open_store()
    offers: dict[str, list] = {
        "dataset": list(store.datasets),
        "model": list(store.models(store.datasets[0])),
        "layer": [],
        "pooling": list(READOUTS),
        "metric": list(metrics.METRICS),
        "k": list(K_RANGE),
        "q": list(range(200)),
    }
    print(f"| page | median ms | p95 ms | max ms | of {changes} changes |\n|---|---|---|---|---|")
    for place in PLACES:
        draw, times = np.random.default_rng(0), []
        app = AppTest.from_file(APP, default_timeout=60).run()
        if place == "Embeddings":
            app.switch_page("pages/embeddings.py").run()
        else:
            app.session_state["view"] = place
            app.run()
        for _ in range(changes):
            name, value = change(draw, app, offers)
            start = time.perf_counter()
            app.run()
            times.append(1000 * (time.perf_counter() - start))
            assert app.query_params[name] in (str(value), [str(value)]), (name, value)
            assert not app.exception, app.exception
            assert not app.error, [error.value for error in app.error]
        median, high = np.percentile(times, (50, 95))
        print(f"| {place} | {median:.0f} | {high:.0f} | {max(times):.0f} | {changes} |", flush=True)


if __name__ == "__main__":
    needs.run(main)

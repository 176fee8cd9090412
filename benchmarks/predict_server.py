"""The same app as server.py, but each picture goes through ``model.predict`` under a lock: what one would write first.

Started by benchmarks/serving.py; not for use.
"""

import os
import sys
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import streamlit as st  # noqa: E402

from semsearch.features.engines import preprocess  # noqa: E402
from semsearch.live import search, serving  # noqa: E402
from semsearch.live.galleries import shared  # noqa: E402
from semsearch.models import weights  # noqa: E402
from semsearch.models.catalog import FeatureSpec  # noqa: E402
from semsearch.rest import handlers  # noqa: E402

_LOCK = threading.Lock()


@cache
def _network(spec: FeatureSpec) -> Any:  # noqa: ANN401
    import keras

    whole = weights.load_model(spec.model, size=spec.size)
    pooled = keras.layers.GlobalAveragePooling2D()(whole.get_layer(spec.layer).output)
    return keras.Model(whole.input, pooled)


def predict(spec: FeatureSpec, square: np.ndarray) -> np.ndarray:
    """The pooled features of what the network sees, one picture at a time."""
    with _LOCK:
        return np.asarray(_network(spec).predict(preprocess(square[None], spec.model), verbose=0)[0])


class OneByOne(serving.Service):
    """The service without its model worker."""

    def _answer(
        self,
        examples: search.Picture | int | Sequence[search.Example],
        question: search.Question,
        client: str,
        begun: float,
    ) -> search.SearchResult:
        galleries = shared()
        searched = galleries.open(question.dataset, question.spec)
        return search.within(searched, examples, question, through=predict, galleries=galleries)


SERVICE = OneByOne(capacity=10_000)
serving.service = lambda: SERVICE  # type: ignore[assignment]  # in place of a cached function

app = st.App(str(ROOT / "app.py"), routes=handlers.routes(lambda host: True))

"""A dataset for other tools: as a Parquet file with features, or as an index of FAISS and what its numbers mean."""

import hashlib
import io
import json
from dataclasses import asdict
from typing import Any

from semsearch.data.dataset import Dataset
from semsearch.indices import faiss_index, space
from semsearch.live.gallery import Gallery
from semsearch.models.catalog import FeatureSpec

PREPARED = {"cosine": "each of length 1", "correlation": "each less its own mean, then of length 1"}
"""What was done to vectors, and is to be done to a query, under metrics of direction."""


def parquet(dataset: Dataset, spec: FeatureSpec, features: Gallery) -> bytes:
    """File, class, SHA-256 and features of every picture that has some, as a Parquet file.

    ``features`` is a list of d float32 for each; dataset and spec stand in the file's metadata as JSON.
    """
    import pyarrow
    import pyarrow.parquet

    items = [dataset.items[item] for item in features.items]
    rows = pyarrow.FixedSizeListArray.from_arrays(features.vectors.reshape(-1), features.vectors.shape[1])
    columns = {
        "file": pyarrow.array([item.shown for item in items], pyarrow.string()),
        "class": pyarrow.array([dataset.classes[item.label] for item in items], pyarrow.string()),
        "sha256": pyarrow.array([item.sha256 for item in items], pyarrow.string()),
        "features": rows,
    }
    about = {"dataset": dataset.name, "content_hash": dataset.content_hash, "spec": asdict(spec)}
    table = pyarrow.table(columns).replace_schema_metadata({"semsearch": json.dumps(about)})
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out, compression="zstd")
    return out.getvalue()


def faiss(dataset: Dataset, spec: FeatureSpec, metric: str, features: Gallery) -> tuple[bytes, dict[str, Any]]:
    """An exact index that FAISS reads, and its manifest: digest, spec, metric, and the picture behind each number."""
    items = [dataset.items[item] for item in features.items]
    index = faiss_index.flat(features.vectors, metric)
    manifest: dict[str, Any] = {
        "dataset": dataset.name,
        "content_hash": dataset.content_hash,
        "spec": asdict(spec),
        "metric": metric,
        "vectors": PREPARED[metric] if metric in space.DIRECTIONS else "as they are",
        "distance": faiss_index.SCORES[metric],
        "sha256": hashlib.sha256(index).hexdigest(),
        "items": [[item.shown, dataset.classes[item.label], item.sha256] for item in items],
    }
    return index, manifest

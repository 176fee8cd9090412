"""Activation maximisation measured: how long a picture takes, against tf-keras-vis, and what the parametrisation buys.

    python -m benchmarks.visualization [--layer block_9_project] [--steps 256] [--rounds 3] [--batch 8]

Side by side in one process, MobileNetV2 with the same weights, cut at the same layer, pictures of 128 px, as many
steps, channels evenly spread: one picture alone, and a batch of pictures at once. Ours runs as the app does, theirs
with its own defaults, whose moves are smaller. The first run of each is not counted, and shown apart: it loads and
traces. Then, of the stored channels, how much more than the best photo of groceries200 the pictures excite; and, at
equal activation, how smooth pictures made of waves under small moves are beside those made of single pixels:
smoothness is the share of a picture's variance at wavelengths of four pixels and more.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402

from benchmarks import needs  # noqa: E402
from semsearch.explain import channels  # noqa: E402
from semsearch.explain.maximise import objectives  # noqa: E402
from semsearch.explain.maximise.maximisation import Maximised, Maximiser, Options  # noqa: E402
from semsearch.explain.maximise.parametrisation import frequencies  # noqa: E402
from semsearch.models import catalog, weights  # noqa: E402

MODEL = "mobilenetv2"
ALONE, RATIO, NATURAL = 10.0, 3.0, 5.0
"""Wanted: seconds of one picture at most, pictures a minute beside tf-keras-vis and gain over photos at least."""
COARSE = 0.25
"""Cycles a pixel up to which variance counts as smooth."""


def spread(count: int, total: int) -> list[int]:
    """Channels to take, evenly spread."""
    return [round(place * (total - 1) / max(count - 1, 1)) for place in range(count)]


def ours(layer: str, steps: int, batch: int) -> Callable[[], object]:
    """A run of this package."""
    made = Maximiser(MODEL, layer, options=Options(steps=steps), batch=batch)
    wanted = [objectives.channel(number) for number in spread(batch, made.channels)]
    return lambda: made.run(wanted)


def theirs(layer: str, steps: int, batch: int) -> Callable[[], object]:
    """A run of tf-keras-vis."""
    import keras
    import tensorflow as tf
    from tf_keras_vis.activation_maximization import ActivationMaximization

    network = weights.load_model(MODEL, size=128)
    cut = keras.Model(network.input, network.get_layer(layer).output)
    numbers = spread(batch, int(cut.output.shape[-1]))
    visualiser = ActivationMaximization(cut, clone=False)

    def score(output: object) -> tuple[object, ...]:
        return tuple(tf.reduce_mean(output[place, ..., number]) for place, number in enumerate(numbers))  # type: ignore[index]

    def run() -> object:
        start = tf.random.stateless_uniform((batch, 128, 128, 3), (0, 0), -1, 1)
        return visualiser(score, seed_input=start, input_range=(-1, 1), steps=steps)

    return run


def timed(make: Callable[[], Callable[[], object]]) -> tuple[Callable[[], object], float]:
    """A run that is ready, and the seconds until it had run once."""
    start = time.perf_counter()
    run = make()
    run()
    return run, time.perf_counter() - start


def compare(layer: str, steps: int, rounds: int, batch: int) -> list[str]:
    """Print the table of times; what of the wanted was missed."""
    missed = []
    print("| pictures at once | | first run, s | a run, s | pictures a minute |\n|---|---|---|---|---|")
    for count in (1, batch):
        runs = {
            name: timed(lambda make=make, count=count: make(layer, steps, count))  # type: ignore[misc]
            for name, make in (("semsearch", ours), ("tf-keras-vis", theirs))
        }
        taken: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(rounds):
            for name, (run, _) in runs.items():
                start = time.perf_counter()
                run()
                taken[name].append(time.perf_counter() - start)
        rate = {name: 60 * count / statistics.median(values) for name, values in taken.items()}
        for name, (_, first) in runs.items():
            print(f"| {count} | {name} | {first:.1f} | {statistics.median(taken[name]):.1f} | {rate[name]:.1f} |")
        ratio = rate["semsearch"] / rate["tf-keras-vis"]
        print(f"\n{count} at once: {ratio:.2f} times the pictures of tf-keras-vis\n")
        if ratio < RATIO:
            missed.append(f"{count} at once: {ratio:.2f} times instead of {RATIO:g}")
        if count == 1 and (alone := statistics.median(taken["semsearch"])) > ALONE:
            missed.append(f"one picture took {alone:.1f} s instead of {ALONE:g}")
    return missed


def gains() -> list[str]:
    """Print how much more than photos stored pictures excite, median by layer; what was missed in a last layer."""
    missed = []
    print("| model | layer | channels | times the best photo, median | least |\n|---|---|---|---|---|")
    for model in catalog.models():
        for layer in channels.layers_of(model):
            found = channels.read(model, layer)
            natural = found.natural[found.shown]
            gain = found.activations[natural > 0] / natural[natural > 0]
            print(f"| {model} | {layer} | {len(gain)} | {np.median(gain):.1f} | {gain.min():.1f} |")
            if layer == catalog.model(model).layers[-1].name and np.median(gain) < NATURAL:
                missed.append(f"{model} {layer}: {np.median(gain):.1f} times the best photo instead of {NATURAL:g}")
    print()
    return missed


def smoothness(picture: np.ndarray) -> float:
    """Share of the variance of (s, s, 3) uint8 at COARSE frequencies and below; 1 for a picture of one colour."""
    power = (np.abs(np.fft.rfft2(picture.astype(np.float64).transpose(2, 0, 1))) ** 2).sum(0)
    power[0, 0] = 0
    total = power.sum()
    return float(power[frequencies(len(picture)) <= COARSE].sum() / total) if total else 1.0


def at_activation(looks: Sequence[Maximised], wanted: float) -> Maximised | None:
    """The first picture that excites as much as wanted."""
    return next((look for look in looks if look.activations[0] >= wanted), None)


def compare_smoothness(layer: str, steps: int, count: int) -> list[str]:
    """Print smoothness at equal activation, channel by channel; what was missed."""
    made = {
        "waves, moved": Maximiser(MODEL, layer, options=Options(steps=steps), batch=1),
        "pixels, still": Maximiser(MODEL, layer, options=Options("pixels", steps=steps, transforms=False), batch=1),
    }
    better = 0
    print("| channel | activation | smoothness of waves, moved | of pixels, still |\n|---|---|---|---|")
    for number in spread(count, made["waves, moved"].channels):
        looks = {name: [look() for look in one.steps([objectives.channel(number)])] for name, one in made.items()}
        equal = 0.9 * min(max(look.activations[0] for look in ones) for ones in looks.values())
        shares = []
        for ones in looks.values():
            if found := at_activation(ones, equal):
                shares.append(smoothness(found.pictures[0]))
        better += shares[0] > shares[1]
        print(f"| {number} | {equal:.2f} | {shares[0]:.3f} | {shares[1]:.3f} |")
    print()
    return [] if better > count / 2 else [f"waves were smoother for {better} of {count} channels"]


def main() -> int:
    """Print the tables, then what was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layer", default="block_9_project")
    for name, default in (("steps", 256), ("rounds", 3), ("batch", 8), ("channels", 6)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    needs.get(models=[MODEL])
    missed = compare(asked.layer, asked.steps, asked.rounds, asked.batch)
    missed += compare_smoothness(asked.layer, asked.steps // 2, asked.channels)
    missed += gains()
    print(f"{len(missed)} targets missed" + "".join(f"\n- {line}" for line in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    needs.run(main)

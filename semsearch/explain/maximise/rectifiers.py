"""Networks made ready for gradients: rectifiers at rest that can be woken, normalisations folded into convolutions.

A random picture may leave a channel at zero everywhere; a rectifier then passes no gradient, and nothing is ever found.
As in "Feature Visualization" (Distill 2017), a rectifier that is at rest can be told to let a gradient through that
would wake it up; ReLU6, which also rests above six, lets those through that would bring it back.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

RECTIFIERS = {"relu": float("inf"), "relu6": 6.0}
"""Where each is cut off."""
FOLDABLE = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")


def prepared(network: Any, silent: Any) -> Any:  # noqa: ANN401
    """A copy of a functional Keras model with the same values, in half the operations.

    ``silent`` is a variable (n, 1, 1, 1) of 0 and 1 for the pictures of a batch: where it is 1, rectifiers that are at
    rest pass the gradients that would wake them; where it is 0, gradients are those of the original. Rectifiers that
    nothing follows always pass them: units of last layers are rare, and what leads to the first of them is seen only
    before the rectifier.
    """
    import keras
    import tensorflow as tf

    folded, last, always = _folded(network), _last(network.outputs), tf.ones_like(silent)
    normalisations = {after.name for after in folded.values()}

    def copied(layer: Any) -> Any:  # noqa: ANN401
        if layer.name in normalisations:
            return keras.layers.Activation("linear", name=layer.name)
        settings, limit = layer.get_config(), _limit(layer)
        if layer.name in folded:
            settings["use_bias"] = True
        if limit is None:
            return layer.__class__.from_config(settings)
        rectifier = _rectifier(limit, always if layer.name in last else silent)
        if isinstance(layer, keras.layers.ReLU):
            return keras.layers.Activation(rectifier, name=layer.name)
        return layer.__class__.from_config({**settings, "activation": rectifier})

    def called(layer: Any, *inputs: Any, **_: Any) -> Any:  # noqa: ANN401 - masks and modes of the layer that was there
        return layer(*inputs)

    copy = keras.models.clone_model(network, clone_function=copied, call_function=called)
    for before in (layer for layer in network.layers if layer.weights and layer.name not in normalisations):
        after = folded.get(before.name)
        weights = _with_normalisation(before, after) if after else before.get_weights()
        copy.get_layer(before.name).set_weights(weights)
    return copy


def _folded(network: Any) -> dict[str, Any]:  # noqa: ANN401
    """The normalisation behind each convolution that nothing else reads, by the name of the convolution."""
    outputs = {tensor._keras_history.operation.name for tensor in network.outputs}
    readers: dict[str, list[Any]] = {}
    for layer in network.layers:
        for node in layer._inbound_nodes:
            for tensor in node.input_tensors:
                readers.setdefault(tensor._keras_history.operation.name, []).append(layer)
    kept = {layer.name for layer in network.layers}
    found = {}
    for layer in network.layers:
        after = [reader for reader in readers.get(layer.name, []) if reader.name in kept]
        plain = type(layer).__name__ in FOLDABLE and layer.activation.__name__ == "linear" and layer.name not in outputs
        if plain and len(after) == 1 and type(after[0]).__name__ == "BatchNormalization":
            found[layer.name] = after[0]
    return found


def _with_normalisation(convolution: Any, after: Any) -> list[np.ndarray]:  # noqa: ANN401
    """The weights of a convolution that does what it and the normalisation behind it did."""
    *kernels, last = convolution.get_weights() if convolution.use_bias else (*convolution.get_weights(), np.float32(0))
    gamma = after.gamma.numpy() if after.scale else np.float32(1)
    beta = after.beta.numpy() if after.center else np.float32(0)
    gain = gamma / np.sqrt(after.moving_variance.numpy() + after.epsilon)
    depthwise = type(convolution).__name__ == "DepthwiseConv2D"
    kernels[-1] = kernels[-1] * (gain[:, None] if depthwise else gain)
    return [*kernels, (last - after.moving_mean.numpy()) * gain + beta]


def _last(outputs: Sequence[Any]) -> set[str]:
    """Names of the rectifiers whose values, side by side where there are several, are those of the network."""
    found: set[str] = set()
    for layer in (tensor._keras_history.operation for tensor in outputs):
        if _limit(layer) is not None:
            found.add(layer.name)
        elif type(layer).__name__ == "Concatenate":
            found |= _last(layer._inbound_nodes[0].input_tensors)
    return found


def _limit(layer: Any) -> float | None:  # noqa: ANN401
    """Where the rectifier of a layer is cut off; None for a layer without one."""
    if type(layer).__name__ == "ReLU":
        plain = not layer.negative_slope and not layer.threshold
        return (layer.max_value or float("inf")) if plain else None
    return RECTIFIERS.get(getattr(getattr(layer, "activation", None), "__name__", ""))


def _rectifier(limit: float, silent: Any) -> Any:  # noqa: ANN401
    import tensorflow as tf

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def rectified(x: Any) -> Any:  # noqa: ANN401
        value = tf.nn.relu6(x) if limit == 6 else tf.clip_by_value(x, 0.0, limit)
        value = tf.nn.relu(x) if limit == float("inf") else value

        def woken(upstream: Any) -> Any:  # noqa: ANN401
            wakes = ((x <= 0) & (upstream < 0)) | ((x >= limit) & (upstream > 0))
            passes = tf.cast((x > 0) & (x < limit), x.dtype)
            return upstream * tf.maximum(passes, silent * tf.cast(wakes, x.dtype))

        def plain(upstream: Any) -> Any:  # noqa: ANN401
            if limit == 6:
                return tf.raw_ops.Relu6Grad(gradients=upstream, features=value)
            return tf.raw_ops.ReluGrad(gradients=upstream, features=value)

        def back(upstream: Any) -> Any:  # noqa: ANN401
            return tf.cond(tf.reduce_any(silent > 0), lambda: woken(upstream), lambda: plain(upstream))

        return value, back

    return rectified

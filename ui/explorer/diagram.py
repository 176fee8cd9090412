"""The drawing of the network, on which the layer is lit and another can be chosen."""

from semsearch.models import catalog, layers
from ui import texts
from ui.components.network import network
from ui.explorer import drawing, looked
from ui.explorer.looked import Looked


def show(at: Looked) -> None:
    """Draw it; a click on a box looks at its first layer."""
    model = catalog.model(at.model)
    drawn = drawing.draw(layers.table(at.model))
    boxes = [
        {
            "id": box.layers[0].index,
            "x": box.column,
            "y": box.lane,
            "kind": box.kind,
            "title": _title(box),
            "lit": at.layer in box.layers,
            "marked": any(layer.name in model.layer_names for layer in box.layers),
        }
        for box in drawn.boxes
    ]
    network(
        boxes,
        drawn.wires,
        [(column, f"{height} px") for column, height in drawn.bands],
        key="explorer_network",
        label=f"{model.title}, {texts.counted(len(layers.table(at.model)), 'layer')} from input to output",
        on_pick=looked.go_to,
    )


def _title(box: drawing.Box) -> str:
    height, width, channels = box.layers[-1].shape
    kinds = " + ".join(dict.fromkeys(layer.kind for layer in box.layers))
    return f"{box.layers[0].name}: {kinds}, {height} × {width} × {channels:,}"

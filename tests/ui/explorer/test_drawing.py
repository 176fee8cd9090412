"""The drawing of a network: boxes by depth, branches in lanes of their own."""

import pytest

from semsearch.models import catalog, layers
from semsearch.models.layers import LayerFacts
from ui.explorer import drawing


def network(*rows):
    """Layers of (name, kind, parents), maps 8 high, or as a fourth value says."""
    return [
        LayerFacts(index, name, kind, (*(height or [8]), 8, 4), 0, 0, 0, (1, 1), (1, 1), (0, 0), None, tuple(parents))
        for index, (name, kind, parents, *height) in enumerate(rows)
    ]


def places(drawn):
    return {box.layers[0].name: (box.column, box.lane) for box in drawn.boxes}


RESIDUAL = network(
    ("in", "InputLayer", []),
    ("a", "Conv2D", ["in"]),
    ("a_bn", "BatchNormalization", ["a"]),
    ("a_relu", "ReLU", ["a_bn"]),
    ("b", "DepthwiseConv2D", ["a_relu"], 4),
    ("b_bn", "BatchNormalization", ["b"], 4),
    ("add", "Add", ["a_relu", "b_bn"], 4),
)


def test_what_passes_the_output_of_one_layer_on_shares_its_box():
    drawn = drawing.draw(RESIDUAL)
    assert [[layer.name for layer in box.layers] for box in drawn.boxes] == [
        ["in"],
        ["a", "a_bn", "a_relu"],
        ["b", "b_bn"],
        ["add"],
    ]
    assert [box.kind for box in drawn.boxes] == ["other", "convolution", "depthwise", "merging"]
    assert drawn.wires == ((0, 1), (1, 2), (1, 3), (2, 3))
    assert drawn.bands == ((0, 8), (2, 4))


def test_a_way_past_a_layer_stays_in_its_lane():
    assert places(drawing.draw(RESIDUAL)) == {"in": (0, 0), "a": (1, 0), "b": (2, 0), "add": (3, 0)}


def test_a_normalisation_of_what_two_read_has_a_box_of_its_own():
    rows = network(
        ("in", "InputLayer", []),
        ("a", "Conv2D", ["in"]),
        ("bn", "BatchNormalization", ["a"]),
        ("add", "Add", ["a", "bn"]),
    )
    assert places(drawing.draw(rows)) == {"in": (0, 0), "a": (1, 0), "bn": (2, 0), "add": (3, 0)}


def test_branches_lie_below_one_another_and_meet_above():
    rows = network(
        ("in", "InputLayer", []),
        *((name, "Conv2D", ["in"]) for name in "abc"),
        ("c2", "Conv2D", ["c"]),
        ("both", "Concatenate", ["a", "b", "c2"]),
        ("end", "Conv2D", ["both"]),
    )
    assert places(drawing.draw(rows)) == {
        **{"in": (0, 0), "a": (1, 0), "b": (1, 1), "c": (1, 2), "c2": (2, 2)},
        **{"both": (3, 0), "end": (4, 0)},
    }


@pytest.mark.parametrize("name", list(catalog.models()))
def test_every_layer_of_every_model_is_in_one_box_and_no_two_boxes_lie_on_each_other(name):
    table = layers.table(name)
    drawn = drawing.draw(table)
    assert sorted(layer.index for box in drawn.boxes for layer in box.layers) == list(range(len(table)))
    spots = [(box.column, box.lane) for box in drawn.boxes]
    assert len(set(spots)) == len(spots) and max(lane for _, lane in spots) < 12
    assert all(drawn.boxes[a].column < drawn.boxes[b].column for a, b in drawn.wires)

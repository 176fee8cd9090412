"""Fixtures of the tests of features."""

from types import MappingProxyType, SimpleNamespace

import pytest

from semsearch.features import engines, openvino_engine
from semsearch.models import catalog, weights
from tests.features.tiny_engine import squares, tiny_facts, tiny_network


@pytest.fixture
def tiny(home, monkeypatch):
    """A catalogue of one small model, converted in this process; the list counts the conversions."""
    conversions = []

    def convert(model, size):
        conversions.append((model, size))
        openvino_engine.convert(model, size)

    monkeypatch.setattr(catalog, "models", lambda: MappingProxyType({"tiny": tiny_facts()}))
    monkeypatch.setattr(weights, "load_model", tiny_network)
    monkeypatch.setattr(weights, "local", lambda name: SimpleNamespace(digest="d" * 64))
    monkeypatch.setattr(
        openvino_engine, "_photos", lambda model, size: engines.preprocess(squares(2, side=size), model)
    )
    monkeypatch.setattr(openvino_engine, "_convert_in_child", convert)
    return conversions

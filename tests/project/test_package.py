"""The public door: what it promises is what it gives."""

import tomllib
from pathlib import Path

import pytest

import semsearch


@pytest.mark.parametrize("name", semsearch.__all__)
def test_every_promised_name_is_there_and_documented(name):
    assert getattr(semsearch, name).__doc__


def test_the_door_and_the_promise_are_the_same_list():
    assert (
        sorted([*semsearch._DOOR, "__version__"]) == semsearch.__all__ == dir(semsearch)
        and len(semsearch.__all__) <= 24
    )


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(AttributeError, match="open_store"):
        getattr(semsearch, "mana" + "ger")


def test_no_name_of_the_door_is_hidden_by_a_package_of_that_name():
    """Once imported, a package becomes an attribute of its parent, and is taken before what the door would load."""
    folder = Path(semsearch.__file__).parent
    inside = {path.name.removesuffix(".py") for path in folder.iterdir()}
    assert "models" in inside and not inside & set(semsearch.__all__)


def test_the_door_has_the_version_and_types_of_the_project():
    root = Path(semsearch.__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert semsearch.__version__ == project["project"]["version"]
    assert (root / "semsearch" / "py.typed").is_file()
    assert "py.typed" in project["tool"]["setuptools"]["package-data"]["*"]

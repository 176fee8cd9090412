"""The public door: what it promises is what it gives."""

import pytest

import semsearch


@pytest.mark.parametrize("name", semsearch.__all__)
def test_every_promised_name_is_there_and_documented(name):
    assert getattr(semsearch, name).__doc__


def test_the_door_and_the_promise_are_the_same_list():
    assert sorted(semsearch._DOOR) == semsearch.__all__ == dir(semsearch)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(AttributeError, match="open_store"):
        getattr(semsearch, "mana" + "ger")

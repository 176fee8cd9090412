"""The order of files and classes is the one that people expect, whatever their names are made of."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from semsearch.data.folder import natural

NAMES = st.text(st.sampled_from("aAb0129/ .-_(éÉß\udc80９~"), min_size=1, max_size=8)


def test_numbers_count_as_numbers_and_case_does_not():
    right = ["A/9.jpg", "a/10.jpg", "a/img.jpg", "a/IMG_2 (3).jpg", "a/img_02.jpg", "a/img_2.jpg", "a/IMG_11.jpg"]
    right += ["a b/1.jpg", "b/1.jpg"]
    assert sorted(sorted(right), key=natural) == right


@given(NAMES, NAMES)
@example("a" + "9" * 250, "a1" + "0" * 250)
@example("a007", "a7")
def test_it_compares_as_lists_of_words_and_numbers(left, right):
    assert (natural(left) < natural(right)) == (parts(left) < parts(right))


def parts(file):
    """Per folder, its words without case and its numbers in turn, then its exact name."""
    found = []
    for part in file.split("/"):
        pieces = [int(piece) if piece.isascii() and piece.isdigit() else piece for piece in re.split("([0-9]+)", part)]
        found.append(([piece.casefold() if isinstance(piece, str) else piece for piece in pieces], part))
    return found

"""How long pictures of channels are worked on: until most of a batch excite more than any photo, and no longer."""

import itertools

import numpy as np
import pytest

from semsearch.explain import computing
from semsearch.explain.maximise.maximisation import Maximised

PHOTOS = np.array([9, 2, 9, 4, 9, 6], np.float32)
"""What the best photo makes of channels 0 to 5; the batch is 1, 3 and 5."""


class Slow:
    """Its pictures of three channels excite by so much after 128 steps, twice as much after 256, and so on."""

    def __init__(self, *after):
        self.after, self.taken = np.array(after, np.float32), 0

    def steps(self, wanted, *, seed):
        assert [np.flatnonzero(one.direction(6)).tolist() for one in wanted] == [[1], [3], [5]] and seed == 7
        for step in itertools.islice(itertools.count(1), computing.OPTIONS.steps):
            self.taken = step
            yield lambda step=step: Maximised(np.zeros((3, 1, 1, 3), np.uint8), self.after * (step // 128), step)


@pytest.mark.parametrize(
    "after, steps",
    [
        ((3, 5, 0), 128),  # two of three are above 2, 4 and 6
        ((3, 4, 6), 256),  # as much as a photo is not more
        ((0, 2, 2.1), 384),
        ((9, 0, 0), 512),
        ((0, 0, 0), 512),
    ],
)
def test_pictures_are_worked_on_until_most_excite_more_than_photos(after, steps):
    maximiser, told = Slow(*after), []
    result = computing._excited(maximiser, [1, 3, 5], 7, PHOTOS, told.append)
    assert (result.steps, maximiser.taken, told) == (steps, steps, list(range(1, steps + 1)))

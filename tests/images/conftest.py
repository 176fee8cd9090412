"""Fixtures of the tests of pictures."""

import pytest

from semsearch.images import sandbox


@pytest.fixture
def fresh_children():
    """Decoders that no other test has used, and that none will use after this one."""
    sandbox.close_idle()
    yield
    sandbox.close_idle()

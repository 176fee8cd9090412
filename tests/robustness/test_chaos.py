"""The app outlives its files: a minute of ``benchmarks/chaos.py``, which runs ten by itself."""

import pytest

from benchmarks import chaos
from benchmarks.seen import MEMORY

pytestmark = [pytest.mark.alone, pytest.mark.browser, pytest.mark.real]


def test_a_server_outlives_its_files(tmp_path, monkeypatch):
    """Hundreds of deeds; right answers, or clear refusals, to the bit, and all is well again at once."""
    for name in ("SEMSEARCH_HOME", "SEMSEARCH_PRECOMPUTED"):
        monkeypatch.setenv(name, str(tmp_path))  # which the run sets for itself, and for this test alone
    seen = chaos.run(tmp_path, seconds=80, seed=7, pull=False)
    chaos.report(seen)
    # What a busy machine may miss are the figures of time; the run of ten minutes holds them to its targets.
    assert seen.faults == [] and seen.after.faults == [] and seen.deaths == 0
    assert seen.well < 30 and max(seen.memory) <= MEMORY
    assert sum(seen.deeds.values()) > 200 and seen.answers["200 right"] > 200

"""Each benchmark, on a fresh machine, gets what it needs or says in one line what is missing."""

import os
import subprocess
import sys

import pytest

from tests import ROOT

NOWHERE = "http://127.0.0.1:9"
"""A port where nobody answers."""


def bench(name, *words, home, **env):
    places = {"SEMSEARCH_HOME": str(home), "SEMSEARCH_MIRROR": NOWHERE, "PIP_INDEX_URL": NOWHERE}
    command = [sys.executable, "-m", f"benchmarks.{name}", *words]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **places, **env}, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("extraction", ("--models", "vgg16")),
        ("latency", ("--models", "vgg16")),
        ("serving", ()),
        ("screenshots", ()),
        ("weight", ()),
        ("visualization", ()),
        ("datasets", ()),
    ],
)
def test_without_weights_and_network_one_line_says_so(home, name, words):
    """`make bench` on a fresh machine ended in a traceback: VGG16 was never pulled."""
    done = bench(name, *words, home=home)
    assert done.returncode == 3
    assert done.stderr.startswith("semsearch: no source could give the weights of ") and done.stderr.count("\n") == 1
    assert "Traceback" in bench(name, *words, "--debug", home=home).stderr


def test_without_the_published_scores_one_line_says_so(home, tmp_path):
    done = bench("parity", home=home, SEMSEARCH_SHARED_DATA=str(tmp_path / "data"))
    assert done.returncode == 3
    assert "scores_published.json is not here: set SEMSEARCH_SHARED_DATA" in done.stderr
    assert done.stderr.count("\n") == 1


def test_every_benchmark_is_run_through_the_same_door():
    for path in (ROOT / "benchmarks").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "needs.py" != path.name and f"python -m benchmarks.{path.stem} [" in text:
            assert text.rstrip().endswith("needs.run(main)"), path.name

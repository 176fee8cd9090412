"""A seeded part of ``signals.py``: every command that takes time, told to end at moments over all of its duration."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from semsearch.models import safeheader
from tests.processes import signal_jobs as jobs
from tests.processes import signals

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", "")
        yield jobs.World(tmp_path_factory.mktemp("signals"))


@pytest.fixture(scope="module")
def extraction(world, tmp_path_factory):
    """``precompute`` without maps, and what it makes: the job, its result, its duration."""
    words = [sys.executable, str(jobs.ROOT / "tests" / "processes" / "signal_precompute.py"), "{}/store"]
    job = jobs.Job("precompute", words, world.at_home(*jobs.ALL), ("store/**/*",), problems=jobs.store_problems)
    expected, span, _ = signals.undisturbed(job, tmp_path_factory.mktemp("undisturbed") / "0")
    return job, expected, span


def disturb(job, folder, expected, span, count):
    """All signals in turn on one folder; then to the end."""
    rows = {number: signals.Row(job.name, number) for number in signals.NUMBERS}
    job.make(folder)
    for place, (delay, manner) in enumerate(signals.moments(random.Random(job.name), count, span, None)):
        row = rows[signals.NUMBERS[place % 4]]
        one = signals.Try(job, folder, row.number, delay, manner)
        if one.code != 0 or job.client:
            found = signals.judge(job, folder, row.number, one, row)
            assert not found, f"{row.number} {manner} at {delay:.3f} s: {found}; {one.said}"
    assert any(row.codes[code] for row in rows.values() for code in job.codes.values())
    if not job.client:
        assert signals.resume(job, folder, expected, signals.Row(job.name, 0)) == []


def test_precompute(extraction, tmp_path):
    job, expected, span = extraction
    disturb(job, tmp_path / "0", expected, span, 8)


def test_one_process_that_is_interrupted_calls_again(extraction, tmp_path):
    """As a notebook does: OpenVINO had left a stack for signals that was no more, and the next Ctrl-C was a crash."""
    job, expected, span = extraction
    job.make(tmp_path / "0")
    done = subprocess.run(
        [sys.executable, "-m", "tests.processes.signal_process", str(tmp_path / "0"), "6", str(span / 2), "1", "0"],
        cwd=jobs.ROOT,
        env=job.environment(tmp_path / "0"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    interrupted, stores = map(int, done.stdout.split())
    assert interrupted >= 1
    for number in range(stores):
        (tmp_path / "0" / str(number)).rename(tmp_path / "0" / "store")
        assert job.result(tmp_path / "0") == expected
        (tmp_path / "0" / "store").rename(tmp_path / f"{number} was right")


def test_search(world, tmp_path):
    job = jobs.search_job(world)
    expected, span, _ = signals.undisturbed(job, tmp_path / "undisturbed")
    disturb(job, tmp_path / "0", expected, span, 8)


def test_models_pull(world, tmp_path):
    (kept,) = (world.home / "weights").glob("*.safetensors")
    whole = hashlib.sha256(safeheader.ordered(kept.read_bytes())).hexdigest()
    with jobs.slow_site(jobs.index_files(world.folder), 0.5) as address:
        job = jobs.pull_job(world, address)
        disturb(job, tmp_path / "0", {f"home/weights/{kept.name}": whole}, 4.0, 4)


def test_datasets_fetch(world, tmp_path, shared_data):
    with jobs.slow_site(jobs.picture_files(), 0.5) as address:
        job = jobs.fetch_job(world, address)
        expected = {f"home/datasets/iconic200/{name}": jobs.digest(file) for name, file in jobs.picture_files().items()}
        disturb(job, tmp_path / "0", expected, 1.0, 10)


def test_server(world, tmp_path):
    job = jobs.server_job(world)
    _, span, _ = signals.undisturbed(job, tmp_path / "undisturbed")
    disturb(job, tmp_path / "0", {}, span, 4)


@pytest.mark.parametrize("script", ["server.py", "app.py"])
def test_streamlit_run_still_starts(world, tmp_path, script):
    """As hosts start it."""
    job = jobs.server_job(world)
    port = job.words[-1]
    words = [sys.executable, "-m", "streamlit", "run", str(jobs.ROOT / script), "--server.port", port]
    job.make(tmp_path / "0")
    with subprocess.Popen(
        words, cwd=jobs.ROOT, env=job.environment(tmp_path / "0"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        until = time.monotonic() + 60
        while not answers(port) and time.monotonic() < until:
            time.sleep(0.05)
        assert answers(port)
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)


def answers(port):
    import urllib.request

    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False

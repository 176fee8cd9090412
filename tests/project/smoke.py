"""A first look at an installation with nothing but requirements.txt: commands, pages, REST, one real dataset computed.

    PYTHON -m tests.project.smoke

Run by the Python of that installation, from the checkout, on a home of its own. Ends with "N passed, N failed".
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from tests import ROOT

PAGES = ("search", "live_search", "embeddings", "index_lab", "explorer", "guide")
SEARCH = {"item": 100, "k": 3, "model": "mobilenetv2", "layer": "Conv_1", "pooling": "avg", "metric": "cosine"}
FOUND = [116, 106, 112]
"""As the README says."""


def command(*words):
    """What a command of semsearch prints; its failure is ours."""
    done = subprocess.run([sys.executable, "-m", "semsearch", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answer(address, body=None):
    """(status, bytes) of a request; JSON is posted."""
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"} if body else {})
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.status, response.read()


@contextmanager
def server():
    """The address of the app, started as `make app` does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = [sys.executable, "server.py", "--server.port", str(port)]
    with subprocess.Popen(start, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                try:
                    answer(f"http://127.0.0.1:{port}/_stcore/health")
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def commands(folder):
    """Weights, pictures, and a folder of photos from its first use to its scores."""
    command("datasets", "fetch", "groceries200")
    assert "mobilenetv2: " in command("models", "pull", "mobilenetv2")
    photos = sorted((Path(os.environ["SEMSEARCH_HOME"]) / "datasets" / "groceries200").glob("*.jpg"))[:6]
    for number, photo in enumerate(photos):
        kind = folder / "mine" / ("first" if number < 3 else "second")
        kind.mkdir(parents=True, exist_ok=True)
        (kind / photo.name).write_bytes(photo.read_bytes())
    assert "6 pictures of 2 classes" in command("datasets", "add", "mine", "--from", str(folder / "mine"))
    store = ["--models", "mobilenetv2", "--to", str(folder / "store")]
    assert command("precompute", "mine", *store).startswith("1 computed")


def pages(_folder):
    """Each page, drawn without a browser."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    for page in PAGES:
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception and not app.error, (page, app.exception, app.error)
        assert app.title, page


def rest(_folder):
    """The server, and a live search whose answer is known."""
    with server() as address:
        for path in ("/", "/similar", "/live", "/map", "/learn"):
            assert answer(address + path)[0] == 200
        assert json.loads(answer(address + "/api/health")[1])["healthy"]
        for _ in range(60):
            try:
                matches = json.loads(answer(address + "/api/search", SEARCH)[1])["matches"]
                break
            except urllib.error.HTTPError as error:  # features are being computed
                assert error.code == 503, error.read()
                time.sleep(1)
        assert [match["item"] for match in matches] == FOUND


def main():
    """Run all; returns the exit code."""
    failed = 0
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEMSEARCH_HOME"] = str(Path(folder) / "home")
        for check in (commands, pages, rest):
            started = time.monotonic()
            try:
                check(Path(folder))
                word = "passed"
            except Exception as error:
                failed, word = failed + 1, f"FAILED: {error!r}"
            print(f"{check.__name__}: {word} ({time.monotonic() - started:.0f} s)", flush=True)
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"smoke on Python {version}\n{3 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

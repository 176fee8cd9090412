"""The app started in a process of its own, as hosts start it, and waited for until it answers."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from tests import ROOT
from tests.worlds.servers import serve_app


def free_port():
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(**settings):
    """That of this process with these settings of the app and none besides."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SEMSEARCH_", "STREAMLIT_"))}
    return kept | settings


@contextmanager
def running(command, env, url):
    """The process of a command that serves the app at ``url``, once it answers there; it is told to end at last."""
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(f"{url}_stcore/health")
            yield process
        finally:
            process.terminate()


def wait_for(url):
    """Until an address answers, at most a minute."""
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Server:
    """A running app."""

    def __init__(self, process, url, side_port):
        self.process, self.url, self.side = process, url, f"http://127.0.0.1:{side_port}/"

    def modules(self):
        """The packages that its process holds."""
        with urllib.request.urlopen(self.side, timeout=10) as answer:
            return {name.split(".")[0] for name in json.load(answer)}

    def megabytes(self):
        """Its memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


@contextmanager
def serving(home, store=None, **settings):
    """The app with that home, with that store or what ships, and with further settings of the environment."""
    places = {"SEMSEARCH_HOME": str(home), "HOME": str(home)}
    if store:
        places["SEMSEARCH_PRECOMPUTED"] = str(store)
    port, side_port = free_port(), free_port()
    base = settings.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
    url = f"http://127.0.0.1:{port}/" + (f"{base}/" if base else "")
    command = [sys.executable, serve_app.__file__, str(port), str(side_port)]
    with running(command, environment(**places | settings), url) as process:
        yield Server(process, url, side_port)

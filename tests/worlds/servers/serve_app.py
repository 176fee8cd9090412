"""Run the app as ``streamlit run`` does, and tell on a second port which modules its process holds.

usage: python serve_app.py PORT SIDE_PORT
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Modules(BaseHTTPRequestHandler):
    """Answers every GET with the names in sys.modules, as JSON."""

    def do_GET(self):
        body = json.dumps(sorted(sys.modules)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Say nothing."""


def main(port, side_port):
    side = ThreadingHTTPServer(("127.0.0.1", int(side_port)), Modules)
    threading.Thread(target=side.serve_forever, daemon=True).start()
    from streamlit.web.cli import main as streamlit

    app = Path(__file__).resolve().parents[3] / "server.py"
    sys.argv = ["streamlit", "run", str(app), "--server.port", port]
    streamlit()


if __name__ == "__main__":
    main(*sys.argv[1:])

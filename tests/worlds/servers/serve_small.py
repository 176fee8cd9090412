"""Run the app as ``streamlit run`` does, with little room: a few connections, sessions and bytes are too many.

usage: python serve_small.py PORT
"""

import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CONNECTIONS, PATIENCE = 40, 1.5
SESSIONS, OF_ONE, AWAY, SILENT = 30, 24, 0.5, 2.0
ONE, ALL = 300_000, 500_000


def main(port):
    sys.path.insert(0, str(ROOT))
    from ui.admission import connections, door, entrance, uploads

    watch = connections.Watch
    patience = dict.fromkeys(connections.PATIENCE, PATIENCE) | {"handshake": 60.0, "answer": 60.0}
    connections.LOOK, connections.MOMENT, entrance.AWAY, entrance.SILENT = 0.1, 0.0, AWAY, SILENT
    connections.Watch = lambda most: watch(CONNECTIONS, patience=patience)
    entrance.Door = partial(door.Door, SESSIONS, OF_ONE, beginning=2, begun=60.0)
    entrance.Uploads = partial(uploads.Uploads, of_one=ONE, of_all=ALL)
    from streamlit.web.cli import main as streamlit

    sys.argv = ["streamlit", "run", str(ROOT / "server.py"), "--server.port", port]
    streamlit()


if __name__ == "__main__":
    main(*sys.argv[1:])

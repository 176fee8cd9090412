"""Run the app as ``streamlit run`` does, on networks whose answers are known, with a port of this machine for links.

usage: python serve_live.py PORT LINK_PORT
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def main(port, link_port):
    sys.path.insert(0, str(ROOT))
    from semsearch.jobs import desk
    from semsearch.live import serving
    from semsearch.live.galleries import Galleries
    from semsearch.models import weights
    from semsearch.net import links
    from tests.worlds.live_world import TOOLS

    desk.COMMAND = ("-m", "tests.worlds.job_child")
    service = serving.Service(galleries=Galleries(TOOLS))
    serving.service = lambda: service
    weights.status = lambda model: weights.WeightsStatus(True, "here", "a test")
    links.PUBLIC = links.Policy(frozenset({int(link_port)}), frozenset({"127.0.0.1"}))
    from streamlit.web.cli import main as streamlit

    sys.argv = ["streamlit", "run", str(ROOT / "server.py"), "--server.port", port]
    streamlit()


if __name__ == "__main__":
    main(*sys.argv[1:])

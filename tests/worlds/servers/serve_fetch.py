"""Run the app as ``streamlit run`` does, with the cards of a folder, and a callback that fails for one picture.

usage: python serve_fetch.py PORT FACTS
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BROKEN = 11
"""The picture that cannot become the query."""


def main(port, facts):
    sys.path.insert(0, str(ROOT))
    from semsearch.data import datasets
    from ui import sidebar

    datasets.FACTS = Path(facts)
    go = sidebar.go

    def going(**parts):
        if parts.get("q") == BROKEN:
            raise OSError(28, "No space left on device")
        go(**parts)

    sidebar.go = going
    from streamlit.web.cli import main as streamlit

    sys.argv = ["streamlit", "run", str(ROOT / "server.py"), "--server.port", port]
    streamlit()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The source of what ships, for the tests that read it."""

from tests import ROOT


def shipped():
    """Every Python file of the package and of the screens."""
    places = [ROOT / "app.py", ROOT / "server.py"]
    for name in ("semsearch", "ui", "pages"):
        places += sorted((ROOT / name).rglob("*.py"))
    return places

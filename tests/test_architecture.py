"""The import levels of the package, checked on the source: strictly downward, heavy libraries in their place."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LEVELS = {
    -1: {"names"},
    0: {"errors", "interrupts"},
    1: {
        "settings",
        "server_log",
        "signal_stack",
        "storage",
        "staging",
        "child",
        "errands",
        "addresses",
        "catalog",
        "formats",
        "metrics",
        "scores",
    },
    2: {
        "pixels",
        "decoder",
        "images",
        "folder",
        "fetch",
        "links",
        "networks",
        "carriers",
        "weights",
        "datasets",
        "identity",
        "safeheader",
        "vectorfiles",
        "sources",
        "engines",
        "converted",
        "features",
        "projection",
        "coding",
        "finite",
        "artifacts",
        "layer_results",
        "units",
        "store",
        "index",
        "limits",
    },
    3: {"experiments", "compare", "leaderboard", "gallery", "search", "recommend", "opened", "extractors"},
    4: {"precompute", "evaluate", "worker", "serving"},
    5: {"cli", "terminal", "__main__", "api", "gate", "openapi", "wire"},
}
LEVEL_OF = {module: level for level, modules in LEVELS.items() for module in modules}
HEAVY = {
    "tensorflow": {"networks", "engines", "weights", "carriers"},
    "keras": {"networks", "engines", "converted", "weights"},
    "openvino": {"converted"},
    "h5py": {"carriers", "weights"},
    "safetensors": {"weights"},
    "PIL": {"pixels"},
    "pi_heif": {"pixels"},
    "requests": {"fetch"},
    "pypi_simple": {"fetch"},
    "umap": {"projection"},
    "sklearn": {"projection"},
    "numba": {"metrics", "projection"},
    "pyarrow": {"datasets", "sources"},
    "faiss": {"index"},
    "idna": {"addresses"},
    "streamlit": set(),
    "tqdm": {"terminal"},
    "starlette": {"api", "gate"},
    "pydantic": {"openapi", "wire"},
}
EAGER = {"starlette", "pydantic"}
"""Imported where they are used, by modules that only the server imports."""
MODULES = sorted((ROOT / "semsearch").glob("*.py"))


def imports(path: Path) -> list[tuple[str, bool]]:
    """(imported module, at import time?) of every import statement in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = {
        node
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(outer, ast.If) and ast.unparse(outer.test) == "TYPE_CHECKING")
        for node in ast.walk(outer)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node not in lazy) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            if node.module == "semsearch":
                found += [(f"semsearch.{alias.name}", node not in lazy) for alias in node.names]
            else:
                found.append((node.module, node not in lazy))
    return found


def test_every_module_has_a_level():
    assert {path.stem for path in MODULES} - {"__init__"} <= set(LEVEL_OF)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_go_downward(path):
    if path.stem == "__init__":
        return
    own = LEVEL_OF[path.stem]
    for name, _ in imports(path):
        if not name.startswith("semsearch."):
            continue
        other = LEVEL_OF[name.split(".")[1]]
        sideways = other == own and own >= 1
        assert other < own or sideways, f"{path.stem} (level {own}) imports {name} (level {other})"


def test_no_import_cycles():
    graph = {
        path.stem: {name.split(".")[1] for name, _ in imports(path) if name.startswith("semsearch.")}
        for path in MODULES
        if path.stem != "__init__"
    }
    while free := [module for module, needs in graph.items() if not needs & set(graph)]:
        for module in free:
            del graph[module]
    assert not graph, f"modules that import each other: {graph}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_heavy_libraries_are_in_their_place_and_lazy(path):
    for name, eager in imports(path):
        top = name.split(".")[0]
        if top in HEAVY:
            assert path.stem in HEAVY[top], f"{path.stem} imports {top}"
            assert not eager or top in EAGER, f"{path.stem} imports {top} when it is imported itself"


def test_streamlit_stays_on_the_screen_side():
    for path in [ROOT / "app.py", ROOT / "server.py", *(ROOT / "pages").rglob("*.py")]:
        names = {name.split(".")[0] for name, _ in imports(path)}
        assert not names & {"tensorflow", "keras", "umap", "openvino", "PIL", "pi_heif", "requests", "faiss"}, path


def test_only_resources_caches():
    for path in [ROOT / "app.py", ROOT / "server.py", *(ROOT / "pages").rglob("*.py")]:
        if path.name != "resources.py":
            assert "st.cache_" not in path.read_text(encoding="utf-8"), path


def test_size_budget():
    budgets = [(path, 300) for path in MODULES] + [(ROOT / "app.py", 40)]
    budgets += [(path, 80) for path in (ROOT / "pages").glob("*.py")]
    for path, limit in budgets:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= limit or "over budget because" in lines[0], f"{path.name}: {len(lines)} lines"
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 40, f"{path.name}: {node.name} is over 40 lines"


def test_import_costs_nothing():
    heavy = {*HEAVY, "numpy", "pandas"}
    code = f"import semsearch, sys; print(sorted({{m.split('.')[0] for m in sys.modules}} & set({sorted(heavy)!r})))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_nothing_of_the_machine_is_committed():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    hosts = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "deb.deb" + "ian.org"]
    for name in listed:
        path = ROOT / name
        if path.suffix in {".npz", ".png", ".jpg"} or not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        assert not [host for host in hosts if host in text], name


def test_types_of_all_that_runs_are_checked():
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    ours = {path.parts[len(ROOT.parts)] for path in ROOT.rglob("*.py") if ".venv" not in path.parts}
    assert checked["strict"] is True and set(checked["files"]) == ours - {"tests", "build"}


def test_what_may_not_be_looked_at_is_not_there():
    """pathlib's questions raise PermissionError in a folder that may not be entered; those of os.path answer no."""
    for path in [*MODULES, *(ROOT / "pages").rglob("*.py")]:
        found = re.findall(r"\.(?:is_file|is_dir|exists)\(\)", path.read_text(encoding="utf-8"))
        assert len(found) == (1 if path.name == "datasets.py" else 0), path.name  # the one there is in a try

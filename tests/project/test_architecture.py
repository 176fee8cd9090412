"""The import levels of the package, checked on the source: strictly downward, heavy libraries in their place."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import ROOT
from tests.project.levels import LEVEL_OF

WINGS = {"search", "embeddings", "live", "datasets", "lab", "explorer", "guide"}
"""The parts of each screen, below ui/."""
HEAVY = {
    "tensorflow": {
        *("graphs", "engines", "weights", "readers"),
        *("maximisation", "objectives", "parametrisation", "rectifiers", "transforms"),
    },
    "keras": {
        "graphs",
        "fields",
        "foreign",
        "added",
        "engines",
        "openvino_engine",
        "weights",
        "maximisation",
        "rectifiers",
    },
    "openvino": {"openvino_engine"},
    "h5py": {"readers", "weights", "foreign"},
    "safetensors": {"weights"},
    "PIL": {"pixels", "colours", "oddities", "costs", "changes"},
    "pi_heif": {"pixels"},
    "requests": {"fetch"},
    "pypi_simple": {"fetch"},
    "umap": {"projection"},
    "sklearn": {"projection"},
    "numba": {"sums", "compiler"},
    "pyarrow": {"datasets", "export", "sources"},
    "faiss": {"faiss_index", "graph"},
    "idna": {"addresses"},
    "streamlit": set(),
    "tqdm": {"terminal"},
    "starlette": {"handlers", "gate", "reading", "changes"},
    "pydantic": {"openapi", "bodies", "replies"},
}
EAGER = {"starlette", "pydantic"}
"""Imported where they are used, by modules that only the server imports."""
MODULES = sorted((ROOT / "semsearch").rglob("*.py"))
SCREENS = [
    ROOT / "app.py",
    ROOT / "server.py",
    *sorted((ROOT / "pages").rglob("*.py")),
    *sorted((ROOT / "ui").rglob("*.py")),
]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


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
            found += [(f"{node.module}.{alias.name}", node not in lazy) for alias in node.names]
    return found


def dotted(path: Path) -> str:
    """The name a module is imported by."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def ours(path: Path) -> set[str]:
    """The modules of the package, of ui and of pages that a file imports, itself not among them."""
    known = {dotted(one) for one in [*MODULES, *SCREENS]}
    found = set()
    for name, _ in imports(path):
        found |= {name} & known or {name.rpartition(".")[0]} & known  # a module, or a name of one
    return found - {dotted(path)}


def test_every_package_has_a_level():
    assert {dotted(path).split(".")[1] for path in MODULES if dotted(path) != "semsearch"} == set(LEVEL_OF)


def upward(path: Path) -> set[str]:
    """What a module of the package imports though it does not stand below it."""
    own = dotted(path).split(".")[1]
    others = {name for name in ours(path) if name.startswith("semsearch.")}
    return {name for name in others if name.split(".")[1] != own and LEVEL_OF[name.split(".")[1]] >= LEVEL_OF[own]}


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_go_downward(path):
    if dotted(path) != "semsearch":
        assert not upward(path) and "semsearch" not in ours(path)


def test_an_import_upward_or_sideways_is_seen(tmp_path, monkeypatch):
    planted = tmp_path / "semsearch" / "models" / "planted.py"
    planted.parent.mkdir(parents=True)
    planted.write_text("def late():\n    from semsearch.live import search\nfrom semsearch.data import datasets\n")
    others = {path: tmp_path / path.relative_to(ROOT) for path in MODULES}
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "MODULES", [*others.values(), planted])
    monkeypatch.setattr(sys.modules[__name__], "SCREENS", [])
    assert upward(planted) == {"semsearch.live.search", "semsearch.data.datasets"}


def test_no_folder_is_too_full():
    for folder in {path.parent for path in [*MODULES, *SCREENS]}:
        assert len(list(folder.glob("*.py"))) <= 14, folder


def test_no_folder_of_tests_is_too_full():
    for folder in {path.parent for path in TESTS}:
        assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 14, folder


def imported_tests(path: Path) -> set[str]:
    """The test modules that a file imports, also in the programs that it holds as texts."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    lines = [line for text in texts for line in text.splitlines()]
    found = [line for line in lines if re.match(r"\s*(from tests[.\w]* import|import tests\.) *\w", line)]
    found += [name for name, _ in imports(path) if name.startswith("tests.")]
    return {word for name in found for word in re.findall(r"\btest_\w+", name)}


def test_no_test_is_imported_by_another_module():
    """What tests share lies in worlds, in a conftest, or in a module of its own beside them."""
    found = {dotted(path): imported_tests(path) for path in TESTS}
    assert {module: names for module, names in found.items() if names} == {}


def test_an_imported_test_is_seen(tmp_path):
    for line in ("from tests.live import {} as a, b", "import tests.live.{}", "from tests.live.{} import C"):
        line = line.format("test_one")
        for text in (line, f"def late():\n    {line}", f'CODE = """\nimport sys\n{line}\n"""'):
            (tmp_path / "one.py").write_text(text)
            assert imported_tests(tmp_path / "one.py") == {"test_one"}, text
    (tmp_path / "one.py").write_text("from tests.worlds import small_world\nprint('test_it')")
    assert not imported_tests(tmp_path / "one.py")


def test_no_import_cycles():
    graph = {dotted(path): ours(path) for path in [*MODULES, *SCREENS]}
    for path in MODULES:  # a package is imported before its modules: that is no cycle
        graph[dotted(path)] -= {"semsearch"}
    while free := [module for module, needs in graph.items() if not needs & set(graph)]:
        for module in free:
            del graph[module]
    assert not graph, f"modules that import each other: {graph}"


def test_the_screens_lean_on_what_they_share():
    for path in SCREENS:
        parts = path.relative_to(ROOT).parts
        wings = {name.split(".")[1] for name in ours(path) if name.startswith("ui.")} & WINGS
        if parts[0] == "ui":
            assert wings <= {parts[1]}, f"{dotted(path)} imports the parts of {wings}"
        assert not any(name.startswith("pages.") for name in ours(path)), path
    for path in MODULES:
        assert not any(name.split(".")[0] in ("ui", "pages", "streamlit") for name, _ in imports(path)), path


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_heavy_libraries_are_in_their_place_and_lazy(path):
    for name, eager in imports(path):
        top = name.split(".")[0]
        if top in HEAVY:
            assert path.stem in HEAVY[top], f"{path.stem} imports {top}"
            assert not eager or top in EAGER, f"{path.stem} imports {top} when it is imported itself"


def test_streamlit_stays_on_the_screen_side():
    for path in SCREENS:
        names = {name.split(".")[0] for name, _ in imports(path)}
        assert not names & {"tensorflow", "keras", "umap", "openvino", "PIL", "pi_heif", "requests", "faiss"}, path


def test_only_resources_caches():
    for path in SCREENS:
        if path.name != "resources.py":
            assert "st.cache_" not in path.read_text(encoding="utf-8"), path


def test_size_budget():
    everywhere = [*MODULES, *SCREENS, *(ROOT / "benchmarks").glob("*.py")]
    for path in everywhere:
        limit = {"app.py": 40}.get(path.name, 80 if path.parent.name == "pages" else 300)
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= limit, f"{path.name}: {len(lines)} lines"
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = node.end_lineno - node.lineno + 1
                assert length <= 40, f"{path.name}: {node.name} has {length} lines"


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
    for path in [*MODULES, *SCREENS]:
        found = re.findall(r"\.(?:is_file|is_dir|exists)\(\)", path.read_text(encoding="utf-8"))
        assert len(found) == (dotted(path) in ("semsearch.data.datasets", "semsearch.data.folder")), path  # in a try

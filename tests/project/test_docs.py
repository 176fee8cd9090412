"""The documents are executed: their Python runs, their commands exist, and everything there is is named."""

import ast
import contextlib
import io
import re
import subprocess
import tomllib

import pytest

from semsearch import cli, terminal
from semsearch.data import datasets
from semsearch.models import catalog
from semsearch.ranking import metrics
from semsearch.rest import openapi
from tests import ROOT
from tests.project.levels import LEVEL_OF, LEVELS


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def documents():
    """Every document of the project, new ones too."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [name for name in listed if (ROOT / name).exists()]


DOCUMENTS = {name: read(name) for name in documents()}
README, ARCHITECTURE, BENCHMARKS, CONTRIBUTING = (
    DOCUMENTS[name] for name in ("README.md", "docs/architecture.md", "docs/benchmarks.md", "CONTRIBUTING.md")
)


def blocks(language):
    return [block for text in DOCUMENTS.values() for block in re.findall(rf"```{language}\n(.*?)```", text, re.S)]


def section(text, heading):
    """What stands under a heading of a document, up to the next of the same level or a higher one."""
    level = heading.partition(" ")[0]
    return re.split(rf"^#{{1,{len(level)}}} ", text.partition(f"{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(heading):
    """The numbers that begin the rows of a table of the README."""
    rows = re.findall(r"^\| ([\d, ]+) \|", section(README, heading), re.MULTILINE)
    return {code for row in rows for code in row.split(", ")}


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.splitlines()[0])
def test_python_of_the_documents_runs_and_prints_what_it_says(code):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "a document", "exec"), {})
    promised = [line.partition("# → ")[2] for line in code.splitlines() if "# → " in line]
    assert promised, "a block of a document promises nothing"
    assert printed.getvalue().splitlines() == promised


COMMANDS = [
    line.split("#")[0].split() for block in blocks("sh") for line in block.splitlines() if line.startswith("semsearch ")
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_of_the_documents_are_commands(words):
    assert cli._parser().parse_args(words[1:]).run


def test_targets_of_the_documents_are_targets():
    makefile = read("Makefile")
    named = set(re.findall(r"make ([a-z]+)", README))
    assert {"app", "test"} <= named
    named |= set(re.findall(r"(?:^|`)make ([a-z]+)", "\n".join(DOCUMENTS.values()), re.MULTILINE))
    assert {"app", "test", "lint", "parity", "bench", "scores"} <= named
    assert not [target for target in named if f"\n{target}:" not in makefile]


@pytest.mark.parametrize("name", [*catalog.models(), *datasets.names(), *metrics.METRICS, *catalog.POOLINGS])
def test_everything_there_is_is_named_in_the_readme(name):
    assert f"`{name}`" in README


def test_every_setting_is_named_in_the_readme():
    text = read("semsearch/settings.py")
    for name in sorted(set(re.findall(r"SEMSEARCH_[A-Z]+", text))):
        assert f"`{name}`" in README


def test_every_exit_code_is_in_the_readme():
    codes = re.findall(r"^(\d+) ", terminal.__doc__, re.MULTILINE)
    assert len(codes) == 10 and set(codes) == first_cells("## When something goes wrong")


def test_every_status_of_rest_is_in_the_readme():
    operations = (*openapi.OPERATIONS, *openapi.CHANGES)
    codes = {str(code) for operation in operations for code in operation.refusals}
    assert codes | {"404"} == first_cells("## Over REST")  # that one is of paths where nothing is


def test_every_module_and_page_is_in_the_layout():
    for path in (ROOT / "semsearch").rglob("[a-z_]*.py"):
        package = path.relative_to(ROOT / "semsearch").parts[0].removesuffix(".py")
        if path.name != "__init__.py":
            assert f"`{path.name}`" in section(ARCHITECTURE, f"### `{package}`"), path
    screens = section(ARCHITECTURE, "## The screens")
    for path in (ROOT / "pages").glob("[a-z]*.py"):
        assert f"`{path.name}`" in screens, path.name
    for path in (ROOT / "ui").glob("[a-z]*"):
        name = f"`ui/{path.name}/`" if path.is_dir() else f"`ui/{path.name}`"
        assert name in screens, path.name


def test_the_architecture_has_the_levels_of_the_code():
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section(ARCHITECTURE, "## Levels"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, len(LEVELS) + 1))
    assert tuple(set(re.findall("`(.+?)`", names)) for _, names in rows) == LEVELS
    told = re.findall(r"^### `(.+)`$", section(ARCHITECTURE, "## Packages of semsearch"), re.MULTILINE)
    assert sorted(told) == sorted(LEVEL_OF)
    assert [LEVEL_OF[name] for name in told] == sorted(LEVEL_OF[name] for name in told)


def test_the_pictures_of_the_readme_exist_and_are_small():
    for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README):
        assert (ROOT / target).stat().st_size <= 200_000, target


def test_the_tables_of_the_benchmarks_come_from_their_commands():
    from semsearch.results import evaluate

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert cli.main(["evaluate", "groceries200"]) == 0
    assert printed.getvalue().strip() in BENCHMARKS
    assert evaluate.score_rows("groceries200")


PLACES = re.findall(r"^\| (.+?) \| `(.+?)` \| (`.+`) \|$", section(CONTRIBUTING, "## Where things live"), re.MULTILINE)


def absent(path, names):
    """Those of ``names`` (in backticks, parted by commas) that a file does not define at its outermost level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return set(re.findall("`(.+?)`", names)) - {node.name for node in tree.body if isinstance(node, kinds)}


@pytest.mark.parametrize(("thing", "path", "names"), PLACES, ids=[thing for thing, *_ in PLACES])
def test_things_live_where_the_table_says(thing, path, names):
    assert not absent(ROOT / path, names), f"{thing} is not in {path}"


def test_what_people_look_for_is_in_the_table(tmp_path):
    wanted = {"link guard", "rank-biased overlap", "torch reader", "crop component", "sidebar", "decoder process"}
    assert wanted | {"leaderboard's bootstrap", "REST refusals"} <= {thing for thing, *_ in PLACES}
    assert len(PLACES) == section(CONTRIBUTING, "## Where things live").count("\n| ") - 1, "a row is not read"
    (tmp_path / "one.py").write_text("def here():\n    def inner(): ...\n")
    assert absent(tmp_path / "one.py", "`here`, `inner`, `gone`") == {"inner", "gone"}


def slugs(text):
    """The anchors of a document's headings, as hosts make them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.S), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_links(name, text, root=ROOT):
    """The relative links of a document that lead nowhere, or to a heading that is not there."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.S)):
        path, _, anchor = link.partition("#")
        target = (root / name).parent / path if path else root / name
        if re.match("[a-z]+:", link):
            continue
        if not target.exists() or (anchor and anchor not in slugs(target.read_text(encoding="utf-8"))):
            dead.append(link)
    return dead


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_documents_lead_somewhere(name):
    assert not dead_links(name, DOCUMENTS[name])


def test_a_dead_link_is_seen(tmp_path):
    (tmp_path / "one.md").write_text("# Two words, here\n")
    text = "[a](one.md) [b](one.md#two-words-here) [c](one.md#gone) [d](gone.md) [e](#gone) [f](https://example.org)"
    assert dead_links("two.md", text, tmp_path) == ["one.md#gone", "gone.md", "#gone"]


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name != "CHANGELOG.md"])
def test_files_that_documents_name_exist(name):
    folders = "semsearch|ui|pages|benchmarks|tests|docs|scripts|precomputed"
    for path in re.findall(rf"`((?:{folders})/[^`*\s]*)`", DOCUMENTS[name]):
        assert "NAME" in path or (ROOT / path).exists(), path


def test_every_program_that_documents_start_is_there():
    text = "\n".join(DOCUMENTS.values())
    started = set(re.findall(r"python -m ((?:benchmarks|tests|semsearch)\.[a-z_.]+[a-z])", text))
    assert {"benchmarks.serving", "benchmarks.chaos", "tests.processes.signals", "semsearch.models.graphs"} <= started
    for module in started:
        assert "__main__" in read(module.replace(".", "/") + ".py"), module


def test_every_benchmark_is_in_the_list():
    for path in (ROOT / "benchmarks").glob("[a-z]*.py"):
        if "python -m benchmarks." in (text := path.read_text(encoding="utf-8")) and "__main__" in text:
            listed = f"benchmarks.{path.stem}" in BENCHMARKS or f"benchmarks.{path.stem}" in read("Makefile")
            assert listed or path.stem in ("mischief", "attackers", "fault_stores"), path.name  # parts of others


def test_decisions_are_numbered_short_and_whole():
    records = sorted(path for path in (ROOT / "docs" / "decisions").glob("*.md") if path.name != "README.md")
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    listed = DOCUMENTS["docs/decisions/README.md"]
    for path in records:
        text = path.read_text(encoding="utf-8")
        parts = ["Context", "Decision", "Consequences", "What would change our minds"]
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == parts, path.name
        assert len(text.splitlines()) <= 40, path.name
        number, title = path.name[:4], text.splitlines()[0].removeprefix(f"# {path.name[:4]}. ")
        assert f"| [{number}]({path.name}) | {title} |" in listed, path.name


def test_the_version_and_the_licence_are_those_of_the_project():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    first, second = re.findall(r"^## (.+)$", DOCUMENTS["CHANGELOG.md"], re.MULTILINE)[:2]
    assert first == "Unreleased"
    assert re.fullmatch(rf"{re.escape(project['version'])} — \d{{4}}-\d\d-\d\d", second)
    assert project["license"] == "Apache-2.0" and project["license-files"] == ["LICENSE"]
    assert read("LICENSE").split()[:4] == ["Apache", "License", "Version", "2.0,"]

"""The documents are executed: the README's Python runs, its commands exist, and everything there is is named."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from semsearch import cli, terminal
from semsearch.data import datasets
from semsearch.models import catalog
from semsearch.ranking import metrics

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.splitlines()[0])
def test_python_of_the_readme_runs_and_prints_what_it_says(code):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    promised = [line.partition("# → ")[2] for line in code.splitlines() if "# → " in line]
    assert promised, "a block of the README promises nothing"
    assert printed.getvalue().splitlines() == promised


COMMANDS = [
    line.split("#")[0].split() for block in blocks("sh") for line in block.splitlines() if line.startswith("semsearch ")
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_of_the_readme_are_commands(words):
    assert cli._parser().parse_args(words[1:]).run


def test_targets_of_the_readme_are_targets():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"make ([a-z]+)", README))
    assert {"app", "test"} <= named
    assert not [target for target in named if f"\n{target}:" not in makefile]


@pytest.mark.parametrize("name", [*catalog.models(), *datasets.names(), *metrics.METRICS, *catalog.POOLINGS])
def test_everything_there_is_is_named_in_the_readme(name):
    assert f"`{name}`" in README


def test_every_setting_is_named_in_the_readme():
    text = (ROOT / "semsearch" / "settings.py").read_text(encoding="utf-8")
    for name in sorted(set(re.findall(r"SEMSEARCH_[A-Z]+", text))):
        assert f"`{name}`" in README


def test_every_exit_code_is_in_the_readme():
    codes = re.findall(r"^(\d+) ", terminal.__doc__, re.MULTILINE)
    rows = {code for row in re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE) for code in row.split(", ")}
    assert len(codes) == 9 and set(codes) <= rows


def test_every_module_and_page_is_in_the_layout():
    for path in [*(ROOT / "semsearch").rglob("[a-z]*.py"), *(ROOT / "pages").glob("[a-z]*.py")]:
        assert f"{path.stem}.py" in README, path.name


def test_the_pictures_of_the_readme_exist_and_are_small():
    for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README):
        assert (ROOT / target).stat().st_size <= 200_000, target


def test_the_tables_of_the_readme_come_from_their_commands():
    from semsearch.results import evaluate

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert cli.main(["evaluate", "groceries200"]) == 0
    assert printed.getvalue().strip() in README
    assert evaluate.score_rows("groceries200")

"""The report as a file: what it says, that names in it are text, and the command that writes it."""

import base64
import json
import shutil
from html.parser import HTMLParser

import pytest

from semsearch import cli, images
from semsearch.data import datasets
from semsearch.errors import UnknownName
from semsearch.maps import report
from semsearch.models.catalog import FeatureSpec
from semsearch.results import experiments
from semsearch.store.experiment import Experiment
from tests.worlds import small_world

EXPERIMENT = Experiment("world", FeatureSpec("vgg16", small_world.LAST["vgg16"], "avg"), "euclidean")


@pytest.fixture
def store(home, computed_world, tmp_path, monkeypatch):
    small_world.add(tmp_path / "world")
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(computed_world))
    return experiments.open_store(computed_world)


class Read(HTMLParser):
    """A page as a browser reads it: its paragraphs, its tables, its data."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts, self.rows, self.data, self._in = [], [], [], {}, ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._in = tag
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in == "script":
            self.data[self.tags[-1][1].get("id")] = data
        elif self._in in ("td", "th"):
            self.rows[-1].append(data)
        elif self._in == "p":
            self.texts.append(data)


def test_it_says_what_the_store_says(store):
    read, found = Read(report.page(EXPERIMENT, store=store)), experiments.summary(store, EXPERIMENT)
    rows = {row[0]: row[1:] for row in read.rows}
    mean = found.score
    assert rows["Mean score"] == [f"{mean.mean:.1f} of 100, 95 % interval {mean.low:.1f} to {mean.high:.1f}"]
    assert rows["Queries"] == ["6"] and rows["Precision@15"] == [f"{found.precision:.3f}"]
    assert rows["<b>pear"] == ["3", f"{found.per_class[0]:.1f}"] and rows["apple"][0] == "3"
    assert rows["Model"] == ["vgg16"] and rows["Layer"] == [small_world.LAST["vgg16"]]
    assert rows["Pooling"] == ["avg"] and rows["Metric"] == ["euclidean"]
    assert rows["Stored results"] == [f"SHA-256 {store.digest}"] and "numpy" in rows["Libraries"][0]
    trust = store.map("world", EXPERIMENT.spec, "umap2").trust
    assert rows["Trustworthiness of the map"] == [f"{trust.trustworthiness:.3f}"]


def test_the_best_configurations_and_the_layers_are_those_of_the_store(store):
    rows = Read(report.page(EXPERIMENT, store=store)).rows
    start = rows.index(["Rank", "Configuration", "Mean score"])
    for row, (one, mean, _) in zip(rows[start + 1 :], experiments.leaderboard(store, "world")[:10], strict=False):
        assert one.spec.layer in row[1] and one.spec.readout.title in row[1] and row[2] == f"{mean:.1f}"
    start = rows.index(["Layer", "Name", "Mean score"])
    layers = rows[start + 1 : start + 9]
    assert [row[0] for row in layers] == list("12345678")
    assert [row[1].endswith("(this report)") for row in layers] == [False] * 7 + [True]
    assert layers[-1][2] == f"{store.score(EXPERIMENT).score.mean():.1f}"


def test_each_point_has_its_name_and_its_picture(store):
    read = Read(report.page(EXPERIMENT, store=store))
    items = json.loads(read.data["items"])
    assert {item: told["name"] for item, told in items.items()} == {
        str(item): f"{'<b>pear' if item < 3 else 'apple'}, picture {item}" for item in range(6)
    }
    for item, told in items.items():
        kind, _, text = told["src"].partition(",")
        here = images.load(datasets.load("world").path(int(item)))
        small = images.load(base64.b64decode(text))
        assert kind == "data:image/jpeg;base64" and small.shape == here.shape
        assert abs(small.astype(int) - here).mean() < 8
    drawn = json.loads(read.data["figure"])["data"]
    assert [trace["name"].partition(" (")[0] for trace in drawn if "customdata" in trace] == ["&lt;b&gt;pear", "apple"]


def test_names_are_text_and_nothing_is_fetched(store):
    page = report.page(EXPERIMENT, store=store)
    tags = {tag for tag, _ in Read(page).tags}
    assert "b" not in tags and tags & {"link", "iframe", "object", "form", "base"} == set()
    assert not [attributes for _, attributes in Read(page).tags if {"src", "href"} & attributes.keys()]
    [policy] = [has["content"] for _, has in Read(page).tags if has.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data: blob:;") and "connect-src" not in policy
    lie = "</script><script>alert(1)</script><!--"
    assert "<" not in report._data({lie: lie}) and json.loads(report._data({lie: lie})) == {lie: lie}
    assert report._section(lie, [(lie, lie)], (lie, lie)).count("<script") == 0


def test_pictures_that_are_gone_or_others_are_left_out_and_counted(store, tmp_path):
    (tmp_path / "world" / "apple" / "0.bmp").unlink()
    (tmp_path / "world" / "apple" / "1.bmp").write_bytes(b"no picture")
    steps = []
    read = Read(report.page(EXPERIMENT, store=store, progress=lambda *done: steps.append(done)))
    assert [bool(told["src"]) for told in json.loads(read.data["items"]).values()] == [True] * 3 + [False] * 2 + [True]
    assert any("2 pictures could not be read" in text for text in read.texts)
    assert steps == [(done, 6) for done in range(1, 7)]


def test_without_pictures_it_says_so(store, tmp_path):
    shutil.rmtree(tmp_path / "world")
    read = Read(report.page(EXPERIMENT, store=store))
    assert any("pictures were not on the machine that made this report" in text for text in read.texts)
    assert {told["src"] for told in json.loads(read.data["items"]).values()} == {""}


def test_what_is_not_stored_is_refused(store):
    with pytest.raises(UnknownName, match="xception"):
        report.page(Experiment("world", FeatureSpec("xception", "block14_sepconv2_act", "avg"), "cosine"), store=store)


def run(capsys, *words):
    code = cli.main(words)
    return code, *capsys.readouterr()


def test_the_command_writes_the_report_of_what_it_was_asked_for(store, tmp_path, capsys, monkeypatch):
    path, words = tmp_path / "a.html", ("--model", "vgg16", "--metric", "euclidean")
    code, out, _ = run(capsys, "report", "world", "-o", str(path), *words)
    assert code == 0 and out.startswith(f"{path}: ") and out.endswith(" MB\n")
    assert path.read_text(encoding="utf-8") == report.page(EXPERIMENT, store=store)
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "report", "world")[0] == 0 and (tmp_path / "world-report.html").stat().st_size > 1_000_000


def test_the_command_replaces_a_file_only_where_told_to(store, tmp_path, capsys):
    path = tmp_path / "mine.html"
    path.write_text("mine")
    code, out, err = run(capsys, "report", "world", "-o", str(path))
    assert (code, out) == (2, "") and "is there already" in err and "--overwrite" in err
    assert path.read_text() == "mine"
    assert run(capsys, "report", "world", "-o", str(path), "--overwrite")[0] == 0
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("nowhere",), 2, "nowhere"),
        (("world", "--model", "xception"), 2, "model with stored results for world"),
        (("iconic200",), 2, "dataset with stored results"),
        (("world", "--layer", "Conv_1"), 2, "expected a model beside layer"),
    ],
)
def test_what_cannot_be_reported_is_said_and_nothing_written(store, tmp_path, capsys, monkeypatch, words, code, says):
    monkeypatch.chdir(tmp_path)
    got, _, err = run(capsys, "report", *words)
    assert got == code and says in err and not list(tmp_path.glob("*.html"))

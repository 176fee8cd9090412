"""Datasets at the edge: they work on every page and every door, or are refused in words before anything is stored."""

import json
import re

import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from streamlit.testing.v1 import AppTest

from semsearch import cli
from semsearch.data import sources
from semsearch.errors import InputError, IntegrityError, SemsearchError
from semsearch.files import sealed
from semsearch.live import search, serving
from semsearch.live.extractors import Tools
from semsearch.live.galleries import Galleries
from semsearch.models import catalog, weights
from semsearch.models.catalog import READOUTS
from semsearch.ranking import closeness, metrics, projection
from semsearch.store import artifacts, coding, finite, units
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store
from tests import ROOT
from tests.robustness.degenerate_worlds import LARGE, MODEL, REFUSED, WORLDS
from tests.worlds import tiny_store
from ui import charts, pictures, resources

LAST = catalog.model(MODEL).layers[-1].name
NOT_A_NUMBER = re.compile(r"(?<![\w/])[-−+]?(nan|NaN|inf|Infinity|None(?! of ))(?!\w)")


@pytest.fixture(scope="module")
def project():
    """UMAP and t-SNE as they are; what is asked again is not computed again: equal input gives equal output."""
    known = {}

    def ask(method, distances, start):
        key = (method, start.shape, distances.tobytes(), start.tobytes())
        if key not in known:
            known[key] = worker(method, distances, start)
        return known[key]

    with projection.map_worker() as worker:
        yield ask


@pytest.fixture
def edge(home, tmp_path, monkeypatch):
    """Registers a world and points the app at the store of its results, and at a service that searches it."""
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(tmp_path / "store"))
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "static")
    monkeypatch.setattr(sources, "groceries_parquet", lambda: None)  # it would be unpacked into each new home
    monkeypatch.setattr(weights, "status", lambda model: weights.WeightsStatus(True, "here", "a test"))
    for kept in (resources._pictured, resources._dataset, resources._recommendation):
        kept.clear()
    services = []

    def begin(world):
        tools = Tools(extractor=world.extractor, digest=lambda model: "0" * 64)
        services.append(serving.Service(galleries=Galleries(tools)))
        monkeypatch.setattr(serving, "service", lambda: services[0])
        return world.add(tmp_path / "pictures")

    yield begin
    for service in services:
        service.close()


def store_of(root):
    """The store at ``root``, all its arrays finite but where a number is undefined."""
    for path in root.glob("edge/*/*.npz"):
        with np.load(path) as held:
            for name in held.files:
                if name.split(".")[0] not in finite.UNDEFINED:
                    assert np.isfinite(held[name]).all(), (path.name, name)
                assert not np.isinf(held[name]).any(), (path.name, name)
    return Store(root)


def elements(node):
    yield from (
        (part for child in node.children.values() for part in elements(child)) if hasattr(node, "children") else [node]
    )


def strings(value):
    """All texts in what a browser is sent, numbers that JSON does not know included."""
    if isinstance(value, dict):
        yield from (text for part in value.values() for text in strings(part))
    elif isinstance(value, list):
        yield from (text for part in value for text in strings(part))
    elif isinstance(value, float):
        yield str(value)
    elif isinstance(value, str) and value[:1] in "{[":
        try:
            yield from strings(json.loads(value))
        except ValueError:
            yield value
    elif isinstance(value, str):
        yield value


def looked_at(app, *, refused=False):
    """All texts on screen, joined; they are words and numbers, and no error, but where something is refused."""
    assert not app.exception and bool(app.error) == refused, (app.exception, app.error)
    texts = []
    for element in elements(app._tree):
        if element.proto is None:
            continue
        if element.type == "arrow_data_frame":
            assert element.proto.placeholder == "–"
            continue
        shown = MessageToDict(element.proto)
        for source in ("id", "htmlContent", "cssContent", "jsContent"):
            shown.pop(source, None)
        texts += strings(shown)
    wrong = [text for text in texts if NOT_A_NUMBER.search(text)]
    assert refused or not wrong, wrong
    return "\n".join(texts).replace("\\", "")


def walk(world):
    """Every page and view on the last item of the world, one after the other; what each says, by name."""
    said = {}
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params["dataset"], app.query_params["q"] = "edge", str(len(world.labels) - 1)
    app.run()
    said["Matches"] = looked_at(app)
    app.toggle(key="compare").set_value(True).run()
    said["compared"] = looked_at(app)
    app.toggle(key="compare").set_value(False).run()
    app.segmented_control(key="view").set_value("All models").run()
    said["All models"] = looked_at(app)
    app.segmented_control(key="view").set_value("Whole dataset").run()
    said["board"] = looked_at(app)
    for part in ("experiment", "difference"):
        app.segmented_control(key="part").set_value(part).run()
        said[part] = looked_at(app)
    app.switch_page("pages/guide.py").run()
    said["Guide"] = looked_at(app)
    app.switch_page("pages/embeddings.py").run()
    app.session_state["map_movers"] = app.session_state["map_sheet"] = True
    for method in ("umap", "tsne", "pca"):
        for dims in "23":
            app.segmented_control(key="map_method").set_value(method)
            app.segmented_control(key="map_dims").set_value(dims).run()
            said[method + dims] = looked_at(app)
    app.switch_page("pages/live_search.py").run()
    said["Live"] = looked_at(app)
    return said


SAYS = {
    "two pictures of two classes": {
        "Matches": ("2 pictures of 2 classes", "0 of 1 match is of the same class", "the only picture of its class"),
        "board": ("mAP, Recall**: left out", "A picture here has 1 match"),
        "difference": ("A − B +0.0 (– to –)", "Over all 2 queries A and B are level"),
        "Live": ("On this dataset all configurations score alike (0.0 of 100)",),
        "umap2": ("With fewer than three pictures every neighbour is preserved", "to its 1 nearest", "needs at least"),
        "Guide": ("cannot be measured with so few",),
    },
    "one class": {
        "Matches": ("8 pictures of 1 class\n",),
        "umap2": ("Needs two classes",),
        "Guide": ("a single class, which cannot be taken for another",),
    },
    "equal pictures": {
        "Matches": ("similarity 43 %, distance 0.",),
        **dict.fromkeys(artifacts.KINDS, ("All points are in one place",)),
    },
    "1000 classes of one": {
        "experiment": ("Of 1,000 classes those 200 are drawn",),
        "difference": ("Of 1,000 classes those 200 are drawn",),
    },
}
"""What pages say of some worlds."""


def check_pages(name, world):
    said = walk(world)
    for page, words in SAYS.get(name, {}).items():
        assert [one for one in words if one not in said[page]] == [], page
    assert max(map(len, said.values())) < 6_000_000


@pytest.mark.parametrize("name", [name for name in WORLDS if name not in ("15 pictures", "17 pictures")])
def test_every_page_and_door_works(edge, tmp_path, monkeypatch, capsys, name):
    world = WORLDS[name]
    edge(world)
    assert world.compute(tmp_path / "store").computed == 1
    store_of(tmp_path / "store")
    check_pages(name, world)
    own = Galleries(Tools(world.extractor, lambda model: "0" * 64))
    monkeypatch.setattr(search, "shared", lambda: own)
    first = next((tmp_path / "pictures").rglob("0.bmp"))
    options = [[], ["--json"], ["--metric", "correlation", "--model", MODEL, "-k", "99"]]
    for words in (["evaluate", "edge"], *(["search", str(first), "--in", "edge", *more] for more in options)):
        assert cli.main(words) == 0
        assert not NOT_A_NUMBER.search(capsys.readouterr().out)


@pytest.mark.parametrize("name", LARGE)
def test_every_page_works_with_many_pictures_and_classes(edge, tmp_path, name):
    world = LARGE[name]
    edge(world)
    tiny_store.write_store(tmp_path / "store", "edge", world.features, np.array(world.labels))
    check_pages(name, world)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_computed_is_refused_in_words_and_nothing_stored(home, tmp_path, name):
    world, words = REFUSED[name]
    world.add(tmp_path / "pictures")
    with pytest.raises(SemsearchError, match=words):
        world.compute(tmp_path / "store")
    assert not list(tmp_path.glob("store/edge*")) and not list(tmp_path.glob("store/.work/*/*.npz"))
    assert not (tmp_path / "store" / "manifest.json").exists()


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """A store of another dataset, so that the pages open, and the folder of its pictures."""
    folder = tmp_path_factory.mktemp("others")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        WORLDS["4 pictures"].add(folder / "pictures", "others")
        WORLDS["4 pictures"].compute(folder / "store", name="others")
    return folder


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("one picture", "edge: expected at least 2 pictures to search among, got 1"),
        ("one readable picture", "edge: expected at least 2 readable pictures, got 1"),
        ("features that are no number", "edge/kind 0/1.bmp under mobilenetv2.Conv_1.avg: expected finite features"),
        ("distances beyond float32", "is beyond float32"),
    ],
)
def test_a_live_search_says_why_there_is_none(edge, others, monkeypatch, name, words):
    WORLDS["4 pictures"].add(others / "pictures", "others")
    edge(REFUSED[name][0])
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(others / "store"))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    app.switch_page("pages/live_search.py")
    app.query_params["dataset"], app.query_params["metric"] = "edge", "euclidean"
    assert words in looked_at(app.run(), refused=True)


MAPPED = [name for name in WORLDS if not name.startswith(("one large", "two pictures of one"))]


@pytest.mark.parametrize("name", MAPPED)
def test_maps_are_finite_and_repeat(project, name):
    distances = metrics.pairwise(WORLDS[name].features, ["cosine", "euclidean"])
    labels = np.array(WORLDS[name].labels)
    for dimensions in (2, 3):
        start = projection.pca(distances["euclidean"], dimensions)
        for method in ("umap", "tsne"):
            drawn = project(method, distances["cosine"], start)
            assert drawn.shape == start.shape and np.isfinite(drawn).all()
            assert np.isfinite(projection.align(drawn, start)).all()
            if len(labels) < projection.FEWEST[method]:
                np.testing.assert_array_equal(drawn, projection.pca(distances["cosine"], dimensions))
            if not distances["cosine"].any():
                assert not drawn.any()
            figures = projection.trust(distances["cosine"], drawn, labels)
            known = [getattr(figures, figure) for figure in artifacts.FIGURES[:3]]
            assert np.isnan(known).all() if len(labels) < 3 else all(0 <= figure <= 1 for figure in known)


@pytest.mark.parametrize("size", [1e-45, 1e-38, 1e-20, 1e20, 3e38])
def test_a_start_of_any_size_is_scaled(size):
    start = (np.array([[0.2, -1], [1, 0.5], [-0.4, 0.1]]) * size).astype(np.float32)
    scaled = projection._scaled(start, 10.0)
    centred = start.astype(np.float64) - start.astype(np.float64).mean(0)
    np.testing.assert_allclose(scaled, 10 * centred / np.abs(centred).max(), rtol=1e-4, atol=1e-4)


def test_results_with_real_maps_and_what_the_pages_say_of_them(edge, project, tmp_path):
    world = WORLDS["three pictures, two of them equal"]
    edge(world)
    world.compute(tmp_path / "store", project)
    store = store_of(tmp_path / "store")
    said = walk(world)
    for kind, method in (("umap2", "UMAP"), ("umap3", "UMAP"), ("tsne2", "t-SNE"), ("tsne3", "t-SNE")):
        words = f"{method} needs at least 4 pictures. This map shows principal components instead."
        assert words in said[kind] and "needs at least" not in said["pca" + kind[-1]]
    assert "principal components, because UMAP needs more pictures" in said["Guide"]
    last = catalog.FeatureSpec(MODEL, LAST, "avg")
    found = store.map("edge", last, "umap2").coordinates
    assert np.hypot(*(found[0] - found[1])) < 1e-3 < np.hypot(*(found[0] - found[2]))


def test_near_identical_frames_with_real_maps(edge, project, tmp_path):
    world = WORLDS["frames that differ at the limit of float32"]
    edge(world)
    world.compute(tmp_path / "store", project)
    store_of(tmp_path / "store")
    assert "Too few" not in walk(world)["umap2"]


def test_copies_and_a_stray_come_back_from_the_store(home, tmp_path):
    """In units of the median, which is 0, or one step of float32, the stray is beyond float16."""
    world = WORLDS["copies and a stray"]
    world.add(tmp_path / "pictures")
    world.compute(tmp_path / "store")
    spec = catalog.FeatureSpec(MODEL, LAST, "avg")
    for metric, matrix in metrics.pairwise(world.features, list(metrics.METRICS)).items():
        found = store_of(tmp_path / "store").ranking(Experiment("edge", spec, metric))
        true = np.take_along_axis(matrix, found.ids, 1)
        np.testing.assert_allclose(found.distances[:, -1], true[:, -1], rtol=2**-10)
        np.testing.assert_allclose(found.distances[:-1, :-1], true[:-1, :-1], atol=matrix.max() / coding.LEVELS)
        assert metric in ("cosine", "correlation") or (found.distances[-1] > 9_999 * found.scale).all()


def spoiled(folder, name, change):
    """The layer file ``name`` with one array changed, as whole as before."""
    with np.load(folder / name) as held:
        whole = dict(held)
    for array in whole:
        change(array, whole)
    (folder / name).write_bytes(coding.zipped(whole))


def infinite(array, held):
    if array == "ends.avg.default":
        held[array][0, 0, 1] = np.inf


def no_scale(array, held):
    if array == "scale.avg.default":
        held[array][0] = np.nan


def no_precision(array, held):
    if array == "ap.avg.default":
        held[array][:, 0] = np.nan


SPOILS = [infinite, no_scale, no_precision]


@pytest.fixture
def lines(tmp_path):
    points = np.array([[0, 0], [1, 0], [3, 0], [7, 0], [15, 0]], np.float32)
    return tiny_store.write_store(tmp_path / "store", "edge", points, np.array([0, 0, 1, 1, 1]))


@pytest.mark.parametrize("spoil", SPOILS)
def test_what_is_not_finite_is_not_sealed_and_is_computed_again(lines, spoil):
    folder = lines / "edge" / MODEL
    spoiled(folder, f"{LAST}.npz", spoil)
    facts = {key: value for key, value in sealed.read(folder / "unit.json", cure="").items() if key != "files"}
    with pytest.raises(IntegrityError, match=rf"edge/{MODEL}/{LAST}.npz: \w+.avg.default.*semsearch precompute"):
        units.write_unit(folder, facts)
    with pytest.raises(IntegrityError, match=rf"{LAST}.npz: \w+.avg.default"):
        artifacts.read_layer(folder, LAST)
    assert not artifacts.layer_is_whole(folder, LAST)
    with pytest.MonkeyPatch.context() as patch:  # as a release before this one wrote it
        patch.setattr(finite, "layer_flaw", lambda arrays: "")
        units.write_unit(folder, facts)
    assert units.unit_key(lines, "edge", MODEL) == ""
    units.seal(lines)
    assert Store(lines).datasets == ()


@pytest.mark.parametrize("spoil", SPOILS[:2])
def test_what_is_not_finite_is_not_read(lines, spoil):
    folder = lines / "edge" / MODEL
    spoiled(folder, f"{LAST}.npz", spoil)
    facts = {key: value for key, value in sealed.read(folder / "unit.json", cure="").items() if key != "files"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finite, "layer_flaw", lambda arrays: "")
        units.write_unit(folder, facts)
        units.seal(lines)
    store = Store(lines)
    with pytest.raises(IntegrityError, match=rf"edge/{MODEL}/{LAST}.npz: .*expected finite numbers"):
        store.ranking(Experiment("edge", catalog.FeatureSpec(MODEL, LAST, "avg"), "cosine"))


def with_map(found, place, value):
    first = found.maps[READOUTS["avg"], "umap2"]
    drawn = first.coordinates.copy()
    drawn[place] = value
    found.maps[READOUTS["avg"], "umap2"] = artifacts.Map(drawn, first.trust)


def with_distance(found, place, value):
    first = found.rankings[READOUTS["avg"], "euclidean"]
    first.distances[place] = value


def with_score(found, place, value):
    found.scores[READOUTS["avg"], "euclidean"].score[place[0]] = value


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("spoil", [with_map, with_distance, with_score])
def test_what_is_not_finite_is_not_written(tmp_path, spoil, value):
    found = tiny_store.results(np.array([[0, 0], [1, 0], [3, 0], [7, 0]], np.float32), np.array([0, 0, 1, 1]))
    spoil(found, (2, 1), value)
    with pytest.raises(InputError, match="finite"):
        artifacts.write_layer(tmp_path, LAST, found)
    assert not list(tmp_path.iterdir())


FEATURES = arrays.arrays(
    np.float32,
    st.tuples(st.integers(2, 7), st.integers(1, 3)),
    elements=st.floats(width=32, min_value=-(2.0**100), max_value=2.0**100)
    | st.sampled_from([0.0, 1.0, 1e-45, -1e-45]),
)


@settings(max_examples=60, deadline=None)
@given(FEATURES)
def test_finite_features_never_give_what_is_not_finite(features):
    n = len(features)
    for metric in metrics.METRICS:
        matrix = metrics.distances(features, features, metric)
        np.fill_diagonal(matrix, 0)
        matrix = np.minimum(matrix, matrix.T)
        scale = metrics.scale(matrix)
        ids, near = metrics.rank(matrix, n - 1, exclude=np.arange(n))
        steps, ends = coding.pack(near, scale)
        back = coding.unpack(steps, ends, scale)
        assert np.isfinite(ends).all() and np.isfinite(back).all() and np.isfinite(scale)
        assert (np.diff(back, axis=1) >= 0).all()
        for values in (near, back):
            assert np.isfinite(closeness.closeness(values)).all()
    drawn = projection.pca(matrix)
    assert np.isfinite(coding.unpack_map(*coding.pack_map(drawn))).all()


def test_the_typical_distance_of_copies_and_of_the_largest_numbers():
    copies = np.zeros((5, 5), np.float32)
    copies[4, :4] = copies[:4, 4] = 8
    assert metrics.scale(copies) == 8 * 2**-15 and metrics.scale(copies[:4, :4]) == 0
    most = float(np.finfo(np.float32).max)
    assert metrics.scale(np.array([[0, most], [most, 0]], np.float32)) == most
    with pytest.raises(InputError, match="finite"):
        metrics.scale(np.array([[0, np.inf], [np.inf, 0]]))
    with pytest.raises(InputError, match="65504 times"):
        coding.pack(np.array([[1.0, 1e9]]), 1.0)


def test_zero_and_constant_vectors_have_the_distances_that_are_documented():
    rows = np.array([[0, 0], [0, 0], [2, 2], [3, 3], [1, 5]], np.float32)
    found = metrics.pairwise(rows, ["cosine", "correlation", "euclidean"])
    assert found["cosine"][0].tolist() == [0, 1, 1, 1, 1] and found["cosine"][2, 3] == 0
    assert found["correlation"][2].tolist() == [1, 1, 0, 1, 1]
    assert found["euclidean"][0, 1] == 0


def test_points_on_one_line_are_all_on_the_map_of_a_live_search():
    ends = [[0.02, 5.0], [-0.02, 5.0]]
    figure = charts.neighbourhood([charts.Points("a", *zip(*ends, strict=True), [0, 1], ["", ""])], ends[0], ends[1:])
    (left, right), (low, high) = (figure["layout"][axis]["range"] for axis in ("xaxis", "yaxis"))
    assert left < -0.02 < 0.02 < right < 0.03 and low < 5 < high < 5.03
    alone = charts.neighbourhood([], [1.0, 1.0], [])["layout"]
    assert alone["xaxis"]["range"] == alone["yaxis"]["range"] == pytest.approx([0.45, 1.55])

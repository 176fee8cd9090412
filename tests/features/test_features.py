"""From pictures to vectors: order, refusals, look-ahead, fallback, and that only the picture decides the vector."""

import hashlib
import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from semsearch import features, images
from semsearch.data import datasets, identity
from semsearch.errors import EngineError, EngineUnfit, ImageRefused, InputError, PicturesUnavailable, UnknownName
from semsearch.features import FeatureExtractor, engines, openvino_engine
from semsearch.images import changes
from semsearch.models import catalog, weights
from semsearch.models.catalog import FeatureSpec
from semsearch.settings import cores
from tests import ROOT
from tests.features.tiny_engine import REAL, SIDE, by_hand, squares, tiny_network


def png(picture, **options):
    stream = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(stream, "PNG", **options)
    return stream.getvalue()


def spec(layer="late", pooling="avg", preset="default"):
    return FeatureSpec("tiny", layer, pooling, preset)


def test_specs_must_share_model_and_preset(tiny):
    with pytest.raises(InputError, match="one model and one preset, got tiny.late.avg, tiny.late.avg.published"):
        FeatureExtractor([spec(), spec(preset="published")])
    with pytest.raises(InputError, match="got none"):
        FeatureExtractor([])
    with pytest.raises(UnknownName, match="unknown engine 'gpu'; valid: auto, openvino, tensorflow"):
        FeatureExtractor([spec()], engine="gpu")
    assert tiny == []


def test_without_colour_a_picture_and_its_grey_copy_are_one(tiny):
    colour = squares(1)[0]
    grey = changes.grey(colour)
    asked = spec("late", "flatten", "grey")
    found = FeatureExtractor([asked]).extract([png(colour), colour, grey])[asked]
    assert (found[0] == found[2]).all() and (found[1] == found[2]).all()
    plain = spec("late", "flatten")
    assert (FeatureExtractor([plain]).extract([grey])[plain] == found[2]).all()


@pytest.mark.parametrize("engine", ["openvino", "tensorflow"])
def test_vectors_are_those_of_the_network(tiny, engine):
    specs = [spec("late", "gem"), spec("early", "flatten"), spec("late", "gem"), spec("late", "max")]
    extractor = FeatureExtractor(specs, engine=engine)
    assert (extractor.engine_name, extractor.notice) == (engine, "")
    assert extractor.dimensions == {specs[0]: 6, specs[1]: 256, specs[3]: 6}
    pictures = list(squares(5))
    features = extractor.extract([png(pictures[0]), *pictures[1:]])
    network = tiny_network(size=SIDE)
    late = np.asarray(network(engines.preprocess(squares(5), "tiny")))
    assert list(features) == [specs[0], specs[1], specs[3]]
    for asked in (specs[0], specs[3]):
        expected = np.stack([by_hand(values, asked.pooling) for values in late])
        assert np.abs(features[asked] - expected).max() <= 1e-5 * np.abs(expected).max()
        assert features[asked].dtype == np.float32
    assert features[specs[1]].shape == (5, 256)


@pytest.mark.parametrize("preset", ["default", "published"])
def test_the_preset_sizes_the_picture(tiny, preset):
    asked = spec("early", "flatten", preset)
    picture = np.random.default_rng(5).integers(0, 256, (300, 180, 3), dtype=np.uint8)
    size, resample = (SIDE, "antialias") if preset == "default" else (224, "nearest")
    square = images.resize(picture, size, resample=resample)[None]
    direct = openvino_engine.OpenVINOEngine("tiny", [("early", "flatten")], size=size)
    expected = direct.run(engines.preprocess(square, "tiny"))[0]
    assert np.array_equal(FeatureExtractor([asked]).extract([picture])[asked], expected)
    assert tiny == [("tiny", size)]


def test_order_company_and_repetition_change_nothing(tiny):
    extractor = FeatureExtractor([spec("middle", "gem")])
    pictures = squares(20)
    once = extractor.extract(pictures)[spec("middle", "gem")]
    for seed in range(10):
        order = np.random.default_rng(seed).integers(0, 20, 13)
        assert np.abs(extractor.extract(pictures[order])[spec("middle", "gem")] - once[order]).max() <= 1e-5


def test_a_bad_picture_is_refused_in_its_place(tiny):
    extractor = FeatureExtractor([spec()])
    good = squares(3)
    pictures = [good[0], b"not a picture", png(good[1]), b"", good[2]]
    results = list(extractor.stream(iter(pictures)))
    assert [index for index, _ in results] == [0, 1, 2, 3, 4]
    assert [isinstance(result, ImageRefused) for _, result in results] == [False, True, False, True, False]
    expected = extractor.extract(good)[spec()]
    assert np.array_equal(np.stack([results[i][1][spec()] for i in (0, 2, 4)]), expected)
    with pytest.raises(ImageRefused):
        extractor.extract(pictures)


def test_the_file_of_an_item_gives_the_vector_of_its_picture_or_none(tiny, tmp_path):
    """What was hashed before, and read again for the network, could be another picture."""
    good, file = squares(2), tmp_path / "picture"
    file.write_bytes(png(good[0]))
    right = identity.Pinned(file, hashlib.sha256(png(good[0])).hexdigest(), "add it")
    other = identity.Pinned(file, hashlib.sha256(png(good[1])).hexdigest(), "add it")
    extractor = FeatureExtractor([spec()])
    (_, first), (_, second) = extractor.stream([right, other])
    assert np.array_equal(first[spec()], extractor.extract([good[0]])[spec()][0])
    assert isinstance(second, PicturesUnavailable) and str(second) == "changed since the dataset was added: add it"
    with pytest.raises(PicturesUnavailable):
        extractor.extract([right, other])


def test_no_pictures_give_no_rows(tiny):
    assert FeatureExtractor([spec()]).extract([])[spec()].shape == (0, 6)


@pytest.mark.parametrize("picture", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32)])
def test_an_array_of_another_kind_is_an_error(tiny, picture):
    with pytest.raises(InputError, match=r"expected a picture of shape \(H, W, 3\) uint8"):
        FeatureExtractor([spec()]).extract([picture])


def test_rows_go_where_the_caller_says(tiny, tmp_path):
    asked = spec("early", "flatten")
    files = {}

    def out(given, n, d):
        files[given] = np.memmap(tmp_path / "rows", np.float32, "w+", shape=(n, d))
        return files[given]

    extractor = FeatureExtractor([asked])
    pictures = squares(4)
    assert extractor.extract(pictures, out=out)[asked] is files[asked]
    files[asked].flush()
    stored = np.fromfile(tmp_path / "rows", np.float32).reshape(4, 256)
    assert np.array_equal(stored, extractor.extract(pictures)[asked])


def test_looks_ahead_by_a_bounded_number(tiny):
    taken = []

    def endless():
        for picture in np.resize(squares(5), (1000, SIDE, SIDE, 3)):
            taken.append(1)
            yield picture

    stream = FeatureExtractor([spec()]).stream(endless())
    assert next(stream)[0] == 0
    bound = 2 * (cores() + 1) + 1
    assert 1 < len(taken) <= bound
    assert next(stream)[0] == 1
    stream.close()
    assert len(taken) <= bound + 1


def test_falls_back_to_tensorflow_and_says_so(tiny, monkeypatch):
    expected = FeatureExtractor([spec()], engine="tensorflow").extract(squares(2))[spec()]
    monkeypatch.setattr(features, "ChildEngine", engines.TensorFlowEngine)
    monkeypatch.setattr(
        openvino_engine, "_compare", lambda *_: (_ for _ in ()).throw(EngineUnfit("layer late differs"))
    )
    extractor = FeatureExtractor([spec()])
    assert extractor.engine_name == "tensorflow"
    assert extractor.notice == "Slower engine in use (TensorFlow). layer late differs"
    assert np.array_equal(extractor.extract(squares(2))[spec()], expected)
    with pytest.raises(EngineError, match="layer late differs"):
        FeatureExtractor([spec()], engine="openvino")


@pytest.fixture(scope="module")
def real():
    """An extractor of three features of a real network; pulls its weights on first use."""
    weights.pull(REAL)
    layers = catalog.model(REAL).layers
    chosen = [(layers[0], "max"), (layers[4], "gem"), (layers[-1], "avg")]
    return FeatureExtractor([FeatureSpec(REAL, layer.name, pooling) for layer, pooling in chosen], engine="openvino")


@pytest.fixture(scope="module")
def photo():
    """A real photo, RGB, not square."""
    dataset = datasets.load("groceries200")
    return images.load(dataset.path(dataset.items[0].id))[:300]


def same(extractor, one, other):
    """Both pictures give the same vectors to 1e-4 of the largest value."""
    first, second = extractor.extract([one, other]).values(), extractor.extract([other, one]).values()
    for rows, swapped in zip(first, second, strict=True):
        assert np.abs(rows[0] - swapped[1]).max() <= 1e-5 * np.abs(rows).max()
        if np.abs(rows[0] - rows[1]).max() > 1e-4 * np.abs(rows).max():
            return False
    return True


@pytest.mark.real
def test_one_picture_in_many_encodings_is_one_vector(real, photo):
    picture = Image.fromarray(photo)
    grey, palette = picture.convert("L"), picture.quantize(64)
    see_through = picture.copy()
    see_through.putalpha(grey)
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=grey)
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    assert same(real, photo, png(picture))
    assert same(real, png(grey), png(np.stack([np.asarray(grey)] * 3, -1)))
    assert same(real, png(palette), png(palette.convert("RGB")))
    assert same(real, png(see_through), png(white))
    assert same(real, png(deep), png(grey))
    assert not same(real, png(picture), png(grey))


@pytest.mark.real
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(real, photo, orientation):
    turn = Image.Transpose
    stored = [None, turn.FLIP_LEFT_RIGHT, turn.ROTATE_180, turn.FLIP_TOP_BOTTOM, turn.TRANSPOSE]
    stored += [turn.ROTATE_90, turn.TRANSVERSE, turn.ROTATE_270]
    upright = Image.fromarray(photo)
    turned = upright if orientation == 1 else upright.transpose(stored[orientation - 1])
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert same(real, png(turned, exif=exif), photo)
    assert orientation == 1 or not same(real, png(turned), photo)


@pytest.mark.real
def test_from_files_without_tensorflow(real):
    openvino_engine.converted(REAL, catalog.model(REAL).size)
    code = (
        "import sys\nfrom semsearch.data import datasets\nfrom semsearch.models.catalog import grid\n"
        "from semsearch.features import FeatureExtractor\n"
        f"specs = [spec for spec in grid({REAL!r}) if spec.preset == 'default']\n"
        "dataset = datasets.load('groceries200')\n"
        "extractor = FeatureExtractor(specs)\n"
        "rows = extractor.extract(dataset.path(item.id) for item in dataset.items[:3])\n"
        "assert len(rows) == 24 and all(value.shape[0] == 3 for value in rows.values())\n"
        "print(extractor.engine_name, {name.split('.')[0] for name in sys.modules} & {'tensorflow', 'keras', 'umap'})"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "openvino set()"

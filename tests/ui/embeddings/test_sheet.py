"""Maps as contact sheets, and pictures browsed in the same order, run without a browser."""

from semsearch.data import datasets
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import order
from tests.ui import pressing
from tests.ui.embeddings.map_page import open_map, opened, shown
from tests.ui.search_page import open_app
from tests.worlds import live_page, small_world
from tests.worlds.files.bitmaps import write_bmp
from ui import resources
from ui.embeddings import order as map_order

MOBILENET = FeatureSpec("mobilenetv2", small_world.LAST["mobilenetv2"], "avg")


def test_the_sheet_shows_every_picture_in_its_cell(store):
    app = open_map(method="pca")
    assert not shown(app, "sheet")
    opened(app, "map_sheet")
    [sheet] = shown(app, "sheet")
    found = order.sheet(resources.store().map("world", MOBILENET, "pca2").coordinates, 3).tolist()
    assert [tile["id"] for tile in sheet["tiles"]] == found and sheet["columns"] == 3
    assert sorted(found) == [0, 1, 2, 3, 4, 5]
    # on one line: apples on one side, pears on the other
    sides = [{found[cell] for cell in (column, column + 3)} for column in range(3)]
    assert sides in ([{3, 4}, {5, 0}, {1, 2}], [{1, 2}, {5, 0}, {3, 4}])


def test_the_sheet_marks_the_query_and_the_selection(store):
    app = opened(open_map(q=4), "map_sheet")
    app.session_state["map_of_world"] = {"selected": [1, 5]}
    [sheet] = shown(app.run(), "sheet")
    assert {tile["id"] for tile in sheet["tiles"] if tile["linked"]} == {1, 5}
    assert [tile["id"] for tile in sheet["tiles"] if tile["current"]] == [4]


def test_a_picture_of_the_sheet_becomes_the_query(store):
    app = opened(open_map(q=3), "map_sheet")
    pressing.tell(app, "map_sheet_pictures", "picked", 2)
    assert app.query_params["q"] == "2" and not app.exception


def test_a_large_sheet_is_turned_page_by_page(store, monkeypatch):
    app = opened(open_map(), "map_sheet")
    [whole] = shown(app, "sheet")
    monkeypatch.setattr(map_order, "ROWS", 1)
    parts = []
    for page in (1, 2):
        app.session_state["map_sheet_page_world"] = page
        [part] = shown(app.run(), "sheet")
        parts += part["tiles"]
    assert parts == whole["tiles"] and len(parts) == 6


def browsed(app, key, **state):
    """The pictures of the dialog behind a button, once what is in it was set."""
    app.button(key=key).click().run()
    app.button(key=key).click()
    for name, value in state.items():
        app.session_state[name] = value
    app.run()
    assert not app.exception and not app.error
    [dialog] = shown(app, "pictures")
    return [tile["id"] for tile in dialog["tiles"]]


def likeness():
    """The items of the small world, row by row and back on the sheet of the UMAP map of the page's configuration."""
    cells = order.sheet(resources.store().map("world", MOBILENET, "umap2").coordinates, 3).tolist()
    return [*cells[:3], *cells[:2:-1]]


def test_pictures_are_browsed_in_order_of_likeness(store):
    app = open_app(q=3)
    assert browsed(app, "search_browse", search_browse_alike=True) == likeness() != sorted(likeness())
    apples = [item for item in likeness() if item > 2]
    assert browsed(app, "search_browse", search_browse_alike=True, search_browse_class=1) == apples
    assert browsed(app, "search_browse", search_browse_alike=False, search_browse_class=-1) == sorted(likeness())


def test_live_search_browses_in_order_of_likeness_too(service):
    app = live_page.open_page(q=3)
    assert browsed(app, "live_browse", live_browse_alike=True) == likeness()


def test_without_a_map_no_order_is_offered(service, photos):
    """Of a model without stored results, and of pictures that are others than the map was made of."""

    def switches(**address):
        app = live_page.open_page(q=3, **address)
        app.button(key="live_browse").click().run()
        assert not app.exception and shown(app, "pictures")
        return [toggle.key for toggle in app.toggle if toggle.key == "live_browse_alike"]

    assert switches() == ["live_browse_alike"] and switches(model="xception") == []
    write_bmp(photos / "apple" / "7.bmp", (200, 105, 90))
    datasets.add("world", photos)
    assert switches() == []

"""The app: page config, navigation, the shared sidebar; failures become words."""

from pathlib import Path

import streamlit as st

from ui import failures, offers, resources, sidebar
from ui.admission import turn
from ui.components import drawer, steps

STATIC = Path(__file__).parent / "static"
st.set_page_config(
    page_title="semsearch",
    page_icon=str(STATIC / "icon.svg"),
    layout="wide",
    initial_sidebar_state=330,
    menu_items={"About": "**semsearch**: image search with convolutional networks, to explore, understand and use."},
)
st.logo(str(STATIC / "logo.svg"), icon_image=str(STATIC / "icon.svg"), size="large")
# file, title, address, icon, help; at an address equal to its file's name Streamlit would run the file alone
PAGES = (
    ("search", "Search", "similar", "image_search", "A picture, those that a network finds most like it, and why."),
    ("live_search", "Live search", "live", "add_photo_alternate", "Any picture of yours against any dataset, live."),
    ("embeddings", "Embeddings", "map", "scatter_plot", "All pictures as points on a map, layer by layer."),
    ("datasets", "Datasets", "data", "photo_library", "All sets of pictures; make, change and look after your own."),
    ("index_lab", "Index lab", "indices", "speed", "Which index finds how much at what cost, on your own pictures."),
    ("explorer", "Model explorer", "model_explorer", "hub", "What each layer and channel of a network looks for."),
    ("guide", "Guide", "learn", "menu_book", "How it works, told with real pictures and results."),
)
pages = [
    st.Page(f"pages/{file}.py", title=title, url_path=address, icon=f":material/{icon}:", help=words)
    for file, title, address, icon, words in PAGES
]
page = st.navigation(pages, position="top")
with failures.shown_in_words(), turn.taken():
    sidebar.show(offers.of(page.title), compare=page.title not in offers.ALONE)
    drawer.close_for(page.title)
    steps.keep()
    page.run()
    resources.settle()

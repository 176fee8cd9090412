"""The app: page config, navigation, the shared sidebar, and the one place where failures become words."""

from pathlib import Path

import streamlit as st

from pages.shared import sidebar, texts
from semsearch.errors import SemsearchError

STATIC = Path(__file__).parent / "static"

st.set_page_config(
    page_title="semsearch",
    page_icon=str(STATIC / "icon.svg"),
    layout="wide",
    initial_sidebar_state=330,
    menu_items={"About": "**semsearch**: image search with convolutional networks, to explore, understand and use."},
)
st.logo(str(STATIC / "logo.svg"), icon_image=str(STATIC / "icon.svg"), size="large")
page = st.navigation(
    [
        st.Page(
            "pages/search.py",
            title="Search",
            url_path="similar",  # not `search`: at that address Streamlit would run the file without this one
            icon=":material/image_search:",
            help="Pick a picture and see which others a network finds most alike, with every score explained.",
        )
    ]
)
try:
    sidebar.show()
    page.run()
except SemsearchError as error:
    st.error(texts.plain(str(error)), title="This cannot be shown", icon=":material/error:")

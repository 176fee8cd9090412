"""The server: the pages of app.py in one process with whatever else is served beside them."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

# Streamlit takes a folder named pages/ for its old kind of app until st.navigation has run once, and would answer
# the first visitor of a deep link such as /map with "Page not found".
PagesManager.uses_pages_directory = False

app = st.App("app.py")

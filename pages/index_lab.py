"""Index lab: what each kind of index finds and costs on a dataset's own features, and which one to use."""

import streamlit as st

from ui import sidebar
from ui.lab import panel, results

choice = sidebar.current()

st.title("Index lab")
st.markdown("Exact search compares a query with every picture. An index is faster and may miss some: measure how many.")
panel.show(choice)
results.explain()

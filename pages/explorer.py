"""Model explorer: every layer of a network, what it sees and costs, and what it is good for."""

import streamlit as st

from ui import sidebar
from ui.explorer import about, channels, cost, diagram, kinds, looked, picture, ranked, table

choice = sidebar.current()

st.title("Model explorer")
st.markdown("A network is a row of layers. Choose one, on the drawing or in the table, and see what it looks at.")
at = looked.current(choice)
diagram.show(at)
about.show(at)
about.offer_weights(choice)
channels.show(at)
ranked.show(choice, at)
kinds.show(at)
picture.show(choice, at)
table.show(at)
cost.show(choice)
about.explain(at)

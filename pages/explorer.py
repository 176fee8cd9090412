"""Model explorer: every layer of a network, what it sees and costs, and what its channels look for."""

import streamlit as st

from ui import sidebar
from ui.explorer import about, cost, diagram, looked, own, picture, table
from ui.explorer.channels import kinds, ranked, shown
from ui.why import invariance

choice = sidebar.current()

st.title("Model explorer")
st.markdown("A network is a row of layers. Choose one, on the drawing or in the table, and see what it looks at.")
at = looked.current(choice)
diagram.show(at)
about.show(at)
about.offer_weights(choice)
shown.show(at)
ranked.show(choice, at)
picture.show(choice, at)
kinds.show(at)
invariance.show(at.model, at.layer.name)
table.show(at)
cost.show(choice)
own.show(at.model)
about.explain(at)

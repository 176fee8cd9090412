"""Guide: how pictures are compared, told with real results, for a person who has never heard of a layer."""

import streamlit as st

from ui import resources, sidebar, welcome
from ui.guide import looks, reference
from ui.guide import numbers as guide_numbers
from ui.guide import panel as guide_panel
from ui.guide import story as guide_story
from ui.pictures import fetching

guide_panel.leave_if_asked()
st.title("Guide")
guide_panel.expect_results()
choice = guide_panel.with_pictures(sidebar.current())

st.caption(
    "How a network finds pictures that look alike. All pictures and numbers below are real results of the "
    "configuration in the sidebar: change it and the story changes. Click any picture to search with it."
)
with st.container(width=1100):
    with st.container(horizontal=True, vertical_alignment="bottom", key="guide_top"):
        view = guide_panel.example(choice)
        welcome.reopen()
    st.markdown(
        "[What a network sees](#sees) · [One picture, three depths](#depths) · [What a layer looks for](#looks) · "
        "[Same layer, different measures](#measures) · [What the score means](#score) · "
        "[What the map shows](#map) · [Where it fails](#limits) · [Questions](#questions) · [Words](#words)"
    )
    guide_panel.tell_stand_in(sidebar.current(), choice)
    fetching.offer_pictures(resources.dataset(choice.dataset))
    guide_story.steps(view)
    guide_story.layers(view)
    looks.show(view)
    guide_story.variations(view)
    guide_numbers.score(choice)
    guide_numbers.maps(view)
    guide_numbers.limits(choice)
    reference.questions()
    reference.glossary()

"""Live search: any picture, or several, against any dataset, answered now."""

from dataclasses import replace

import streamlit as st

from ui import address, failures, resources, sidebar
from ui.live import call as live_call
from ui.live import explanation, query_pictures, sources, steps
from ui.live import query as live_query
from ui.live import question as live_question
from ui.live import results as live_results
from ui.pictures import fetching

choice = sidebar.current()
notices = query_pictures.follow_address(choice)
steps.note(choice)

with st.container(gap="xsmall"):
    with st.container(horizontal=True, vertical_alignment="center", wrap=False, key="live_top"):
        st.title("Live search")
        question = live_question.choose(choice)
    sources.show(choice)
    address.tell(notices)
    left, right = st.columns([1, 3.4], gap="small")
query = query_pictures.current(choice)
with left.container(width=360, gap="xsmall"):
    live_query.show(choice, query)
with right, live_call.shown_in_words(choice):
    if resources.pictured(choice.dataset):
        failures.tell_limits()
        examples, exclude = query_pictures.examples(choice, query)
        result = live_call.ask(choice, examples, replace(question, exclude=exclude))
        live_results.show(choice, query, result)
    else:
        fetching.offer_pictures(resources.dataset(choice.dataset), "Fetch them once to search among them.")
live_query.privacy(query)
explanation.explain(choice)
query_pictures.write_address(choice)

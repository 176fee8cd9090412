"""Live search: any picture, or several, against any dataset, answered now."""

import streamlit as st

from ui import address, failures, resources, sidebar
from ui.live import call as live_call
from ui.live import explanation, query_pictures, sources
from ui.live import query as live_query
from ui.live import question as live_question
from ui.live import results as live_results
from ui.pictures import fetching

choice = sidebar.current()
dataset = resources.dataset(choice.dataset)
notices = query_pictures.follow_address(choice)

st.title("Live search")
address.tell(notices)
sources.show(choice)
query = query_pictures.current(choice)
left, right = st.columns([1, 3.4], gap="medium")
with left.container(width=360):
    live_query.show(choice, query)
    live_query.seen(choice, query)
with right, live_call.shown_in_words(choice):
    if resources.pictured(choice.dataset):
        failures.tell_limits()
        examples, exclude = query_pictures.examples(choice, query)
        question = live_question.choose(choice, exclude)
        result = live_call.ask(choice, examples, question)
        live_results.show(choice, query, result)
    else:
        fetching.offer_pictures(dataset, "Fetch them once to search among them.")
explanation.explain(choice)
query_pictures.write_address(choice)

"""Live search: any picture, or several, against any dataset, answered now."""

import streamlit as st

from ui import failures, sidebar, texts
from ui.live import call as live_call
from ui.live import given as live_given
from ui.live import query as live_query
from ui.live import question as live_question
from ui.live import results as live_results
from ui.live import ways as live_ways
from ui.live import words as live_words

choice = sidebar.current()
notices = live_given.follow_address(choice)

st.title("Live search")
if notices:
    lines = "\n".join(f"- {texts.plain(notice)}" for notice in notices)
    st.warning(lines, title="This link asks for what is not here", icon=":material/link_off:")
failures.tell_limits()
live_ways.show(choice)
given = live_given.current(choice)
left, right = st.columns([1, 3.4], gap="medium")
with left.container(width=360):
    live_query.show(choice, given)
    live_query.seen(choice, given)
with right, live_call.told(choice):
    examples, exclude = live_given.examples(choice, given)
    question = live_question.choose(choice, exclude)
    result = live_call.ask(choice, examples, question)
    live_results.show(choice, given, result)
live_words.explain(choice)
live_given.write_address(choice)

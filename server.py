"""The server: the pages of app.py in one process with the REST door.

``python server.py [OPTIONS]`` starts it as ``streamlit run server.py [OPTIONS]`` does, and ends in order on Ctrl-C.
"""

if __name__ == "__main__":  # before anything is imported that takes time
    from semsearch.__main__ import run

    def start() -> int:
        """Serve until told to end."""
        from ui.web import standalone

        return standalone.serve(__file__)

    run(start, again="starts it again")

import os

# Tables come from Arrow, whose own allocator keeps 20 MB for good; read when Arrow is first imported.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

import gc
import sys
import threading

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from semsearch.files import leftovers
from semsearch.processes import memory
from semsearch.rest import handlers
from ui import failures, pictures
from ui.admission import connections
from ui.admission.entrance import Entrance
from ui.choice import Choice
from ui.web.delivery import Delivery
from ui.web.fonts import Fonts

# Streamlit takes a folder named pages/ for its old kind of app until st.navigation has run once, and would answer
# the first visitor of a deep link such as /map with "Page not found".
PagesManager.uses_pages_directory = False

memory.give_back()
# While pages run, the thread that answers requests waits for each of theirs; five milliseconds each are felt.
sys.setswitchinterval(0.001)
leftovers.sweep(pictures.FOLDER)
threading.Thread(target=pictures.unpack, args=(Choice().dataset,), daemon=True).start()
fonts = Fonts()
threading.Thread(target=fonts.prepare, name="fonts", daemon=True).start()

connections.watch_all()
base = st.get_option("server.baseUrlPath")
app = st.App(
    "app.py",
    routes=handlers.routes(is_host_allowed, base),
    middleware=[
        Middleware(Entrance, allows_host=is_host_allowed, base=base),
        Middleware(Delivery, base=base, fonts=fonts),
    ],
    on_script_error=failures.tell_uncaught,
)

# Nothing of what was imported is ever garbage: to look through it again and again would hold up all requests.
gc.collect()
gc.freeze()

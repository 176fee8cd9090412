"""The server as a command of its own: Streamlit's command line, ended in order."""

import sys
from types import FrameType

from semsearch.processes import interrupts
from semsearch.terminal import guarded

PATIENCE = 8.0
"""Seconds that requests under way get to be answered: a little less than hosts commonly give before they kill."""


def serve(script: str) -> int:
    """Run ``script`` as ``streamlit run`` does, with the options of this process; the exit code at its end."""
    return guarded(lambda: _serve(script), debug=False)


def _serve(script: str) -> int:
    import click
    import uvicorn
    from streamlit.web.cli import main as streamlit

    with interrupts.in_order() as watch:
        begin_end = uvicorn.Server.handle_exit

        def handle_exit(server: uvicorn.Server, number: int, frame: FrameType | None) -> None:
            """As uvicorn, which answers what is under way and raises the signal again; but once, and not for ever."""
            if watch.code() is None:
                watch.expect_end(number, PATIENCE)
                begin_end(server, number, frame)

        setattr(uvicorn.Server, "handle_exit", handle_exit)  # noqa: B010 - mypy takes no method for another
        uvicorn.server.HANDLED_SIGNALS = interrupts.SIGNALS  # type: ignore[assignment]
        try:
            with streamlit.make_context("server.py", ["run", script, *sys.argv[1:]]) as context:
                streamlit.invoke(context)
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except click.exceptions.Exit as done:
            return done.exit_code
    return 0

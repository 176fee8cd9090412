"""How the command line speaks: every failure one line and an exit code, text that any terminal can show, tables, bars.

=====  ==========================================================================
code   meaning
=====  ==========================================================================
0      done
1      done in part, an engine failed, or a fault of semsearch itself
2      the words of the call are off, or what was given is not valid
3      valid, but not to be had now: no network, no weights, no pictures, busy
4      stored bytes are damaged
5      the machine does not let a file be read or written: full, forbidden, read-only, too many files open
129    its terminal went away (SIGHUP); the same command resumes
130    interrupted from the keyboard; the same command resumes
141    whoever read the output went away
143    told to end (SIGTERM); the same command resumes
=====  ==========================================================================
"""

import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from semsearch.errors import InputError, IntegrityError, SemsearchError, StorageError, Unavailable
from semsearch.files.storage import explain, explained
from semsearch.processes import interrupts

CODES = ((InputError, 2), (Unavailable, 3), (IntegrityError, 4), (StorageError, 5), (SemsearchError, 1))
"""First fit counts."""
INTERRUPTED, NOBODY_READS = 130, 141
OUTPUT = "the output of this command"
Progress = Callable[[int, int], None]


def guarded(run: Callable[[], int], *, debug: bool) -> int:
    """The exit code of ``run()``, or of its failure, which is reported in one line; with ``debug`` the rest too."""
    _open_streams()
    with interrupts.in_order() as watch:
        try:
            code = run()
            with explained(OUTPUT):
                sys.stdout.flush()
            if not watch.code():
                return code
            failure: BaseException = KeyboardInterrupt()  # swallowed somewhere
        except BaseException as error:
            if not isinstance(error, Exception | KeyboardInterrupt) and not watch.code():
                raise
            failure = error
        code, line = _ending(failure, watch)
        _drop_unwritten()
        if debug:
            traceback.print_exception(failure)
        with suppress(OSError):  # nobody reads it any more
            sys.stderr.write(line)
        return code


def _open_streams() -> None:
    """Have streams that take any text: on a Latin-1 terminal, of a name that is no text, or closed by the caller."""
    for name in ("stdout", "stderr"):
        if (stream := getattr(sys, name)) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the process ends
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_unwritten() -> None:
    """Give up what could not be written, or Python would try, and complain, once more at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _ending(error: BaseException, watch: interrupts.Watch) -> tuple[int, str]:
    """The exit code and the last line; after a signal, whatever error a library made of it."""
    if isinstance(error, KeyboardInterrupt) or watch.code():
        return watch.code() or INTERRUPTED, watch.line()
    message, code = _message(error)
    return code, "" if code == NOBODY_READS else f"semsearch: {' '.join(message.split())}\n"


def _message(error: BaseException) -> tuple[str, int]:
    if isinstance(error, BrokenPipeError) or isinstance(error.__cause__, BrokenPipeError):
        return "", NOBODY_READS
    if isinstance(error, OSError):
        error = explain(error)
    if isinstance(error, MemoryError):
        return "the machine is short of memory; close other programs, or give fewer models at a time", 5
    if isinstance(error, SemsearchError):
        return str(error), next(code for kind, code in CODES if isinstance(error, kind))
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"a fault of semsearch itself ({what}); the same command with --debug shows where", 1


def say(text: str) -> None:
    """Print one piece of the answer."""
    with explained(OUTPUT):
        sys.stdout.write(text + "\n")


def table(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print rows as JSON, or as a table that is Markdown too."""
    if as_json or not rows:
        say(json.dumps(rows, indent=1) if as_json else "nothing to show")
        return
    heads = list(rows[0])
    cells = [heads, *([str(row[head]) for head in heads] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    say("\n".join([lines[0], rule, *lines[1:]]))


@contextmanager
def bar(title: str, unit: str) -> Iterator[Progress]:
    """A progress bar with an estimate on the terminal; silent where there is none."""
    from tqdm import tqdm

    with tqdm(
        desc=title, unit=unit or "it", unit_scale=unit == "B", disable=not sys.stderr.isatty(), leave=False
    ) as shown:

        def progress(done: int, total: int) -> None:
            shown.total = total
            shown.update(done - shown.n)

        yield progress

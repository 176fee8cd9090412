"""``python -m semsearch`` and the command ``semsearch``."""

import os
import signal
from collections.abc import Callable

from semsearch.processes import interrupts


def run(main: Callable[[], int] | None = None, *, again: str = "resumes") -> None:
    """Run the command line, or another main function, and end the process with its exit code.

    ``again`` says what the same command does when it is given once more after an interrupt.
    """
    with interrupts.in_order(again=again) as watch:
        try:
            code = (main or _command_line)()
        except KeyboardInterrupt:
            code = watch.code() or 1
            watch.say()
        for number in interrupts.SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        # Threads that still wait for a server or a network are not worth waiting for: what they write is whole or gone.
        os._exit(code)


def _command_line() -> int:
    from semsearch.cli import main

    return main()


if __name__ == "__main__":
    run()

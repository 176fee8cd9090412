"""Waiting for what is to come, in place of a sleep that hopes for it."""

import time


def soon(condition, seconds=20.0):
    """Wait until a condition holds, on a machine that does much else; an error where it never comes."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)

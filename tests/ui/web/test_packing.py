"""Files compressed for browsers: quickly at first, better behind that, and as each of them can read it."""

import asyncio
import gzip
import os
import threading
from types import SimpleNamespace

import brotli
import pytest

from tests.worlds.waiting import soon
from ui.web import packing
from ui.web.packing import Packing

TEXT = b"".join(b"export const a%d=b(%d,`c`);" % (i, i * i) for i in range(3_000))
READS = "gzip, deflate, br, zstd"


@pytest.fixture
def behind(monkeypatch):
    """What is compressed behind the first answers waits until this is set."""
    may = threading.Event()
    monkeypatch.setattr(packing, "time", SimpleNamespace(sleep=lambda seconds: may.wait()))
    monkeypatch.setattr(os, "setpriority", lambda *how: None)
    yield may
    may.set()


def test_who_comes_later_gets_less_of_the_same(behind):
    one, read = Packing(), []

    def source():
        read.append(1)
        return TEXT

    async def ask():
        return [await one.get("a.js", source, READS) for _ in range(2)]

    first, second = asyncio.run(ask())
    assert first == second and first[0] == "br" and brotli.decompress(first[1]) == TEXT and len(read) == 1
    behind.set()
    soon(lambda: len(asyncio.run(one.get("a.js", source, READS))[1]) < len(first[1]))
    coding, small = asyncio.run(one.get("a.js", source, READS))
    assert coding == "br" and brotli.decompress(small) == TEXT and len(read) == 2


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [(READS, "br"), ("gzip", "gzip"), ("br;q=1.0,gzip", "br"), ("identity", ""), ("", ""), ("brotli, gzipped", "")],
)
def test_each_browser_gets_what_it_reads(behind, accepted, coding):
    found, packed = asyncio.run(Packing().get("a.js", lambda: TEXT, accepted))
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}[coding]
    assert found == coding and unpack(packed) == (TEXT if coding else b"")


def test_a_file_that_is_gone_is_nothing_now_and_behind(behind):
    one, asked = Packing(), []

    def gone():
        asked.append(1)
        raise FileNotFoundError("a.js")

    assert asyncio.run(one.get("a.js", gone, READS))[1] == b""
    behind.set()
    soon(lambda: len(asked) == 2)
    asyncio.run(one.get("b.js", lambda: TEXT, READS))
    soon(lambda: "b.js" in one._small)


def test_quickly_is_no_larger_than_gzip_and_smaller_behind():
    quick, small = packing._quickly(lambda: TEXT, "br"), packing._brotli(TEXT, packing.SMALL)
    assert len(small) < len(quick) < len(packing._quickly(lambda: TEXT, "gzip"))

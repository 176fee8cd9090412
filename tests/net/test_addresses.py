"""Links as browsers read them. What stands on the right is what Chromium's URL gives for the left."""

import pytest

from semsearch.errors import LinkRefused
from semsearch.net import addresses

READ = {
    "HTTPS://Example.ORG/A.jpg": "https example.org 443 /A.jpg",
    "  https://good.example/a\t\u00a0": "https good.example 443 /a",
    "http://good.\r\nexample/a\nb.png": "http good.example 80 /ab.png",
    "http:/good.example/a": "http good.example 80 /a",
    "http:///good.example/a": "http good.example 80 /a",
    "http://good.example?x=1": "http good.example 80 /?x=1",
    "http://good.example#part": "http good.example 80 /",
    "http://good.example:80/": "http good.example 80 /",
    "https://good.example:443/": "https good.example 443 /",
    "http://good.example:443/": "http good.example 443 /",
    "http://good.example./": "http good.example 80 /",
    "http://good.example/a b.jpg?c d": "http good.example 80 /a%20b.jpg?c%20d",
    "http://good.example/a%20b%zz%": "http good.example 80 /a%20b%zz%",
    "http://good.example/%E2%82%AC/€": "http good.example 80 /%E2%82%AC/%E2%82%AC",
    "http://good.example/👨\u200d👩.jpg": "http good.example 80 /%F0%9F%91%A8%E2%80%8D%F0%9F%91%A9.jpg",
    "http://good.example/a\x01b\x7fc": "http good.example 80 /a%01b%7Fc",
    "http://good.example/a\\b?c\\d": "http good.example 80 /a/b?c\\d",
    "http://good.example/a/../b/./c/%2e%2E/d": "http good.example 80 /b/d",
    "http://good.example/a/..": "http good.example 80 /",
    "http://good.example/a/.": "http good.example 80 /a/",
    "http://good.example//a//b": "http good.example 80 //a//b",
    "http://good.example/a\"<>^`{}[]b'()~!$&*+,;=:@": "http good.example 80 /a%22%3C%3E%5E%60%7B%7D[]b'()~!$&*+,;=:@",
    "http://good.example/?a\"<>^`{}|[]b'~@/?": "http good.example 80 /?a%22%3C%3E^`{}|[]b%27~@/?",
    "https://faß.de/": "https xn--fa-hia.de 443 /",
    "https://FAẞ.de/": "https xn--fa-hia.de 443 /",
    "https://fass.de/": "https fass.de 443 /",
    "http://xn--fa-hia.de/": "http xn--fa-hia.de 80 /",
    "http://b%C3%BCcher.example/": "http xn--bcher-kva.example 80 /",
    "http://ΑΣ.gr/": "http xn--mxa0b.gr 80 /",
    "http://i❤.ws/": "http xn--i-7iq.ws 80 /",
    "http://نامه\u200cای.com/": "http xn--mgba3gch31f060k.com 80 /",
    "http://क्\u200dष.example/": "http xn--11b2ezcw70k.example 80 /",
    "http://a\u00adb.example/": "http ab.example 80 /",
    "http://ａｂｃ。example．org｡/": "http abc.example.org 80 /",
    "http://a_b.example/": "http a_b.example 80 /",
    "http://a-.example/": "http a-.example 80 /",
    "http://r3---sn-x.example/": "http r3---sn-x.example 80 /",
    "http://אב.example/": "http xn--4dbc.example 80 /",
    "http://８.８.８.８/": "http 8.8.8.8 80 /",
    "http://[2606:4700:0:0::1111]/": "http 2606:4700::1111 80 /",
}
REFUSED = {
    "a\u200db": "a joiner without need",
    "0à.א": "a name of both directions",
    "xn--a": "Punycode of nothing",
    "xn--": "Punycode of no sign",
    "xn--a-": "Punycode of what needs none",
    "xn--fa-hia-": "another spelling of Punycode",
    "xn--FA\u00df": "Punycode with signs that are not ASCII",
    "℀": "a sign that holds a slash",
    "a／b": "a slash of full width",
    "%ff": "no UTF-8",
    "a%2fb": "an escaped slash",
    "a%00b": "an escaped end of text",
    "%25%36%31": "escaped twice",
    "a b": "a space in the name",
    "\u0301a": "an accent without its letter",
    "a..b": "an empty label",
    "8.8.8": "an address that lacks a part",
    "a" * 64: "a long label",
    "a." * 127 + "a": "a long name",
    "[::1%25eth0]": "an interface",
    "[2606:4700::1111].good.example": "an address that goes on",
    "[2606:4700::1111][::1]": "two addresses",
    "good.example:[::1]": "an address for a port",
    "[]": "no address",
    "good.example:1a": "a port that is no number",
    "good.example:80:80": "two ports",
    "good.example:٨٠": "a port in other digits",
    "\ud800": "half a sign",
}


@pytest.mark.parametrize("link", READ)
def test_a_link_is_read_as_browsers_do(link):
    found = addresses.parse(link)
    assert f"{found.scheme} {found.host} {found.port} {found.target}" == READ[link]
    assert addresses.parse(f"{found.scheme}://{found.authority}{found.target}") == found


@pytest.mark.parametrize("host", REFUSED, ids=REFUSED.values())
def test_a_host_that_no_browser_asks_is_refused(host):
    with pytest.raises(LinkRefused) as caught:
        addresses.parse(f"http://{host}/a.png")
    assert caught.value.reason in ("host", "malformed")


WORDS = {
    "example.org/a.jpg": "put https:// before it",
    "//example.org/a.jpg": "put https:// before it",
    "example.org:443/a.jpg": "put https:// before it",
    "": "put https:// before it",
    "data:image/png;base64,iVBORw0KGgo=": "copy the picture and paste it",
    "BLOB:https://example.org/1-2": "copy the picture and paste it",
    "file:///home/me/a.jpg": "give the file itself",
    "C:\\Users\\me\\a.jpg": "give the file itself",
    "ftp://example.org/a.jpg": "got 'ftp'",
}


@pytest.mark.parametrize("link", WORDS)
def test_a_link_that_is_none_is_told_in_plain_words(link):
    with pytest.raises(LinkRefused, match=WORDS[link]) as caught:
        addresses.parse(link)
    assert caught.value.reason == "scheme"


def test_lines_of_text_are_not_one_address():
    with pytest.raises(LinkRefused, match="several lines"):
        addresses.parse("https://good.example/a.jpg\nA picture of mine")


def utf8(text):
    """As a header is read that holds UTF-8."""
    return text.encode().decode("latin-1")


BASE = addresses.parse("http://good.example/a/b.jpg?x=1")
FOLLOWED = {
    "/c.jpg": "http good.example 80 /c.jpg",
    "c d.jpg": "http good.example 80 /a/c%20d.jpg",
    "?y=2": "http good.example 80 /a/b.jpg?y=2",
    "//other.example/x": "http other.example 80 /x",
    "\\\\other.example\\x": "http other.example 80 /x",
    "HTTPS://Other.Example:443/x#part": "https other.example 443 /x",
    " https://other.example/x ": "https other.example 443 /x",
    utf8("/Äpfel/Å…€.jpg?ü"): "http good.example 80 /%C3%84pfel/%C3%85%E2%80%A6%E2%82%AC.jpg?%C3%BC",
    utf8("https://bücher.example/faß"): "https xn--bcher-kva.example 443 /fa%C3%9F",
    "/caf\xe9.jpg": "http good.example 80 /caf%E9.jpg",
    "/web/1/https://other.example/x;": "http good.example 80 /web/1/https://other.example/x;",
    "c//d;": "http good.example 80 /a/c//d;",
    "../..//c": "http good.example 80 //c",
    "#part": "http good.example 80 /a/b.jpg?x=1",
    "http:c": "http good.example 80 /a/c",
    "http:/c": "http good.example 80 /c",
    "https:/other.example/c": "https other.example 443 /c",
    "/100%/%C3%A4": "http good.example 80 /100%/%C3%A4",
}


@pytest.mark.parametrize("location", FOLLOWED)
def test_a_redirect_leads_where_browsers_go(location):
    found = addresses.followed(BASE, location)
    assert f"{found.scheme} {found.host} {found.port} {found.target}" == FOLLOWED[location]


@pytest.mark.parametrize("location", ["http://[::1", "ftp://good.example/", "http://me@good.example/"])
def test_a_redirect_to_what_is_no_address_is_refused(location):
    with pytest.raises(LinkRefused):
        addresses.followed(BASE, location)


def test_links_are_told_from_files():
    assert all(map(addresses.is_link, ["http://a.example/", " HTTPS://A.EXAMPLE", "ftp://a.example", "file:///a"]))
    assert not any(map(addresses.is_link, ["a.jpg", "C:\\a.jpg", "/a/http://b", "example.org/a.jpg", "data.x", ""]))

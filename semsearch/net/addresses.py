"""A link as browsers read it: its parts in the one spelling that is dialled and sent, or LinkRefused.

White space around a link is dropped, signs that are not allowed are escaped and hosts are spelled in ASCII as the URL
standard says (hosts by UTS 46, non-transitional). What leaves room for two readings of the host is refused.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from semsearch.errors import LinkRefused

CURE = "give the http or https address of a picture on a public server"
PORTS = {"http": 80, "https": 443}
_EDGES = "".join(map(chr, (*range(0x21), *range(0x7F, 0xA1), *range(0x2000, 0x2010), *range(0x2028, 0x2030))))
_EDGES += "\u1680\u205f\u2060\u3000\ufeff"
"""White space, control signs and marks without a shape, which a copied link may have at its ends."""
_PRINTED = "".join(map(chr, range(0x21, 0x7F)))
_PATH = "".join(sign for sign in _PRINTED if sign not in '"#<>?\\^`{}')
_QUERY = "".join(sign for sign in _PRINTED if sign not in "\"#'<>")
"""What browsers send as it is. Both have %: what is escaped already is not escaped again."""
_AUTHORITY = re.compile(r"(\[(?P<address>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(:(?P<port>[0-9]{0,5}))?")
_SCHEME = re.compile(r"([a-z][a-z0-9+-]*):", re.IGNORECASE)
_WANTED = "expected the address of a picture on a public server, got"
_ONLY_HERE = (
    f"{_WANTED} one that only your browser can open; copy the picture and paste it, or save it and give the file"
)
_KINDS = {
    "data": _ONLY_HERE,
    "blob": _ONLY_HERE,
    "file": f"{_WANTED} that of a file on your device; give the file itself",
}


@dataclass(frozen=True)
class Link:
    """Where to dial and what to ask for."""

    scheme: str
    host: str
    """In ASCII; an IPv6 address without brackets."""
    port: int
    target: str
    """Path and query, escaped."""

    @property
    def authority(self) -> str:
        """Host, and the port where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def is_link(text: str) -> bool:
    """Whether a text that may also be the path of a file is meant as a link."""
    return bool(re.match(r"https?:|[a-z][a-z0-9+.-]+://", text.strip(_EDGES), re.IGNORECASE))


def parse(text: str) -> Link:
    """The parts of a link; LinkRefused says what is wrong with it."""
    text = text.strip(_EDGES)
    if " " in text and re.search(r"[\r\n]", text):
        raise LinkRefused("malformed", f"expected one address, got several lines of text; {CURE}")
    text = re.sub(r"[\t\r\n]", "", text)
    scheme, rest = _scheme(text)
    try:
        text.encode()
        parts = urlsplit(f"{scheme}://{rest}")
    except ValueError as error:
        raise LinkRefused("malformed", f"expected an address, got one that cannot be read; {CURE}") from error
    if "@" in parts.netloc:
        raise LinkRefused("userinfo", f"expected no user name or password in the address; {CURE}")
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if not authority:
        raise _refused()
    host = _address6(authority["address"]) if authority["address"] else _name(authority["name"])
    port = int(authority["port"] or PORTS[scheme])
    target = quote(_resolved(parts.path.replace("\\", "/")), safe=_PATH)
    if parts.query:
        target += "?" + quote(parts.query, safe=_QUERY)
    return Link(scheme, host, port, target)


def followed(link: Link, location: str) -> Link:
    """Where a redirect of the answer to ``link`` leads; LinkRefused. (urljoin would lose slashes and semicolons.)"""
    path, *rest = re.split("(?=[?#])", escaped(location.strip(_EDGES[:0x21])), maxsplit=1)
    path, tail = path.replace("\\", "/"), "".join(rest)
    scheme = _SCHEME.match(path)
    if scheme and scheme[1].lower() == link.scheme and not path.startswith("//", scheme.end()):
        path, scheme = path[scheme.end() :], None
    if scheme:
        return parse(path + tail)
    if path.startswith("//"):
        return parse(f"{link.scheme}:{path}{tail}")
    here, mark, query = link.target.partition("?")
    if not path:
        path = here if tail.startswith("?") else here + mark + query
    elif not path.startswith("/"):
        path = here[: here.rindex("/") + 1] + path
    return parse(f"{link.scheme}://{link.authority}{path}{tail}")


def escaped(header: str) -> str:
    """A Location in ASCII. It may hold UTF-8, but Python reads headers as Latin-1; browsers escape byte by byte."""
    return quote(header.encode("latin-1", "replace"), safe=_PRINTED + " \t\r\n")


def _scheme(text: str) -> tuple[str, str]:
    """http or https, and what follows the slashes."""
    prefix = _SCHEME.match(text)
    if not prefix:
        raise LinkRefused(
            "scheme",
            f"expected an address that begins with https:// or http://, got {text[:60]!r}; put https:// before it",
        )
    scheme, rest = prefix[1].lower(), text[prefix.end() :]
    if scheme in PORTS:
        return scheme, rest.lstrip("/\\")
    kind = "file" if len(scheme) == 1 else scheme
    raise LinkRefused("scheme", _KINDS.get(kind, f"expected http or https, got {scheme[:20]!r}; {CURE}"))


def _resolved(path: str) -> str:
    """A path whose steps up are taken."""
    steps: list[str] = []
    step = ""
    for part in path.split("/")[1:]:
        step = part.lower().replace("%2e", ".")
        if step == "..":
            del steps[-1:]
        elif step != ".":
            steps.append(part)
    return "/" + "/".join([*steps, *([""] if step in (".", "..") else [])])


def _refused() -> LinkRefused:
    return LinkRefused("host", f"expected the plain name of a server in the address; {CURE}")


def _address6(host: str) -> str:
    try:
        if "%" not in host:
            return str(ipaddress.IPv6Address(host))
    except ValueError:
        pass
    raise _refused()


def _name(host: str) -> str:
    """A host in its one plain ASCII spelling, without a dot at its end."""
    from idna import uts46_remap

    try:
        name = uts46_remap(unquote(host, errors="strict"), std3_rules=False)
        name = ".".join(_labels(name.removesuffix(".").split(".")))
    except ValueError:
        raise _refused() from None
    labels = name.split(".")
    if len(name) > 253 or not all(re.fullmatch(r"[a-z0-9_-]{1,63}", label) for label in labels):
        raise _refused()
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            raise _refused() from None
    return name


def _labels(labels: list[str]) -> list[str]:
    """Mapped labels in ASCII; ValueError where UTS 46 finds one invalid. As in browsers, hyphens may be anywhere."""
    from idna import check_bidi, check_initial_combiner, uts46_remap, valid_contextj

    plain = [_decoded(label) for label in labels]
    right_to_left = any(unicodedata.bidirectional(sign) in ("R", "AL", "AN") for sign in "".join(plain))
    for label in plain:
        check_initial_combiner(label)
        if label:
            check_bidi(label, check_ltr=right_to_left)
        joiners = [place for place, sign in enumerate(label) if sign in "\u200c\u200d"]
        if uts46_remap(label, std3_rules=False) != label or not all(valid_contextj(label, place) for place in joiners):
            raise ValueError("a sign that may not be there")
    return [label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in plain]


def _decoded(label: str) -> str:
    """What stands in a label of Punycode, which must be the one way to write it; any other label as it is."""
    if not label.startswith("xn--"):
        return label
    plain = label[4:].encode("ascii").decode("punycode")
    if plain.isascii() or "xn--" + plain.encode("punycode").decode() != label:
        raise ValueError("Punycode of what needs none, or another spelling of it")
    return plain

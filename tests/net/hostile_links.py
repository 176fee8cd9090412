"""Links that must never lead to a dial of an address that is not public."""

V4 = """127.0.0.1 127.8.9.10 10.0.0.1 10.255.1.2 172.16.0.1 172.31.9.9 192.168.1.1 169.254.169.254 169.254.1.1
100.64.0.1 100.127.255.254 192.0.0.1 192.0.2.5 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 239.1.2.3 240.0.0.1
255.255.255.255 0.0.0.0 0.1.2.3""".split()
V6 = """::1 :: fc00::1 fd12:3456::1 fe80::1 fe80::1%25eth0 fe80::1%eth0 ff02::1 2001:db8::1 2001::1 100::1 fec0::1
64:ff9b:1::1 3fff::1""".split()


def spellings(address):
    a, b, c, d = (int(part) for part in address.split("."))
    number = (a << 24) + (b << 16) + (c << 8) + d
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    wide = "".join(chr(ord(s) + 0xFEE0) for s in address)
    return [
        address,
        address + ".",
        str(number),
        hex(number),
        f"0{number:o}",
        f"{a}.{number & 0xFFFFFF}",
        f"{a}.{b}.{number & 0xFFFF}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"0x{a:x}.{b}.0{c:o}.{d}",
        f"00{a}.{b}.{c}.{d}",
        f"[::ffff:{address}]",
        f"[::ffff:{high}:{low}]",
        f"[::{address}]",
        f"[64:ff9b::{high}:{low}]",
        f"[2002:{high}:{low}::1]",
        "".join(f"%{ord(s):02x}" for s in address),
        address.replace(".", "%2e"),
        wide,
        address.replace(".", "\u3002"),
        address.replace(".", "\uff61"),
    ]


HOSTS = [host for address in V4 for host in spellings(address)] + [f"[{address}]" for address in V6]
CONFUSED = [
    r"http://good.example\@127.0.0.1/",
    "http://127.0.0.1#@good.example/",
    "http://good.example@127.0.0.1/",
    "http://user:word@good.example/",
    "http://127.0.0.1\t/",
    "http://127.0\n.0.1/",
    " http://127.0.0.1/",
    "http:///127.0.0.1/",
    "http:127.0.0.1/",
    "//127.0.0.1/",
    "http://",
    "http://[::1/",
    "http://good.example:22/",
    "http://good.example:0/",
    "http://good.example:99999/",
    "http://good.example:8080/",
    "http://good.example/\r\nHost: 127.0.0.1",
    "http://good..example/",
    "http://mixed.example/",
    "http://inside.example/",
    "http://inside6.example/",
    "http://localhost/",
    *(f"{scheme}://good.example/a" for scheme in ("file", "ftp", "gopher", "data", "ws", "jar", "dict", "ldap")),
]
LINKS = [f"http://{host}/a.png" for host in HOSTS] + [f"https://{host}/" for host in HOSTS[::4]] + CONFUSED

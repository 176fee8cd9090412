"""A folder of odd files and folders, as cameras, networks, systems and people leave them, and what becomes of each.

The one table: names are bytes, as the system has them. What is taken is listed with its class; what is left out with
its reason. ``LEAKED`` are names that must not come out as they are.
"""

import io
import os
import socket
import stat

import numpy as np
from PIL import Image

from semsearch.data import folder
from semsearch.images import pixels
from tests.worlds.files import heif_files

SAVE = "which cannot be read here; save it as JPEG or PNG"
FRAME = "which cannot be read here; save a frame of it as JPEG or PNG"
PAGE = "which cannot be read here; save a page of it as JPEG or PNG"
RAW = f"a raw photo of a camera, {SAVE}"
FORBIDDEN = "Permission denied"
_RED = Image.fromarray(np.full((6, 8, 3), (200, 30, 40), np.uint8))


def picture(kind, **options):
    out = io.BytesIO()
    _RED.save(out, kind, **options)
    return out.getvalue()


JPEG, PNG, TIFF = picture("JPEG"), picture("PNG"), picture("TIFF")
BOX = b"\0\0\0\x14ftyp%s\0\0\0\0%s"
TAKEN = {
    # file: (title of its class, its bytes)
    b"Cats/1.jpg": ("Cats", JPEG),
    b"Cats/2.JPEG": ("Cats", JPEG),
    b"Cats/3.jpe": ("Cats", JPEG),
    b"Cats/4.jfif": ("Cats", JPEG),
    b"Cats/5.jfi": ("Cats", JPEG),
    b"Cats/6.pjpeg": ("Cats", JPEG),
    b"Cats/7.Png": ("Cats", PNG),
    b"Cats/8.gif": ("Cats", picture("GIF")),
    b"Cats/9.webp": ("Cats", picture("WEBP")),
    b"Cats/10.bmp": ("Cats", picture("BMP")),
    b"Cats/11.tif": ("Cats", TIFF),
    b"Cats/12.tiff": ("Cats", TIFF),
    b"Cats/13.avif": ("Cats", picture("AVIF")),
    b"Cats/IMG_0014.HEIC": ("Cats", heif_files.PLAIN),
    b"Cats/15.heif": ("Cats", heif_files.TEN_BIT),
    b"Cats/16.hif": ("Cats", heif_files.TURNED),
    b"Cats/no ending": ("Cats", JPEG),
    b"Cats/photo.JPG_1": ("Cats", JPEG),
    b"Cats/a png called.jpg": ("Cats", PNG),
    b"Cats/a heic called.jpg": ("Cats", heif_files.PLAIN),
    b"Cats/a jpeg called.txt": ("Cats", JPEG),
    b"Cats/a jpeg called.mp4": ("Cats", JPEG),
    b"Cats/damaged.jpg": ("Cats", b"\x01\x02\x03 damaged"),
    b"Cats/half.png": ("Cats", PNG[: len(PNG) // 2]),
    b"Cats/deep/er/nested.png": ("Cats", PNG),
    b"Cats/" + b"n" * 251 + b".png": ("Cats", PNG),
    b"Cats/\xff\xfe.png": ("Cats", PNG),
    b"Cats/two\nlines.png": ("Cats", PNG),
    b"Cats/\x1b[31mred.png": ("Cats", PNG),
    b"Cats/" + "turned\u202egnp.png".encode(): ("Cats", PNG),
    b"Cats/" + "👩\u200d🚀.png".encode(): ("Cats", PNG),
    b"Cats/" + "Screenshot 10.00\u202fAM.png".encode(): ("Cats", PNG),
    b"Cats/<img src=x onerror=alert(1)>.png": ("Cats", PNG),
    b"Cats/=1+1.png": ("Cats", PNG),
    b"Cats/ space before.png": ("Cats", PNG),
    b"cats/1.jpg": ("cats", JPEG),
    b"birds/1.png": ("birds", PNG),
    b"birds /2.png": ("birds", PNG),
    "caf\u00e9/1.png".encode(): ("caf\u00e9", PNG),
    "cafe\u0301/2.png".encode(): ("caf\u00e9", PNG),
    b"caf\xe9/3.png": ("caf%E9", PNG),
    "日本/1.png".encode(): ("日本", PNG),
}
LINKS = {
    # link: (where it leads, why it is left out; nothing for one that is taken)
    b"Cats/linked.jpg": (b"1.jpg", ""),
    b"Cats/link nowhere.jpg": (b"absent.jpg", folder.LINK_NOWHERE),
    b"Cats/link to itself.jpg": (b"link to itself.jpg", folder.LINK_LOOP),
    b"Cats/link round.jpg": (b"link round 2.jpg", folder.LINK_LOOP),
    b"Cats/link round 2.jpg": (b"link round.jpg", folder.LINK_LOOP),
    b"Cats/link out.jpg": (b"../../outside/secret.jpg", folder.LINK_OUT),
    b"Cats/link to a device.jpg": (b"/dev/zero", folder.LINK_OUT),
    b"Cats/link to a pipe.jpg": (b"pipe.jpg", "not a file but a pipe"),
    b"Cats/link up": (b"..", folder.LINK_TO_FOLDER),
    b"Linked inside": (b"birds", folder.LINK_TO_FOLDER),
    b"Linked outside": (b"../outside", folder.LINK_TO_FOLDER),
}
LEFT_OUT = {
    # file: (its bytes, why it is left out)
    b"loose.jpg": (JPEG, folder.LOOSE),
    b"loose without ending": (PNG, folder.LOOSE),
    b"notes.txt": (b"words", folder.NO_PICTURE),
    b"BMW list": (b"BMW 2002, BMW Isetta", folder.NO_PICTURE),
    b"Cats/page.html": (b"<html><body>cats</body></html>", folder.NO_PICTURE),
    b"Cats/empty.jpg": (b"", folder.EMPTY),
    b"Cats/.hidden.jpg": (JPEG, folder.HIDDEN),
    b"Cats/._1.jpg": (b"\0\5\x16\7", folder.APPLE),
    b"Cats/.DS_Store": (b"\0\0\0\1Bud1", folder.SYSTEM),
    b"Cats/Thumbs.db": (b"\xd0\xcf\x11\xe0", folder.SYSTEM),
    b"Cats/Desktop.ini": (b"[.ShellClassInfo]", folder.SYSTEM),
    b"Cats/clip.mp4": (BOX % (b"isom", b"mp41"), f"a video, {FRAME}"),
    b"Cats/clip without ending": (b"\x1a\x45\xdf\xa3 webm", f"a video, {FRAME}"),
    b"Cats/clip.MOV": (b"\0\0\0\x08wide\0\0\0\0mdat", f"a video, {FRAME}"),
    b"Cats/clip.avi": (b"RIFF\0\0\0\0AVI LIST", f"a video, {FRAME}"),
    b"Cats/drawing.svg": (
        b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>",
        f"an SVG drawing, {SAVE}",
    ),
    b"Cats/drawing.jpg": (b"\xef\xbb\xbf<svg/>", f"an SVG drawing, {SAVE}"),
    b"Cats/layers.psd": (b"8BPS\0\1", f"a Photoshop document, {SAVE}"),
    b"Cats/photo.jxl": (b"\xff\x0a\x7a\x7f", f"a JPEG XL picture, {SAVE}"),
    b"Cats/photo jxl.jpg": (b"\0\0\0\x0cJXL \r\n\x87\n", f"a JPEG XL picture, {SAVE}"),
    b"Cats/photo.jp2": (b"\0\0\0\x0cjP  \r\n\x87\n", f"a JPEG 2000 picture, {SAVE}"),
    b"Cats/photo.cr2": (b"II*\0\x10\0\0\0CR\2\0", RAW),
    b"Cats/photo.CR3": (BOX % (b"crx ", b"isom"), RAW),
    b"Cats/photo.dng": (TIFF, RAW),
    b"Cats/photo.nef": (TIFF, RAW),
    b"Cats/photo.raf": (b"FUJIFILMCCD-RAW 0201", RAW),
    b"Cats/photo.raw": (b"sensor", RAW),
    b"Cats/scan.pdf": (b"%PDF-1.7", f"a PDF document, {PAGE}"),
    b"Cats/scan.jpg": (b"%PDF-1.4", f"a PDF document, {PAGE}"),
    b"Cats/print.eps": (b"%!PS-Adobe-3.0", f"a PostScript document, {PAGE}"),
    b"Cats/site.ico": (b"\0\0\1\0\1\0", f"an icon, {SAVE}"),
    b"Cats/\xe9crit.txt": (b"words", folder.NO_PICTURE),
    b"Words/readme.md": (b"# words", folder.NO_PICTURE),
}
KEPT = {
    # folder with a picture in it: why it is left out
    b"@eaDir": folder.SYSTEM,
    b"Cats/@eaDir": folder.SYSTEM,
    b"#recycle": folder.SYSTEM,
    b"$RECYCLE.BIN": folder.SYSTEM,
    b"__MACOSX": folder.SYSTEM,
    b"lost+found": folder.SYSTEM,
    b".git": folder.SYSTEM,
    b".thumbnails": folder.SYSTEM,
    b"System Volume Information": folder.SYSTEM,
    b"@Recently-Snapshot": folder.SYSTEM,
    b".stversions": folder.SYSTEM,
    b".private": folder.HIDDEN,
    b"our home": folder.OWN,
    b"our results": folder.OWN,
}
OTHER = {
    b"Cats/pipe.jpg": "not a file but a pipe",
    b"Cats/socket.jpg": "not a file but a socket",
    b"Cats/large.tif": folder.LARGE,
    b"Cats/secret.jpg": f"cannot be read: {FORBIDDEN}",
    b"Locked": f"cannot be opened: {FORBIDDEN}",
    b"Cats/locked": f"cannot be opened: {FORBIDDEN}",
    b"Empty": folder.NO_CLASS,
    b"Words": folder.NO_CLASS,
    b"Only folders": folder.NO_CLASS,
    b"Long": folder.NO_CLASS,
}
LEAKED = ("\udce9", "\udcff", "\n", "\x1b", "\u202e")
DAMAGED = {"Cats/damaged.jpg", "Cats/half.png"}
"""Taken by the folder, and refused when they are decoded."""


def build(root):
    """Make the zoo in the folder ``root``; {file: reason} of what is left out, names as bytes."""
    top = os.fsencode(root)
    for file, data in {file: data for file, (_, data) in TAKEN.items()}.items():
        _write(top, file, data)
    for file, (data, _) in LEFT_OUT.items():
        _write(top, file, data)
    for name in KEPT:
        _write(top, name + b"/copy.jpg", JPEG)
    _write(os.path.dirname(top), b"outside/secret.jpg", JPEG)
    for link, (target, _) in LINKS.items():
        os.symlink(target, os.path.join(top, link))
    for name in (b"Locked", b"Cats/locked", b"Empty", b"Only folders/one/two"):
        os.makedirs(os.path.join(top, name))
    _write(top, b"Cats/secret.jpg", JPEG)
    for name in (b"Cats/secret.jpg", b"Locked", b"Cats/locked"):
        os.chmod(os.path.join(top, name), 0)
    os.mkfifo(os.path.join(top, b"Cats/pipe.jpg"))
    _write(top, b"Cats/large.tif", TIFF)
    os.truncate(os.path.join(top, b"Cats/large.tif"), pixels.MAX_BYTES + 1)
    left = {file: reason for file, (_, reason) in LEFT_OUT.items()} | KEPT | OTHER
    left |= {link: reason for link, (_, reason) in LINKS.items() if reason}
    return left | _socket(top) | _device(top) | _deep(top)


def open_again(root):
    """Let the folders be removed by who may not pass by permissions."""
    for name in (b"Locked", b"Cats/locked"):
        os.chmod(os.path.join(os.fsencode(root), name), 0o700)


def _write(top, file, data):
    path = os.path.join(top, file)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as handle:
        handle.write(data)


def _socket(top):
    """A socket in the zoo: its address is short, so it is made by way of an open folder."""
    place = os.open(os.path.join(top, b"Cats"), os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{place}/socket.jpg")
    os.close(place)
    return {}


def _device(top):
    """A device, where this process may make one."""
    try:
        os.mknod(os.path.join(top, b"Cats/device.jpg"), stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except OSError:
        return {}
    return {b"Cats/device.jpg": "not a file but a device"}


def _deep(top):
    """Folders in folders until no path can name them; the first beyond the limit is what is left out."""
    name, below = b"d" * 250, b"Long"
    os.mkdir(os.path.join(top, below))
    place = os.open(os.path.join(top, below), os.O_RDONLY)
    first = b""
    for _ in range(20):
        os.mkdir(name, dir_fd=place)
        inner = os.open(name, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place, below = inner, below + b"/" + name
        if not first and len(os.path.join(top, below)) > 4095:
            first = below
    os.close(place)
    return {first: folder.DEEP}

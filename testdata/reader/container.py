"""The framings, the archive and the directory: sections 6 to 8 of docs/bundle.md.

It holds a packed bundle in memory. Python has no zstd before 3.14, so the program zstd unpacks its one frame, up to MAX_UNPACKED bytes.
"""

import os
import stat
import struct
import subprocess
import zlib

from strict import Refused, check

MAX_UNPACKED = 1 << 28
FOREIGN = ("lost+found", "system volume information", "$recycle.bin", "thumbs.db", "desktop.ini")


def header(name, size, folder=False):
    """Returns the one valid header of a file."""
    block = bytearray(512)
    large = size >= 1 << 33
    length = b"\x80" + size.to_bytes(11, "big") if large else b"%011o\0" % size
    parts = [
        (0, name.encode()), (100, b"0000755\0" if folder else b"0000644\0"), (108, b"0000000\0"), (116, b"0000000\0"), (124, length),
        (136, b"%011o\0" % 0), (148, b" " * 8), (156, b"5" if folder else b"0"), (257, b"ustar  \0" if large else b"ustar\00000"),
    ]
    if not large:
        parts += [(329, b"0000000\0"), (337, b"0000000\0")]
    for offset, value in parts:
        block[offset : offset + len(value)] = value
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


class Archive:
    """A tar, whose files are read in their order."""

    def __init__(self, data):
        self.data, self.at, self.in_blobs = data, 0, False

    def take(self, n):
        check(self.at + n <= len(self.data), "tar: cut off")
        self.at += n
        return self.data[self.at - n : self.at]

    def file(self, name, size=None, most=None):
        if name.startswith("blobs/") and not self.in_blobs:
            self.in_blobs = True
            for folder in ("blobs/", "blobs/sha256/"):
                check(self.take(512) == header(folder, 0, folder=True), "tar: no header of " + folder)
        found = self.take(512)
        if size is None:
            digits = found[124:135]
            check(all(48 <= c <= 55 for c in digits), "tar: size of " + name)
            size = int(digits, 8)
        check(most is None or size <= most, name + ": too large")
        check(found == header(name, size), "tar: header of " + name)
        content = self.take(size)
        check(not any(self.take(-size % 512)), "tar: padding after " + name)
        return content

    def end(self):
        check(self.data[self.at :] == bytes(1024), "tar: not the end")


class Folder:
    """A layout in a directory, or a folder for inspection, whose head is in index/."""

    def __init__(self, path):
        self.path, self.named, self.paths = path, set(), {}
        self.head = "" if os.path.lexists(os.path.join(path, "oci-layout")) else "index/"
        check(os.path.lexists(os.path.join(path, self.head + "oci-layout")), "no oci-layout")

    def file(self, name, size=None, most=None):
        return self.plain(self.paths.get(name, self.head + name), size, most)

    def plain(self, name, size=None, most=None):
        place = self.path
        for part in name.split("/"):
            check(place == self.path or stat.S_ISDIR(os.lstat(place).st_mode), name + ": no plain folder")
            place = os.path.join(place, part)
            check(os.path.lexists(place), name + ": missing")
        status = os.lstat(place)
        check(stat.S_ISREG(status.st_mode), name + ": no plain file")
        check(size is None or status.st_size == size, name + ": another size")
        check(most is None or status.st_size <= most, name + ": too large")
        self.named.add(name)
        with open(place, "rb") as file:
            return file.read(status.st_size)

    def end(self):
        above = {name[:at] for name in self.named for at in range(len(name)) if name[at] == "/"}
        for folder, folders, files in os.walk(self.path):
            inside = os.path.relpath(folder, self.path).replace(os.sep, "/").removeprefix(".").removeprefix("/")
            folders[:] = [name for name in folders if not foreign(name)]
            for name in folders:
                whole = (inside + "/" + name).removeprefix("/")
                check(whole in above and not os.path.islink(os.path.join(folder, name)), whole + ": extra")
            for name in files:
                whole = (inside + "/" + name).removeprefix("/")
                check(foreign(name) or whole in self.named, whole + ": extra")


def foreign(name):
    return name.startswith(".") or name.lower() in FOREIGN


def open_bundle(path):
    if os.path.isdir(path):
        return Folder(path)
    check(os.path.getsize(path) <= MAX_UNPACKED, "too large for this reader")
    with open(path, "rb") as file:
        data = file.read()
    if data.startswith(b"oci-layout\0"):
        return Archive(data)
    if data.startswith(b"\x1f\x8b"):
        return Archive(from_gzip(data))
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        return Archive(from_zstd(data))
    raise Refused("not a bundle")


def from_gzip(data):
    check(data.startswith(bytes.fromhex("1f8b08000000000000ff")), "gzip: header")
    at, final, out = 10, False, bytearray()
    while not final:
        check(at + 5 <= len(data), "gzip: cut off")
        kind, length, complement = struct.unpack_from("<BHH", data, at)
        final = kind == 1
        check(kind <= 1 and length ^ complement == 0xFFFF and (length == 65535 or final and length > 0), "gzip: block")
        check(at + 5 + length <= len(data), "gzip: cut off")
        out += data[at + 5 : at + 5 + length]
        at += 5 + length
    check(data[at:] == struct.pack("<II", zlib.crc32(out), len(out) & 0xFFFFFFFF), "gzip: trailer, or more after it")
    return bytes(out)


def from_zstd(data):
    """Makes sure that there is one frame and nothing else before it unpacks it."""
    check(data.startswith(bytes.fromhex("28b52ffd0450")), "zstd: header")
    at, last, blocks = 6, False, 0
    while not last:
        check(at + 3 <= len(data), "zstd: cut off")
        block = int.from_bytes(data[at : at + 3], "little")
        last = block & 1 == 1
        blocks += 1
        at += 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
    check(at + 4 == len(data), "zstd: cut off, or more after the frame")
    check(blocks <= MAX_UNPACKED >> 17, "too large for this reader")  # a block has at most 128 KiB
    zstd = subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    check(zstd.returncode == 0, "zstd: damaged")
    return zstd.stdout

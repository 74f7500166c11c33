"""The form of assertions, their keys and signatures: section 4.7 of docs/bundle.md."""

import base64
import binascii
import hashlib
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

import configs
from strict import Refused, check

HEADER_NAME = r"[a-z](?:-?[a-z0-9])*"
GLOBAL = "global-upload"
ANY, STORE, DELEGATED, SERIAL, GATING = "any", "the store", "delegated", "serial", "gating"
# The types: primary key, authority (or the header that it equals), further headers that are not empty, and newest format.
TYPES = {
    "account": (["account-id"], STORE, ["timestamp"], 0),
    "account-key": (["public-key-sha3-384"], STORE, ["account-id"], 1),
    "snap-declaration": (["series", "snap-id"], STORE, ["publisher-id", "timestamp"], None),
    "snap-revision": (["snap-sha3-384", "provenance"], DELEGATED, ["snap-id", "developer-id", "timestamp"], 0),
    "snap-resource-revision": (["snap-id", "resource-name", "resource-sha3-384", "provenance"], DELEGATED, ["developer-id", "timestamp"], 0),
    "snap-resource-pair": (["snap-id", "resource-name", "resource-revision", "snap-revision", "provenance"], DELEGATED, ["developer-id", "timestamp"], 0),
    "store": (["store"], STORE, ["operator-id", "timestamp"], 0),
    "model": (["series", "brand-id", "model"], "brand-id", ["timestamp"], 0),
    "serial": (["brand-id", "model", "serial"], SERIAL, ["timestamp"], 0),
    "validation-set": (["series", "account-id", "name", "sequence"], "account-id", ["timestamp"], 0),
    "validation": (["series", "snap-id", "approved-snap-id", "approved-snap-revision"], GATING, ["timestamp"], 0),
    "base-declaration": (["series"], STORE, [], None),
    "cluster": (["cluster-id", "sequence"], ANY, [], None),
    "confdb-schema": (["account-id", "name"], "account-id", [], None),
    "hardware-identity": (["issuer-id", "hardware-id-key-sha3-384"], ANY, [], None),
    "preseed": (["series", "brand-id", "model", "system-label"], ANY, [], None),
    "repair": (["brand-id", "repair-id"], "brand-id", [], None),
    "request-message": (["account-id", "message-id"], "account-id", [], None),
    "snap-build": (["snap-sha3-384"], ANY, [], None),
    "snap-developer": (["snap-id", "publisher-id"], ANY, [], None),
    "system-user": (["brand-id", "email"], ANY, [], None),
}
SEQUENCES = ("validation-set", "cluster", "repair")


class Assertion:
    def __init__(self, headers, content, body, signature):
        self.headers, self.content, self.body, self.signature = headers, content, body, signature
        self.type, self.format, self.revision = self.text("type"), self.count("format"), self.count("revision")
        check(self.type in TYPES, "assertion: unknown type")
        names, _, more, newest = TYPES[self.type]
        check(newest is None or self.format <= newest, self.type + ": unknown format")
        self.key = [self.type] + [self.text(name) or (GLOBAL if name == "provenance" and name not in headers else "") for name in names]
        check(all(value and not re.search(r"[/\n\0]", value) for value in self.key), self.type + ": primary key")
        check(all(self.text(name) for name in ["authority-id", "sign-key-sha3-384"] + more), self.type + ": a header is missing")
        check(self.type not in SEQUENCES or 1 <= decimal(self.key[-1]) <= 2147483647, self.type + ": sequence")
        self.time = moment(self.text("timestamp")) if "timestamp" in headers else None
        if self.type == "account-key":
            self.since, self.until = moment(self.text("since")), moment(self.text("until")) if "until" in headers else None
            self.rsa, identifier = openpgp_key(body)
            check(identifier == self.text("public-key-sha3-384"), "account-key: another key")

    def text(self, name):
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""

    def count(self, name):
        number = decimal(self.headers.get(name, "0"))
        check(number <= 2147483647, name + ": too large")
        return number

    def provenance(self):
        return self.text("provenance") or GLOBAL


def decimal(value):
    check(isinstance(value, str) and re.fullmatch("0|[1-9][0-9]{0,18}", value), "assertion: no number")
    return int(value)


def moment(text):
    """Returns a time as a number that can be compared, and the part of a second."""
    check(configs.is_time(text), "assertion: no time")
    match = re.fullmatch(r"(....)-(..)-(..)T(..):(..):(..)(?:\.([0-9]+))?(?:Z|([+-])(..):(..))", text)
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    year, month = (year - 1, month + 9) if month < 3 else (year, month - 3)
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day
    offset = (int(match[9]) * 60 + int(match[10])) * (-1 if match[8] == "-" else 1) if match[8] else 0
    return (days * 1440 + hour * 60 + minute - offset) * 60 + second, (match[7] or "").ljust(9, "0")


def decode(stream):
    found, at = [], 0
    while at < len(stream):
        head, at = paragraph(stream, at, 131072)
        check(at <= len(stream) and stream[at - 2 : at] == b"\n\n", "assertion: no signature")
        try:
            lines = Lines(head.decode("utf-8").split("\n"))
        except UnicodeDecodeError:
            raise Refused("assertion: no UTF-8") from None
        headers = lines.entries(0, 0)
        check(lines.at == len(lines.lines), "assertion: headers")
        length, body, content = decimal(headers.get("body-length", "0")), b"", head
        if length:
            check(length <= 2097152, "assertion: body too long")
            body, rest = stream[at : at + length], stream[at + length : at + length + 2]
            check(len(body) == length and rest == b"\n\n", "assertion: body")
            try:
                body.decode("utf-8")
            except UnicodeDecodeError:
                raise Refused("assertion: no UTF-8") from None
            at += length + 2
            content = head + b"\n\n" + body
        signature, at = paragraph(stream, at, 131072)
        check(signature, "assertion: no signature")
        found.append(Assertion(headers, content, body, signature))
    return found


def paragraph(stream, at, most):
    """Returns a text up to a blank line or the end, without its last line end, and the place behind the blank line."""
    check(stream[at : at + 1] != b"\n", "assertion: more than a blank line")
    end = stream.find(b"\n\n", at)
    text, after = (stream[at:end], end + 2) if end >= 0 else (stream[at:].removesuffix(b"\n"), len(stream))
    check(len(text) <= most, "assertion: too long")
    return text, after


class Lines:
    """Parses headers."""

    def __init__(self, lines):
        self.lines, self.at = lines, 0

    def more(self, prefix):
        return self.at < len(self.lines) and self.lines[self.at].startswith(prefix)

    def entries(self, indent, depth):
        found = {}
        while self.more(" " * indent):
            name, colon, after = self.lines[self.at][indent:].partition(":")
            check(colon and re.fullmatch(HEADER_NAME, name) and name not in found, "assertion: header")
            found[name] = self.value(after, indent, depth)
        return found

    def value(self, after, indent, depth):
        self.at += 1
        if after:
            check(after.startswith(" "), "assertion: header")
            return after[1:]
        inner = " " * (indent + 2)
        check(depth < 32 and self.more(inner), "assertion: header without a value")
        if self.more(inner + "  "):
            text = []
            while self.more(inner + "  "):
                text.append(self.lines[self.at][indent + 4 :])
                self.at += 1
            return "\n".join(text)
        if self.more(inner + "-"):
            listed = []
            while self.more(inner + "-"):
                listed.append(self.value(self.lines[self.at][indent + 3 :], indent + 2, depth + 1))
            return listed
        return self.entries(indent + 2, depth + 1)


# Keys and signatures.


def packet(text):
    """Returns the tag and the body of the one OpenPGP packet, and the bytes with the byte 01."""
    try:
        raw = base64.b64decode(re.sub(rb"[\r\n]", b"", text), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("assertion: no base64") from None
    check(len(raw) > 2 and raw[0] == 1 and raw[1] & 0x80, "assertion: no packet")
    if raw[1] & 0x40:
        tag, first = raw[1] & 0x3F, raw[2]
        if first < 192:
            length, start = first, 3
        elif first < 224:
            check(len(raw) > 3, "assertion: no packet")
            length, start = (first - 192 << 8) + raw[3] + 192, 4
        else:
            check(first == 255, "assertion: a packet in parts")
            length, start = int.from_bytes(raw[3:7], "big"), 7
    else:
        tag, size = raw[1] >> 2 & 15, 1 << (raw[1] & 3)
        check(size < 8, "assertion: a packet without a length")
        length, start = int.from_bytes(raw[2 : 2 + size], "big"), 2 + size
    check(len(raw) == start + length, "assertion: no packet")
    return tag, raw[start:], raw


def integer_at(data, at):
    """Returns the multiprecision integer at a place, and the place behind it."""
    check(at + 2 <= len(data), "assertion: packet")
    size = int.from_bytes(data[at : at + 2], "big") + 7 >> 3
    check(at + 2 + size <= len(data), "assertion: packet")
    return int.from_bytes(data[at + 2 : at + 2 + size], "big"), at + 2 + size


def integer_bytes(n):
    return n.bit_length().to_bytes(2, "big") + n.to_bytes(n.bit_length() + 7 >> 3, "big")


def openpgp_key(text):
    """Returns an RSA key and its identifier. A key has one encoding."""
    tag, data, raw = packet(text)
    check(tag == 6, "assertion: no public key")
    n, at = integer_at(data, 6)
    e, _ = integer_at(data, at)
    body = b"\x04" + (1451606400).to_bytes(4, "big") + b"\x01" + integer_bytes(n) + integer_bytes(e)
    length = len(body)
    header = bytes([length]) if length < 192 else bytes([(length - 192 >> 8) + 192, length - 192 & 255])
    check(raw == b"\x01\xc6" + header + body and 1024 <= n.bit_length() <= 8192, "assertion: another encoding of the key")
    try:
        key = rsa.RSAPublicNumbers(e, n).public_key()
    except ValueError:
        raise Refused("assertion: no RSA key") from None
    return key, base64.urlsafe_b64encode(hashlib.sha3_384(raw).digest()).decode()


def verify_signature(key, assertion):
    tag, data, _ = packet(assertion.signature)
    check(tag == 2 and data[:4] == b"\x04\x00\x01\x0a" and len(data) > 6, "assertion: another kind of signature")
    hashed = 6 + int.from_bytes(data[4:6], "big")
    unhashed = hashed + 2 + int.from_bytes(data[hashed : hashed + 2], "big")
    check(unhashed + 2 <= len(data), "assertion: signature")
    number, end = integer_at(data, unhashed + 2)
    check(end == len(data), "assertion: signature")
    message = assertion.content + data[:hashed] + b"\x04\xff" + hashed.to_bytes(4, "big")
    check(hashlib.sha512(message).digest()[:2] == data[unhashed : unhashed + 2], "assertion: signature")
    size = key.key_size + 7 >> 3
    try:
        key.verify(number.to_bytes(size, "big"), message, padding.PKCS1v15(), hashes.SHA512())
    except (InvalidSignature, OverflowError):
        raise Refused("%s: the signature is wrong" % assertion.type) from None

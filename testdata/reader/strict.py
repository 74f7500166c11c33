"""The two kinds of JSON in section 3 of docs/bundle.md."""

import json
import re

MAX_DEPTH = 64
MAX_INTEGER = 9223372036854775807


class Refused(Exception):
    """A rule of the format that the input breaks."""


class Number(str):
    """A number as its text, because not every integer of JSON is one of the format."""


def check(right, why):
    if not right:
        raise Refused(why)


def parse(raw):
    """Parses plain JSON, and refuses what two parsers could read in two ways."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("JSON: not UTF-8") from None
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise Refused("JSON: %s" % error) from None
    _whole(value, MAX_DEPTH)
    return value


def _constant(text):
    raise Refused("JSON: %s" % text)


def _object(pairs):
    value = dict(pairs)
    check(len(value) == len(pairs), "JSON: a name twice in an object")
    return value


def _whole(value, depth):
    """Refuses values that are nested too deeply, and halves of surrogate pairs."""
    check(depth >= 0, "JSON: nested too deeply")
    if isinstance(value, dict):
        for name, item in value.items():
            _whole(name, depth - 1)
            _whole(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _whole(item, depth - 1)
    elif isinstance(value, str):
        check(not re.search("[\ud800-\udfff]", value), "JSON: half of a surrogate pair")


def canonical(value):
    """Encodes a value whose fields are in the order of the tables."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


# Types of fields. Each is a function that refuses a wrong value.


def integer(least=0, most=MAX_INTEGER):
    def verify(value, path):
        check(isinstance(value, Number) and re.fullmatch(r"0|-?[1-9][0-9]{0,19}", value), path + ": no integer")
        check(least <= int(value) <= most, path + ": out of range")

    return verify


def string(pattern=None, empty=False, size=None):
    """A string, which is whole a match of the pattern. An optional field may be empty, too."""

    def verify(value, path):
        check(isinstance(value, str) and not isinstance(value, Number), path + ": no string")
        if empty and value == "":
            return
        check(pattern is None or re.fullmatch(pattern, value), path + ": not in its form")
        check(size is None or len(value.encode()) <= size, path + ": too long")

    return verify


def boolean(value, path):
    check(isinstance(value, bool), path + ": no boolean")


def anything(value, path):
    pass


def null_or(other):
    def verify(value, path):
        if value is not None:
            other(value, path)

    return verify


def list_of(element, least=0, most=None):
    def verify(value, path):
        check(isinstance(value, list), path + ": no list")
        check(len(value) >= least and (most is None or len(value) <= most), path + ": too few or too many")
        for item in value:
            element(item, path + "[]")

    return verify


def map_of(element, key=None, most=None):
    def verify(value, path):
        check(isinstance(value, dict), path + ": no object")
        check(most is None or len(value) <= most, path + ": too many")
        for name, item in value.items():
            if key is not None:
                key(name, path)
            element(item, path + "." + name)

    return verify


def record(required=None, **optional):
    """An object with known fields. The name of a field has _ for -."""
    known = {}
    for fields in (required or {}, optional):
        known.update((name.replace("_", "-"), kind) for name, kind in fields.items())
    return record_of([name.replace("_", "-") for name in required or {}], known)


def record_of(required, known):
    def verify(value, path):
        check(isinstance(value, dict), path + ": no object")
        for name in required:
            check(name in value, "%s: no %s" % (path, name))
        for name, kind in known.items():
            if name in value:
                kind(value[name], path + "." + name)

    return verify

"""Trust in assertions: section 4.7 and step 13 of section 9 of docs/bundle.md."""

import base64
import re

from assertions import ANY, DELEGATED, GATING, GLOBAL, SERIAL, STORE, TYPES, decimal, decode, moment, verify_signature
from strict import Refused, check



class Trust:
    def __init__(self, roots, found, time):
        self.roots, self.by_key, self.time, self.state = {tuple(a.key): a for a in roots}, {}, moment(time), {}
        self.found = found
        for a in found:
            old = self.by_key.setdefault((*a.key,), {}).get(a.format)
            if old is None or old.revision < a.revision:
                self.by_key[(*a.key,)][a.format] = a

    def find(self, *key):
        if key in self.roots:
            return self.roots[key]
        check(key in self.by_key, "missing: %s" % "/".join(key))
        return max(self.by_key[key].values(), key=lambda a: (a.revision, a.format))

    def verify_all(self):
        for a in self.found:
            self.verify(a, 0)

    def verify(self, a, depth):
        root = self.roots.get(tuple(a.key))
        same = (a.content, a.signature)
        if root and (root.content, root.signature) == same or self.state.get(same) == "verified":
            return
        check(self.state.get(same) is None and depth <= 32, "assertion: no chain to the roots")
        self.state[same] = "verifying"
        key = self.find("account-key", a.text("sign-key-sha3-384"))
        self.verify(key, depth + 1)
        check(key.text("account-id") == a.text("authority-id"), a.type + ": another authority than the key's")
        for time in [self.time] + ([a.time] if a.time else []):
            check(key.since <= time and (key.until is None or time < key.until), a.type + ": the key is not valid then")
        verify_signature(key.rsa, a)
        constrained(key, a)
        self.authority(a)
        needs = [self.find(*name) for name in needed(a)]
        for need in needs:
            self.verify(need, depth + 1)
        delegated(a, needs)
        self.state[same] = "verified"

    def authority(self, a):
        rule, who = TYPES[a.type][1], a.text("authority-id")
        stores = {key[1] for key in self.roots if key[0] == "account"}
        if rule == STORE or rule == DELEGATED and a.provenance() == GLOBAL:
            check(who in stores, a.type + ": not by the store")
        elif rule not in (ANY, SERIAL, GATING, DELEGATED):
            check(a.text(rule) == who, a.type + ": another authority")


def needed(a):
    account, declaration = (lambda name: ("account", a.text(name))), (lambda name: ("snap-declaration", "16", a.text(name)))
    if a.type in ("account-key", "snap-declaration", "store"):
        return [account({"account-key": "account-id", "snap-declaration": "publisher-id", "store": "operator-id"}[a.type])]
    if TYPES[a.type][1] == DELEGATED:
        return [declaration("snap-id"), account("developer-id")]
    if a.type == "serial" and a.text("authority-id") != a.text("brand-id"):
        return [("model", "16", a.text("brand-id"), a.text("model"))]
    if a.type == "validation":
        return [declaration("snap-id"), declaration("approved-snap-id")]
    return []


def delegated(a, needs):
    who = a.text("authority-id")
    if a.type == "validation":
        check(needs[0].text("publisher-id") == who, "validation: not by the publisher")
    if a.type == "serial" and needs:
        check(who in needs[0].headers.get("serial-authority", []), "serial: another authority")
    if TYPES[a.type][1] == DELEGATED and a.provenance() != GLOBAL:
        revision = decimal(a.headers.get("resource-revision" if a.type == "snap-resource-revision" else "snap-revision", "0"))
        for entry in needs[0].headers.get("revision-authority", []):
            if entry.get("account-id") == who and a.provenance() in entry.get("provenance", []) and \
                    decimal(entry.get("min-revision", "1")) <= revision <= decimal(entry.get("max-revision", "9223372036854775807")):
                return
        raise Refused(a.type + ": not delegated")


def constrained(key, a):
    if "constraints" in key.headers:
        check(any(matches(c["headers"], a.headers) for c in key.headers["constraints"]), a.type + ": the key's constraints")


def matches(constraint, value):
    if isinstance(value, list):
        return all(matches(constraint, item) for item in value)
    if isinstance(constraint, list):
        return any(matches(c, value) for c in constraint)
    if isinstance(constraint, dict):
        return isinstance(value, dict) and all(matches(c, value.get(name)) for name, c in constraint.items())
    return isinstance(value, str) and re.fullmatch(constraint, value) is not None


def read(path):
    with open(path, "rb") as file:
        return decode(file.read())


def verify_stream(path, roots, time):
    Trust(read(roots), read(path), time).verify_all()


def header_digest(hexadecimal):
    return base64.urlsafe_b64encode(bytes.fromhex(hexadecimal)).decode()


def verify_items(items, blobs, roots, created):
    """Verifies the streams, and compares the items with them."""
    streams = {item.name: decode(blobs[item.stream()]) for item in items if item.stream()}
    trusted = Trust(read(roots), [a for stream in streams.values() for a in stream], created)
    trusted.verify_all()
    for item in items:
        compare(item, streams.get(item.name, []), trusted)


def compare(item, stream, trust):
    c = item.config
    if item.kind == "snap":
        declaration = trust.find("snap-declaration", "16", c["snap-id"])
        check((declaration.text("snap-name"), declaration.text("publisher-id")) == (c["name"], c["snap"].get("publisher", {}).get("id", "")), item.name + ": declaration")
    if item.kind == "snap.revision":
        compare_revision(item.name, c, stream, trust)
    if item.kind == "charm" and stream:
        trust.find("account", c["result"].get("publisher", {}).get("id", ""))
    if item.kind == "assertion":
        trust.find(c["type"], *c["primary-key"])
    if item.kind == "store":
        for account in filter(None, (c["brand-id"], c.get("admin-id"))):
            trust.find("account", account)
    if item.kind == "withdrawal" and c["reason"] == "revoked":
        check(trust.find("snap-declaration", "16", c["id"]).headers.get("snap-name") == "", item.name + ": not revoked")


def compare_revision(name, c, stream, trust):
    check(trust.find("snap-declaration", "16", c["snap-id"]).text("snap-name") == c["name"], name + ": declaration")
    revision = c["revision"]
    number, digest = revision["revision"], header_digest(revision["download"]["sha3-384"])
    provenance = next((a.provenance() for a in stream if a.type == "snap-revision" and a.text("snap-sha3-384") == digest), None)
    check(provenance, name + ": no snap-revision")
    signed = trust.find("snap-revision", digest, provenance)
    said = [signed.text(header) for header in ("snap-id", "snap-revision", "snap-size")]
    check(said == [c["snap-id"], number, revision["download"]["size"]], name + ": snap-revision")
    integrity = signed.headers.get("integrity")
    if isinstance(integrity, list):
        for i in revision.get("integrity", []):
            wanted = {"type": i["type"], "digest": i["digest"], "salt": i.get("salt", ""), "hash-algorithm": i["hash-algorithm"]}
            check(any(isinstance(s, dict) and all(s.get(k) == v for k, v in wanted.items()) for s in integrity), name + ": integrity")
    for r in revision.get("resources", []) + revision.get("further-resources", []):
        found = trust.find("snap-resource-revision", c["snap-id"], r["name"], header_digest(r["download"]["sha3-384"]), provenance)
        check((found.text("resource-revision"), found.text("resource-size")) == (r["revision"], r["download"]["size"]), name + ": component")
        trust.find("snap-resource-pair", c["snap-id"], r["name"], r["revision"], number, provenance)

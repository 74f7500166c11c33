"""Reads a bundle in the order of section 9 of docs/bundle.md."""

import base64
import binascii
import hashlib
import re

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

import configs
import container
import files
import items
import trust
from strict import Refused, canonical, check, integer, list_of, map_of, parse, record, record_of, string

VND = items.VND
INDEX, MANIFEST = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"
FORMAT, KEY = "vnd.offlinestore.bundle.format", "vnd.offlinestore.public-key"
PART, DIVISION = "vnd.offlinestore.part", "vnd.offlinestore.division"
NAME, SHA3 = "org.opencontainers.image.ref.name", "vnd.offlinestore.sha3-384"
MAX_INDEX, MAX_HEAD, MAX_CONFIG, MAX_MANIFEST = 12582912, 50331648, 16777216, 1048576
PAYLOAD_TYPE = "application/vnd.in-toto+json"

DESCRIPTOR = record_of(["mediaType", "digest", "size"], {
    "mediaType": string(), "digest": string(configs.DIGEST), "size": integer(), "annotations": map_of(string()), "artifactType": string()})
strings = list_of(string())
TIME = r"(?a:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"
CARRIED = record({"bundle": string(configs.DIGEST), "created": string(TIME)}, sequence=integer(), file=string(size=255), blobs=list_of(integer()))
INCREMENT = record({"receiver": string("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")}, basis=string("receipt|assumption", empty=True), receipt=string(configs.DIGEST, empty=True),
                   previous=CARRIED, carried=list_of(CARRIED, 0, 4096))
STATEMENT = record_of(["_type", "subject", "predicateType", "predicate"], {
    "_type": string(re.escape("https://in-toto.io/Statement/v1")), "predicateType": string("urn:offlinestore:bundle:v1"),
    "subject": list_of(record({"digest": map_of(string())}, name=string()), 1, 1),
    "predicate": record({"created": string(TIME)}, exporter=string(), program=string(), sequence=integer(),
                        request=record(snaps=strings, channels=strings, architectures=strings, charms=strings, bundles=strings,
                                       assertions=strings, needed_by=strings), expects=list_of(string(configs.DIGEST)), increment=INCREMENT)})

RANGE = record({"part": integer(), "digest": string(configs.DIGEST), "size": integer()})
DIVIDED = record({"files": list_of(string(r"[^/\0-\x1f\x7f-\x9f]+", size=255), 2, 4096), "places": list_of(integer())}, ranges=list_of(list_of(RANGE)))


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def described(media_type, data, **more):
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}


def ordered(value, fields):
    """Returns an object with its fields in the order of the tables, and refuses others."""
    check(isinstance(value, dict) and all(name in fields for name in value), "an unknown field in canonical JSON")
    return {name: value[name] for name in fields if name in value}


def parse_descriptor(value, most=1 << 40):
    DESCRIPTOR(value, "descriptor")
    value = ordered(value, ("mediaType", "digest", "size", "annotations", "artifactType"))
    value["size"] = int(value["size"])
    check(value["size"] <= most, "descriptor: too large")
    if "annotations" in value:
        value["annotations"] = dict(sorted(value["annotations"].items()))
    return value


def public_key(der):
    """Returns a key that may sign bundles."""
    try:
        key = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        raise Refused("no public key") from None
    again = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    check(again == der, "public key: not canonical")
    if isinstance(key, rsa.RSAPublicKey):
        exponent = key.public_numbers().e
        check(3072 <= key.key_size <= 8192 and 3 <= exponent <= 2147483647 and exponent % 2 == 1, "public key: RSA")
    elif isinstance(key, ec.EllipticCurvePublicKey):
        check(key.curve.name == "secp256r1", "public key: another curve")
    else:
        check(isinstance(key, ed25519.Ed25519PublicKey), "public key: another algorithm")
    return key


def trusted_key(path):
    with open(path, "rb") as file:
        text = file.read(65536)
    match = re.fullmatch(
        rb"(?:[ \t\r\n]*\n)?-----BEGIN PUBLIC KEY-----[ \t]*\r?\n"
        rb"([A-Za-z0-9+/= \t\r\n]*\n)-----END PUBLIC KEY-----[ \t]*(?:\r?\n[ \t\r\n]*)?", text)
    check(match, "no PEM of a public key")
    try:
        der = base64.b64decode(re.sub(rb"[ \t\r\n]", b"", match[1]), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("no base64") from None
    public_key(der)
    return digest_of(der)


def unarmoured(text):
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("no base64") from None
    check(base64.b64encode(raw) == (text if isinstance(text, bytes) else text.encode()), "base64: not canonical")
    return raw


def verify(key, signature, message):
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Refused("the signature is wrong") from None


class Reader:
    def __init__(self, path):
        self.source = container.open_bundle(path)
        self.blobs, self.head, self.head_size = {}, set(), 0

    def blob(self, descriptor, most):
        """Reads a blob of the head, once."""
        digest, size = descriptor["digest"], descriptor["size"]
        if digest in self.blobs:
            check(len(self.blobs[digest]) == size, digest + ": two sizes")
            return self.blobs[digest]
        check(size <= most, digest + ": too large")
        data = self.source.file("blobs/sha256/" + digest[7:], size)
        check(digest_of(data) == digest, digest + ": damaged")
        self.blobs[digest] = data
        return data

    def small(self, descriptor, most):
        """Reads a blob of an item that belongs to the head."""
        check(descriptor["digest"] != digest_of(b"{}"), "an item has the blob {}")
        if descriptor["digest"] not in self.head:
            self.head.add(descriptor["digest"])
            self.head_size += descriptor["size"]
            check(self.head_size <= MAX_HEAD, "the head is too large")
        return self.blob(descriptor, most)

    def read_top(self):
        """Steps 1 to 5."""
        check(self.source.file("oci-layout", most=4096) == b'{"imageLayoutVersion":"1.0.0"}', "oci-layout")
        raw = self.index = self.source.file("index.json", most=MAX_INDEX)
        check(configs.values(raw) <= 200000, "index.json: too many values")
        index = parse(raw)
        check(isinstance(index, dict) and isinstance(index.get("annotations"), dict), "index.json: no index")
        claimed = index["annotations"].get(FORMAT)
        check(claimed in ("1.0", "1.1", "1.2", "1.3", "1.4"), "index.json: another version")
        entries = index.get("manifests")
        check(isinstance(entries, list) and len(entries) >= 2, "index.json: no manifests")
        self.raw = self.blob(parse_descriptor(entries[0]), MAX_INDEX)
        signature = self.blob(parse_descriptor(entries[1]), MAX_MANIFEST)
        self.blob(described("", b"{}"), 2)
        manifest = parse(signature)
        layers = manifest.get("layers") if isinstance(manifest, dict) else None
        check(isinstance(layers, list) and len(layers) == 1, "signature: layers")
        envelope = self.blob(parse_descriptor(layers[0]), 8388608)
        label = self.read_division(index["annotations"])
        der = unarmoured(str((manifest.get("annotations") or {}).get(KEY)))
        self.key, self.key_id = public_key(der), digest_of(der)
        self.read_envelope(envelope)
        self.read_index(claimed)
        top = described(INDEX, self.raw)
        derived = canonical({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": VND + "signature.v1", "config": described("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [described("application/vnd.dsse.envelope.v1+json", envelope)], "subject": top, "annotations": {KEY: base64.b64encode(der).decode()}})
        check(derived == signature, "signature: not what follows")
        derived = canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
            {**top, "annotations": {NAME: "bundle"}, "artifactType": VND + "bundle.v1"},
            described(MANIFEST, signature, annotations={NAME: "signature"}, artifactType=VND + "signature.v1"), *self.entries],
            "annotations": {FORMAT: claimed, **label}})
        check(derived == raw, "index.json: not what follows")

    def read_division(self, annotations):
        """Returns what index.json says of the part that the bundle is."""
        self.part, self.division = 0, None
        number, digest = annotations.get(PART), annotations.get(DIVISION)
        if number is None and digest is None:
            return {}
        check(getattr(self.source, "head", "") == "", "a folder for inspection that is a part")
        string("[1-9][0-9]{0,3}")(number, "part")
        string(configs.DIGEST)(digest, "division")
        raw = self.source.file("blobs/sha256/" + digest[7:], most=8388608)
        check(digest_of(raw) == digest, "division: damaged")
        check(configs.values(raw) <= 600000, "division: too many values")
        self.part, self.division = int(number), parse(raw)
        DIVIDED(self.division, "division")
        check(self.part <= len(self.division["files"]), "part: a number after the last one")
        return {DIVISION: digest, PART: number}

    def read_envelope(self, raw):
        value = parse(raw)
        record_of(["payloadType", "payload", "signatures"], {
            "payloadType": string(re.escape(PAYLOAD_TYPE)), "payload": string(), "signatures": list_of(record({"keyid": string(), "sig": string()}), 1, 1)})(value, "envelope")
        signature = value["signatures"][0]
        again = {"payloadType": PAYLOAD_TYPE, "payload": value["payload"], "signatures": [{"keyid": signature["keyid"], "sig": signature["sig"]}]}
        check(canonical(again) == raw, "envelope: not canonical")
        self.statement, self.signature = unarmoured(value["payload"]), unarmoured(signature["sig"])
        check(signature["keyid"] == self.key_id, "envelope: another key")

    def read_index(self, claimed):
        """Step 7, and the part of step 5 about the bundle index."""
        check(configs.values(self.raw) <= 200000, "bundle index: too many values")
        index = parse(self.raw)
        check(isinstance(index, dict) and isinstance(index.get("manifests"), list) and 1 <= len(index["manifests"]) <= 20000, "bundle index: items")
        self.entries = [parse_descriptor(entry, 4194304) for entry in index["manifests"]]
        derived = {"schemaVersion": 2, "mediaType": INDEX, "artifactType": VND + "bundle.v1", "manifests": self.entries, "annotations": {FORMAT: claimed}}
        check(canonical(derived) == self.raw, "bundle index: not canonical")
        self.claimed, before = claimed, None
        for entry in self.entries:
            kind = entry.get("artifactType", "")
            check(list(entry.get("annotations", {})) == [NAME], "bundle index: annotations of an item")
            name = entry["annotations"][NAME]
            check(re.fullmatch(r'[ !#-%\x27-;=?-\[\]-~]{1,255}', name), "bundle index: the name of an item")
            check(entry["mediaType"] == MANIFEST and kind in items.KINDS if kind else entry["mediaType"] in configs.IMAGES, name + ": kind")
            order = (kind, name.rstrip("0123456789"), len(name), name)
            check(before is None or before < order, name + ": not sorted")
            before = order
        check(len({entry["digest"] for entry in self.entries}) == len(self.entries), "bundle index: an item twice")

    def verify_statement(self, trusted):
        """Step 6."""
        check(self.key_id in trusted, "the signer is not trusted")
        verify(self.key, self.signature, b"DSSEv1 28 %s %d %s" % (PAYLOAD_TYPE.encode(), len(self.statement), self.statement))
        statement = parse(self.statement)
        STATEMENT(statement, "statement")
        check(statement["subject"][0]["digest"].get("sha256") == digest_of(self.raw)[7:], "statement: about another bundle")
        predicate = statement["predicate"]
        created = predicate["created"]
        check(configs.is_time(created) and created >= "1970", "statement: created")
        self.verify_increment(predicate.get("expects", []), predicate.get("increment"))
        return created

    def verify_increment(self, expects, increment):
        """The part of step 6 about blobs that are left out."""
        check(expects == sorted(set(expects)), "statement: expects: not sorted")
        self.expects = set(expects)
        if increment is None:
            check(not expects, "statement: expects without a receiver")
            return
        check(bool(expects) == bool(increment.get("basis")), "statement: basis")
        bundles = [(increment["previous"], 0)] if "previous" in increment else []
        for bundle, expected in bundles + [(bundle, len(expects)) for bundle in increment.get("carried", [])]:
            blobs = [int(n) for n in bundle.get("blobs", [])]
            check(configs.is_time(bundle["created"]) and bundle["created"] >= "1970", "statement: a bundle's time")
            check(blobs == sorted(set(blobs)) and all(n < expected for n in blobs), "statement: blobs of a bundle")

    def read_items(self):
        """Steps 8 to 10."""
        self.images, manifests = {}, []
        for entry in self.entries:
            raw = self.small(entry, MAX_MANIFEST if "artifactType" in entry else 4194304)
            if "artifactType" not in entry:
                check(entry["annotations"][NAME] == "image-" + entry["digest"][7:], "image: another name")
                self.images[entry["digest"]] = (entry["mediaType"], raw, configs.parse_image(entry["mediaType"], raw))
                continue
            manifest = parse(raw)
            check(isinstance(manifest, dict) and isinstance(manifest.get("layers"), list) and len(manifest["layers"]) <= 512, "manifest: no layers")
            config, layers = parse_descriptor(manifest.get("config"), MAX_CONFIG), [parse_descriptor(layer) for layer in manifest["layers"]]
            media_type, _, known = items.KINDS[entry["artifactType"]]
            for layer in layers:
                check(layer["mediaType"] in known and layer["size"] <= known[layer["mediaType"]], "manifest: a layer")
                check(layer["mediaType"] != items.ASSERTIONS or layer["size"] > 0, "manifest: no assertions")
            derived = canonical({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": entry["artifactType"],
                                 "config": {"mediaType": media_type, "digest": config["digest"], "size": config["size"]}, "layers": layers})
            check(derived == raw, "manifest: not what follows")
            manifests.append((entry, {"config": config, "layers": layers}))
        for _, manifest in manifests:
            self.small(manifest["config"], MAX_CONFIG)
        for _, manifest in manifests:
            for layer in manifest["layers"]:
                if items.head_layer(layer):
                    self.small(layer, 4194304)
        by_digest = {entry["digest"]: manifest for entry, manifest in manifests}
        self.items = [items.Item(entry, manifest, self.blobs[manifest["config"]["digest"]]) for entry, manifest in manifests]
        referred = items.agree(self.items, self.images)
        check(self.claimed == self.version(referred), "another version than the content needs")
        return [(entry, by_digest.get(entry["digest"])) for entry in self.entries]

    def version(self, referred):
        if any(item.kind == "image.repository" for item in self.items):
            return "1.4"
        if any(item.private for item in self.items):
            return "1.3"
        new = any(item.new for item in self.items)
        if new or referred or any(len(raw) > 1048576 or configs.values(raw) > 20000 for _, raw, _ in self.images.values()):
            return "1.2"
        return "1.1" if self.images or any(item.kind.startswith("charm") for item in self.items) else "1.0"

    def read_payload(self, manifests):
        """Steps 9, 11 and 12."""
        payload = {}
        for entry, manifest in manifests:
            if manifest:
                layers = [layer for layer in manifest["layers"] if not items.head_layer(layer)]
            else:
                image = self.images[entry["digest"]][2]
                layers = [{"digest": d["digest"], "size": int(d["size"])} for d in ([image["config"]] if image.get("config") else []) + (image.get("layers") or [])]
            for layer in layers:
                digest, size, sum3 = layer["digest"], layer["size"], layer.get("annotations", {}).get(SHA3)
                if digest in self.head or digest == digest_of(b"{}"):
                    check(not manifest and len(self.blobs[digest]) == size, digest + ": in the head, or in two sizes")
                    continue
                old = payload.setdefault(digest, [size, sum3])
                check(old[0] == size and (not sum3 or not old[1] or old[1] == sum3), digest + ": described in two ways")
                old[1] = old[1] or sum3
        check(self.expects <= set(payload), "statement: expects: a blob that the payload does not have")
        derived = self.place_files([digest for digest in payload if digest not in self.expects])
        here = {digest: value for digest, value in payload.items() if digest not in self.expects}  # whoever has the blobs of the receiver verifies the others
        ranges = []
        if self.division is not None:
            here, ranges = self.divide(here)
        for digest, (size, sum3) in here.items():
            data = self.source.file("blobs/sha256/" + digest[7:], size)
            check(digest_of(data) == digest, digest + ": damaged")
            check(not sum3 or hashlib.sha3_384(data).hexdigest() == sum3, digest + ": another SHA3-384")
            self.verify_content(digest, data)
        for digest, size in ranges:
            check(digest_of(self.source.file("blobs/sha256/" + digest[7:], size)) == digest, digest + ": a damaged range")
        for name, data in derived.items():
            check(self.source.plain(name, len(data)) == data, name + ": not what follows")
        self.source.end()

    def place_files(self, here):
        """Places the payload of a folder for inspection, and returns its small files that follow from the head."""
        if getattr(self.source, "head", "") == "":
            return {}
        self.source.paths, derived = files.place(self)
        derived["SHA256SUMS"] = files.sums(self, self.source.paths, derived, here)
        return derived

    def divide(self, payload):
        """Returns the blobs and the ranges in this part. It is step 9 for a division."""
        places, divided = [int(n) for n in self.division["places"]], list(self.division.get("ranges", []))
        count, used, here, ranges = len(self.division["files"]), set(), {}, []

        def place(part, digest):
            check(1 <= part <= count and (part, digest) not in used, "division: no such part, or a blob twice in one")
            used.add((part, digest))
            return part == self.part

        check(len(places) == len(payload), "division: places of other blobs")
        for part, (digest, value) in zip(places, payload.items()):
            if part:
                if place(part, digest):
                    here[digest] = value
                continue
            check(divided, "division: no ranges")
            last, total, parts = 0, 0, divided.pop(0)
            for one in parts:
                part, size = int(one["part"]), int(one["size"])
                check(part > last and 1 <= size <= value[0] - total, "division: a range")
                last, total = part, total + size
                if place(part, one["digest"]):
                    ranges.append((one["digest"], size))
            check(len(parts) >= 2 and total == value[0], "division: ranges of another size")
        check(not divided, "division: ranges of no blob")
        check({part for part, _ in used} == set(range(1, count + 1)), "division: an empty part")
        return here, ranges

    def verify_content(self, digest, data):
        for item in self.items:
            if item.layers and item.layers[0]["digest"] == digest:
                if item.kind == "charm.resource":
                    check(hashlib.sha384(data).hexdigest() == item.config["resource"]["download"]["hash-sha-384"], item.name + ": another SHA-384")
                if item.kind == "charm.revision":
                    items.check_archive(item.config, data)


def read(path, keys, roots):
    reader = Reader(path)
    reader.read_top()
    created = reader.verify_statement([trusted_key(key) for key in keys])
    reader.read_payload(reader.read_items())
    trust.verify_items(reader.items, reader.blobs, roots, created)

"""The folder for inspection: section 6.2 of docs/bundle.md."""

import hashlib
import re

import container
import items
from strict import canonical, check

NAME, TITLE = "org.opencontainers.image.ref.name", "org.opencontainers.image.title"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
FOLDERS = {"snap.blob.v1+squashfs": "snaps/", "snap.component.v1+squashfs": "snaps/", "snap.integrity.v1": "snaps/",
           "charm.blob.v1+zip": "charms/", "charm.resource.blob.v1": "resources/"}
DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])(\..*)?", re.IGNORECASE)


def hexadecimal(data):
    return hashlib.sha256(data).hexdigest()


def extension(name):
    at = name.rfind(".")
    if at == len(name) - 1:
        return ""
    if at > 0 and name[:at].endswith(".tar"):
        at -= 4
    return name[at:] if at > 0 and len(name) - at <= 16 else ""


class Names:
    def __init__(self):
        self.taken = set()

    def add(self, folder, name, digest):
        if len(name) > 64 or name.endswith(".") or DEVICE.fullmatch(name) or container.foreign(name) or (folder + name).lower() in self.taken:
            end = extension(name)
            tail = "~" + digest[7:23] + end
            name = name[: len(name) - len(end)][: 64 - len(tail)].replace(".", "_") + tail
        check((folder + name).lower() not in self.taken, name + ": a name of two files")
        self.taken.add((folder + name).lower())
        return folder + name


def file_title(item, layer):
    title = layer["annotations"][TITLE]
    if item.kind == "charm.resource":
        end = extension(item.config["resource"].get("filename") or "")
        return title + (end if re.fullmatch(r"[A-Za-z0-9._+-]*", end) else "")
    if layer["mediaType"] == items.VND + "snap.blob.v1+squashfs":
        archs = item.config["revision"].get("architectures") or []
        return "%s_%s.snap" % (title.removesuffix(".snap"), "multi" if len(archs) > 1 else archs[0] if archs else "all")
    return title


def place(reader):
    """Returns the paths of the payload, by their names in a layout, and the small files that follow from the head."""
    paths, derived, listed = {}, {}, []
    for entry in reader.entries:
        if "artifactType" in entry:
            continue
        _, raw, image = reader.images[entry["digest"]]
        listed.append(entry)
        derived["images/blobs/sha256/" + entry["digest"][7:]] = raw
        for blob in ([image["config"]] if image.get("config") else []) + (image.get("layers") or []):
            name = "blobs/sha256/" + blob["digest"][7:]
            if blob["digest"] in reader.blobs:
                derived["images/" + name] = reader.blobs[blob["digest"]]
            else:
                paths[name] = "images/" + name
    if listed:
        derived["images/oci-layout"] = LAYOUT
        derived["images/index.json"] = canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed})
    names = Names()
    for item in reader.items:
        for layer in item.layers:
            name = "blobs/sha256/" + layer["digest"][7:]
            if name not in paths and not items.head_layer(layer):
                paths[name] = names.add(FOLDERS[layer["mediaType"].removeprefix(items.VND)], file_title(item, layer), layer["digest"])
    return paths, derived


def sums(reader, paths, derived, payload):
    """Returns SHA256SUMS. payload has the digests of the large blobs that are there."""
    lines = {"index/oci-layout": hexadecimal(LAYOUT), "index/index.json": hexadecimal(reader.index)}
    lines.update({"index/blobs/sha256/" + digest[7:]: digest[7:] for digest in reader.blobs})
    lines.update({name: hexadecimal(data) for name, data in derived.items()})
    lines.update({paths["blobs/sha256/" + digest[7:]]: digest[7:] for digest in payload})
    return "".join("%s  %s\n" % (lines[name], name) for name in sorted(lines)).encode()

"""The items of a bundle: sections 4.2, 4.3 and 5 of docs/bundle.md, step 10 of section 9."""

import io
import posixpath
import re
import stat
import zipfile

import configs
from strict import check, parse

VND = "application/vnd.offlinestore."
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
EMPTY_SHA384 = "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b"
ASSERTIONS = "application/x.ubuntu.assertion"
ICONS = {"image/png": ".png", "image/jpeg": ".jpg", "image/svg+xml": ".svg", "image/gif": ".gif", "image/webp": ".webp"}
FILES = ("metadata-yaml", "config-yaml", "actions-yaml", "bundle-yaml", "readme-md")

MAX_ASSERTIONS, MAX_ICON, MAX_BLOB = 4194304, 300000, 1 << 40
described = {ASSERTIONS: MAX_ASSERTIONS, **{icon: MAX_ICON for icon in ICONS}}
# The kinds of items: media type of the config, its grammar, and the layers with their limits.
KINDS = {
    VND + "snap.v1": (VND + "snap.config.v1+json", configs.SNAP, described),
    VND + "snap.revision.v1": (VND + "snap.revision.config.v1+json", configs.SNAP_REVISION, {
        ASSERTIONS: MAX_ASSERTIONS, VND + "snap.blob.v1+squashfs": MAX_BLOB, VND + "snap.component.v1+squashfs": MAX_BLOB, VND + "snap.integrity.v1": MAX_BLOB}),
    VND + "charm.v1": (VND + "charm.config.v1+json", configs.CHARM, described),
    VND + "charm.revision.v1": (VND + "charm.revision.config.v1+json", configs.CHARM_REVISION, {VND + "charm.blob.v1+zip": MAX_BLOB}),
    VND + "charm.resource.v1": (VND + "charm.resource.config.v1+json", configs.CHARM_RESOURCE, {VND + "charm.resource.blob.v1": MAX_BLOB}),
    VND + "assertion.v1": (VND + "assertion.config.v1+json", configs.ASSERTION, {ASSERTIONS: MAX_ASSERTIONS}),
    VND + "image.repository.v1": (VND + "image.repository.config.v1+json", configs.REPOSITORY, {}),
    VND + "store.v1": (VND + "store.config.v1+json", configs.STORE, {ASSERTIONS: MAX_ASSERTIONS}),
    VND + "withdrawal.v1": (VND + "withdrawal.config.v1+json", configs.WITHDRAWAL, {ASSERTIONS: MAX_ASSERTIONS}),
}


def head_layer(layer):
    return layer["mediaType"] == ASSERTIONS or layer["mediaType"] in ICONS


class Item:
    """An item with its config, and the layers that it must have: media type, title, and for the payload the download in the config."""

    def __init__(self, descriptor, manifest, config):
        self.kind, self.name = descriptor["artifactType"].removeprefix(VND).removesuffix(".v1"), descriptor["annotations"]["org.opencontainers.image.ref.name"]
        self.layers, self.config = manifest["layers"], parse(config)
        KINDS[descriptor["artifactType"]][1](self.config, self.name)
        self.new, self.private = len(config) > 4194304, self.kind == "store" or self.kind == "snap" and bool(self.config.get("store"))
        name, wanted = getattr(self, self.kind.replace(".", "_"))(self.config)
        check(name == self.name, "%s: its config is of %s" % (self.name, name))
        check(len(wanted) == len(self.layers), name + ": other layers")
        for layer, (media_type, title, download) in zip(self.layers, wanted):
            self.layer(layer, media_type, title, download)

    def layer(self, layer, media_type, title, download):
        annotations = {"org.opencontainers.image.title": title}
        if download is not None:
            check(layer["size"] == int(download["size"]), title + ": another size")
            if "sha3-384" in download:
                annotations["vnd.offlinestore.sha3-384"] = download["sha3-384"]
            else:
                check(layer["digest"] == "sha256:" + download["hash-sha-256"], title + ": another digest")
        check(layer["mediaType"] == media_type and layer.get("annotations") == annotations and "artifactType" not in layer, title + ": another layer")
        check(re.fullmatch(r"[A-Za-z0-9_+][A-Za-z0-9._+-]{0,254}", title), title + ": no file name")

    def stream(self):
        return next((layer["digest"] for layer in self.layers if layer["mediaType"] == ASSERTIONS), None)

    def described_layers(self, name, optional):
        """The layers of a snap or charm: the types follow from the layers themselves."""
        wanted, rest = [], list(self.layers)
        if not optional or rest and rest[0]["mediaType"] == ASSERTIONS:
            wanted, rest = [(ASSERTIONS, name + ".assert", None)], rest[1:]
        if rest:
            check(rest[0]["mediaType"] in ICONS and not self.config.get("unknown"), name + ": an icon that is unknown, or no icon")
            wanted.append((rest[0]["mediaType"], name + ICONS[rest[0]["mediaType"]], None))
        self.new = self.new or bool(self.config.get("unknown"))
        return wanted

    def snap(self, c):
        rows = {}
        for row in c.get("channel-map") or []:
            rows.setdefault((row["architecture"], row["channel"]), []).append(int(row["revision"]))
        for key, revisions in rows.items():
            if len(revisions) > 1:
                self.new = True
                check(len(revisions) <= 100 and 0 not in revisions and len(set(revisions)) == len(revisions), "%s: %s twice" % (self.name, key))
        new, wanted = self.new, self.described_layers(c["name"], optional=False)
        self.new = self.new or new
        return c["name"], wanted

    def snap_revision(self, c):
        revision = c["revision"]
        name = "%s_%s" % (c["name"], revision["revision"])
        wanted = [(ASSERTIONS, name + ".assert", None), (VND + "snap.blob.v1+squashfs", name + ".snap", revision["download"])]
        released, further = revision.get("resources", []), revision.get("further-resources", [])
        keys = [(r["name"], r["revision"]) for r in released]
        for r in released + further:
            wanted.append((VND + "snap.component.v1+squashfs", "%s+%s_%s.comp" % (c["name"], r["name"], r["revision"]), r["download"]))
        for r in further:
            check((r["name"], r["revision"]) not in keys, name + ": a component twice")
            keys.append((r["name"], r["revision"]))
        files = []
        for i in revision.get("integrity", []):
            files.append("%s_%s" % (i["type"], i["digest"]))
            wanted.append((VND + "snap.integrity.v1", name + "." + files[-1], i["download"]))
        check(len(set(files)) == len(files), name + ": integrity data twice")
        self.new = self.new or bool(further or files)
        return name, wanted

    def charm(self, c):
        rows = set()
        for row in c.get("channel-map") or []:
            check(("base" in row) == (c["type"] == "charm"), self.name + ": base")
            key = tuple(row.get("base", {}).get(k) for k in ("architecture", "channel", "name")) + (row["channel"],)
            names = [r["name"] for r in row.get("resources", [])]
            check(key not in rows and len(set(names)) == len(names), self.name + ": a row or a resource twice")
            rows.add(key)
        return "charm." + c["name"], self.described_layers(c["name"], optional=True)

    def charm_revision(self, c):
        revision, bundle = c["revision"], c["type"] == "bundle"
        bases = [b and (b["architecture"], b["channel"], b["name"]) for b in revision.get("bases") or []]
        check(not any(bases) if bundle else bases and all(bases) and len(set(bases)) == len(bases), self.name + ": bases")
        check(revision.get("bundle-yaml" if bundle else "metadata-yaml", "") not in ("", "{}", "{}\n"), self.name + ": no file")
        images = c.get("images", [])
        check(bundle or not images, self.name + ": images of a charm")
        check(len({i["name"] for i in images}) == len(images), self.name + ": an image twice")
        for image in images:
            configs.image_digest(image)
        self.new = self.new or bool(images) or any(len(revision.get(f, "").encode()) > 1 << 20 for f in FILES)
        name = "%s_%s" % (c["name"], revision["revision"])
        return "charm." + name, [(VND + "charm.blob.v1+zip", name + (".zip" if bundle else ".charm"), revision["download"])]

    def charm_resource(self, c):
        r = c["resource"]
        name, download = "%s.%s_%s" % (c["charm"], r["name"], r["revision"]), r["download"]
        size, sums = int(download["size"]), {k: v for k, v in download.items() if k.startswith("hash-") and v}
        check(("image" in c) == (r["type"] == "oci-image"), name + ": image")
        if "image" in c:
            configs.image_digest(c["image"])
            check(size == 0 and not sums, name + ": the download of an image")
            return "charm." + name, []
        if size == 0:
            check(sums.get("hash-sha-256", EMPTY_SHA256) == EMPTY_SHA256 and sums.get("hash-sha-384", EMPTY_SHA384) == EMPTY_SHA384, name + ": not empty")
        if r["revision"] == "0":
            check(size == 0, name + ": a size without a file")
            return "charm." + name, []
        check("hash-sha-256" in sums and "hash-sha-384" in sums, name + ": digests")
        return "charm." + name, [(VND + "charm.resource.blob.v1", name, download)]

    def assertion(self, c):
        self.new = True
        return "/".join([c["type"]] + c["primary-key"]), [(ASSERTIONS, c["type"] + ".assert", None)]

    def withdrawal(self, c):
        self.new = True
        configs.snap_name(c["name"], self.name) if c["kind"] == "snap" else configs.charm_name(c["name"], self.name)
        if c.get("id"):
            check(c["kind"] == "snap", self.name + ": the id of a charm")
            configs.snap_id(c["id"], self.name)
        revoked = c["reason"] == "revoked"
        check(not revoked or c.get("id"), self.name + ": no id")
        name = "withdrawn.%s.%s" % (c["kind"], c["name"])
        return name, [(ASSERTIONS, name + ".assert", None)] if revoked else []

    def image_repository(self, c):
        digests, tags = [i["digest"] for i in c["images"]], [tag for i in c["images"] for tag in i.get("tags", {})]
        check(digests == sorted(set(digests)), self.name + ": images twice, or not sorted")
        check(len(tags) == len(set(tags)) <= 1000, self.name + ": a tag twice, or too many")
        for i in c["images"]:
            platforms = i.get("platforms", [])
            check(platforms == sorted(set(platforms)), self.name + ": platforms twice, or not sorted")
        return "repository." + c["name"], []

    def store(self, c):
        ids = [s["snap-id"] for s in c["snaps"] or []]
        check(ids == sorted(set(ids)), self.name + ": snaps twice, or not sorted")
        check(c.get("parent") != c["id"] and all(s.get("store") != c["id"] for s in c["snaps"] or []), self.name + ": it names itself")
        name = "store." + c["id"]
        return name, [(ASSERTIONS, name + ".assert", None)] if self.layers else []


def epoch(revision):
    data = revision.get("epoch", {})
    write, read = ([int(n) for n in data.get(k) or []] or [0] for k in ("write", "read"))
    return max(write), min(read)


def agree(items, images):
    """Refuses items that contradict each other. Returns whether something refers to an image."""
    by_name = {item.name: item.config for item in items}
    for kind, field in ("snap", "snap-id"), ("charm", "id"):
        ids = [item.config[field] for item in items if item.kind == kind]
        check(len(set(ids)) == len(ids), "two of kind %s with one id" % kind)
    for item in items:
        c = item.config
        if item.kind == "snap.revision":
            check(by_name.get(c["name"], {}).get("snap-id") == c["snap-id"], item.name + ": no snap")
        if item.kind == "charm.revision":
            charm = by_name.get("charm." + c["name"], {})
            check((charm.get("id"), charm.get("type")) == (c["id"], c["type"]), item.name + ": no charm")
        if item.kind == "charm.resource":
            charm = by_name.get("charm." + c["charm"], {})
            check((charm.get("id"), charm.get("type")) == (c["charm-id"], "charm"), item.name + ": no charm")
        if item.kind == "withdrawal":
            for other in items:
                here = other.kind == c["kind"] and (other.config["name"] == c["name"] or c["kind"] == "snap" and other.config["snap-id"] == c.get("id"))
                check(not here, item.name + ": it is here")
        if item.kind == "snap":
            snap_rows(c, by_name)
        if item.kind == "charm":
            for row in c.get("channel-map") or []:
                check(row["revision"] == "0" or "%s_%s" % (item.name, row["revision"]) in by_name, item.name + ": a revision that is not here")
                for r in row.get("resources", []):
                    check("%s.%s_%s" % (item.name, r["name"], r["revision"]) in by_name, item.name + ": a resource that is not here")
    store_homes(items)
    return reachable(items, images)


def store_homes(items):
    """Refuses stores above each other in a circle, and a snap that is private to one store here and to another one, or to none, there."""
    stores = {item.config["id"]: item.config for item in items if item.kind == "store"}
    homes = {item.config["snap-id"]: item.config.get("store", "") for item in items if item.kind == "snap"}
    for c in stores.values():
        for s in c["snaps"] or []:
            home = s.get("store") or c["id"]
            check(homes.setdefault(s["snap-id"], home) == home, "store %s: %s is private elsewhere" % (c["id"], s["name"]))
        above, parent = 0, c.get("parent")
        while parent:
            above, parent = above + 1, stores.get(parent, {}).get("parent")
            check(above <= 32, "store %s: too many above it" % c["id"])


def snap_rows(c, by_name):
    seen = set()
    for row in c.get("channel-map") or []:
        if row["revision"] == "0":
            continue
        item = by_name.get("%s_%s" % (c["name"], row["revision"]))
        check(item, "%s: a revision that is not here" % c["name"])
        revision = item["revision"]
        check(row["architecture"] != "all" or "all" in revision["architectures"], "%s: a row for all" % c["name"])
        key = (row["architecture"], row["channel"], epoch(revision))
        check(key not in seen, "%s: two revisions of one epoch" % c["name"])
        seen.add(key)


def reachable(items, images):
    """Refuses a manifest that no resource and no charm bundle leads to, and that refers to none."""
    children, sizes = {}, {digest: (media_type, len(raw)) for digest, (media_type, raw, _) in images.items()}
    for digest, (_, _, manifest) in images.items():
        listed = manifest.get("manifests") or []
        children[digest] = [d["digest"] for d in listed if d["digest"] in images]
        for d in listed:
            check(d["digest"] not in images or sizes[d["digest"]] == (d["mediaType"], int(d["size"])), "image: described in two ways")
        check(not listed or children[digest], "image: nothing of an index is here")
    seen = set()

    def visit(digest):
        todo = [digest]
        while todo:
            digest = todo.pop()
            if digest in images and digest not in seen:
                seen.add(digest)
                todo += children[digest]

    named = [item.config["image"] for item in items if item.kind == "charm.resource" and "image" in item.config]
    named += [image for item in items if item.kind == "charm.revision" for image in item.config.get("images", [])]
    named += repository_images(items, images)
    for image in named:
        visit(image.get("digest"))
    own, tagged = len(seen), False
    for image in named:
        for tag, digest in image.get("tags", {}).items():
            tagged = True
            check(digest in images and "sha256:" + re.fullmatch(configs.TAG, tag)[1] in images, "image: a tag of nothing")
            visit(digest)
    before = -1
    while before != len(seen):
        before = len(seen)
        for digest, (_, _, manifest) in images.items():
            if (manifest.get("subject") or {}).get("digest") in seen:
                visit(digest)
    check(len(seen) == len(images), "image: nothing leads to it")
    return tagged or own < len(seen)


def repository_images(items, images):
    """Returns the images of repositories. Refuses one that is not here, and a repository in which a charm has an image."""
    of_charms = [item.config["image"] for item in items if item.kind == "charm.resource" and "image" in item.config]
    of_charms += [image for item in items if item.kind == "charm.revision" for image in item.config.get("images", [])]
    paths = {re.fullmatch(configs.IMAGE, image["name"])["path"] for image in of_charms}
    named = []
    for item in items:
        if item.kind == "image.repository":
            check(item.config["name"] not in paths, item.name + ": an image of a charm is there")
            check(all(i["digest"] in images for i in item.config["images"]), item.name + ": an image is missing")
            named += [{"digest": i["digest"]} for i in item.config["images"]] + [{"tags": item.config.get("further-tags", {})}]
    return named


def check_archive(config, data):
    """Compares the files in a charm's archive with its config."""
    names = {"metadata.yaml": "metadata-yaml", "config.yaml": "config-yaml", "actions.yaml": "actions-yaml", "manifest.yaml": None}
    if config["type"] == "bundle":
        names = {"bundle.yaml": "bundle-yaml", "README.md": "readme-md"}
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = [info for info in archive.infolist() if posixpath.normpath(info.orig_filename.replace("\\", "/")) in names]
        check(all(info.orig_filename in names for info in entries), "archive: another spelling of a name")
        check(len({info.filename for info in entries}) == len(entries), "archive: a file twice")
        check(all(stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG) for info in entries), "archive: not a plain file")
        files = {info.filename: archive.read(info) for info in entries if info.file_size <= 4 << 20}
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        check(False, "archive: %s" % error)
    revision = config["revision"]
    if config["type"] == "charm":
        check(("\n" + files.get("metadata.yaml", b"").decode()).find("\nname: %s\n" % config["name"]) >= 0, "archive: another name")
        allowed = manifest_bases(files.pop("manifest.yaml", b"").decode())
        for base in revision["bases"] if allowed else []:
            key = (base["name"], base["channel"])
            check((*key, base["architecture"]) in allowed or (*key, "all") in allowed, "archive: another base")
        names.pop("manifest.yaml")
    for name, field in names.items():
        said = revision.get(field, "").encode()
        if name == "README.md" and not said:
            check(name in files, "archive: no README.md")
        elif config["type"] == "bundle":
            check(files.get(name) == said, "archive: " + name)
        else:
            check((files.get(name) or b"{}\n") == (said or b"{}\n"), "archive: " + name)


def manifest_bases(text):
    """Returns the bases of a manifest.yaml in the form that the vectors have: each a list item with three lines."""
    pattern = r'- name: (\S+)\n +channel: "?([^"/\n]+)[^\n]*\n +architectures: \[([^\]]*)\]'
    return [(name, channel, arch.strip()) for name, channel, archs in re.findall(pattern, text) for arch in archs.split(",")]

"""The grammar of the configs and of the manifests of images: sections 4.3 and 5 of docs/bundle.md."""

import datetime
import re

from strict import Refused, anything, boolean, check, integer, list_of, map_of, null_or, parse, record, record_of, string

SNAP_NAME = r"(?=.{1,40}\Z)(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*"
CHARM_NAME = r"(?=.{1,100}\Z)[a-z][a-z0-9]*(?:-[a-z0-9]*[a-z][a-z0-9]*)*"
RESOURCE_NAME = r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}"
RISKS = ("stable", "candidate", "beta", "edge")
PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9._+-]*[a-zA-Z0-9+])?"
DIGEST = r"sha256:[0-9a-f]{64}"
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
IMAGE_PATH = r"%s(?:/%s)*" % (COMPONENT, COMPONENT)
IMAGE = r"(?P<path>%s(?:/%s)*)(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?(?:@(?P<digest>%s))?" % (COMPONENT, COMPONENT, DIGEST)
LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
REGISTRY = r"(?:%s(?:\.%s)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?" % (LABEL, LABEL)
TAG = r"sha256-([0-9a-f]{64})\.[a-z]{1,16}"
TIME = r"(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
BLOB_SIZE = 1 << 40
REVISION = 2147483647

revision = integer(1, REVISION)
revision_or_none = integer(0, REVISION)
text = string()
optional_text = null_or(string())
snap_name = string(SNAP_NAME)
charm_name = string(CHARM_NAME)
snap_id = string(r"[a-zA-Z0-9]{32}")
charm_id = string(r"[a-zA-Z0-9_-]{1,64}")
optional_id = string(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}", empty=True)
architecture = string(r"[a-z0-9]{2,16}")
sha3_384 = string(r"[0-9a-f]{96}")


def is_time(value):
    match = re.fullmatch(TIME, value, re.ASCII)
    if not match:
        return False
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    try:
        datetime.date(year or 2000, month, day)  # the year 0 is a leap year, too
    except ValueError:
        return False
    return True


def time(value, path):
    text(value, path)
    check(value == "" or is_time(value), path + ": no time")


def resource_time(value, path):
    text(value, path)
    check(value == "" or is_time(value) or is_time(value + "Z"), path + ": no time")


def track(value, path):
    string(PART, empty=True, size=249)(value, path)
    check(value not in RISKS, path + ": a risk")


def channel(value, path):
    string(size=256)(value, path)
    parts = value.split("/")
    check(len(parts) in (2, 3) and all(re.fullmatch(PART, p) for p in parts), path + ": no channel")
    check(parts[0] not in RISKS and parts[1] in RISKS, path + ": no channel")


def short_channel(value, path):
    """A channel in which track, risk or branch may be missing."""
    if value == "":
        return
    string(size=256)(value, path)
    parts = value.split("/")
    check(len(parts) <= 3 and all(re.fullmatch(PART, p) for p in parts), path + ": no channel")
    if parts[0] in RISKS:
        check(len(parts) <= 2, path + ": no channel")
    elif len(parts) > 1:
        check(parts[1] in RISKS, path + ": no channel")


def image_name(value, path):
    string(IMAGE, size=1024)(value, path)
    check(len(re.fullmatch(IMAGE, value)["path"]) <= 255, path + ": too long")


def image_source(value, path):
    string("(?:%s)/%s" % (REGISTRY, IMAGE), empty=True, size=1024)(value, path)
    if value:
        check(len(re.fullmatch("(?:%s)/%s" % (REGISTRY, IMAGE), value)["path"]) <= 255, path + ": too long")


def filename(value, path):
    string(r"[^/\\\x00-\x1f\x7f]*", size=255)(value, path)
    check(value not in (".", ".."), path + ": no file name")


def unknown(value, path):
    list_of(text)(value, path)
    check(value in ([], ["icon"]), path + ": unknown parts")


def empty_list(value, path):
    check(value is None or value == [], path + ": not empty")


media = list_of(record(type=text, url=text, height=null_or(integer(0, REVISION)), width=null_or(integer(0, REVISION))))
publisher = record(id=text, username=text, display_name=text, validation=text)
categories = list_of(record(featured=boolean, name=text))
links = map_of(null_or(list_of(text)))
download = record({"sha3_384": sha3_384, "size": integer(0, BLOB_SIZE)}, url=string("", empty=True), deltas=empty_list)

SNAP = record(
    {"name": snap_name, "snap_id": snap_id, "snap": record(
        title=text, summary=text, description=text, store_url=text, contact=optional_text, license=optional_text, website=optional_text,
        publisher=publisher, categories=categories, links=links, media=null_or(media), prices=null_or(map_of(text)), private=boolean)},
    default_track=track, unknown=unknown, store=optional_id,
    channel_map=null_or(list_of(record({"architecture": architecture, "channel": channel, "revision": revision_or_none}, released_at=time))))

component = record(
    {"name": snap_name, "revision": revision, "download": download}, version=text, description=text, created_at=time,
    type=string(r"component/[a-z][a-z0-9-]{0,39}", empty=True), architectures=list_of(architecture))
word = string(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
integrity = record(
    {"type": word, "hash_algorithm": word, "version": string(r"0|[1-9][0-9]{0,8}"), "digest": string(r"(?:[0-9a-f]{2}){1,64}"), "download": download},
    salt=string(r"(?:[0-9a-f]{2}){1,64}", empty=True), data_block_size=integer(0, (1 << 64) - 1), hash_block_size=integer(0, (1 << 64) - 1))
epochs = null_or(list_of(integer(0, 4294967295)))
SNAP_REVISION = record({"name": snap_name, "snap_id": snap_id, "revision": record(
    {"revision": revision, "architectures": list_of(architecture, 1), "download": download,
     "type": string("app|application|base|os|gadget|kernel|snapd")},
    version=text, confinement=text, base=null_or(string(SNAP_NAME, empty=True)), common_ids=null_or(list_of(text)), created_at=time,
    epoch=record(read=epochs, write=epochs), snap_yaml=string(size=1 << 20), integrity=list_of(integrity, 0, 16), resources=list_of(component),
    further_resources=list_of(component, 0, 1000))})


def base(value, path):
    record({"architecture": architecture, "channel": string(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,31}"), "name": string(r"[a-z][a-z0-9-]{0,31}")})(value, path)
    check("all" not in (value["architecture"], value["channel"], value["name"]) and value["channel"] != "NA", path + ": no concrete base")


def hexadecimal(digits):
    return string("[0-9a-f]{%d}" % digits, empty=True)


charm_download = {"url": string("", empty=True), "size": integer(0, BLOB_SIZE), "hash-sha-256": hexadecimal(64), "hash-sha-384": hexadecimal(96),
                  "hash-sha-512": hexadecimal(128), "hash-sha3-384": hexadecimal(96)}
charm_type = string("charm|bundle")
CHARM = record(
    {"name": charm_name, "id": charm_id, "type": charm_type, "result": record(
        title=text, summary=text, description=text, license=text, store_url=text, bugs_url=optional_text, website=optional_text,
        publisher=publisher, categories=null_or(categories), media=null_or(media), deployable_on=null_or(list_of(text)), links=null_or(links),
        unlisted=boolean, contains_charms=list_of(record(name=text, package_id=text, store_url=text)))},
    default_track=track, unknown=unknown, channel_map=null_or(list_of(record(
        {"channel": channel, "revision": revision_or_none}, base=base, released_at=time,
        resources=list_of(record({"name": string(RESOURCE_NAME), "revision": revision_or_none}))))))

image_tags = map_of(string(DIGEST), key=string(TAG), most=1000)
image_fields = {"name": image_name, "source": image_source, "tags": image_tags}
yaml = string(size=4 << 20)


def snap_architecture(value, path):
    check(value == "" or re.fullmatch(r"[a-z0-9]{2,16}", value) and value != "all", path + ": no architecture")


endpoints = map_of(anything)
CHARM_REVISION = record(
    {"name": charm_name, "id": charm_id, "type": charm_type, "revision": record(
        {"revision": revision, "download": record_of(["hash-sha-256", "size"], {**charm_download, "hash-sha-256": string("[0-9a-f]{64}"), "size": integer(1, BLOB_SIZE)})},
        bases=null_or(list_of(null_or(base))), metadata_yaml=yaml, config_yaml=yaml, actions_yaml=yaml, bundle_yaml=yaml, readme_md=yaml,
        version=text, created_at=time, subordinate=boolean, relations=record(peers=endpoints, provides=endpoints, requires=endpoints))},
    images=list_of(record_of(["digest", "name"], {**image_fields, "digest": string(DIGEST)}), 0, 1000),
    snaps=list_of(record({"name": snap_name}, channel=short_channel, revisions=map_of(revision, key=snap_architecture)), 0, 64))

CHARM_RESOURCE = record(
    {"charm": charm_name, "charm_id": charm_id, "resource": record(
        {"name": string(RESOURCE_NAME), "revision": revision_or_none, "type": string("file|oci-image"), "download": record_of(["size"], charm_download)},
        filename=filename, description=text, created_at=resource_time)},
    image=record_of(["name"], {**image_fields, "digest": string(DIGEST, empty=True)}))

ASSERTION = record({"type": text, "primary_key": list_of(string(r"[^/\n\0]+"))})
store_id = string(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}")
STORE = record({"brand_id": store_id, "id": store_id, "name": string(r"[^\x00-\x1f\x7f-\x9f]+", size=255), "snaps": null_or(list_of(record({"name": snap_name, "snap_id": snap_id}, store=optional_id), 0, 100000))},
               admin_id=optional_id, parent=optional_id)
platform = string(r"[a-z0-9][a-z0-9._-]{0,31}/[a-z0-9][a-z0-9._-]{0,31}(?:/[a-z0-9][a-z0-9._-]{0,31})?")


def source(value, path):
    check(value, path + ": no source")
    image_source(value, path)


def repository(value, path):
    string(IMAGE_PATH, size=200)(value, path)
    check(value.split("/")[0] != "charm", path + ": of charms")


def image_tag(value, path):
    string(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}")(value, path)
    check(not re.fullmatch(TAG, value), path + ": a further tag")


REPOSITORY = record({"name": repository, "images": list_of(record(
    {"digest": string(DIGEST), "source": source}, platforms=list_of(platform, 0, 512), tags=map_of(source, key=image_tag, most=1000)), 1, 1000)},
    further_tags=image_tags)
WITHDRAWAL = record({"kind": string("snap|charm"), "name": text, "reason": string("gone|revoked")}, id=text)


def image_digest(image):
    """Refuses an image whose name has another digest than it should."""
    named = re.fullmatch(IMAGE, image["name"])["digest"]
    check(not named or not image.get("digest") or named == image["digest"], "image: its name has another digest")


# Manifests of images.

STRICT = ("schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "digest", "size", "urls")
IMAGES = {
    "application/vnd.oci.image.index.v1+json": True, "application/vnd.docker.distribution.manifest.list.v2+json": True,
    "application/vnd.oci.image.manifest.v1+json": False, "application/vnd.docker.distribution.manifest.v2+json": False,
}


def descriptor(value, path):
    record_of(["mediaType", "digest", "size"], {"mediaType": text, "digest": text, "size": integer(0, BLOB_SIZE)})(value, path)
    check("urls" not in value, path + ": urls")


def blob_descriptor(value, path):
    descriptor(value, path)
    check(re.fullmatch(DIGEST, value["digest"]), path + ": no sha256")
    check(".foreign." not in value["mediaType"] and ".nondistributable." not in value["mediaType"], path + ": only in the internet")


blobs = null_or(list_of(blob_descriptor, 0, 512))
MANIFEST = record_of(["schemaVersion"], {
    "schemaVersion": integer(2, 2), "mediaType": text, "config": null_or(blob_descriptor), "layers": blobs, "manifests": blobs,
    "subject": null_or(descriptor)})


def parse_image(media_type, raw):
    """Returns the manifest of an image."""
    check(len(raw) <= 4 << 20 and values(raw) <= 80000, "image: too large")
    manifest = parse(raw)
    MANIFEST(manifest, "image")
    spelled(manifest)
    check(manifest.get("mediaType", media_type) == media_type, "image: of another type")
    config, layers, listed = (manifest.get(name) for name in ("config", "layers", "manifests"))
    if IMAGES[media_type]:
        check(listed and config is None and layers is None, "image: no index")
    else:
        check(config is not None and listed is None, "image: no manifest")
    return manifest


def spelled(value):
    """Refuses other spellings of the names that decide."""
    if isinstance(value, list):
        for item in value:
            spelled(item)
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        check(name in STRICT or folded(name) not in (folded(s) for s in STRICT), "image: another spelling of " + name)
        if folded(name) != "annotations":
            spelled(item)


def folded(name):
    return re.sub("[A-Z]", lambda m: m[0].lower(), name).replace("\u017f", "s")


def values(raw):
    return 1 + raw.count(b",") + raw.count(b"[") + raw.count(b"{")

package bundle_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/vectortest"
	"offlinestore/snap"
)

// vectorContent returns the content of a bundle with genuine assertions and archives.
func vectorContent(tb testing.TB, b *bundletest.Bundle) *content {
	tb.Helper()
	c := &content{snaps: b.Snaps, revisions: b.Revisions, blobs: make(map[digest.Digest][]byte), predicate: sample(tb).predicate}
	c.charms, c.charmRevisions, c.charmResources = b.Charms, b.CharmRevisions, b.CharmResources
	c.imageBlobs = make(map[digest.Digest][][]byte)
	put := func(d digest.Digest) { c.put(b.Content(d)) }
	for _, r := range c.revisions {
		put(r.Blob.Digest)
		for _, b := range slices.Concat(r.Components, r.Integrity) {
			put(b.Digest)
		}
	}
	for _, r := range c.charmRevisions {
		put(r.Blob.Digest)
	}
	for _, r := range c.charmResources {
		if r.Blob != nil {
			put(r.Blob.Digest)
		}
	}
	return c
}

// kitVector returns the smallest bundle: a charm bundle, without assertions.
func kitVector(tb testing.TB) *content {
	tb.Helper()
	b := bundletest.New(tb, 0)
	addUnsignedCharm(b, "kit", charm.TypeBundle, charm.Release{Channel: "latest/stable", Revision: 2})
	b.AddBundleRevision("kit", 2, "applications:\n  app:\n    charm: app\n    channel: latest/stable\n")
	return vectorContent(tb, b)
}

// addUnsignedCharm adds a charm without assertions.
func addUnsignedCharm(b *bundletest.Bundle, name, typ string, rows ...charm.Release) {
	b.Charms = append(b.Charms, &bundle.Charm{Listing: charm.Listing{
		ChannelMap: rows, DefaultTrack: "latest", ID: bundletest.CharmID(name), Name: name, Type: typ,
		Result: charm.Details{Title: name, Summary: "A charm of a test", Publisher: charm.Publisher{ID: bundletest.CharmPublisher, Username: bundletest.CharmPublisher}},
	}})
}

// pgVector returns a bundle with a charm that has a file and an image of two platforms.
func pgVector(tb testing.TB) *content {
	tb.Helper()
	b := bundletest.New(tb, 0)
	rows := charm.Release{Base: bundletest.Base("22.04"), Channel: "latest/stable", Revision: 9,
		Resources: []charm.ResourceRef{{Name: "data", Revision: 3}, {Name: "image", Revision: 5}}}
	addUnsignedCharm(b, "pg", charm.TypeCharm, rows)
	b.AddCharmRevision("pg", 9, *bundletest.Base("22.04"))
	b.AddResource("pg", "data", 3, b.Blob("data", 40))
	c := vectorContent(tb, b)
	amd64 := c.addImage(ociManifestType, []byte(`{"architecture":"amd64","os":"linux"}`), []byte("layer of amd64"))
	arm64 := c.addImage(ociManifestType, []byte(`{"architecture":"arm64","os":"linux"}`), []byte("layer of arm64"))
	amd64.Platform = map[string]string{"architecture": "amd64", "os": "linux"}
	arm64.Platform = map[string]string{"architecture": "arm64", "os": "linux"}
	c.addImageResource("pg", "image", 5, c.addIndex(ociIndexType, amd64, arm64))
	c.charmResources[1].CharmID = bundletest.CharmID("pg")
	return c
}

// snapVector returns a bundle with a snap that has genuine assertions.
func snapVector(tb testing.TB) *content {
	tb.Helper()
	return vectorContent(tb, bundletest.New(tb, 0).Add("jq", 6, 200))
}

// ecdsaKey returns a key for deterministic ECDSA signatures.
func ecdsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	sum := sha256.Sum256([]byte("offlinestore bundle ecdsa"))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// validVectors returns good bundles of permitted kinds that the released bundles do not cover.
func validVectors(t *testing.T, files vectorFiles) []flaw {
	t.Helper()
	rsaKey, err := assertiontest.PrivateKey("other")
	if err != nil {
		t.Fatal(err)
	}
	files["keys/ecdsa.pem"], files["keys/rsa.pem"] = publicOf(t, ecdsaKey(t)).PEM(), publicOf(t, rsaKey).PEM()
	return append([]flaw{
		{name: "kit", shows: "The bundle that most hostile ones are made of: a charm bundle, without assertions.", result: vectortest.Valid},
		{name: "pg", shows: "The bundle that the hostile ones with images are made of: a charm with a file and an image of two platforms.", base: pgVector, result: vectortest.Valid},
		{name: "jq", shows: "The bundle that the hostile ones with assertions are made of: a snap.", base: snapVector, result: vectortest.Valid},
		{name: "ecdsa", shows: "Signed with an ECDSA key of the curve P-256.", key: ecdsaKey(t), keys: []string{"keys/ecdsa.pem"}, result: vectortest.Valid},
		{name: "rsa", shows: "Signed with an RSA key of 4096 bits.", key: rsaKey, keys: []string{"keys/rsa.pem"}, result: vectortest.Valid},
		{name: "several-trusted-keys", shows: "The reader trusts several keys, the signer's among them.", keys: []string{"keys/rsa.pem", "keys/ecdsa.pem", "keys/test.pem"}, result: vectortest.Valid},
		{name: "zstd-other-blocks", shows: "Zstd leaves it to the writer how it compresses.", result: vectortest.Valid, frame: func(t *testing.T, plain []byte) []byte {
			return zstdOf(t, plain, zstd.WithEncoderLevel(zstd.SpeedFastest))
		}},
		{name: "dot-files", shows: "A reader of a directory passes over names that begin with a dot.", framing: "directory", result: vectortest.Valid, files: func(f vectorFiles) {
			f[".DS_Store"], f["blobs/._sha256"], f["blobs/sha256/._x"], f[".Trashes/file"] = []byte("x"), []byte("x"), []byte("x"), []byte("x")
		}},
		{name: "unknown-config-field", shows: "A reader passes over fields of a config that it does not know.", result: vectortest.Valid, edit: func(f *forge) {
			c := f.find("charm.kit").config
			c.data = append(c.data[:len(c.data)-1], `,"x-new":1}`...)
		}},
		{name: "sparse-index", shows: "An image's index may list manifests that the bundle does not have.", base: pgVector, result: vectortest.Valid, edit: func(f *forge) {
			f.remove("image-" + pgVector(t).images[1].Digest.Encoded())
		}},
		{name: "icon-unknown", shows: "The export did not fetch the icon of a snap, so a receiver keeps its own.", base: snapVector, edit: unknownIcon, result: vectortest.Valid},
		{name: "format-1.2-images", shows: "Integrity data, a further component, an image of a charm bundle with a manifest of more than 1 MiB, and what refers to it.", base: additionsVector, result: vectortest.Valid},
		{name: "format-1.3", shows: "Stores of a brand, a private snap, and the declaration of a snap without a release.", base: storeVector, result: vectortest.Valid},
		{name: "format-1.3", shows: "The same as a plain tar.", framing: "tar", base: storeVector, result: vectortest.Valid},
		{name: "format-1.3", shows: "The same, compressed with gzip.", framing: "tar+gzip", base: storeVector, result: vectortest.Valid},
		{name: "format-1.3", shows: "The same as a directory.", framing: "directory", base: storeVector, result: vectortest.Valid},
		{name: "format-1.4", shows: "Images that belong to no charm: with two tags and a signature, without a tag, and in two repositories.", base: repositoryVector, result: vectortest.Valid},
		{name: "format-1.4", shows: "The same as a plain tar.", framing: "tar", base: repositoryVector, result: vectortest.Valid},
		{name: "format-1.4", shows: "The same, compressed with gzip.", framing: "tar+gzip", base: repositoryVector, result: vectortest.Valid},
		{name: "format-1.4", shows: "The same as a directory.", framing: "directory", base: repositoryVector, result: vectortest.Valid},
		{name: "store-null", shows: "The list of a store is null, which means the same as an empty list.", base: storeVector, result: vectortest.Valid, edit: func(f *forge) {
			f.find("store.acme").config.data = []byte(`{"brand-id":"acme-brand","id":"acme","name":"Acme","snaps":null}`)
		}},
		{name: "image-left-out", shows: "A resource's image need not be in the bundle.", base: pgVector, result: vectortest.Valid, edit: func(f *forge) {
			f.items = f.items[3:]
		}},
	}, slices.Concat(grammarVectors(), incrementVectors(), partVectors(), inspectionVectors())...)
}

// unknownIcon makes the icon of the snap jq unknown.
func unknownIcon(f *forge) {
	change("jq", func(l *snap.Listing) { l.Unknown = []string{snap.UnknownIcon} })(f)
	f.format = "1.2"
}

// richVector returns a bundle with a value in most optional fields.
func richVector(tb testing.TB) *content {
	tb.Helper()
	c, text := additionsVectorOf(tb, 10), "text"
	size, media := 512, "https://example.com/x.png"
	s := c.snaps[0]
	s.DefaultTrack, s.ChannelMap[0].ReleasedAt = "latest", "2024-02-03T04:05:06.123456+00:00"
	s.Snap.Categories, s.Snap.Links = []snap.Category{{Featured: true, Name: "tools"}}, map[string][]string{"contact": {"mailto:a@example.com"}, "none": nil}
	s.Snap.Media, s.Snap.Prices = []snap.Media{{Height: &size, Type: "icon", URL: media, Width: nil}}, map[string]string{"EUR": "1.00"}
	s.Snap.Contact, s.Snap.License, s.Snap.Website = &text, &text, &text
	r := &c.revisions[0].Revision
	r.Base, r.CommonIDs, r.CreatedAt, r.Epoch = &s.Name, []string{"io.jq"}, "2024-02-03T04:05:06Z", snap.Epoch{Read: []uint32{0, 1}, Write: []uint32{1}}
	r.Resources[0].Architectures, r.Resources[0].CreatedAt, r.Resources[0].Version = []string{"amd64", "all"}, "2024-02-03T04:05:06Z", "1"
	k := c.charms[0]
	k.ChannelMap[0].ReleasedAt = "2024-02-03T04:05:06+00:00"
	k.Result.BugsURL, k.Result.Categories, k.Result.DeployableOn = &text, []charm.Category{{Name: "databases"}}, []string{"kubernetes"}
	k.Result.Links, k.Result.Media = map[string][]string{"docs": {"x"}}, []charm.Media{{Height: &size, Type: "icon", URL: media, Width: &size}}
	k.Result.ContainsCharms = []charm.ContainedCharm{{Name: "app", PackageID: "x", StoreURL: ""}}
	i := &c.charmRevisions[0].Item
	i.Snaps = []charm.SnapHint{{Name: "etcd", Channel: "edge/fix", Revisions: map[string]int{"": 1, "amd64": 2}}}
	i.Revision.Relations = charm.Relations{Provides: map[string]json.RawMessage{"db": []byte(`{"interface":"x"}`)}}
	return c
}

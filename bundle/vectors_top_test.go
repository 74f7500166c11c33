package bundle_test

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"offlinestore/internal/vectortest"
)

// topFlaws returns bundles with a wrong index.json.
func topFlaws() []flaw {
	raw := func(edit func([]byte) []byte) func(*forge) {
		return files(func(fs []*forgeFile) []*forgeFile { fs[1].data = edit(fs[1].data); return fs })
	}
	top := func(edit func(*ociIndex)) func(*forge) { return func(f *forge) { f.editTop = edit } }
	format := func(v string) func(*forge) { return func(f *forge) { f.format = v } }
	return []flaw{
		{name: "index-not-json", shows: "index.json is no JSON.", edit: raw(func([]byte) []byte { return []byte("hello") }), step: 2},
		{name: "index-deep", shows: "index.json is a megabyte of [.", edit: raw(func([]byte) []byte { return bytes.Repeat([]byte("["), 1<<20) }), result: vectortest.Limit, step: 2},
		{name: "index-many-values", shows: "index.json has more values than the format allows.", edit: raw(func(b []byte) []byte {
			return append(b[:len(b)-1], `,"x":[`+strings.Repeat("0,", 200_000)+`0]}`...)
		}), result: vectortest.Limit, step: 2},
		{name: "index-newline", shows: "A line end follows the value in index.json.", edit: raw(func(b []byte) []byte { return append(b, '\n') }), step: 5},
		{name: "index-duplicate-key", shows: "A field stands in index.json twice.", edit: raw(func(b []byte) []byte { return append([]byte(`{"schemaVersion":2,`), b[1:]...) }), step: 5},
		{name: "index-escaped", shows: "A string in index.json has an escape.", edit: raw(func(b []byte) []byte { return bytes.Replace(b, []byte(`"bundle"`), []byte(`"b\u0075ndle"`), 1) }), step: 5},
		{name: "index-item-less", shows: "index.json lists an item less than the bundle index.", edit: top(func(i *ociIndex) { i.Manifests = i.Manifests[:3] }), step: 5},
		{name: "index-item-renamed", shows: "index.json gives an item another name than the bundle index.", edit: top(func(i *ociIndex) {
			i.Manifests[2].Annotations = map[string]string{"org.opencontainers.image.ref.name": "evil"}
		}), step: 5},
		{name: "index-urls", shows: "A descriptor has urls.", edit: top(func(i *ociIndex) { i.Manifests[0].URLs = []string{"https://example.com/x"} }), step: 3},
		{name: "index-sha512", shows: "A descriptor has a digest by another algorithm.", edit: top(func(i *ociIndex) { i.Manifests[0].Digest = "sha512:" + strings.Repeat("0", 128) }), step: 3},
		{name: "index-digest-path", shows: "A digest is a path.", edit: top(func(i *ociIndex) { i.Manifests[0].Digest = "sha256:../../../../etc/passwd" }), step: 3},
		{name: "index-negative-size", shows: "A descriptor has a negative size.", edit: top(func(i *ociIndex) { i.Manifests[0].Size = -1 }), step: 3},
		{name: "index-wrong-size", shows: "A descriptor has another size than the blob.", edit: top(func(i *ociIndex) { i.Manifests[0].Size++ }), step: 3},
		{name: "format-missing", shows: "index.json has no version of the format.", edit: format(""), step: 2},
		{name: "format-zeros", shows: "The version is not canonical: 01.1.", edit: format("01.1"), step: 2},
		{name: "format-too-old", shows: "There is no version 0.9.", edit: format("0.9"), step: 2},
		{name: "format-newer-minor", shows: "A newer minor version.", edit: format("1.99"), result: vectortest.TooNew, step: 2},
		{name: "format-newer-major", shows: "A newer major version.", edit: format("2.0"), result: vectortest.TooNew, step: 2},
		{name: "format-too-old-for-items", shows: "A charm in version 1.0.", edit: format("1.0"), step: 5},
		{name: "format-too-new-for-items", shows: "Snaps alone in version 1.1.", base: snapVector, edit: format("1.1"), step: 5},
		{name: "format-differs", shows: "The bundle index has another version than index.json.", edit: func(f *forge) {
			f.editD = func(d *ociIndex) { d.Annotations["vnd.offlinestore.bundle.format"] = "1.0" }
		}, step: 7},
	}
}

// signatureFlaws returns bundles with a wrong signer or a wrong signature.
func signatureFlaws(t *testing.T) []flaw {
	envelope := func(edit func(map[string]any)) func(*forge) { return func(f *forge) { f.editEnvelope = edit } }
	signature := func(edit func(s map[string]any)) func(*forge) {
		return envelope(func(m map[string]any) { edit(m["signatures"].([]any)[0].(map[string]any)) })
	}
	statement := func(edit func(map[string]any)) func(*forge) { return func(f *forge) { f.editStatement = edit } }
	manifest := func(edit func(*ociManifest)) func(*forge) { return func(f *forge) { f.editSignature = edit } }
	subject := func(m map[string]any) map[string]any { return m["subject"].([]any)[0].(map[string]any) }
	rawEnvelope := func(edit func([]byte) []byte) func(*forge) { return func(f *forge) { f.editRawEnvelope = edit } }
	bad := vectortest.BadSignature
	return []flaw{
		{name: "unknown-signer", shows: "The bundle is signed by a key that nobody trusts.", key: keyFrom("stranger"), result: vectortest.UnknownSigner, step: 6},
		{name: "no-trusted-key", shows: "The reader trusts no key.", keys: []string{}, result: vectortest.UnknownSigner, step: 6},
		{name: "forged-signer", shows: "A stranger's signature claims to be the trusted key's.", key: keyFrom("stranger"), result: bad, step: 6, edit: func(f *forge) {
			trusted := publicOf(t, testKey())
			f.editSignature = func(m *ociManifest) { m.Annotations["vnd.offlinestore.public-key"] = pemBody(trusted) }
			signature(func(s map[string]any) { s["keyid"] = trusted.ID() })(f)
		}},
		{name: "signature-altered", shows: "A bit of the signature is flipped.", result: bad, step: 6, edit: signature(func(s map[string]any) {
			sig, _ := base64.StdEncoding.DecodeString(s["sig"].(string))
			sig[10] ^= 1
			s["sig"] = base64.StdEncoding.EncodeToString(sig)
		})},
		{name: "statement-altered", shows: "The statement was changed after it was signed.", result: bad, step: 6, edit: envelope(func(m map[string]any) {
			p, _ := base64.StdEncoding.DecodeString(m["payload"].(string))
			m["payload"] = base64.StdEncoding.EncodeToString(bytes.Replace(p, []byte("2026"), []byte("2027"), 1))
		})},
		{name: "signature-of-another-bundle", shows: "The signature is one of another bundle by the trusted key.", result: bad, step: 6, edit: rawEnvelope(func([]byte) []byte {
			var stolen []byte
			f := pgVector(t).forge()
			f.editRawEnvelope = func(b []byte) []byte { stolen = b; return b }
			f.seal(testKey())
			return stolen
		})},
		{name: "subject-sha512", shows: "The statement names the bundle index by another algorithm.", result: bad, step: 6, edit: statement(func(m map[string]any) {
			subject(m)["digest"] = map[string]any{"sha512": strings.Repeat("0", 128)}
		})},
		{name: "two-subjects", shows: "The statement has two subjects.", result: bad, step: 6, edit: statement(func(m map[string]any) { m["subject"] = []any{subject(m), subject(m)} })},
		{name: "predicate-type", shows: "The predicate is of another type.", step: 6, edit: statement(func(m map[string]any) { m["predicateType"] = "urn:other" })},
		{name: "no-time", shows: "The statement has no time.", step: 6, edit: statement(func(m map[string]any) { delete(m["predicate"].(map[string]any), "created") })},
		{name: "expects-blobs", shows: "The statement expects a blob: an incremental bundle.", step: 6, edit: statement(func(m map[string]any) {
			m["predicate"].(map[string]any)["expects"] = []any{"sha256:" + strings.Repeat("0", 64)}
		})},
		{name: "two-signatures", shows: "The envelope has two signatures.", step: 4, edit: envelope(func(m map[string]any) {
			s := m["signatures"].([]any)
			m["signatures"] = append(s, s[0])
		})},
		{name: "payload-type", shows: "The envelope has another payloadType.", step: 4, edit: envelope(func(m map[string]any) { m["payloadType"] = "text/plain" })},
		{name: "key-id", shows: "The envelope names another key than the one in the manifest.", step: 4, edit: signature(func(s map[string]any) { s["keyid"] = publicOf(t, keyFrom("another")).ID() })},
		{name: "base64-url", shows: "The signature is in the alphabet of base64 for URLs.", step: 4, edit: signature(func(s map[string]any) {
			s["sig"] = strings.NewReplacer("+", "-", "/", "_").Replace(s["sig"].(string))
		})},
		{name: "envelope-spaces", shows: "A space follows the envelope.", step: 4, edit: rawEnvelope(func(b []byte) []byte { return append(b, ' ') })},
		{name: "envelope-duplicate-key", shows: "A field stands in the envelope twice.", step: 4, edit: rawEnvelope(func(b []byte) []byte { return append([]byte(`{"payloadType":"x",`), b[1:]...) })},
		{name: "no-public-key", shows: "The signature manifest has no public key.", step: 4, edit: manifest(func(m *ociManifest) { m.Annotations = nil })},
		{name: "signature-manifest-subject", shows: "The signature manifest has no subject.", step: 5, edit: manifest(func(m *ociManifest) { m.Subject = nil })},
	}
}

// indexFlaws returns bundles with a wrong bundle index that is correctly signed.
func indexFlaws() []flaw {
	raw := func(edit func([]byte) []byte) func(*forge) { return func(f *forge) { f.editRawD = edit } }
	d := func(edit func(*ociIndex)) func(*forge) { return func(f *forge) { f.editD = edit } }
	item := func(edit func(*ociDescriptor)) func(*forge) { return func(f *forge) { f.items[0].editDesc = edit } }
	return []flaw{
		{name: "no-items", shows: "The bundle has no items.", edit: func(f *forge) { f.items, f.format = nil, "1.0" }, result: vectortest.Limit, step: 7},
		{name: "items-out-of-order", shows: "Two items are in the wrong order.", edit: func(f *forge) { slices.Reverse(f.items) }, step: 7},
		{name: "item-twice", shows: "An item is there twice.", edit: func(f *forge) { f.items = slices.Insert(f.items, 0, f.items[0]) }, step: 7},
		{name: "item-of-unknown-kind", shows: "An item is of a kind that the format does not have.", edit: func(f *forge) { f.items[1].artifactType = vnd + "turtle.v1" }, step: 7},
		{name: "item-without-name", shows: "An item has no name.", edit: item(func(d *ociDescriptor) { d.Annotations = nil }), result: vectortest.Limit, step: 7},
		{name: "item-with-long-name", shows: "An item's name is longer than the format allows.", edit: func(f *forge) { f.items[0].name = "charm." + strings.Repeat("k", 255) + "_2" }, result: vectortest.Limit, step: 7},
		{name: "item-with-annotation", shows: "An item's descriptor has an annotation more.", edit: item(func(d *ociDescriptor) { d.Annotations["x"] = "y" }), step: 7},
		{name: "bundle-index-newline", shows: "A line end follows the bundle index.", edit: raw(func(b []byte) []byte { return append(b, '\n') }), step: 7},
		{name: "bundle-index-duplicate-key", shows: "A field stands in the bundle index twice.", edit: raw(func(b []byte) []byte { return append([]byte(`{"schemaVersion":2,`), b[1:]...) }), step: 7},
		{name: "bundle-index-type", shows: "The bundle index has another artifactType.", edit: d(func(d *ociIndex) { d.ArtifactType = "x" }), step: 7},
		{name: "too-many-items", shows: "The bundle index lists more items than the format allows.", edit: d(func(d *ociIndex) {
			for range 20_000 {
				d.Manifests = append(d.Manifests, d.Manifests[0])
			}
		}), result: vectortest.Limit, step: 7},
	}
}

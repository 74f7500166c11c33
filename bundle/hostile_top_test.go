package bundle_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"offlinestore/bundle"
)

func TestHostileTop(t *testing.T) {
	t.Parallel()
	rawIndex := func(edit func([]byte) []byte) func(*forge) {
		return files(func(fs []*forgeFile) []*forgeFile { fs[1].data = edit(fs[1].data); return fs })
	}
	format := func(v string) func(*forge) {
		return func(f *forge) { f.format = v }
	}
	underived := "does not follow"
	runHostile(t, []hostile{
		{name: "no JSON", edit: rawIndex(func([]byte) []byte { return []byte("hello") }), want: "index.json"},
		{name: "empty index.json", edit: rawIndex(func([]byte) []byte { return nil }), want: "index.json"},
		{name: "deep JSON", edit: rawIndex(func([]byte) []byte { return bytes.Repeat([]byte("["), 1<<20) }), want: "index.json"},
		{name: "text after index.json", edit: rawIndex(func(b []byte) []byte { return append(b, "{}"...) }), want: "something follows"},
		{name: "newline after index.json", edit: rawIndex(func(b []byte) []byte { return append(b, '\n') }), want: underived},
		{name: "unknown field in index.json", edit: rawIndex(func(b []byte) []byte { return append(b[:len(b)-1], `,"x":1}`...) }), want: underived},
		{name: "index.json lists an item less", edit: func(f *forge) {
			f.editTop = func(i *ociIndex) { i.Manifests = i.Manifests[:len(i.Manifests)-1] }
		}, want: underived},
		{name: "index.json lists an item more", edit: func(f *forge) {
			f.editTop = func(i *ociIndex) { i.Manifests = append(i.Manifests, i.Manifests[2]) }
		}, want: underived},
		{name: "index.json lists no signature", edit: func(f *forge) {
			f.editTop = func(i *ociIndex) { i.Manifests = i.Manifests[:1] }
		}, want: "no bundle index and signature"},
		{name: "index.json lists the signature first", edit: func(f *forge) {
			f.editTop = func(i *ociIndex) { i.Manifests[0], i.Manifests[1] = i.Manifests[1], i.Manifests[0] }
		}, want: "tar"},
		{name: "index.json calls an item by another name", edit: func(f *forge) {
			f.editTop = func(i *ociIndex) {
				i.Manifests[3].Annotations = map[string]string{"org.opencontainers.image.ref.name": "evil"}
			}
		}, want: underived},
		{name: "an annotation", edit: func(f *forge) { f.editTop = func(i *ociIndex) { i.Annotations["x"] = "y" } }, want: underived},
		{name: "urls", edit: func(f *forge) {
			f.editTop = func(i *ociIndex) { i.Manifests[0].URLs = []string{"https://evil.example"} }
		}, want: "urls"},
		{name: "another algorithm", edit: func(f *forge) {
			f.editTop = func(i *ociIndex) { i.Manifests[0].Digest = "sha512:" + strings.Repeat("0", 128) }
		}, want: "want sha256"},
		{name: "a digest that is a path", edit: func(f *forge) {
			f.editTop = func(i *ociIndex) { i.Manifests[0].Digest = "sha256:../../../../etc/passwd" }
		}, want: "want sha256"},
		{name: "a negative size", edit: func(f *forge) { f.editTop = func(i *ociIndex) { i.Manifests[0].Size = -1 } }, want: "size -1"},
		{name: "a lying size", edit: func(f *forge) { f.editTop = func(i *ociIndex) { i.Manifests[0].Size++ } }, want: "tar"},
		{name: "no format", edit: format(""), want: "no format version"},
		{name: "format in words", edit: format("one"), want: "no format version"},
		{name: "format 1", edit: format("1"), want: "no format version"},
		{name: "format 01.0", edit: format("01.0"), want: "no format version"},
		{name: "format 1.0.0", edit: format("1.0.0"), want: "no format version"},
		{name: "format 1.-1", edit: format("1.-1"), want: "no format version"},
		{name: "format 0.9", edit: format("0.9"), want: "format 0.9"},
		{name: "format 99999999999999999999.0", edit: format("99999999999999999999.0"), want: "no format version"},
		{name: "format 1.99", edit: format("1.99"), want: "it is in format 1.99, this program reads up to", is: bundle.ErrTooNew},
		{name: "format 2.3", edit: format("2.3"), want: "it is in format 2.3, this program reads up to", is: bundle.ErrTooNew},
		{name: "format that differs below", edit: func(f *forge) {
			f.editD = func(d *ociIndex) { d.Annotations["vnd.offlinestore.bundle.format"] = "1.1" }
		}, want: "not one of format 1.0"},
	})
}

func TestHostileSignature(t *testing.T) {
	t.Parallel()
	envelope := func(edit func(map[string]any)) func(*forge) { return func(f *forge) { f.editEnvelope = edit } }
	signature := func(edit func(s map[string]any)) func(*forge) {
		return envelope(func(m map[string]any) { edit(m["signatures"].([]any)[0].(map[string]any)) })
	}
	statement := func(edit func(map[string]any)) func(*forge) { return func(f *forge) { f.editStatement = edit } }
	manifest := func(edit func(*ociManifest)) func(*forge) { return func(f *forge) { f.editSignature = edit } }
	subject := func(m map[string]any) map[string]any { return m["subject"].([]any)[0].(map[string]any) }
	runHostile(t, []hostile{
		{name: "altered signature", edit: signature(func(s map[string]any) {
			sig, _ := base64.StdEncoding.DecodeString(s["sig"].(string))
			sig[10] ^= 1
			s["sig"] = base64.StdEncoding.EncodeToString(sig)
		}), is: bundle.ErrBadSignature},
		{name: "empty signature", edit: signature(func(s map[string]any) { s["sig"] = "" }), is: bundle.ErrBadSignature},
		{name: "altered statement", edit: envelope(func(m map[string]any) {
			p, _ := base64.StdEncoding.DecodeString(m["payload"].(string))
			m["payload"] = base64.StdEncoding.EncodeToString(bytes.Replace(p, []byte("2026"), []byte("2027"), 1))
		}), is: bundle.ErrBadSignature},
		{name: "statement in another base64", edit: envelope(func(m map[string]any) { m["payload"] = m["payload"].(string) + "\n" }), want: "base64"},
		{name: "signature in another base64", edit: signature(func(s map[string]any) {
			s["sig"] = strings.NewReplacer("+", "-", "/", "_").Replace(s["sig"].(string))
		}), want: "base64"},
		{name: "no signature", edit: envelope(func(m map[string]any) { m["signatures"] = []any{} }), want: "want one signature"},
		{name: "two signatures", edit: envelope(func(m map[string]any) {
			s := m["signatures"].([]any)
			m["signatures"] = append(s, s[0])
		}), want: "want one signature"},
		{name: "another payload type", edit: envelope(func(m map[string]any) { m["payloadType"] = "text/plain" }), want: "want one signature of"},
		{name: "another key id", edit: signature(func(s map[string]any) { s["keyid"] = publicOf(t, keyFrom("another")).ID() }), want: "is not the one that the envelope names"},
		{name: "spaces in the envelope", edit: func(f *forge) { f.editRawEnvelope = func(b []byte) []byte { return append(b, ' ') } }, want: "canonical"},
		{name: "unknown field in the envelope", edit: func(f *forge) {
			f.editRawEnvelope = func(b []byte) []byte { return append(b[:len(b)-1], `,"x":1}`...) }
		}, want: "canonical"},
		{name: "another subject", edit: statement(func(m map[string]any) {
			subject(m)["digest"] = map[string]any{"sha256": strings.Repeat("0", 64)}
		}), is: bundle.ErrBadSignature, want: "another bundle"},
		{name: "subject by another algorithm", edit: statement(func(m map[string]any) {
			subject(m)["digest"] = map[string]any{"sha512": strings.Repeat("0", 128)}
		}), is: bundle.ErrBadSignature, want: "another bundle"},
		{name: "no subject", edit: statement(func(m map[string]any) { m["subject"] = []any{} }), is: bundle.ErrBadSignature},
		{name: "two subjects", edit: statement(func(m map[string]any) { m["subject"] = []any{subject(m), subject(m)} }), is: bundle.ErrBadSignature},
		{name: "another predicate type", edit: statement(func(m map[string]any) { m["predicateType"] = "urn:other" }), want: "not one about a bundle"},
		{name: "another statement type", edit: statement(func(m map[string]any) { m["_type"] = "https://in-toto.io/Statement/v0.1" }), want: "not one about a bundle"},
		{name: "no time", edit: statement(func(m map[string]any) { delete(m["predicate"].(map[string]any), "created") }), want: "lacks one of created"},
		{name: "a time that is none", edit: statement(func(m map[string]any) { m["predicate"].(map[string]any)["created"] = "yesterday" }), want: "signed statement"},
		{name: "blobs left out", edit: statement(func(m map[string]any) {
			m["predicate"].(map[string]any)["expects"] = []any{"sha256:" + strings.Repeat("0", 64)}
		}), want: "no receiver is named"},
		{name: "public key of another", edit: manifest(func(m *ociManifest) {
			m.Annotations["vnd.offlinestore.public-key"] = pemBody(publicOf(t, keyFrom("another")))
		}), want: "is not the one that the envelope names"},
		{name: "no public key", edit: manifest(func(m *ociManifest) { m.Annotations = nil }), want: "public key"},
		{name: "no base64 for the public key", edit: manifest(func(m *ociManifest) { m.Annotations["vnd.offlinestore.public-key"] = "!" }), want: "public key"},
		{name: "subject of the manifest", edit: manifest(func(m *ociManifest) { m.Subject.Size++ }), want: "does not follow"},
		{name: "no subject of the manifest", edit: manifest(func(m *ociManifest) { m.Subject = nil }), want: "does not follow"},
		{name: "two layers", edit: manifest(func(m *ociManifest) { m.Layers = append(m.Layers, m.Layers[0]) }), want: "want one layer"},
		{name: "no layer", edit: manifest(func(m *ociManifest) { m.Layers = nil }), want: "want one layer"},
		{name: "another config", edit: manifest(func(m *ociManifest) { m.Config.MediaType = "text/plain" }), want: "does not follow"},
	})
}

func pemBody(k bundle.PublicKey) string {
	lines := strings.Split(strings.TrimSpace(string(k.PEM())), "\n")
	return strings.Join(lines[1:len(lines)-1], "")
}

// TestEnvelopeOfAnotherBundle combines a good signature with other content.
func TestEnvelopeOfAnotherBundle(t *testing.T) {
	t.Parallel()
	var stolen []byte
	f := sample(t).forge()
	f.editRawEnvelope = func(b []byte) []byte { stolen = b; return b }
	f.seal(testKey())
	f = sample(t).forge()
	f.items = f.items[1:]
	f.editRawEnvelope = func([]byte) []byte { return stolen }
	_, err := receiveBytes(t, tarOf(f.seal(testKey())))
	if !errors.Is(err, bundle.ErrBadSignature) || !strings.Contains(err.Error(), "another bundle") {
		t.Errorf("got %v", err)
	}
}

func TestUnknownSigner(t *testing.T) {
	t.Parallel()
	key := keyFrom("stranger")
	r, err := bundle.NewReader("test", bytes.NewReader(tarOf(sample(t).forge().seal(key))))
	if err != nil {
		t.Fatal(err)
	}
	id := publicOf(t, key).ID()
	_, _, err = r.Verify(t.Context(), trusted(t))
	var unknown *bundle.UnknownSignerError
	if !errors.As(err, &unknown) || unknown.KeyID != id || !strings.Contains(err.Error(), id) {
		t.Errorf("got %v, want one with %s", err, id)
	}
	if _, _, err := r.Verify(t.Context(), nil); !errors.As(err, &unknown) {
		t.Errorf("without trusted keys: got %v", err)
	}
	if _, k, err := r.VerifyUnsafe(t.Context()); err != nil || k.ID() != id {
		t.Errorf("VerifyUnsafe: %s, %v", k.ID(), err)
	}
}

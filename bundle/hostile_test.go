package bundle_test

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/snap"
)

// hostile is a bundle signed by a trusted key that is wrong in one way. want is a part of the error's text, and is in its
// chain; without is, any error that refuses a bundle will do.
type hostile struct {
	name string
	edit func(f *forge)
	want string
	is   error
}

func runHostile(t *testing.T, tests []hostile) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := sample(t).forge()
			test.edit(f)
			plain := tarOf(f.seal(testKey()))
			for _, b := range [][]byte{plain, gzipOf(plain)} {
				_, err := receiveBytes(t, b)
				if err == nil {
					t.Fatal("it was read")
				}
				if !refused(err) || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("got %v, want one with %q", err, test.want)
				}
			}
		})
	}
}

func tarHeaderOf(name string, size int64) []byte {
	var b bytes.Buffer
	h := &tar.Header{Name: name, Size: size, Mode: 0o644, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
	if size >= 1<<33 {
		h.Format = tar.FormatGNU
	}
	if err := tar.NewWriter(&b).WriteHeader(h); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// files makes an edit of the list of files.
func files(edit func([]*forgeFile) []*forgeFile) func(*forge) {
	return func(f *forge) { f.editFiles = edit }
}

// extra puts a file in the place i.
func extra(i int, file *forgeFile) func(*forge) {
	return files(func(fs []*forgeFile) []*forgeFile { return slices.Insert(fs, i, file) })
}

func extraAt(i int, file *forgeFile) func(*forge) {
	return files(func(fs []*forgeFile) []*forgeFile { return slices.Insert(fs, at(i, fs), file) })
}

// specialFile is a header of a kind that says something of the next one.
func specialFile(kind byte, name, data string) *forgeFile {
	raw := make([]byte, 1024)
	copy(raw, tarHeaderOf(name, int64(len(data))))
	raw[156] = kind
	setChecksum(raw[:512])
	copy(raw[512:], data)
	return &forgeFile{raw: raw}
}

// lastFile is the place of a blob of the payload in the sample.
const lastFile = -1

func at(i int, fs []*forgeFile) int {
	if i == lastFile {
		return len(fs) - 1
	}
	return i
}

func headerAt(i int, edit func(*tar.Header)) func(*forge) {
	return files(func(fs []*forgeFile) []*forgeFile { fs[at(i, fs)].edit = edit; return fs })
}

func TestHostileTar(t *testing.T) {
	t.Parallel()
	var tests []hostile
	// Each of these is tried on the layout file, on the bundle index and on a blob of the payload.
	for place, i := range map[string]int{"layout file": 0, "index.json": 1, "bundle index": 2, "payload": lastFile} {
		link := func(kind byte) func(*tar.Header) {
			return func(h *tar.Header) { h.Typeflag, h.Linkname, h.Size = kind, "/etc/passwd", 0 }
		}
		for name, edit := range map[string]func(*tar.Header){
			"symlink":           link(tar.TypeSymlink),
			"hard link":         link(tar.TypeLink),
			"device":            link(tar.TypeChar),
			"block device":      link(tar.TypeBlock),
			"fifo":              link(tar.TypeFifo),
			"folder":            func(h *tar.Header) { h.Typeflag, h.Size, h.Name = tar.TypeDir, 0, h.Name+"/" },
			"contiguous":        func(h *tar.Header) { h.Typeflag = tar.TypeCont },
			"parent":            func(h *tar.Header) { h.Name = "../" + h.Name },
			"absolute":          func(h *tar.Header) { h.Name = "/" + h.Name },
			"dot":               func(h *tar.Header) { h.Name = "./" + h.Name },
			"upper case":        func(h *tar.Header) { h.Name = strings.ToUpper(h.Name) },
			"another mode":      func(h *tar.Header) { h.Mode = 0o4755 },
			"an owner":          func(h *tar.Header) { h.Uid = 1000 },
			"an owner's name":   func(h *tar.Header) { h.Uname = "root" },
			"GNU header":        func(h *tar.Header) { h.Format = tar.FormatGNU },
			"PAX record":        func(h *tar.Header) { h.Format, h.PAXRecords = tar.FormatPAX, map[string]string{"OFFLINE.x": "y"} },
			"longer than it is": func(h *tar.Header) { h.Size += 512 },
			"a byte longer":     func(h *tar.Header) { h.Size++ },
			"a byte shorter":    func(h *tar.Header) { h.Size-- },
			"huge":              func(h *tar.Header) { h.Size = 1<<33 - 1 },
		} {
			tests = append(tests, hostile{name: name + " for " + place, edit: headerAt(i, edit)})
		}
		tests = append(tests,
			hostile{name: "missing " + place, edit: files(func(fs []*forgeFile) []*forgeFile { return slices.Delete(fs, at(i, fs), at(i, fs)+1) })},
			hostile{name: "double " + place, edit: files(func(fs []*forgeFile) []*forgeFile { return slices.Insert(fs, at(i, fs), fs[at(i, fs)]) })},
			hostile{name: "garbage for the header of " + place, edit: files(func(fs []*forgeFile) []*forgeFile {
				fs[at(i, fs)].raw = bytes.Repeat([]byte("x"), 512)
				return fs
			})},
			hostile{name: "PAX path before " + place, edit: extraAt(i, specialFile('x', "PaxHeaders/x", "13 path=../x\n"))},
			hostile{name: "global PAX path before " + place, edit: extraAt(i, specialFile('g', "PaxHeaders/x", "13 path=../x\n"))},
			hostile{name: "GNU long name before " + place, edit: extraAt(i, specialFile('L', "././@LongLink", "../x\x00"))},
			hostile{name: "padding of " + place, edit: files(func(fs []*forgeFile) []*forgeFile {
				f := fs[at(i, fs)]
				f.raw = slices.Concat(tarHeaderOf(f.name, int64(len(f.data))), f.data, bytes.Repeat([]byte{1}, -len(f.data)&511))
				return fs
			})},
		)
	}
	sparse := make([]byte, 512)
	copy(sparse, tarHeaderOf("index.json", 512))
	sparse[156] = 'S'
	setChecksum(sparse)
	tests = append(tests,
		hostile{name: "sparse file", edit: files(func(fs []*forgeFile) []*forgeFile { fs[1].raw = sparse; return fs }), want: "index.json"},
		hostile{name: "extra file at the end", edit: files(func(fs []*forgeFile) []*forgeFile { return append(fs, &forgeFile{name: "README", data: []byte("x")}) }), want: "extra file"},
		hostile{name: "extra blob at the end", edit: files(func(fs []*forgeFile) []*forgeFile { return append(fs, blobFile([]byte("x"))) }), want: "extra file"},
		hostile{name: "extra blob before the payload", edit: extra(12, blobFile([]byte("x"))), want: "extra, double or out of order"},
		hostile{name: "extra file in the head", edit: extra(1, &forgeFile{name: "etc/passwd", data: []byte("x")}), want: `unexpected file "etc/passwd"`},
		hostile{name: "folder blobs/", edit: extra(2, &forgeFile{name: "blobs/", edit: func(h *tar.Header) { h.Typeflag, h.Mode = tar.TypeDir, 0o755 }}), want: "no plain file"},
		hostile{name: "reordered payload", edit: files(func(fs []*forgeFile) []*forgeFile {
			n := len(fs)
			fs[n-1], fs[n-2] = fs[n-2], fs[n-1]
			return fs
		}), want: "out of order"},
		hostile{name: "reordered head", edit: files(func(fs []*forgeFile) []*forgeFile { fs[6], fs[7] = fs[7], fs[6]; return fs }), want: "out of order"},
		hostile{name: "another layout version", edit: files(func(fs []*forgeFile) []*forgeFile {
			fs[0].data = []byte(`{"imageLayoutVersion":"2.0.0"}`)
			return fs
		}), want: "oci-layout"},
		hostile{name: "other content of a small blob", edit: files(func(fs []*forgeFile) []*forgeFile {
			fs[7].data = bytes.ToUpper(fs[7].data)
			return fs
		}), want: "another digest"},
		hostile{name: "other content of the empty config", edit: files(func(fs []*forgeFile) []*forgeFile { fs[4].data = []byte("[]"); return fs }), want: "another digest"},
	)
	runHostile(t, tests)
}

func setChecksum(h []byte) {
	copy(h[148:156], "        ")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	for i := 5; i >= 0; i-- {
		h[148+i] = byte('0' + sum&7)
		sum >>= 3
	}
	h[154], h[155] = 0, ' '
}

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
		{name: "format 1.1", edit: format("1.1"), want: "install snap-store-proxy 1.1 or newer", is: bundle.ErrTooNew},
		{name: "format 2.3", edit: format("2.3"), want: "install snap-store-proxy 2.3 or newer", is: bundle.ErrTooNew},
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
		{name: "no time", edit: statement(func(m map[string]any) { delete(m["predicate"].(map[string]any), "created") }), want: "no time"},
		{name: "a time that is none", edit: statement(func(m map[string]any) { m["predicate"].(map[string]any)["created"] = "yesterday" }), want: "signed statement"},
		{name: "blobs left out", edit: statement(func(m map[string]any) {
			m["predicate"].(map[string]any)["expects"] = []any{"sha256:" + strings.Repeat("0", 64)}
		}), want: "expects blobs"},
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

// TestEnvelopeOfAnotherBundle moves a good signature over to another content.
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

func TestHostileItems(t *testing.T) {
	t.Parallel()
	item := func(i int, edit func(*ociManifest)) func(*forge) { return func(f *forge) { f.items[i].edit = edit } }
	desc := func(i int, edit func(*ociDescriptor)) func(*forge) {
		return func(f *forge) { f.items[i].editDesc = edit }
	}
	layer := func(i, l int, edit func(*ociDescriptor)) func(*forge) {
		return func(f *forge) { f.items[i].layers[l].edit = edit }
	}
	raw := func(i int, edit func([]byte) []byte) func(*forge) {
		return func(f *forge) { f.items[i].editRaw = edit }
	}
	revision := func(i int, edit func(*snap.Item)) func(*forge) {
		return func(f *forge) { f.items[i].config.data = recode(f.items[i].config.data, edit) }
	}
	listing := func(i int, edit func(*snap.Listing)) func(*forge) {
		return func(f *forge) { f.items[i].config.data = recode(f.items[i].config.data, edit) }
	}
	title := func(s string) func(*forge) {
		return layer(1, 1, func(d *ociDescriptor) { d.Annotations["org.opencontainers.image.title"] = s })
	}
	const jq6, jq10, jq = 1, 2, 4 // places of items in the sample
	canonical := "canonical"
	tests := []hostile{
		{name: "no items", edit: func(f *forge) { f.items = nil }, is: bundle.ErrLimit},
		{name: "an item twice", edit: func(f *forge) { f.items = slices.Insert(f.items, 1, f.items[1]) }, want: "twice"},
		{name: "two items of a name", edit: func(f *forge) {
			again := *f.items[jq6]
			again.config = &forgeBlob{mediaType: again.config.mediaType, data: append(slices.Clone(again.config.data), ' ')}
			f.items = slices.Insert(f.items, 1, &again)
		}, want: "twice"},
		{name: "items out of order", edit: func(f *forge) { f.items[jq6], f.items[jq10] = f.items[jq10], f.items[jq6] }, want: "out of order"},
		{name: "an unknown kind", edit: func(f *forge) { f.items[jq].artifactType = vnd + "turtle.v1" }, want: "unknown kind"},
		{name: "an item that is a signature", edit: desc(0, func(d *ociDescriptor) { d.ArtifactType = vnd + "signature.v1" }), want: "unknown kind"},
		{name: "an index for an item", edit: desc(jq6, func(d *ociDescriptor) { d.MediaType = ociIndexType }), want: "not described as an item"},
		{name: "an annotation of an item", edit: desc(jq6, func(d *ociDescriptor) { d.Annotations["x"] = "y" }), want: "not described as an item"},
		{name: "an item without a name", edit: desc(0, func(d *ociDescriptor) { d.Annotations = nil }), is: bundle.ErrLimit},
		{name: "an item by another name", edit: func(f *forge) { f.items[jq6].name = "jq_7" }, want: "its config is of jq_6"},
		{name: "a snap by another name", edit: func(f *forge) { f.items[jq].name = "jqq" }, want: "its config is of jq"},
		{name: "a manifest of another kind", edit: item(jq6, func(m *ociManifest) { m.ArtifactType = vnd + "snap.v1" }), want: "not a manifest of type"},
		{name: "a manifest of another version", edit: item(jq6, func(m *ociManifest) { m.SchemaVersion = 1 }), want: "not a manifest of type"},
		{name: "a subject", edit: item(jq6, func(m *ociManifest) { m.Subject = &m.Config }), want: "has a subject"},
		{name: "annotations", edit: item(jq6, func(m *ociManifest) { m.Annotations = map[string]string{"x": "y"} }), want: "has a subject"},
		{name: "a config of another kind", edit: item(jq6, func(m *ociManifest) { m.Config.MediaType = "text/plain" }), want: "another kind of config"},
		{name: "no layers", edit: item(jq6, func(m *ociManifest) { m.Layers = nil }), is: bundle.ErrLimit},
		{name: "a layer of another kind", edit: layer(jq6, 1, func(d *ociDescriptor) { d.MediaType = "text/plain" }), want: "layer of type"},
		{name: "a layer with data", edit: layer(jq6, 1, func(d *ociDescriptor) { d.Data = []byte("x") }), want: "data"},
		{name: "a layer with urls", edit: layer(jq6, 1, func(d *ociDescriptor) { d.URLs = []string{"x"} }), want: "urls"},
		{name: "a layer with a platform", edit: layer(jq6, 1, func(d *ociDescriptor) { d.Platform = map[string]string{"os": "x", "architecture": "y"} }), want: "platform"},
		{name: "a layer with an artifactType", edit: layer(jq6, 1, func(d *ociDescriptor) { d.ArtifactType = "x" }), want: "does not follow"},
		{name: "a layer with an annotation", edit: layer(jq6, 1, func(d *ociDescriptor) { d.Annotations["x"] = "y" }), want: "does not follow"},
		{name: "a layer without a title", edit: layer(jq6, 1, func(d *ociDescriptor) { delete(d.Annotations, "org.opencontainers.image.title") }), want: "no file name"},
		{name: "title ../x", edit: title("../x"), want: "no file name"},
		{name: "title /etc/passwd", edit: title("/etc/passwd"), want: "no file name"},
		{name: "title a/b", edit: title("a/b"), want: "no file name"},
		{name: `title a\b`, edit: title(`a\b`), want: "no file name"},
		{name: "title C:x", edit: title("C:x"), want: "no file name"},
		{name: "title ..", edit: title(".."), want: "no file name"},
		{name: "title -rf", edit: title("-rf"), want: "no file name"},
		{name: "title with a newline", edit: title("a\nb"), want: "no file name"},
		{name: "another title", edit: title("evil.snap"), want: "does not follow"},
		{name: "a layer without SHA3-384", edit: layer(jq6, 1, func(d *ociDescriptor) { delete(d.Annotations, "vnd.offlinestore.sha3-384") }), want: "no SHA3-384"},
		{name: "a layer with another SHA3-384", edit: func(f *forge) { f.items[jq6].layers[1].sha3 = strings.Repeat("0", 96) }, want: "not what the config says"},
		{name: "a layer with a longer SHA3-384", edit: func(f *forge) { f.items[jq6].layers[1].sha3 += "00" }, want: "no SHA3-384"},
		{name: "a layer with a SHA3-384 in capitals", edit: func(f *forge) { f.items[jq6].layers[1].sha3 = strings.ToUpper(f.items[jq6].layers[1].sha3) }, want: "does not follow"},
		{name: "a layer of another size", edit: layer(jq6, 1, func(d *ociDescriptor) { d.Size++ }), want: "not what the config says"},
		{name: "a config of another size", edit: revision(jq6, func(i *snap.Item) { i.Revision.Download.Size++ }), want: "not what the config says"},
		{name: "a blob in two sizes", edit: layer(jq10, 2, func(d *ociDescriptor) { d.Size++ }), want: "described in two ways"},
		{name: "layers in another order", edit: func(f *forge) { l := f.items[jq6].layers; l[0], l[1] = l[1], l[0] }, want: "want an assertion stream"},
		{name: "a component less", edit: func(f *forge) { f.items[jq6].layers = f.items[jq6].layers[:2] }, want: "its 1 components"},
		{name: "a component more", edit: func(f *forge) { l := f.items[jq6].layers; f.items[jq6].layers = append(l, l[2]) }, want: "its 1 components"},
		{name: "a component that is a snap", edit: func(f *forge) { f.items[jq6].layers[2].mediaType = vnd + "snap.blob.v1+squashfs" }, want: "no component"},
		{name: "components in another order", edit: func(f *forge) { l := f.items[jq10].layers; l[2], l[3] = l[3], l[2] }, want: "not what the config says"},
		{name: "two icons", edit: func(f *forge) { l := f.items[jq].layers; f.items[jq].layers = append(l, l[1]) }, want: "at most one icon"},
		{name: "an icon first", edit: func(f *forge) { l := f.items[jq].layers; l[0], l[1] = l[1], l[0] }, want: "at most one icon"},
		{name: "an icon of another type", edit: func(f *forge) { f.items[jq].layers[1].mediaType = "image/x-evil" }, want: "layer of type"},
		{name: "no assertions", edit: func(f *forge) { f.items[jq].layers = f.items[jq].layers[1:] }, want: "want an assertion stream"},
		{name: "a snap in the item of a name", edit: func(f *forge) { f.items[jq].layers = f.items[jq6].layers }, want: "layer of type"},
		{name: "an icon that is {}", edit: func(f *forge) { f.items[jq].layers[1].data = []byte("{}") }, want: "stands above the items"},
		{name: "an unknown field in a manifest", edit: raw(jq6, func(b []byte) []byte { return append(b[:len(b)-1], `,"x":1}`...) }), want: "does not follow"},
		{name: "a manifest with spaces", edit: raw(jq6, func(b []byte) []byte { return append(b, ' ') }), want: "does not follow"},
		{name: "a manifest and more", edit: raw(jq6, func(b []byte) []byte { return append(b, b...) }), want: "something follows"},
		{name: "a manifest that is none", edit: raw(jq6, func([]byte) []byte { return []byte(`[]`) }), want: "jq_6"},
		{name: "a config that is none", edit: func(f *forge) { f.items[jq6].config.data = []byte("[]") }, want: "config"},
		{name: "a config and more", edit: func(f *forge) { f.items[jq6].config.data = append(f.items[jq6].config.data, '1') }, want: "something follows"},
		{name: "revision 0", edit: revision(jq6, func(i *snap.Item) { i.Revision.Revision = 0 }), want: "out of range"},
		{name: "a snap that is not there", edit: func(f *forge) { f.items = slices.Delete(f.items, jq, jq+1) }, want: "no snap of that name"},
		{name: "another snap-id", edit: revision(jq6, func(i *snap.Item) { i.SnapID = core24ID }), want: "no snap of that name and snap-id"},
		{name: "a revision that is not there", edit: func(f *forge) { f.items = slices.Delete(f.items, jq10, jq10+1) }, want: "revision 10 is released"},
		{name: "a release of another revision", edit: listing(jq, func(l *snap.Listing) { l.ChannelMap[0].Revision = 99 }), want: "revision 99 is released"},
		{name: "a name that is a path", edit: listing(jq, func(l *snap.Listing) { l.Name = "../jq" }), want: "snap name"},
		{name: "a snap-id that is a path", edit: listing(jq, func(l *snap.Listing) { l.SnapID = "../../../../../../../../../../../" }), want: "snap-id"},
		{name: "an unknown field in the bundle index", edit: func(f *forge) {
			f.editRawD = func(b []byte) []byte { return append(b[:len(b)-1], `,"x":1}`...) }
		}, want: canonical},
		{name: "spaces in the bundle index", edit: func(f *forge) { f.editRawD = func(b []byte) []byte { return append(b, '\n') } }, want: canonical},
		{name: "a subject of the bundle index", edit: func(f *forge) { f.editD = func(d *ociIndex) { d.Subject = &d.Manifests[0] } }, want: canonical},
		{name: "an annotation of the bundle index", edit: func(f *forge) { f.editD = func(d *ociIndex) { d.Annotations["x"] = "y" } }, want: canonical},
		{name: "a bundle index of another type", edit: func(f *forge) { f.editD = func(d *ociIndex) { d.ArtifactType = "x" } }, want: canonical},
		{name: "a bundle index of another version", edit: func(f *forge) { f.editD = func(d *ociIndex) { d.SchemaVersion = 3 } }, want: canonical},
	}
	runHostile(t, tests)
}

// recode edits JSON by way of the type that it is of.
func recode[T any](b []byte, edit func(*T)) []byte {
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		panic(err)
	}
	edit(&v)
	return toJSON(v)
}

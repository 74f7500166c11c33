package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/snap"
)

// TestLimits exceeds each limit of the format by one, for a reader.
func TestLimits(t *testing.T) {
	t.Parallel()
	rawTop := func(i int, size int64) func(*forge) {
		return files(func(fs []*forgeFile) []*forgeFile {
			fs[i].raw = tarHeaderOf(fs[i].name, size)
			return fs[:i+1]
		})
	}
	layer := func(item, l int, size int64) func(*forge) {
		return func(f *forge) { f.items[item].layers[l].edit = func(d *ociDescriptor) { d.Size = size } }
	}
	tests := map[string]func(f *forge){
		"MaxIndexSize": rawTop(1, bundle.MaxIndexSize+1),
		"MaxIndexSize of the bundle index": func(f *forge) {
			f.editTop = func(i *ociIndex) { i.Manifests[0].Size = bundle.MaxIndexSize + 1 }
		},
		"MaxIndexValues": func(f *forge) {
			f.editTop = func(i *ociIndex) {
				i.Manifests = append(i.Manifests, make([]ociDescriptor, bundle.MaxIndexValues/4)...)
			}
		},
		"MaxIndexValues of the bundle index": func(f *forge) {
			f.editD = func(d *ociIndex) {
				d.Manifests = append(d.Manifests, make([]ociDescriptor, bundle.MaxIndexValues/4)...)
			}
		},
		"MaxManifestSize of the signature": func(f *forge) {
			f.editTop = func(i *ociIndex) { i.Manifests[1].Size = bundle.MaxManifestSize + 1 }
		},
		"MaxEnvelopeSize": func(f *forge) {
			f.editSignature = func(m *ociManifest) { m.Layers[0].Size = bundle.MaxEnvelopeSize + 1 }
		},
		"MaxItems": func(f *forge) {
			desc := descriptorOf(ociManifestType, []byte("x"))
			desc.ArtifactType = vnd + "snap.v1"
			f.editD = func(d *ociIndex) {
				d.Manifests = nil
				for i := range bundle.MaxItems + 1 {
					item := desc
					item.Annotations = map[string]string{"org.opencontainers.image.ref.name": fmt.Sprint("a", i)}
					d.Manifests = append(d.Manifests, item)
				}
			}
		},
		"MaxManifestSize": func(f *forge) {
			f.items[1].editDesc = func(d *ociDescriptor) { d.Size = bundle.MaxManifestSize + 1 }
		},
		"MaxLayers": func(f *forge) {
			for len(f.items[1].layers) <= bundle.MaxLayers {
				f.items[1].layers = append(f.items[1].layers, f.items[1].layers[2])
			}
		},
		"MaxConfigSize": func(f *forge) {
			f.items[1].config.edit = func(d *ociDescriptor) { d.Size = bundle.MaxConfigSize + 1 }
		},
		"MaxAssertionSize":               layer(1, 0, bundle.MaxAssertionSize+1),
		"MaxAssertionSize, by name":      layer(4, 0, bundle.MaxAssertionSize+1),
		"MaxIconSize":                    layer(4, 1, bundle.MaxIconSize+1),
		"MaxBlobSize":                    layer(1, 1, bundle.MaxBlobSize+1),
		"MaxBlobSize of a component":     layer(1, 2, bundle.MaxBlobSize+1),
		"MaxBlobSize, as far as it goes": layer(1, 1, 1<<63-1),
		"MaxRefLength":                   func(f *forge) { f.items[1].name = "jq" + strings.Repeat("6", bundle.MaxRefLength-1) },
		"MaxHeadSize": func(f *forge) {
			var more []*forgeItem
			for i := range bundle.MaxHeadSize/bundle.MaxConfigSize + 1 {
				it := *f.items[1]
				it.name = fmt.Sprintf("jq_%d", 100+i)
				it.config = &forgeBlob{mediaType: it.config.mediaType, data: []byte(fmt.Sprint(i)),
					edit: func(d *ociDescriptor) { d.Size = bundle.MaxConfigSize }}
				more = append(more, &it)
			}
			f.items = slices.Insert(f.items, 3, more...)
		},
	}
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := sample(t).forge()
			edit(f)
			_, err := receiveBytes(t, tarOf(f.seal(testKey())))
			if !errors.Is(err, bundle.ErrLimit) || !errors.Is(err, bundle.ErrCorrupt) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestManifestsOverHeadSize tries a head whose manifests alone exceed the limit. The reader must refuse it before it reads a
// manifest.
func TestManifestsOverHeadSize(t *testing.T) {
	t.Parallel()
	f := sample(t).forge()
	f.editD = func(d *ociIndex) {
		for i := range d.Manifests {
			d.Manifests[i].Size = bundle.MaxManifestSize
		}
		first := d.Manifests[0]
		for i := range bundle.MaxHeadSize/bundle.MaxManifestSize + 1 {
			item := first
			item.Digest = "sha256:" + sha(fmt.Append(nil, i))
			item.Annotations = map[string]string{"org.opencontainers.image.ref.name": fmt.Sprintf("core24_%d", 2000+i)}
			d.Manifests = slices.Insert(d.Manifests, 1+i, item)
		}
	}
	if _, err := receiveBytes(t, tarOf(f.seal(testKey()))); !errors.Is(err, bundle.ErrLimit) {
		t.Errorf("got %v", err)
	}
}

// TestWriterLimits shows that the writer refuses content that no reader accepts.
func TestWriterLimits(t *testing.T) {
	t.Parallel()
	large := bytes.Repeat([]byte("a"), bundle.MaxAssertionSize+1)
	tests := map[string]func(c *content){
		"MaxAssertionSize":          func(c *content) { c.snaps[0].Assertions = large },
		"MaxAssertionSize, by name": func(c *content) { c.revisions[0].Assertions = large },
		"MaxIconSize":               func(c *content) { c.snaps[0].Icon.Data = large[:bundle.MaxIconSize+1] },
		"MaxConfigSize":             func(c *content) { c.snaps[0].Snap.Description = strings.Repeat("x", bundle.MaxConfigSize) },
		"MaxBlobSize": func(c *content) {
			c.revisions[0].Blob.Size = bundle.MaxBlobSize + 1
			c.revisions[0].Revision.Download.Size = bundle.MaxBlobSize + 1
		},
		"MaxEnvelopeSize": func(c *content) { c.predicate.Exporter = strings.Repeat("x", bundle.MaxEnvelopeSize) },
		"MaxLayers": func(c *content) {
			for i := range bundle.MaxLayers {
				b := c.revisions[0].Blob
				c.revisions[0].Components = append(c.revisions[0].Components, b)
				c.revisions[0].Revision.Resources = append(c.revisions[0].Revision.Resources,
					snap.Resource{Name: fmt.Sprintf("comp%d", i), Revision: 1, Download: download(b)})
			}
		},
		"MaxHeadSize": func(c *content) {
			for i := range bundle.MaxHeadSize / bundle.MaxAssertionSize {
				c.addSnap("jq", jqID, 100+i, "amd64", nil, c.revisions[0].Blob)
				c.revisions[len(c.revisions)-1].Assertions = append(bytes.Repeat([]byte("a"), bundle.MaxAssertionSize-8), fmt.Sprintf("%08d", i)...)
			}
		},
		"MaxItems": func(c *content) { c.snaps, c.revisions = nil, nil },
	}
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := sample(t)
			edit(c)
			if err := trySeal(t, c); !errors.Is(err, bundle.ErrLimit) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestWriterRefuses shows that the writer refuses contradictions.
func TestWriterRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]func(c *content){
		"a revision twice":               func(c *content) { c.revisions = append(c.revisions, c.revisions[0]) },
		"a snap twice":                   func(c *content) { c.snaps = append(c.snaps, c.snaps[0]) },
		"a revision without its snap":    func(c *content) { c.snaps = c.snaps[1:] },
		"a release without its revision": func(c *content) { c.revisions = c.revisions[1:] },
		"another size":                   func(c *content) { c.revisions[0].Revision.Download.Size++ },
		"another SHA3-384":               func(c *content) { c.revisions[0].Blob.SHA3384[0] ^= 1 },
		"a component more":               func(c *content) { c.revisions[0].Components = append(c.revisions[0].Components, c.revisions[0].Blob) },
		"a component less":               func(c *content) { c.revisions[0].Components = nil },
		"an unknown icon":                func(c *content) { c.snaps[0].Icon.MediaType = "image/x-icon" },
		"a name that is a path":          func(c *content) { c.snaps[0].Name = "../jq" },
		"revision 0":                     func(c *content) { c.revisions[0].Revision.Number = 0 },
		"a digest of another kind":       func(c *content) { c.revisions[0].Blob.Digest = "md5:0" },
		"no digest":                      func(c *content) { c.revisions[0].Blob.Digest = "" },
		"blobs left out for nobody": func(c *content) {
			c.predicate.Expects = slices.Sorted(maps.Keys(c.blobs))
		},
	}
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := sample(t)
			edit(c)
			if err := trySeal(t, c); err == nil {
				t.Error("it was sealed")
			}
		})
	}
}

func trySeal(t *testing.T, c *content) error {
	t.Helper()
	d := &bundle.Builder{}
	for _, s := range c.snaps {
		if err := d.AddSnap(s); err != nil {
			return err
		}
	}
	for _, r := range c.revisions {
		if err := d.AddRevision(r); err != nil {
			return err
		}
	}
	if err := c.addCharms(d); err != nil {
		return err
	}
	_, err := d.Seal(t.Context(), c.predicate, testKey())
	return err
}

// TestAtTheLimits reads a bundle in which everything has its largest permitted size.
func TestAtTheLimits(t *testing.T) {
	t.Parallel()
	c := sample(t)
	c.snaps[0].Assertions = bytes.Repeat([]byte("a"), bundle.MaxAssertionSize)
	c.snaps[0].Icon.Data = bytes.Repeat([]byte("b"), bundle.MaxIconSize)
	s := c.seal(t)
	got, err := receiveBytes(t, c.pack(t, s, bundle.Gzip))
	if err != nil {
		t.Fatal(err)
	}
	checkReceived(t, got, c, s)
}

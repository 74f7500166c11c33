package canonical_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"testing"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/importer/canonical"
	"offlinestore/internal/canonicaltest"
)

// FuzzReadMetadata checks that the same file gives the same result, and that the result is valid in a catalogue.
func FuzzReadMetadata(f *testing.F) {
	f.Add([]byte(canonicaltest.Info(f, "app")))
	f.Add([]byte(`{"results":[{"charm":` + canonicaltest.Info(f, "app") + `,"id":"x","name":"app","result":"install"}]}`))
	f.Add([]byte(`{"id":"x","name":"app","revision":3,"download":{"hash-sha-256":"00","size":1},"publisher":{"id":"p"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, all, err := canonical.ReadMetadata(b, "app")
		if err != nil {
			if !errors.Is(err, bundle.ErrCorrupt) {
				t.Errorf("ReadMetadata = %v, want ErrCorrupt", err)
			}
			return
		}
		if id != "" && charm.ValidateID(id) != nil {
			t.Errorf("ReadMetadata found the ID %q", id)
		}
		// Maps are printed in the order of their keys; pointers would differ.
		if again, _, _ := canonical.ReadMetadata(b, "app"); again != id || len(all) == 0 {
			t.Errorf("ReadMetadata found %q, and then %q", id, again)
		}
	})
}

// FuzzEachEntry checks that there is no panic, that each file has the size in its header, and that a refusal is an ErrCorrupt.
func FuzzEachEntry(f *testing.F) {
	f.Add([]byte(canonicaltest.Tar(f, member{"bundle.yaml", canonicaltest.AskFor}, member{"app/", ""}, member{"app.tar.gz", "x"})))
	f.Add([]byte(linkTar(f)))
	f.Fuzz(func(t *testing.T, b []byte) {
		err := canonical.EachEntry(bytes.NewReader(b), func(h *tar.Header, content []byte) error {
			if int64(len(content)) != h.Size {
				t.Errorf("%q has %d bytes, its header says %d", h.Name, len(content), h.Size)
			}
			return nil
		})
		if err != nil && !errors.Is(err, bundle.ErrCorrupt) {
			t.Errorf("EachEntry = %v, want ErrCorrupt", err)
		}
	})
}

// FuzzIsExport checks that there is no panic, and no error about a readable file.
func FuzzIsExport(f *testing.F) {
	f.Add([]byte(tarGz(f, member{"bundle.yaml", canonicaltest.AskFor})))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := canonical.IsExport(bytes.NewReader(b)); err != nil {
			t.Errorf("IsExport = %v", err)
		}
	})
}

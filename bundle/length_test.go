package bundle_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/bundle"
)

// TestCheckLength finds without reading the payload that a packed bundle is cut off or goes on after its end.
func TestCheckLength(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	dir := t.TempDir()
	for _, f := range []bundle.Compression{bundle.None, bundle.Gzip, bundle.Zstd} {
		packed := c.pack(t, s, f)
		for name, tt := range map[string]struct {
			content []byte
			want    string
		}{
			"intact":        {packed, ""},
			"cut by a byte": {packed[:len(packed)-1], "cut off"},
			"cut":           {packed[:len(packed)-2000], "cut off"},
			"a byte more":   {append(bytes.Clone(packed), 0), "something follows"},
			"twice":         {append(bytes.Clone(packed), packed...), "something follows"},
		} {
			path := filepath.Join(dir, string(f)+name)
			if err := os.WriteFile(path, tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := bundle.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			err = r.CheckLength()
			want := tt.want
			if f == bundle.Zstd { // its length does not follow from the head
				want = ""
			}
			if (err == nil) != (want == "") || err != nil && (!errors.Is(err, bundle.ErrCorrupt) || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s %s: %v, want %q", f, name, err, want)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestCheckLengthOfDirectory does the same for a layout.
func TestCheckLengthOfDirectory(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	packed := c.pack(t, s, bundle.None)
	blob := filepath.Join("blobs", "sha256", s.Payload()[0].Digest.Encoded())
	for name, tt := range map[string]struct {
		edit func(dir string) error
		want string
	}{
		"intact":         {func(string) error { return nil }, ""},
		"a blob less":    {func(d string) error { return os.Remove(filepath.Join(d, blob)) }, "missing"},
		"a shorter blob": {func(d string) error { return os.Truncate(filepath.Join(d, blob), 5) }, "5 bytes, want"},
		"a file more":    {func(d string) error { return os.WriteFile(filepath.Join(d, "x"), nil, 0o600) }, "extra"},
	} {
		dir := unpack(t, packed)
		if err := tt.edit(dir); err != nil {
			t.Fatal(err)
		}
		r, err := bundle.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.CheckLength(); (err == nil) != (tt.want == "") || err != nil && (!errors.Is(err, bundle.ErrCorrupt) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

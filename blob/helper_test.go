package blob_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// random returns content that is the same in every run.
func random(seed uint64, size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8(sha256.Sum256([]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})).Read(b)
	return b
}

func open(t testing.TB, dir string) *blob.Dir {
	t.Helper()
	d, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return d
}

func stage(t testing.TB, d *blob.Dir, content []byte) *blob.StagedBlob {
	t.Helper()
	s, err := d.Stage(int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(s, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	return s
}

func commit(t testing.TB, d *blob.Dir, content []byte) blob.Digest {
	t.Helper()
	dg := digest.FromBytes(content)
	if err := stage(t, d, content).Commit(dg); err != nil {
		t.Fatal(err)
	}
	return dg
}

// files returns the paths of everything below dir, with "/" after folders.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.Walk(dir, func(path string, fi os.FileInfo, err error) error {
		if err != nil || path == dir {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator)))
		if fi.IsDir() {
			name += "/"
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func checkFiles(t testing.TB, dir string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		t.Errorf("files of %s (-want +got):\n%s", dir, diff)
	}
}

func path(t testing.TB, d *blob.Dir, dg blob.Digest) string {
	t.Helper()
	p, err := d.Path(dg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

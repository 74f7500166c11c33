//go:build unix

package bundle_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/bundle"
)

// writeFiles writes a bundle as a folder for inspection.
func (c *content) writeFiles(tb testing.TB, s *bundle.SignedBundle) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "files")
	if err := s.WriteFiles(tb.Context(), dir, c.openBlob, nil); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// TestFiles writes a folder for inspection, reads it, and looks at it as other programs do.
func TestFiles(t *testing.T) {
	t.Parallel()
	c := fullSample(t)
	s := c.seal(t)
	dir := c.writeFiles(t, s)
	got, err := receivePath(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	checkReceived(t, got, c, s)
	var names []string
	seen := make(map[string]bool)
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		name := strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(dir)+"/")
		switch {
		case err != nil || e.IsDir():
			return err
		case !strings.HasPrefix(name, "index/") && !strings.HasPrefix(name, "images/"):
			names = append(names, name)
		}
		if seen[strings.ToLower(name)] || len(e.Name()) > 64 || blob.IsDevice(e.Name()) {
			t.Errorf("%s: no file system of Windows or of discs holds it", name)
		}
		seen[strings.ToLower(name)] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"SHA256SUMS", "charms/kit_2.zip", "charms/pg_9.charm", "snaps/core24_1196_amd64.snap", "snaps/jq_10_arm64.snap"}
	for _, name := range want {
		if !slices.Contains(names, name) {
			t.Errorf("there is no %s in %q", name, names)
		}
	}
	sums := exec.Command("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
	sums.Dir = dir
	if out, err := sums.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v: %s", err, out)
	}
	if err := s.WriteFiles(t.Context(), dir, c.openBlob, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("again: %v, want an error that it exists", err)
	}
}

// TestHostileFiles alters a folder for inspection in one way at a time.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	c := fullSample(t)
	s := c.seal(t)
	path := func(dir, name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	const snap, other, sums = "snaps/jq_10_arm64.snap", "snaps/core24_1196_amd64.snap", "SHA256SUMS"
	swap := func(d, a, b string) error {
		return errors.Join(os.Rename(path(d, a), path(d, "x")), os.Rename(path(d, b), path(d, a)), os.Rename(path(d, "x"), path(d, b)))
	}
	tests := map[string]struct {
		edit func(dir string) error
		want string
	}{
		"missing layout":     {func(d string) error { return os.Remove(path(d, "index/oci-layout")) }, "no oci-layout"},
		"missing index":      {func(d string) error { return os.Remove(path(d, "index/index.json")) }, "did not finish"},
		"missing snap":       {func(d string) error { return os.Remove(path(d, snap)) }, "missing"},
		"missing sums":       {func(d string) error { return os.Remove(path(d, sums)) }, "missing"},
		"altered snap":       {func(d string) error { return alter(path(d, snap)) }, "wrong content"},
		"altered sums":       {func(d string) error { return alter(path(d, sums)) }, "does not follow"},
		"altered images":     {func(d string) error { return alter(path(d, "images/index.json")) }, "does not follow"},
		"altered index":      {func(d string) error { return alter(path(d, "index/index.json")) }, "index.json"},
		"shorter snap":       {func(d string) error { return os.Truncate(path(d, snap), 5) }, "5 bytes, want"},
		"longer sums":        {func(d string) error { return os.Truncate(path(d, sums), 1<<30) }, "1073741824 bytes, want"},
		"swapped snaps":      {func(d string) error { return swap(d, snap, other) }, "bytes, want"},
		"snap under another": {func(d string) error { return os.Rename(path(d, snap), path(d, "snaps/JQ.snap")) }, "missing"},
		"linked snap": {func(d string) error {
			return errors.Join(os.Rename(path(d, snap), path(d, ".moved")), os.Symlink("../.moved", path(d, snap)))
		}, "no plain file"},
		"linked snaps": {func(d string) error {
			return errors.Join(os.Rename(path(d, "snaps"), path(d, ".moved")), os.Symlink(".moved", path(d, "snaps")))
		}, "no plain folder"},
		"linked index": {func(d string) error {
			return errors.Join(os.Rename(path(d, "index"), path(d, ".moved")), os.Symlink(".moved", path(d, "index")))
		}, "no plain folder"},
		"fifo for a snap":   {func(d string) error { return fifo(path(d, snap)) }, "no plain file"},
		"fifo for sums":     {func(d string) error { return fifo(path(d, sums)) }, "no plain file"},
		"folder for a snap": {func(d string) error { return folder(path(d, snap)) }, "no plain file"},
		"extra snap":        {func(d string) error { return os.WriteFile(path(d, "snaps/x.snap"), nil, 0o644) }, `"snaps/x.snap" is extra`},
		"extra fifo": {func(d string) error {
			return errors.Join(os.WriteFile(path(d, "snaps/x"), nil, 0o644), fifo(path(d, "snaps/x")))
		}, `"snaps/x" is extra`},
		"extra folder": {func(d string) error { return os.Mkdir(path(d, "empty"), 0o755) }, `"empty" is extra`},
		"extra file":   {func(d string) error { return os.WriteFile(path(d, "autorun.inf"), nil, 0o644) }, `"autorun.inf" is extra`},
		"extra blob":   {func(d string) error { return os.WriteFile(path(d, "images/blobs/sha256/x"), nil, 0o644) }, "is extra"},
		"extra layout": {func(d string) error {
			return os.WriteFile(path(d, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)
		}, "did not finish"},
		"unreadable as text": {func(d string) error { return os.WriteFile(path(d, "index/oci-layout"), []byte("x"), 0o644) }, "oci-layout"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := c.writeFiles(t, s)
			if err := test.edit(dir); err != nil {
				t.Fatal(err)
			}
			_, err := receivePath(t, dir)
			if err == nil {
				t.Fatal("it was read")
			}
			if !refused(err) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want one with %q", err, test.want)
			}
		})
	}
}

// TestFilesContinue interrupts the writing at each blob, and continues it.
func TestFilesContinue(t *testing.T) {
	t.Parallel()
	c := fullSample(t)
	s := c.seal(t)
	write := map[string]func(context.Context, string, bundle.Opener, func(int64)) error{"files": s.WriteFiles, "layout": s.WriteNewLayout}
	for name, write := range write {
		for n := range len(s.Payload()) {
			dir := filepath.Join(t.TempDir(), "out")
			broken := func(d digest.Digest) (io.ReadCloser, error) {
				if d == s.Payload()[n].Digest {
					return nil, io.ErrNoProgress
				}
				return c.openBlob(d)
			}
			if err := write(t.Context(), dir, broken, nil); !errors.Is(err, io.ErrNoProgress) {
				t.Fatalf("%s: interrupted at blob %d: %v", name, n, err)
			}
			if _, err := receivePath(t, dir); !refused(err) {
				t.Errorf("%s: interrupted at blob %d, and read: %v", name, n, err)
			}
			if err := write(t.Context(), dir, c.openBlob, nil); err != nil {
				t.Fatalf("%s: continued at blob %d: %v", name, n, err)
			}
			got, err := receivePath(t, dir)
			if err != nil {
				t.Fatal(err)
			}
			checkReceived(t, got, c, s)
		}
	}
}

// TestFilesAfterOther shows that the remains of another bundle are removed, and that somebody else's files are not.
func TestFilesAfterOther(t *testing.T) {
	t.Parallel()
	c, small := fullSample(t), tiny(t)
	dir := filepath.Join(t.TempDir(), "out")
	failing := func(digest.Digest) (io.ReadCloser, error) { return nil, io.ErrNoProgress }
	if err := c.seal(t).WriteFiles(t.Context(), dir, failing, nil); !errors.Is(err, io.ErrNoProgress) {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "letter.txt"), []byte("Dear"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := small.seal(t).WriteFiles(t.Context(), dir, small.openBlob, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("beside a letter: %v, want an error that it exists", err)
	}
	if err := os.Remove(filepath.Join(dir, "letter.txt")); err != nil {
		t.Fatal(err)
	}
	if err := small.seal(t).WriteFiles(t.Context(), dir, small.openBlob, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := receivePath(t, dir); err != nil {
		t.Error(err)
	}
}

// TestRepack writes a bundle in each form from each other one. The signed bytes, and the whole archive, stay the same.
func TestRepack(t *testing.T) {
	t.Parallel()
	c := fullSample(t)
	s := c.seal(t)
	want := c.pack(t, s, bundle.None)
	dir := t.TempDir()
	forms := map[string]func(s *bundle.SignedBundle, to string, open bundle.Opener) error{
		"files": func(s *bundle.SignedBundle, to string, open bundle.Opener) error {
			return s.WriteFiles(t.Context(), to, open, nil)
		},
		"layout": func(s *bundle.SignedBundle, to string, open bundle.Opener) error {
			return s.WriteNewLayout(t.Context(), to, open, nil)
		},
		"gzip": func(s *bundle.SignedBundle, to string, open bundle.Opener) error {
			return writeTar(t, s, to, bundle.Gzip, open)
		},
		"zstd": func(s *bundle.SignedBundle, to string, open bundle.Opener) error {
			return writeTar(t, s, to, bundle.Zstd, open)
		},
	}
	for first, write := range forms {
		from := filepath.Join(dir, first)
		if err := write(s, from, c.openBlob); err != nil {
			t.Fatal(err)
		}
		for second, write := range forms {
			to := filepath.Join(dir, first+"-"+second)
			rewrite(t, from, func(s *bundle.SignedBundle, open bundle.Opener) error { return write(s, to, open) })
			var got bytes.Buffer
			rewrite(t, to, func(s *bundle.SignedBundle, open bundle.Opener) error {
				return s.WriteTar(t.Context(), &got, bundle.None, open, nil)
			})
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s to %s: the archive is another one", first, second)
			}
		}
	}
}

// rewrite writes the bundle of a path in another form.
func rewrite(t *testing.T, from string, write func(*bundle.SignedBundle, bundle.Opener) error) {
	t.Helper()
	r, err := bundle.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, _, err := r.Verify(t.Context(), trusted(t)); err != nil {
		t.Fatal(err)
	}
	s, err := r.Sealed()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(write(s, r.OpenNext), r.ReadEnd()); err != nil {
		t.Fatal(err)
	}
}

func writeTar(t *testing.T, s *bundle.SignedBundle, to string, c bundle.Compression, open bundle.Opener) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	return errors.Join(s.WriteTar(t.Context(), f, c, open, nil), f.Close())
}

// TestFileNames gives names that some file system would not hold.
func TestFileNames(t *testing.T) {
	t.Parallel()
	const sum = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	long := strings.Repeat("a", 60)
	var got []string
	names := new(bundle.FileNames)
	for _, name := range []string{"jq_6.snap", "JQ_6.snap", "con.res_1", "nul", long + ".snap", long + ".b.tar.gz", "x.", "desktop.ini"} {
		path, err := bundle.AddFileName(names, "f/", name, sum)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, path)
	}
	want := []string{"f/jq_6.snap", "f/JQ_6~0123456789abcdef.snap", "f/con~0123456789abcdef.res_1", "f/nul~0123456789abcdef",
		"f/" + long[:42] + "~0123456789abcdef.snap", "f/" + long[:40] + "~0123456789abcdef.tar.gz", "f/x_~0123456789abcdef", "f/desktop~0123456789abcdef.ini"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if _, err := bundle.AddFileName(names, "f/", "JQ_6.snap", sum); !errors.Is(err, bundle.ErrCorrupt) {
		t.Errorf("the same name again: %v", err)
	}
}

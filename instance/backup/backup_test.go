package backup_test

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/instance/backup"
)

func head() backup.Header {
	return backup.Header{Program: "test", Created: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC), PostgreSQL: 15, Schema: 4, Generation: 7, Blobs: true}
}

// plain returns a backup that is not encrypted.
func plain(t testing.TB, dump []byte, blobs ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := backup.NewWriter(&out, head())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []backup.File{{Path: "settings.yaml", Mode: 0o600, Data: []byte("secret")}, {Path: "trust/signers/a.pem", Mode: 0o644, Data: []byte("key")}} {
		if err := w.AddFile(f); err != nil {
			t.Fatal(err)
		}
	}
	d := w.Database()
	if _, err := d.Write(dump); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, b := range blobs {
		if err := w.AddBlob(digest.FromString(b), int64(len(b)), bytes.NewReader([]byte(b))); err != nil {
			t.Fatal(err)
		}
	}
	w.AddMissing(digest.FromString("gone"))
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	dump := make([]byte, 3<<20+5) // some pieces, and a part of one
	rand.Read(dump)
	text := plain(t, dump, "b", "a") // in the order of their digests
	var database bytes.Buffer
	got := map[string]string{}
	c, err := backup.Read(bytes.NewReader(text), backup.Sinks{Database: &database, Blob: func(dg blob.Digest, size int64, r io.Reader) error {
		b, err := io.ReadAll(r)
		got[dg.String()] = string(b)
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(database.Bytes(), dump) {
		t.Errorf("the dump has %d bytes, want the %d that were saved", database.Len(), len(dump))
	}
	if diff := cmp.Diff(map[string]string{digest.FromString("a").String(): "a", digest.FromString("b").String(): "b"}, got); diff != "" {
		t.Errorf("blobs (-want +got):\n%s", diff)
	}
	if len(c.Files) != 2 || c.Files[0].Path != "settings.yaml" || string(c.Files[0].Data) != "secret" || c.Files[0].Mode != 0o600 || c.Files[1].Mode != 0o644 {
		t.Errorf("files = %+v, want those that were saved", c.Files)
	}
	want := head()
	want.Format = backup.Format
	if diff := cmp.Diff(want, c.Header); diff != "" {
		t.Errorf("head (-want +got):\n%s", diff)
	}
	if len(c.Manifest.Missing) != 1 || c.Manifest.Blobs != (backup.Count{Number: 2, Size: 2}) || c.Manifest.Database.Size != int64(len(dump)) {
		t.Errorf("manifest = %+v", c.Manifest)
	}
}

// repack returns a backup with changed entries, as the maker of a backup could write it.
func repack(t *testing.T, text []byte, change func(*tar.Header, []byte) (keep bool, data []byte)) []byte {
	t.Helper()
	var out bytes.Buffer
	r, w := tar.NewReader(bytes.NewReader(text)), tar.NewWriter(&out)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		keep, data := change(h, data)
		if !keep {
			continue
		}
		h.Size = int64(len(data))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil && h.Size > 0 {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestBadContent(t *testing.T) {
	t.Parallel()
	good := plain(t, []byte("dump"), "b", "a")
	entry := func(name string, edit func(*tar.Header, []byte) (bool, []byte)) []byte {
		found := false
		out := repack(t, good, func(h *tar.Header, data []byte) (bool, []byte) {
			if h.Name != name {
				return true, data
			}
			found = true
			return edit(h, data)
		})
		if !found {
			t.Fatalf("there is no %s", name)
		}
		return out
	}
	rename := func(from, to string) []byte {
		return entry(from, func(h *tar.Header, data []byte) (bool, []byte) { h.Name = to; return true, data })
	}
	content := func(name, text string) []byte {
		return entry(name, func(_ *tar.Header, _ []byte) (bool, []byte) { return true, []byte(text) })
	}
	a := "blobs/sha256/" + digest.FromString("a").Encoded()
	for name, c := range map[string]struct {
		text []byte
		want error
	}{
		"nothing":              {nil, backup.ErrCorrupt},
		"something else":       {bytes.Repeat([]byte("x"), 2048), backup.ErrNotBackup},
		"cut off":              {good[:len(good)/2], backup.ErrCorrupt},
		"more after its end":   {append(bytes.Clone(good), 1), backup.ErrCorrupt},
		"other file":           {content("files/settings.yaml", "public"), backup.ErrCorrupt},
		"other dump":           {content("database/000000", "dumq"), backup.ErrCorrupt},
		"other blob":           {content(a, "c"), backup.ErrCorrupt},
		"missing file":         {entry("files/settings.yaml", func(*tar.Header, []byte) (bool, []byte) { return false, nil }), backup.ErrCorrupt},
		"missing blob":         {entry(a, func(*tar.Header, []byte) (bool, []byte) { return false, nil }), backup.ErrCorrupt},
		"missing head":         {entry("backup.json", func(*tar.Header, []byte) (bool, []byte) { return false, nil }), backup.ErrCorrupt},
		"way out":              {rename("files/settings.yaml", "files/../../etc/passwd"), backup.ErrCorrupt},
		"absolute":             {rename("files/settings.yaml", "files//etc/passwd"), backup.ErrCorrupt},
		"file of PostgreSQL's": {rename("files/settings.yaml", "files/postgresql/data/PG_VERSION"), backup.ErrCorrupt},
		"unknown entry":        {rename("files/settings.yaml", "other"), backup.ErrCorrupt},
		"piece out of order":   {rename("database/000000", "database/000001"), backup.ErrCorrupt},
		"link": {entry("files/settings.yaml", func(h *tar.Header, _ []byte) (bool, []byte) {
			h.Typeflag, h.Linkname = tar.TypeSymlink, "/etc"
			return true, nil
		}), backup.ErrCorrupt},
		"newer format":     {content("backup.json", `{"format":2,"unheard":of}`), backup.ErrCorrupt},
		"newer":            {content("backup.json", `{"format":2,"unheard":"of"}`), backup.ErrTooNew},
		"format nought":    {content("backup.json", `{"format":0}`), backup.ErrCorrupt},
		"two heads":        {rename("files/settings.yaml", "backup.json"), backup.ErrCorrupt},
		"manifest goes on": {entry("manifest.json", func(_ *tar.Header, data []byte) (bool, []byte) { return true, append(data, '{') }), backup.ErrCorrupt},
	} {
		if _, err := backup.Read(bytes.NewReader(c.text), backup.Sinks{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func passphrase(t *testing.T, text string) (age.Recipient, age.Identity) {
	t.Helper()
	r, err := age.NewScryptRecipient(text)
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(10)
	i, err := age.NewScryptIdentity(text)
	if err != nil {
		t.Fatal(err)
	}
	return r, i
}

func TestSeal(t *testing.T) {
	t.Parallel()
	right, rightID := passphrase(t, "right")
	_, wrongID := passphrase(t, "wrong")
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		to        age.Recipient
		with, not age.Identity
	}{
		"passphrase": {right, rightID, wrongID},
		"key":        {key.Recipient(), key, rightID},
		"hybrid key": {hybrid.Recipient(), hybrid, key},
	} {
		var out bytes.Buffer
		w, own, err := backup.Seal(&out, c.to)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Repeat([]byte("content"), 20000)
		if _, err := w.Write(want); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		theirs, err := backup.Unlock(bytes.NewReader(out.Bytes()), c.with)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, k := range []age.Identity{own, theirs} {
			r, err := backup.Decrypt(bytes.NewReader(out.Bytes()), k)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, %v; want the content", name, len(got), err)
			}
		}
		if _, err := backup.Unlock(bytes.NewReader(out.Bytes()), c.not); !errors.Is(err, backup.ErrKey) {
			t.Errorf("%s: with another one: %v, want ErrKey", name, err)
		}
		if _, err := backup.Unlock(bytes.NewReader(want), c.with); !errors.Is(err, backup.ErrNotBackup) {
			t.Errorf("%s: something that is not encrypted: %v, want ErrNotBackup", name, err)
		}
	}
}

func TestWriterChecksBlobs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content string
		size    int64
	}{"another one": {"b", 1}, "short": {"", 1}} {
		w, err := backup.NewWriter(io.Discard, head())
		if err != nil {
			t.Fatal(err)
		}
		var corrupt *blob.CorruptError
		if err := w.AddBlob(digest.FromString("a"), c.size, bytes.NewReader([]byte(c.content))); !errors.As(err, &corrupt) {
			t.Errorf("%s: %v, want a CorruptError", name, err)
		}
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"settings.yaml", "settings.yaml.lock", "settings.yaml.new-123", "store.assert", ".restoring/x", "trust/roots/r.assert", "ca/a.pem", "ca/.a.pem.partial",
		"blobs/sha256/x", "postgresql/data/PG_VERSION", "old.age", backup.Aside + "x/settings.yaml"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := backup.Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		if string(f.Data) != f.Path || f.Mode != 0o600 {
			t.Errorf("%s has %q and mode %v", f.Path, f.Data, f.Mode)
		}
		got = append(got, f.Path)
	}
	if diff := cmp.Diff([]string{"ca/a.pem", "settings.yaml", "store.assert", "trust/roots/r.assert"}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Files(dir); err == nil {
		t.Error("a link was saved")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(plain(f, []byte("dump"), "b", "a"))
	f.Fuzz(func(t *testing.T, text []byte) {
		backup.Read(bytes.NewReader(text), backup.Sinks{})
	})
}

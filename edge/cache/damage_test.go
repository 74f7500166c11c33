package cache_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/blob"
	"offlinestore/edge/cache"
)

func blobPath(t testing.TB, dir string, i item) string {
	t.Helper()
	p, err := openDir(t, dir).Path(blob.Digest(charm("", i.content).Digest))
	check(t, err)
	return p
}

// TestDamage damages the files of the cache behind its back, before it is opened or while it is open. No client gets a wrong file, and the
// cache fetches the right one.
func TestDamage(t *testing.T) {
	t.Parallel()
	all := items(2)
	write := func(path string, data []byte) error { return os.WriteFile(path, data, 0o600) }
	replace := func(path, old, new string) error {
		data, err := os.ReadFile(path)
		if err == nil && !bytes.Contains(data, []byte(old)) {
			err = errors.New("nothing to replace")
		}
		return errors.Join(err, write(path, bytes.Replace(data, []byte(old), []byte(new), 1)))
	}
	record := func(dir string) string { return recordPath(dir, all[0].Digest) }
	for name, damage := range map[string]func(dir string) error{
		"no blob":           func(dir string) error { return os.Remove(blobPath(t, dir, all[0])) },
		"a short blob":      func(dir string) error { return os.Truncate(blobPath(t, dir, all[0]), mib-1) },
		"a long blob":       func(dir string) error { return write(blobPath(t, dir, all[0]), append(all[0].content, 0)) },
		"another blob":      func(dir string) error { return write(blobPath(t, dir, all[0]), all[1].content) },
		"a link":            func(dir string) error { return link(blobPath(t, dir, all[1]), blobPath(t, dir, all[0])) },
		"no record":         func(dir string) error { return os.Remove(record(dir)) },
		"an empty record":   func(dir string) error { return write(record(dir), nil) },
		"a long record":     func(dir string) error { return write(record(dir), bytes.Repeat([]byte(" "), 1<<20)) },
		"half a record":     func(dir string) error { return os.Truncate(record(dir), 100) },
		"two records":       func(dir string) error { return replace(record(dir), "}", "}{}") },
		"a linked record":   func(dir string) error { return link(recordPath(dir, all[1].Digest), record(dir)) },
		"another's record":  func(dir string) error { return os.Rename(recordPath(dir, all[1].Digest), record(dir)) },
		"another's name":    func(dir string) error { return os.Rename(record(dir), recordPath(dir, all[1].Digest)) },
		"a lie on the size": func(dir string) error { return replace(record(dir), `"size":1048576`, `"size":1048577`) },
		"a lie on the blob": func(dir string) error {
			return replace(record(dir), string(charm("", all[0].content).Digest), string(charm("", all[1].content).Digest))
		},
		"a path for a blob": func(dir string) error {
			return replace(record(dir), string(charm("", all[0].content).Digest), "sha256:../../../../../../etc/passwd")
		},
	} {
		for _, reopen := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				testDamage(t, all, reopen, damage)
			})
		}
	}
}

func testDamage(t *testing.T, all []item, reopen bool, damage func(dir string) error) {
	t.Helper()
	dir := t.TempDir()
	c := open(t, dir, quick(10*mib))
	add(t, c, all...)
	if reopen {
		check(t, c.Close())
	}
	check(t, damage(dir))
	if reopen {
		c = open(t, dir, quick(10*mib))
	}
	got, err := read(c, all[0].File, all[0].in)
	if err == nil && !bytes.Equal(got, all[0].content) || len(got) > mib-64<<10 && err != nil {
		t.Errorf("reopened %t: %d bytes, %v", reopen, len(got), err)
	}
	for _, i := range all {
		want(t, c, i.File, i.in, i.content)
		settle(t, c)
		want(t, c, i.File, none(t), i.content)
	}
}

func link(to, from string) error { return errors.Join(os.Remove(from), os.Symlink(to, from)) }

// TestClean removes everything that belongs to no file.
func TestClean(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	all := items(2)
	c := open(t, dir, quick(10*mib))
	add(t, c, all...)
	check(t, c.Close())
	check(t, os.Remove(blobPath(t, dir, all[0])))
	d := openDir(t, dir)
	for _, key := range []string{"sha3-384-" + strings.Repeat("a", 96), strings.Replace(string(all[1].Digest), ":", "-", 1) + ".1", "other"} {
		p, err := d.Partial(key)
		check(t, err)
		_, err = p.Write([]byte("x"))
		check(t, err)
		check(t, p.Close())
	}
	for _, name := range []string{"sha256/" + strings.Repeat("a", 64), "records/x.json", "records/sha256-" + strings.Repeat("b", 64) + ".json"} {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600))
	}
	idle := quick(10 * mib)
	idle.Idle = true
	before := len(files(t, dir))
	c = open(t, dir, idle)
	if got := names(t, c); got != "a b" || len(files(t, dir)) != before {
		t.Errorf("an idle cache has %s and %v", got, files(t, dir))
	}
	check(t, c.Close())
	c = open(t, dir, quick(10*mib))
	if got, left := names(t, c), files(t, dir); got != "b" || len(left) != 3 || left[0] != ".partial/sha3-384-"+strings.Repeat("a", 96) {
		t.Errorf("the cache has %s and %v, want b, its blob, and the beginning of another file", got, left)
	}
}

// TestScrub flips bits on the disk.
func TestScrub(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	all := items(3)
	same := item{charm("a.charm", all[0].content), all[0].content}
	c := open(t, dir, quick(10*mib))
	add(t, c, append(all, same)...)
	flipped := bytes.Clone(all[0].content)
	flipped[1000] ^= 4
	f, err := os.OpenFile(blobPath(t, dir, all[0]), os.O_WRONLY, 0)
	check(t, err)
	_, err = f.WriteAt(flipped, 0)
	check(t, err)
	check(t, f.Close())
	check(t, os.Truncate(blobPath(t, dir, all[1]), 5))
	var damaged []string
	check(t, c.Scrub(context.Background(), func(e cache.Entry, err error) { damaged = append(damaged, e.Name+": "+err.Error()) }))
	text := strings.Join(damaged, "\n")
	if len(damaged) != 2 || !strings.Contains(text, "was announced") || !strings.Contains(text, "5 bytes, want 1048576") {
		t.Errorf("Scrub() tells of %q, want both damaged blobs once", damaged)
	}
	if got := names(t, c); got != "c" {
		t.Errorf("the cache has %s, want c", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Scrub(ctx, func(e cache.Entry, err error) { t.Errorf("%s: %v", e.Name, err) }); !errors.Is(err, context.Canceled) {
		t.Errorf("Scrub() = %v, want the end of the context", err)
	}
	if got := names(t, c); got != "c" {
		t.Errorf("after an interrupted Scrub, the cache has %s, want c", got)
	}
}

// TestSilentDamage flips a bit of a file that was verified, and sees that the changed file is verified again.
func TestSilentDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	i := items(1)[0]
	c := open(t, dir, quick(10*mib))
	add(t, c, i)
	want(t, c, i.File, none(t), i.content)
	f, err := os.OpenFile(blobPath(t, dir, i), os.O_WRONLY, 0)
	check(t, err)
	_, err = f.WriteAt([]byte{i.content[0] ^ 1}, 0)
	check(t, err)
	check(t, f.Close())
	r, err := c.Get(context.Background(), i.File, nil)
	if err == nil {
		var got []byte
		got, err = io.ReadAll(r)
		if len(got) > mib-64<<10 {
			t.Errorf("%d bytes of a damaged file were sent", len(got))
		}
		check(t, r.Close())
	}
	if err == nil {
		t.Error("a damaged file was sent without an error")
	}
	want(t, c, i.File, i.in, i.content)
}

//go:build linux

package main_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/bundletest"
)

// TestFlippedBitAnywhere tries a few places with the program; the test of package importer with this name tries thousands.
func TestFlippedBitAnywhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	good := update(t).Tar(bundle.Gzip)
	r := rand.New(rand.NewPCG(5, 6))
	flips := 60
	if testing.Short() {
		flips = 15
	}
	for range flips {
		bad := bytes.Clone(good)
		at, bit := r.IntN(len(bad)), r.IntN(8)
		bad[at] ^= 1 << bit
		name := s.file("bad.tar.gz", bad)
		if got := s.run("push-snap", name); got.code != cli.Damaged && got.code != cli.Untrusted || !strings.Contains(got.stderr, "hint: ") {
			t.Errorf("bit %d of byte %d flipped: exit code %d, want %d or %d: %s", bit, at, got.code, cli.Damaged, cli.Untrusted, got.stderr)
		}
	}
	s.serves(before)
	s.mustRun("push-snap", s.file("good.tar.gz", good))
	s.servesUpdate()
	s.isClean()
}

// TestDamagedBlob checks that a push names each damaged blob, and that the next push copies only those again.
func TestDamagedBlob(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	good := s.file("good.tar", update(t).Tar(bundle.None)) // fifth of 6000 bytes, first of 3000, fourth of 5000, third of 4000
	if got := s.toCopy(good); got != 18_000 {
		t.Fatalf("bytes to copy at first: %d, want 18000", got)
	}
	bad := s.file("bad.tar", repack(t, func(files []bundletest.File) []bundletest.File {
		files[len(files)-4].Data[7] ^= 1
		files[len(files)-2].Data[7] ^= 1
		return files
	}))
	r := s.run("push-snap", bad)
	for name, damaged := range map[string]bool{"fifth_1.snap": true, "first_2.snap": false, "fourth_1.snap": true, "third_1.snap": false} {
		if got := strings.Contains(r.stderr, name); got != damaged {
			t.Errorf("stderr %q names %s: %v, want %v", r.stderr, name, got, damaged)
		}
	}
	if r.code != cli.Damaged {
		t.Errorf("exit code %d, want %d", r.code, cli.Damaged)
	}
	s.serves(before)
	if got := s.toCopy(good); got != 11_000 {
		t.Errorf("bytes to copy after the damaged bundle: %d, want the 11000 of the two", got)
	}
	s.mustRun("push-snap", good)
	s.servesUpdate()
}

// TestSeveralFiles pushes good and bad bundles in one command.
func TestSeveralFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	good := []string{s.file("a.tar", bundletest.New(t, 11).Add("third", 1, 500).Tar(bundle.None)), s.file("b.tar", bundletest.New(t, 11).Add("fourth", 1, 500).Tar(bundle.None))}
	stranger := update(t)
	stranger.Key = bundletest.Key("stranger")
	unknown := s.file("unknown.tar", stranger.Tar(bundle.None))
	cut := s.file("cut.tar", update(t).Tar(bundle.None)[:20_000])
	damaged := s.file("damaged.tar", repack(t, func(files []bundletest.File) []bundletest.File { last(files).Data[0] ^= 1; return files }))
	before := s.served()
	r := s.run("push-snap", unknown, damaged)
	if r.code != cli.Untrusted || !strings.Contains(r.stderr, "no bundle was imported") {
		t.Errorf("only bad ones: exit code %d, want %d, that of the first: %s", r.code, cli.Untrusted, r.stderr)
	}
	s.serves(before)

	r = s.run("push-snap", unknown, good[0], cut, damaged, good[1], "/nonexistent.tar")
	if r.code != cli.Partial || !strings.Contains(r.stderr, "4 of 6 bundles were not imported") {
		t.Errorf("good and bad ones: exit code %d and stderr %q, want %d and a summary", r.code, r.stderr, cli.Partial)
	}
	for _, bad := range []string{unknown, cut, damaged, "/nonexistent.tar"} {
		if n := strings.Count(r.stderr, "snap-store-proxy: "+bad+": "); n != 1 {
			t.Errorf("stderr %q names %s %d times, want once", r.stderr, bad, n)
		}
	}
	got := stable(s.served())
	if got["third"] != 1 || got["fourth"] != 1 || got["first"] != 1 {
		t.Errorf("latest/stable is %v, want third and fourth added, and nothing else", got)
	}
	s.isClean()
	r = s.run("push-snap", "--json", good[0], unknown)
	var rows []struct{ File, Error string }
	if err := json.Unmarshal([]byte(firstValue(r.stdout)), &rows); err != nil || len(rows) != 2 || rows[0].Error != "" || rows[1].Error == "" {
		t.Errorf("--json printed %q: %v; want two files, the second with an error", r.stdout, err)
	}
}

// firstValue returns the first JSON value of a text.
func firstValue(text string) string {
	var v json.RawMessage
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&v); err != nil {
		return ""
	}
	return string(v)
}

// TestReplay pushes older bundles again: one that was pushed before, and one that was never pushed.
func TestReplay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustRun("push-snap", s.file("good.tar", update(t).Tar(bundle.None)))
	before := s.served()
	if r := s.mustRun("push-snap", s.file("replayed.tar", base(t).Tar(bundle.Gzip))); !strings.Contains(r.stdout, "nothing to do") {
		t.Errorf("replay of what was pushed before: stdout %q, want that there is nothing to do", r.stdout)
	}
	s.serves(before)
	never := s.file("never.tar", bundletest.New(t, 15).Add("first", 7, 100).Tar(bundle.None))
	r := s.mustRun("push-snap", never)
	if !strings.Contains(r.stdout, "stays at revision 2: a newer bundle has set it") || !strings.Contains(r.stdout, "--push-channel-map") {
		t.Errorf("push of an older bundle: stdout %q, want what stays, and how to override it", r.stdout)
	}
	s.servesUpdate()
	if got := s.served(); len(got.Snaps[indexOf(t, got.Snaps, "first")].Revisions) != 3 {
		t.Errorf("the revision of the older bundle is not there: %+v", got.Snaps)
	}
	s.mustRun("push-snap", "--push-channel-map", never)
	if got := stable(s.served())["first"]; got != 7 {
		t.Errorf("latest/stable is %d after --push-channel-map, want 7", got)
	}
}

// TestTwice pushes a larger bundle again and checks that this takes hardly any time.
func TestTwice(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("copies 200 MB")
	}
	s := newSite(t)
	path := filepath.Join(s.tmp, "large.tar.gz")
	updateNumber(t, 0, 50<<20).WriteFile(path, bundle.Gzip)
	push := func() time.Duration {
		began := time.Now()
		s.mustRun("push-snap", path)
		return time.Since(began)
	}
	first := push()
	before := s.served()
	second := push()
	s.serves(before)
	// The promise is a twentieth on a quiet machine; the tests' machine is not quiet.
	if second > first/4 && second > 500*time.Millisecond {
		t.Errorf("the first push took %s, the second one %s", first, second)
	}
	t.Logf("the first push took %s, the second one %s: a %.0fth", first, second, float64(first)/float64(second))
}

// TestNamesCannotSteerTheTerminal pushes files whose names and content contain control sequences.
func TestNamesCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	const evil = "a\x1b[2J\u009b31m\u202egpj.\n\x07"
	s := newSite(t)
	b := update(t)
	b.Predicate.Exporter, b.Predicate.Program = evil, evil
	b.Snaps[0].Snap.Title, b.Snaps[0].Snap.Publisher.Username = evil, evil
	good := s.file(evil+".tar", b.Tar(bundle.None))
	bad := s.file(evil+"bad.tar", []byte(evil))
	layout := filepath.Join(s.tmp, "layout")
	bundletest.UnpackTo(t, layout, append(bundletest.Unpack(t, update(t).Tar(bundle.None)), file(evil, "x")))
	traversal := s.file("traversal.tar", repack(t, func(files []bundletest.File) []bundletest.File {
		return append(files[:9:9], file("\x1b[2J", "x"))
	}))
	for _, args := range [][]string{
		{"push-snap", bad}, {"push-snap", bad, bad}, {"push-snap", "--json", bad}, {"push-snap", layout}, {"push-snap", traversal}, {"push-snap", evil},
		{"push-snap", "--plan", good}, {"push-snap", "--plan", "--json", good}, {"push-snap", "--json", good}, {"push-snap", good}, {"history"}, {"history", "--json"},
		{"list-pushed-snaps"}, {"list-pushed-snaps", "--json"}, {"status"}, {"check"}, {"config", evil}, {"config", "proxy.domain=" + evil}, {"trust", "add", bad}, {evil}, {"--" + evil},
		{"trust", "remove", evil}, {"trust", "root", "add", bad},
	} {
		if r := s.run(args...); steersTerminal(r.stdout + r.stderr) {
			t.Errorf("%q printed %q", args, r.stdout+r.stderr)
		}
	}
	s.servesUpdate()
}

// TestUnreadable pushes inputs that can't be read at all.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	empty := tempDir(t)
	for name, c := range map[string]struct {
		path string
		code int
	}{
		"no such file":      {"/nonexistent/bundle.tar", cli.Failed},
		"an empty folder":   {empty, cli.Damaged},
		"an empty file":     {s.file("empty", nil), cli.Damaged},
		"an endless device": {"/dev/zero", cli.Failed},
		"nothing":           {os.DevNull, cli.Failed},
	} {
		if r := s.run("push-snap", c.path); r.code != c.code || !strings.Contains(r.stderr, c.path) {
			t.Errorf("%s: exit code %d and stderr %q, want %d and its name", name, r.code, r.stderr, c.code)
		}
	}
	s.serves(before)
}

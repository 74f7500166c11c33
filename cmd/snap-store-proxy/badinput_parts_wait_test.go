//go:build linux

package main_test

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/pgtest"
)

// TestLastPartAfterAMonth lets gc run for a month before the last part arrives.
func TestLastPartAfterAMonth(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	paths := s.partFiles(0)
	s.mustRun(append([]string{"push-snap"}, paths[1:]...)...)
	past := time.Now().Add(-32 * 24 * time.Hour)
	err := filepath.WalkDir(filepath.Join(s.dir, "blobs", "sha256"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return os.Chtimes(path, past, past)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"gc"}, {"gc", "--all"}, {"prune", "--keep", "0"}, {"gc", "--all"}} {
		s.mustRun(args...)
	}
	s.mustRun("push-snap", paths[0])
	s.servesParts(0)
}

// TestPartsInBackup restores a backup with parts that wait, and pushes the last part.
func TestPartsInBackup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	paths := s.partFiles(0)
	s.mustRun(append([]string{"push-snap"}, paths[1:]...)...)
	want, saved := s.waiting(), filepath.Join(s.tmp, "with-parts.age")
	s.mustRun("backup", "--recipient", backupRecipient, "--blobs", saved)
	into := &site{t: t, dir: filepath.Join(tempDir(t), "data"), dsn: pgtest.New(t), tmp: s.tmp}
	into.mustRun("restore", "--identity", s.file("key", []byte(backupKey)), "--db-connection-file", s.file("connection", []byte(into.dsn)), saved)
	if diff := cmp.Diff(want, into.waiting()); diff != "" {
		t.Errorf("what waits after the restore (-want +got):\n%s", diff)
	}
	into.mustRun("gc", "--all")
	into.mustRun("push-snap", paths[0])
	into.servesParts(0)
}

// TestPartLostBlob loses a blob of a part that had arrived, and asks for that part again.
func TestPartLostBlob(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	paths := s.partFiles(0)
	s.mustRun("push-snap", paths[0], paths[1])
	packed, err := os.ReadFile(paths[1])
	if err != nil {
		t.Fatal(err)
	}
	files := bundletest.Unpack(t, packed)
	if err := os.Remove(filepath.Join(s.dir, "blobs", "sha256", filepath.Base(files[len(files)-1].Header.Name))); err != nil {
		t.Fatal(err)
	}
	out := s.mustRun(append([]string{"push-snap"}, paths[2:]...)...).stdout
	if !strings.Contains(out, "The bundle waits for part 2 (x.part2of") {
		t.Errorf("the push printed %q, want that part 2 is missing again", out)
	}
	s.mustRun("push-snap", paths[1])
	s.servesParts(0)
}

// TestDiskFullUnderPart fills the disk while a part is read.
func TestDiskFullUnderPart(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "64")
	s := newSiteIn(t, filepath.Join(disk, "data"))
	before := s.served()
	paths := s.partFiles(0)
	packed, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	s.mustRun("push-snap", paths[1])
	got, junk := s.fillMeanwhile(disk, packed, len(packed)/2)
	s.saysNoSpace("a disk that fills up", got)
	s.serves(before)
	s.isClean()
	if list := s.waiting(); len(list) != 1 || !slices.Equal(list[0].Arrived, []int{2}) {
		t.Errorf("list-parts has %+v, want that part 2 is here", list)
	}
	if err := os.Remove(junk); err != nil {
		t.Fatal(err)
	}
	s.mustRun(append([]string{"push-snap"}, paths...)...)
	s.servesParts(0)
}

// TestKillWhilePartIsRead kills a push that has read a part up to each of its files.
func TestKillWhilePartIsRead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	paths := s.partFiles(0)
	packed, err := os.ReadFile(paths[1])
	if err != nil {
		t.Fatal(err)
	}
	places := boundaries(t, packed)
	for i, at := range places[:len(places)-1] {
		if i%7 > 0 && i < len(places)-6 || testing.Short() && i%21 > 0 {
			continue
		}
		s.killAfter(packed[:at])
		s.serves(before)
	}
	if list := s.waiting(); len(list) != 0 {
		t.Errorf("after kills in the middle of a part, list-parts has %+v", list)
	}
	for _, path := range paths {
		s.mustRun("push-snap", path)
	}
	s.servesParts(0)
}

// TestKillParts kills pushes of parts, one by one and together, at random moments. The store serves all of a bundle or nothing of it.
func TestKillParts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rounds, r := 12, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	if testing.Short() {
		rounds = 2
	}
	for n := range rounds {
		paths := s.partFiles(n)
		for range 4 {
			args := []string{"push-snap", paths[r.IntN(len(paths))]}
			if r.IntN(2) == 0 {
				args = append([]string{"push-snap"}, paths...)
			}
			s.runAndKill(time.Duration(r.Int64N(int64(400*time.Millisecond))), args...)
			got := stable(s.served())
			if whole := got["sixth"] == 1+n; whole != (got["first"] == 2+n) {
				t.Fatalf("half of update %d is served: %v", n, got)
			}
		}
		for _, i := range r.Perm(len(paths)) {
			s.mustRun("push-snap", paths[i])
		}
		s.servesParts(n)
		s.mustRun("check", "--blobs")
	}
}

// TestRemoveParts gives bundles up.
func TestRemoveParts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if r := s.run("remove-parts", "week.part1of3.tar", "--yes"); r.code != cli.Gaps || !strings.Contains(r.stderr, "hint: 'snap-store-proxy list-parts'") {
		t.Errorf("nothing waits: exit code %d, want %d: %s", r.code, cli.Gaps, r.stderr)
	}
	before := s.served()
	paths := s.partFiles(0)
	s.mustRun("push-snap", paths[0], paths[1])
	if r := s.run("remove-parts", "x.part1of3.tar"); r.code != cli.Usage {
		t.Errorf("without --yes: exit code %d, want %d: %s", r.code, cli.Usage, r.stderr)
	}
	if out := s.mustRun("remove-parts", "x.part1of3.tar", "--yes", "--json").stdout; !strings.Contains(out, `"removed": {`) {
		t.Errorf("remove-parts printed %q", out)
	}
	if list := s.waiting(); len(list) != 0 {
		t.Errorf("list-parts has %+v", list)
	}
	if out := s.mustRun("gc").stdout; strings.HasPrefix(out, "Removed 0 blobs") {
		t.Errorf("gc printed %q, want that it removed the blobs of the parts", out)
	}
	s.serves(before)
	s.mustRun(append([]string{"push-snap"}, paths...)...)
	s.servesParts(0)
}

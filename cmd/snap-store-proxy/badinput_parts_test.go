//go:build linux

package main_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/doctest"
)

// partUpdate returns the nth update with a snap that is larger than a part.
func partUpdate(t *testing.T, n int) *bundletest.Bundle {
	return updateNumber(t, n, 300<<10).Add("sixth", 1+n, 3<<20)
}

// partFiles writes the parts of the nth update.
func (s *site) partFiles(n int) (paths []string) {
	s.t.Helper()
	for i, packed := range partUpdate(s.t, n).Parts(1800<<10, bundle.None) {
		paths = append(paths, s.file(fmt.Sprintf("update%d.part%d.tar", n, i+1), packed))
	}
	if len(paths) < 3 {
		s.t.Fatalf("%d parts, want 3 or more", len(paths))
	}
	return paths
}

// servesParts fails the test unless the store serves the whole of a partUpdate.
func (s *site) servesParts(n int) {
	s.t.Helper()
	want := map[string]int{"first": 2 + n, "second": 1, "third": 1 + n, "fourth": 1 + n, "fifth": 1 + n, "sixth": 1 + n}
	if diff := cmp.Diff(want, stable(s.served())); diff != "" {
		s.t.Errorf("latest/stable after update %d (-want +got):\n%s", n, diff)
	}
	if list := s.waiting(); len(list) != 0 {
		s.t.Errorf("%d bundles wait for parts: %+v", len(list), list)
	}
	s.isClean()
}

// waitingBundle is a bundle in the JSON of list-parts.
type waitingBundle struct {
	Parts   int
	Arrived []int
	Missing []catalog.MissingPart
	Bytes   int64
}

func (s *site) waiting() (list []waitingBundle) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.mustRun("list-parts", "--json").stdout), &list); err != nil {
		s.t.Fatal(err)
	}
	return list
}

// partRows returns the rows of the table of bad parts, with their tests.
func partRows() map[string]struct{ code, test string } {
	return map[string]struct{ code, test string }{
		"some of the parts":                                 {"0", "TestPartByPart"},
		"the same part twice":                               {"0", "TestPartByPart"},
		"flipped bit in a range, or in a blob of a part":    {"4", "TestPartDamaged"},
		"flipped bit anywhere else in a part":               {"4 or 5", "TestFlippedBitInPart"},
		"ranges that do not make their blob":                {"4", "TestLyingParts"},
		"part of an older export, or of another size":       {"0", "TestStaleParts"},
		"last part after a month":                           {"0", "TestLastPartAfterAMonth"},
		"part of which a blob was lost since":               {"0", "TestPartLostBlob"},
		"disk full while a part is read":                    {"7", "TestDiskFullUnderPart"},
		"kill -9 while a part is read":                      {"killed", "TestKillWhilePartIsRead"},
		"kill -9 at any time, while parts are pushed":       {"killed", "TestKillParts"},
		"`remove-parts` of a bundle that waits for nothing": {"6", "TestRemoveParts"},
	}
}

// TestTableOfParts compares the table of docs/errors.md with the tests.
func TestTableOfParts(t *testing.T) {
	t.Parallel()
	tests, want := testFunctions(t), make(map[string]string)
	for row, of := range partRows() {
		if want[row] = of.code; !tests[of.test] {
			t.Errorf("row %q: there is no %s", row, of.test)
		}
	}
	if diff := cmp.Diff(want, doctest.BadInput(t, "Bad parts")); diff != "" {
		t.Errorf("the table of bad parts (-tests +docs/errors.md):\n%s", diff)
	}
}

// TestPartByPart pushes the parts one by one, each twice, and looks at what waits.
func TestPartByPart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	paths := s.partFiles(0)
	slices.Reverse(paths)
	for i, path := range paths[:len(paths)-1] {
		if out := s.mustRun("push-snap", path).stdout; !strings.Contains(out, "is here. The bundle waits for part 1 (x.part1of") {
			t.Errorf("push of %s printed %q", path, out)
		}
		if out := s.mustRun("push-snap", path).stdout; !strings.Contains(out, "was here already. The bundle waits for part 1 (x.part1of") {
			t.Errorf("second push of %s printed %q", path, out)
		}
		s.serves(before)
		s.isClean()
		list := s.waiting()
		if len(list) != 1 || list[0].Parts != len(paths) || len(list[0].Arrived) != i+1 || list[0].Bytes < 1<<20 {
			t.Errorf("after %d parts, list-parts has %+v", i+1, list)
		}
	}
	for command, want := range map[string]string{
		"status": "Waiting for parts:\n  [snap", "list-parts": "waits for part 1 (x.part1of", "gc --all": "Kept for 1 bundle that waits for parts: ",
		"check --blobs": "blobs", "status --json": `"waiting-bundles": [`, "gc --json": `"waiting-bundles": 1`, "push-snap --plan " + paths[0]: "which is here already; the bundle then waits for part 1",
		"push-snap --json " + paths[0]: `"missing": [`, "audit list": "push-part", "receipt": "",
	} {
		if r := s.mustRun(strings.Fields(command)...); !strings.Contains(r.stdout, want) {
			t.Errorf("%s printed %q, want %q", command, r.stdout, want)
		}
	}
	out := s.mustRun("push-snap", paths[len(paths)-1]).stdout
	if !strings.Contains(out, "for sixth revision 1\n") || strings.Contains(out, "Part") {
		t.Errorf("the last part printed %q", out)
	}
	s.servesParts(0)
	s.mustRun("check", "--blobs")
	if out := s.mustRun("gc", "--all").stdout; !strings.HasPrefix(out, "Removed 0 blobs") {
		t.Errorf("gc after the last part printed %q, want that the ranges are gone already", out)
	}
	if out := s.mustRun("push-snap", paths[0]).stdout; !strings.Contains(out, "Already imported: nothing to do") {
		t.Errorf("a part of an imported bundle: %q", out)
	}
}

// TestFolderOfParts pushes a folder with parts, another bundle and a file that is none.
func TestFolderOfParts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	usb := filepath.Join(s.tmp, "usb")
	if err := os.MkdirAll(filepath.Join(usb, "more"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.file("usb/README.txt", []byte("for ship 7"))
	s.file("usb/other.tar.gz", updateNumber(t, 1, 300<<10).Tar(bundle.Gzip))
	for i, packed := range partUpdate(t, 0).Parts(1800<<10, bundle.None) {
		if i == 0 {
			s.file("usb/more/first", packed)
		} else {
			s.file(fmt.Sprintf("usb/part%d.tar", i), packed)
		}
	}
	r := s.run("push-snap", usb)
	if r.code != 0 || !strings.Contains(r.stderr, `Warning: `+usb+`: "README.txt" is passed over: it is neither a bundle nor a snap nor an assertion`) {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	want := map[string]int{"first": 3, "second": 1, "third": 2, "fourth": 2, "fifth": 2, "sixth": 1}
	if diff := cmp.Diff(want, stable(s.served())); diff != "" {
		t.Errorf("latest/stable (-want +got):\n%s", diff)
	}
	if list := s.waiting(); len(list) != 0 {
		t.Errorf("%d bundles wait for parts: %+v", len(list), list)
	}
}

// TestPartDamaged pushes parts of which one is damaged. It costs that part alone.
func TestPartDamaged(t *testing.T) {
	t.Parallel()
	for _, at := range []int64{-3000, 400 << 10} { // in a range, and in a blob or range
		s := newSite(t)
		before := s.served()
		paths := s.partFiles(0)
		good, err := os.ReadFile(paths[1])
		if err != nil {
			t.Fatal(err)
		}
		bad := slices.Clone(good)
		bad[(at+int64(len(bad)))%int64(len(bad))] ^= 1
		s.file(filepath.Base(paths[1]), bad)
		r := s.run(append([]string{"push-snap"}, paths...)...)
		if r.code != cli.Partial || !strings.Contains(r.stderr, "is damaged") {
			t.Errorf("exit code %d, want %d: %s", r.code, cli.Partial, r.stderr)
		}
		s.serves(before)
		if r := s.run("push-snap", paths[1]); r.code != cli.Damaged || !strings.Contains(r.stderr, "hint: ") {
			t.Errorf("the damaged part alone: exit code %d, want %d: %s", r.code, cli.Damaged, r.stderr)
		}
		if list := s.waiting(); len(list) != 1 || len(list[0].Missing) != 1 || list[0].Missing[0].Number != 2 {
			t.Errorf("list-parts has %+v, want that part 2 is missing", list)
		}
		s.file(filepath.Base(paths[1]), good)
		s.mustRun("push-snap", paths[1])
		s.servesParts(0)
	}
}

// TestFlippedBitInPart flips bits in the head of a part, and all over it.
func TestFlippedBitInPart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	paths := s.partFiles(0)
	packed, err := os.ReadFile(paths[1])
	if err != nil {
		t.Fatal(err)
	}
	flips, r := 40, rand.New(rand.NewPCG(7, 8))
	if testing.Short() {
		flips = 8
	}
	for i := range flips {
		bad := slices.Clone(packed)
		at := r.IntN(len(bad))
		if i%2 == 0 {
			at = r.IntN(30 << 10)
		}
		bad[at] ^= 1 << r.IntN(8)
		if got := s.run("push-snap", s.file("bad.tar", bad)); got.code != cli.Damaged && got.code != cli.Untrusted || !strings.Contains(got.stderr, "hint: ") {
			t.Errorf("byte %d flipped: exit code %d: %s", at, got.code, got.stderr)
		}
	}
	s.serves(before)
	s.mustRun(append([]string{"push-snap"}, paths...)...)
	s.servesParts(0)
}

// TestLyingParts pushes parts whose ranges are good by themselves and do not make the blob.
func TestLyingParts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	var args []string
	for i, packed := range partUpdate(t, 0).LyingParts(1800 << 10) {
		args = append(args, s.file(fmt.Sprintf("lie%d.tar", i), packed))
	}
	s.mustRun(append([]string{"push-snap"}, args[:len(args)-1]...)...)
	r := s.run("push-snap", args[len(args)-1])
	if r.code != cli.Damaged || !strings.Contains(r.stderr, "its ranges in parts ") || !strings.Contains(r.stderr, "hint: give the set up with 'snap-store-proxy remove-parts'") {
		t.Errorf("exit code %d, want %d: %s", r.code, cli.Damaged, r.stderr)
	}
	s.serves(before)
	s.mustRun("remove-parts", "x.part1of3.tar", "--yes")
	s.mustRun(append([]string{"push-snap"}, s.partFiles(0)...)...)
	s.servesParts(0)
}

// TestStaleParts pushes parts of an older export, and of the same one with another size, in the same folder.
func TestStaleParts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	old, now := s.partFiles(0), s.partFiles(1)
	var others []string
	for i, packed := range partUpdate(t, 1).Parts(1900<<10, bundle.None) {
		others = append(others, s.file(fmt.Sprintf("other%d.tar", i+1), packed))
	}
	s.mustRun("push-snap", old[0], others[1], now[1], now[2])
	if list := s.waiting(); len(list) != 3 {
		t.Errorf("%d bundles wait, want 3", len(list))
	}
	if got := stable(s.served())["first"]; got != 1 {
		t.Errorf("latest/stable is %d, want 1 as before", got)
	}
	for _, path := range now {
		s.mustRun("push-snap", path)
	}
	if got := stable(s.served())["sixth"]; got != 2 {
		t.Errorf("latest/stable is %d, want 2", got)
	}
	s.mustRun("remove-parts", "--yes", "update0.part1.tar")
}

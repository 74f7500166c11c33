package instance

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

// TestSubsets checks that each blob is in exactly one part, and that the parts are alike.
func TestSubsets(t *testing.T) {
	t.Parallel()
	const of, blobs = 7, 7000
	var count [of + 1]int
	for i := range blobs {
		d := digest.FromString(fmt.Sprint(i))
		parts := 0
		for n := 1; n <= of; n++ {
			if (Subset{n, of}).has(d) {
				parts++
				count[n]++
			}
		}
		if parts != 1 || !(Subset{}).has(d) {
			t.Fatalf("%s is in %d parts", d, parts)
		}
	}
	for n := 1; n <= of; n++ {
		if count[n] < blobs/of*8/10 || count[n] > blobs/of*12/10 {
			t.Errorf("part %d has %d of %d blobs", n, count[n], blobs)
		}
	}
}

func TestParseSubset(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"1/1", "1/7", "7/7", "10000/10000"} {
		if s, err := ParseSubset(good); err != nil || s.String() != good {
			t.Errorf("ParseSubset(%q) = %v, %v", good, s, err)
		}
	}
	for _, bad := range []string{"", "1", "0/7", "8/7", "-1/7", "1/", "/7", "1/7/7", "a/b", "1/10001", "1/99999999999999999999"} {
		if s, err := ParseSubset(bad); err == nil {
			t.Errorf("ParseSubset(%q) = %v, want an error", bad, s)
		}
	}
}

// TestScrubState checks which states a later check continues from.
func TestScrubState(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), scrubFile)
	state := scrubState{Started: time.Now(), Subset: "1/7", Last: digest.FromString("x"), Damaged: []damageRow{{Digest: digest.FromString("y"), Problem: "bad"}}}
	state.write(path)
	if got := readScrubState(path, Subset{1, 7}); got == nil || got.Last != state.Last || len(got.Damaged) != 1 {
		t.Errorf("readScrubState() = %v", got)
	}
	if got := readScrubState(path, Subset{}); got != nil {
		t.Error("a check of all blobs continues a check of a part")
	}
	for name, change := range map[string]func(*scrubState){
		"old":       func(s *scrubState) { s.Started = time.Now().Add(-8 * 24 * time.Hour) },
		"future":    func(s *scrubState) { s.Started = time.Now().Add(time.Hour) },
		"no digest": func(s *scrubState) { s.Last = "sha256:../../x" },
	} {
		bad := state
		change(&bad)
		bad.write(path)
		if readScrubState(path, Subset{1, 7}) != nil {
			t.Errorf("%s: the state counts", name)
		}
	}
	if err := os.WriteFile(path, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if readScrubState(path, Subset{1, 7}) != nil {
		t.Error("half a file counts")
	}
}

package server

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

// TestSpool reads texts from a file, from memory, and from a file whose disk is full. A full disk costs memory, and no text.
func TestSpool(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	var warnings int
	warn := func(error) { warnings++ }
	for name, test := range map[string]struct {
		spool    *spool
		warnings int
	}{
		"file": {newSpool(t.TempDir(), warn), 0}, "memory": {newSpool("", warn), 0}, "full disk": {&spool{file: full, warn: warn}, 1},
		"no folder": {newSpool(t.TempDir()+"/none", warn), 0},
	} {
		warnings = 0
		text := func(i int) []byte { return bytes.Repeat([]byte(fmt.Sprint(i, " ")), 50_000) }
		var all []spooled
		for i := range 40 {
			all = append(all, test.spool.add(text(i)))
		}
		for i, s := range all {
			if got, err := s.read(nil); err != nil || !bytes.Equal(got, text(i)) {
				t.Errorf("%s: text %d: %d bytes, %v", name, i, len(got), err)
			}
		}
		if warnings != test.warnings {
			t.Errorf("%s: %d warnings, want %d", name, warnings, test.warnings)
		}
	}
}

package main

import (
	"strings"
	"testing"

	"offlinestore/importer"
)

// TestReportsKeepTheOrder checks that files are reported in the order of the arguments, in whichever order they are ready.
func TestReportsKeepTheOrder(t *testing.T) {
	t.Parallel()
	var files []*importer.File
	for range 4 {
		files = append(files, &importer.File{})
	}
	var got strings.Builder
	r := newReports(files, func(text string) { got.WriteString(text) })
	r.add(files[2], "c")
	r.add(files[1], "") // it failed, and was named at once
	if got.String() != "" {
		t.Errorf("%q was printed before the first file is ready", got.String())
	}
	r.add(files[0], "a")
	if got.String() != "ac" {
		t.Errorf("printed %q, want ac", got.String())
	}
	r.flush()
	r.add(files[3], "d")
	if got.String() != "ac" {
		t.Errorf("printed %q after an interruption, want ac", got.String())
	}
}

package cli_test

import (
	"strings"
	"testing"

	"offlinestore/cmd/internal/cli"
)

// TestOrdered checks that files are reported in the order of the arguments, in whichever order they are ready.
func TestOrdered(t *testing.T) {
	t.Parallel()
	files := []int{3, 1, 4, 2}
	var got strings.Builder
	r := cli.NewOrdered(files, func(text string) { got.WriteString(text) })
	r.Add(files[2], "c")
	r.Add(files[1], "") // it failed, and was named at once
	if got.String() != "" {
		t.Errorf("%q was printed before the first file is ready", got.String())
	}
	r.Add(files[0], "a")
	if got.String() != "ac" {
		t.Errorf("printed %q, want ac", got.String())
	}
	r.Flush()
	r.Add(files[3], "d")
	if got.String() != "ac" {
		t.Errorf("printed %q after an interruption, want ac", got.String())
	}
}

package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestOutputIsCommitted holds the assembly to its generator.
func TestOutputIsCommitted(t *testing.T) {
	t.Parallel()
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("../../keccak", name))
		if err != nil {
			t.Error(err)
		} else if string(got) != string(want) {
			t.Errorf("keccak/%s is not what the generator writes: run go generate ./keccak", name)
		}
	}
}

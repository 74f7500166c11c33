// Command keccakgen writes the assembly of package keccak: kernels that absorb blocks into several sponges at once. It runs
// in the folder of that package, as "go generate ./keccak" does.
package main

import (
	"fmt"
	"os"
)

func main() {
	files, err := generate()
	for name, text := range files {
		if err == nil {
			err = os.WriteFile(name, text, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "keccakgen:", err)
		os.Exit(1)
	}
}

// generate returns the files by their names.
func generate() (map[string][]byte, error) {
	assembly, stubs, err := amd64()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"absorb_amd64.s":       assembly,
		"absorb_stub_amd64.go": stubs,
		"absorb_arm64.s":       arm64(),
	}, nil
}

//go:build linux || darwin

package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
)

// showClient prints the gist of the snapd client's answer.
func showClient(out []byte) {
	var answer struct {
		Snaps []struct {
			Name             string   `json:"name"`
			Revision         int      `json:"revision"`
			EffectiveChannel string   `json:"effective-channel"`
			SHA3384          string   `json:"sha3-384"`
			Size             int64    `json:"size"`
			Path             string   `json:"path"`
			Assertions       []string `json:"assertions"`
		} `json:"snaps"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		fmt.Printf("%s\n", out)
		return
	}
	for _, s := range answer.Snaps {
		fmt.Printf("%s revision %d from %s: %d bytes in %s\nSHA3-384 %s\n", s.Name, s.Revision, s.EffectiveChannel, s.Size, filepath.Base(s.Path), s.SHA3384)
		for _, a := range s.Assertions {
			fmt.Printf("  verified %s\n", a)
		}
	}
}

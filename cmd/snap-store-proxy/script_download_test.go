//go:build linux

package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"offlinestore/internal/assertiontest"
	"offlinestore/internal/canonicaltest"
	"offlinestore/internal/downloadtest"
)

// writeDownloads makes files as "snap download" writes them, in the folder downloads, and an archive of them:
//
//	tool_6.snap, tool_6.assert   a pair, with the component in tool+docs_3.comp
//	altered.snap                 tool_6.snap with another bit
//	tool-20261124T120000.tar.gz  all but the altered one
func (f *fixture) writeDownloads(t *testing.T) error {
	d := downloadtest.New(t, assertiontest.NewStack(t), "tool", 6, "architectures: [amd64]\nbase: core24\n")
	comp := d.AddComponent("docs", 3)
	altered := bytes.Clone(d.Blob)
	altered[len(altered)-1] ^= 1
	dir := filepath.Join(f.dir, "downloads")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var members []canonicaltest.Member
	for name, b := range map[string][]byte{"tool_6.snap": d.Blob, "tool_6.assert": d.Stream(), "tool+docs_3.comp": comp} {
		members = append(members, canonicaltest.Member{name, string(b)})
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(f.dir, "altered.snap"), altered, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(f.dir, "tool-20261124T120000.tar.gz"), []byte(canonicaltest.TarGz(t, members...)), 0o644)
}

//go:build linux

package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/downloadtest"
)

// badPairs returns the rows about folders with the files of "snap download".
func badPairs() []badInput {
	damaged, untrusted := []int{cli.Damaged}, []int{cli.Untrusted}
	const unknown = "no assertion of the store is about it"
	return []badInput{
		{"snap without its `.assert`", untrusted, []string{"tool_6.snap", unknown}, snapPair(func(t *testing.T, d *downloadtest.Download) ([]byte, []byte) {
			return d.Blob, nil
		})},
		{"`.assert` without its snap", untrusted, []string{"snap-revision/", "the file that it is about is not there"}, snapPair(func(t *testing.T, d *downloadtest.Download) ([]byte, []byte) {
			return nil, d.Stream()
		})},
		{"snap with the `.assert` of another revision", untrusted, []string{"tool_6.snap", unknown}, snapPair(func(t *testing.T, d *downloadtest.Download) ([]byte, []byte) {
			return d.Blob, downloadtest.New(t, assertiontest.NewStack(t), "tool", 7, "").Stream()
		})},
		{"snap with flipped bit beside its `.assert`", untrusted, []string{"tool_6.snap", unknown}, snapPair(func(t *testing.T, d *downloadtest.Download) ([]byte, []byte) {
			blob := bytes.Clone(d.Blob)
			blob[len(blob)-1] ^= 1
			return blob, d.Stream()
		})},
		{"cut-off snap beside its `.assert`", damaged, []string{"tool_6.snap"}, snapPair(func(t *testing.T, d *downloadtest.Download) ([]byte, []byte) {
			return d.Blob[:100], d.Stream()
		})},
		{"something else than a snap beside an `.assert`", untrusted, []string{"the file that it is about is not there"}, snapPair(func(t *testing.T, d *downloadtest.Download) ([]byte, []byte) {
			return []byte("PK\x03\x04 a zip"), d.Stream()
		})},
		{"altered `.assert`", untrusted, []string{"bad signature"}, snapPair(func(t *testing.T, d *downloadtest.Download) ([]byte, []byte) {
			return d.Blob, bytes.Replace(d.Stream(), []byte("snap-revision: 6"), []byte("snap-revision: 9"), 1)
		})},
		{"cut-off `.assert`", untrusted, []string{"bad signature"}, snapPair(func(t *testing.T, d *downloadtest.Download) ([]byte, []byte) {
			return d.Blob, d.Stream()[:len(d.Stream())-300]
		})},
		{"`.assert` that lacks what it needs", untrusted, []string{"there is no snap-declaration"}, snapPair(func(t *testing.T, d *downloadtest.Download) ([]byte, []byte) {
			return d.Blob, downloadtest.Stream(t, d.About...)
		})},
		{"snap with another provenance than its `.assert`", untrusted, []string{"tool_6.snap", "provenance"}, snapPair(func(t *testing.T, d *downloadtest.Download) ([]byte, []byte) {
			d.Sign(assertiontest.Headers{"provenance": "elsewhere"})
			return d.Blob, d.Stream()
		})},
		{"YAML bomb in a snap beside its `.assert`", damaged, []string{"tool_6.snap", "too many values"}, snapPair(func(t *testing.T, _ *downloadtest.Download) ([]byte, []byte) {
			d := downloadtest.New(t, assertiontest.NewStack(t), "tool", 6, "a: &a [x, x, x, x, x, x, x, x, x]\n"+
				"b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n"+
				"e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e, *e, *e]\n")
			return d.Blob, d.Stream()
		})},
	}
}

// snapPair returns a function that writes a snap and its assertions to a folder. A file without content is not written.
func snapPair(files func(t *testing.T, d *downloadtest.Download) (blob, assertions []byte)) func(*testing.T, string) []byte {
	return func(t *testing.T, dir string) []byte {
		t.Helper()
		blob, assertions := files(t, downloadtest.New(t, assertiontest.NewStack(t), "tool", 6, strings.Repeat("# comment\n", 20)))
		for name, content := range map[string][]byte{"tool_6.snap": blob, "tool_6.assert": assertions} {
			if content == nil {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	}
}

package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/internal/vectortest"
)

// TestInspectStores shows the stores and the private snap of the vector of format 1.3, and its differences from another one.
func TestInspectStores(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	file, null := filepath.Join("..", vectortest.File("valid/format-1.3.tar")), filepath.Join("..", vectortest.File("valid/store-null.tar.zst"))
	if err := runInspect(t.Context(), &out, []string{file}, new(opening), false); err != nil {
		t.Fatal(err)
	}
	if err := runDiff(t.Context(), &out, []string{file, null}, new(opening), false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\nStore Acme – pumps (acme-pumps) of brand acme-brand, below acme: 2 private snaps\n", "  acme-tool of the store acme\n", "  acme-new\n",
		", private to the store acme\n", "\n- acme-tool left the store acme\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("inspect and diff print\n%s\nwithout %q", out.String(), want)
		}
	}
}

package keyring_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"offlinestore/keyring"
)

func TestRing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	r := keyring.Open(dir)
	if names, err := r.Names(); len(names) != 0 || err != nil {
		t.Errorf("Names without a folder = %v, %v; want none", names, err)
	}
	if _, err := r.Load("default"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of no key = %v, want ErrNotExist", err)
	}
	key, err := r.Generate("default")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Save("a.second-key", key); err != nil {
		t.Errorf("Save = %v", err)
	}
	loaded, err := r.Load("default")
	if err != nil {
		t.Fatal(err)
	}
	if public, ok := key.Public().(interface{ Equal(any) bool }); ok && !public.Equal(loaded.Public()) {
		t.Error("Load returned another key than Generate")
	}
	var exists *keyring.ExistsError
	if _, err := r.Generate("default"); !errors.As(err, &exists) || !errors.Is(err, fs.ErrExist) || exists.Name != "default" {
		t.Errorf("Generate again = %v, want an ExistsError", err)
	}
	if names, err := r.Names(); !slices.Equal(names, []string{"a.second-key", "default"}) || err != nil {
		t.Errorf("Names = %v, %v; want both", names, err)
	}
	var invalid *keyring.NameError
	for _, name := range []string{"", "Bad/Name", "../../etc/passwd", strings.Repeat("x", 65)} {
		if _, err := r.Load(name); !errors.As(err, &invalid) {
			t.Errorf("Load(%q) = %v, want a NameError", name, err)
		}
		if err := r.Save(name, key); !errors.As(err, &invalid) {
			t.Errorf("Save(%q) = %v, want a NameError", name, err)
		}
	}
	for _, name := range []string{"con", "nul.2026", "lpt1"} {
		if err := r.Save(name, key); !errors.As(err, &invalid) {
			t.Errorf("Save(%q) = %v, want a NameError", name, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := keyring.Open(dir)
	if _, err := r.Generate("default"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "default.pem")
	if runtime.GOOS != "windows" {
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		var public *keyring.PermissionError
		if _, err := r.Load("default"); !errors.As(err, &public) || public.Path != path {
			t.Errorf("Load of a key that others can read = %v, want a PermissionError", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "none.pem"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	var bad *keyring.KeyError
	if _, err := r.Load("none"); !errors.As(err, &bad) {
		t.Errorf("Load of no key = %v, want a KeyError", err)
	}
}

func TestNextSequence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := keyring.Open(dir)
	const callers = 8
	numbers := make(chan uint64, callers)
	for range callers {
		go func() {
			n, err := r.NextSequence(t.Context(), "default")
			if err != nil {
				t.Error(err)
			}
			numbers <- n
		}()
	}
	var got []uint64
	for range callers {
		got = append(got, <-numbers)
	}
	slices.Sort(got)
	if want := []uint64{1, 2, 3, 4, 5, 6, 7, 8}; !slices.Equal(got, want) {
		t.Errorf("NextSequence at once = %v, want %v", got, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "default.sequence"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := r.NextSequence(t.Context(), "default"); err == nil {
		t.Errorf("NextSequence after damage = %d, want an error", n)
	}
}

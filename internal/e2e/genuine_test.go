//go:build linux

package e2e_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/snapdaemon"
)

// TestGenuineAssertions takes genuine accounts, keys, models, serials, validation sets and a store, all signed up to Canonical's root, across the gap.
// Debian's own snapd gets each of them back, byte for byte.
func TestGenuineAssertions(t *testing.T) {
	t.Parallel()
	all := genuineAssertions(t)
	var stream bytes.Buffer
	if err := assertion.EncodeAll(&stream, all); err != nil {
		t.Fatal(err)
	}
	b := bundletest.New(t, 365)
	for _, a := range all {
		b.Assertions = append(b.Assertions, &bundle.Assertion{Ref: a.Ref(), Assertions: stream.Bytes()})
	}
	dir := newDir(t)
	b.WriteFile(filepath.Join(dir, "genuine.tar.gz"), bundle.Gzip)
	key := filepath.Join(dir, "exporter.pem")
	if err := os.WriteFile(key, bundletest.Public(t, b.Key).PEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	in := &inside{t: t, data: filepath.Join(newDir(t), "data")}
	in.proxy("trust", "add", key)
	in.push(filepath.Join(dir, "genuine.tar.gz"))
	in.serve()
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries: snapdaemon.Stock(t),
		StoreURL: "http://127.0.0.1:8080",
		Sites:    []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: snapdaemon.Forward(t, in.url)}},
	})
	for _, a := range all {
		args := []string{"known", "--remote", a.Type()}
		typ, _ := assertion.TypeByName(a.Type())
		for i, v := range a.Ref().Path() {
			args = append(args, typ.PrimaryKey[i]+"="+v)
		}
		if got := d.MustSnap(args...); !bytes.Equal(bytes.TrimSpace([]byte(got)), bytes.TrimSpace(a.Raw())) {
			t.Errorf("snap %q:\n%s\nwant\n%s", args, got, a.Raw())
		}
	}
}

// genuineTypes are the types that no snap leads to, and accounts with their keys.
var genuineTypes = []string{"account", "account-key", "model", "serial", "store", "validation-set"}

// genuineAssertions returns the newest revision of each verified assertion of these types.
func genuineAssertions(t *testing.T) []*assertion.Assertion {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(realdata(t), "asserts", "verified", "*", "*.assert"))
	if err != nil {
		t.Fatal(err)
	}
	newest, types := make(map[string]*assertion.Assertion), make(map[string]bool)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		list, err := assertion.DecodeAll(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, a := range list {
			if old := newest[a.Ref().Key()]; slices.Contains(genuineTypes, a.Type()) && (old == nil || a.Revision() > old.Revision()) {
				newest[a.Ref().Key()] = a
				types[a.Type()] = true
			}
		}
	}
	for _, want := range genuineTypes {
		if !types[want] {
			t.Errorf("no genuine %s", want)
		}
	}
	var all []*assertion.Assertion
	for _, a := range newest {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *assertion.Assertion) int { return bytes.Compare(a.Raw(), b.Raw()) })
	return all
}

//go:build linux

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/doctest"
	"offlinestore/internal/vectortest"
	"offlinestore/snap"
)

// badStores returns the rows about exports of stores. The signer of the vectors is trusted.
func badStores() []badInput {
	vector := func(name string) func(*testing.T, string) []byte {
		return func(t *testing.T, _ string) []byte {
			t.Helper()
			data, err := os.ReadFile(filepath.Join("..", vectortest.File("hostile/"+name+".tar.zst")))
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	damaged, untrusted := []int{cli.Damaged}, []int{cli.Untrusted}
	return []badInput{
		{"export by somebody else", untrusted, []string{bundletestID("stranger"), "trust add"}, func(t *testing.T, _ string) []byte {
			b := bundletest.New(t, 20).Add("third", 1, 100)
			b.AddStore("acme", "Acme", "", "third")
			b.Key = bundletest.Key("stranger")
			return b.Tar(bundle.Gzip)
		}},
		{"store of another brand under an id that is in the store", untrusted, []string{"store known:", "brand store-brand", "--take-over known"}, func(t *testing.T, _ string) []byte {
			b := bundletest.New(t, 20).Add("third", 1, 100)
			other := b.Stack.NewAccount("acme", "brand")
			s := b.AddStore("known", "Known", "", "third")
			s.BrandID, s.Assertions = other.ID, b.Stream(other.Account)
			return b.Tar(bundle.Gzip)
		}},
		{"stores above each other in a circle", damaged, []string{"store.acme", "circle"}, vector("store-circle")},
		{"private snap that is global elsewhere in the bundle", damaged, []string{"acme-tool is private to acme"}, vector("store-snap-global")},
		{"snap that is private to two stores", damaged, []string{"acme-tool", "acme-valves"}, vector("store-snap-elsewhere")},
		{"snap twice in the list of a store", damaged, []string{"not after the one before it"}, vector("store-snap-twice")},
		{"line ends or control characters in the name of a store", damaged, []string{"control characters"}, vector("store-name-lines")},
		{"store without a brand", damaged, []string{"store.acme", "brand-id"}, vector("store-brand-absent")},
		{"store without the account of its brand", untrusted, []string{"store.acme", "account"}, vector("store-without-brand")},
		{"cut-off store assertion", untrusted, []string{"store/acme-pumps", "bad signature"}, vector("store-assertion-cut")},
		{"cut-off serial", untrusted, []string{"serial/acme/pump/1234", "bad signature"}, func(t *testing.T, _ string) []byte {
			b := bundletest.New(t, 20)
			brand := b.Stack.NewAccount("acme", "brand")
			serial := brand.Serial("pump", "1234", assertiontest.DeviceKey(), nil)
			stream := b.Stream(brand.Account, brand.AccountKey, serial)
			b.Assertions = append(b.Assertions, &bundle.Assertion{Ref: serial.Ref(), Assertions: stream[:len(stream)-200]})
			return b.Tar(bundle.Gzip)
		}},
	}
}

// TestBadStores pushes bad exports of stores to a store that knows a store of a brand.
func TestBadStores(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustRun("trust", "add", filepath.Join(workingDir(t), "..", vectortest.File("keys/test.pem")))
	known := bundletest.New(t, 11)
	known.AddStore("known", "Known", "")
	s.mustRun("push-store", s.file("known.tar", known.Tar(bundle.None)))
	before := s.served()
	want := map[string]string{"list of 100,000 private snaps": codesInWords([]int{cli.OK})}
	for _, c := range badStores() {
		want[c.row] = codesInWords(c.codes)
		path := s.file("bad", c.make(t, ""))
		for _, args := range [][]string{{"push-store", path}, {"push-store", "--dry-run", path}} {
			s.isRefused(c, s.run(args...))
		}
		s.serves(before)
		s.isClean()
	}
	if diff := cmp.Diff(want, doctest.BadInput(t, "Bad stores")); diff != "" {
		t.Errorf("the table of bad stores (-tests +docs/errors.md):\n%s", diff)
	}
	good := bundletest.New(t, 30)
	st := good.AddStore("known", "Known", "")
	most := snap.MaxStoreSnaps
	if testing.Short() {
		most /= 50
	}
	for i := range most {
		st.Snaps = append(st.Snaps, snap.StoreSnap{Name: fmt.Sprint("snap-", i), SnapID: fmt.Sprintf("%032d", i)})
	}
	s.mustRun("push-store", s.file("good.tar.gz", good.Tar(bundle.Gzip)))
	if got := len(s.served().Stores[0].SnapIDs); got != most {
		t.Errorf("the store has %d snaps, want %d", got, most)
	}
}

func workingDir(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

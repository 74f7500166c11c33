//go:build linux || darwin

package snapddriver_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/snapddriver"
)

func TestInstall(t *testing.T) {
	t.Parallel()
	s := newFakeStore(t)
	for name, args := range map[string][]string{
		"install":  nil,
		"download": {"--action", "download"},
		"refresh":  {"--action", "refresh", "--installed", "offline-snap=" + fakeID + ",7,stable"},
		"session":  {"--session"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			got := s.install(t, dir, args...)
			if got.Code != snapddriver.ExitOK || len(got.Snaps) != 1 {
				t.Fatalf("exit code %d, %d snaps, want 0, 1\n%s", got.Code, len(got.Snaps), got.Stderr)
			}
			snap := got.Snaps[0]
			if snap.Name != "offline-snap" || snap.Revision != fakeLatest || snap.EffectiveChannel != "stable" {
				t.Errorf("got %s revision %d from %s, want offline-snap revision %d from stable", snap.Name, snap.Revision, snap.EffectiveChannel, fakeLatest)
			}
			if blob, err := os.ReadFile(snap.Path); err != nil || !bytes.Equal(blob, s.blob) {
				t.Errorf("downloaded %q, %v, want %q", blob, err, s.blob)
			}
			var types []string
			for _, a := range decodeFile(t, snap.AssertionsPath) {
				types = append(types, a.Type())
			}
			if diff := cmp.Diff(types, []string{"account-key", "account", "snap-declaration", "snap-revision"}); diff != "" {
				t.Errorf("assertions (-got +want):\n%s", diff)
			}
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions != 1 {
		t.Errorf("the store gave %d sessions, want 1", s.sessions)
	}
}

// TestInstallRefusals shows that the driver fails when the store is wrong: without that, its success would mean nothing.
func TestInstallRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		spoil    func(*fakeStore)
		wantCode int
		wantKind string
	}{
		{"altered blob", func(s *fakeStore) { s.served = bytes.ToUpper(s.blob) }, snapddriver.ExitRefused, "hash-mismatch"},
		{"blob that nothing is asserted of", func(s *fakeStore) {
			s.blob = []byte("another")
			s.served = s.blob
		}, snapddriver.ExitAnswer, "assertion-not-found"},
		{"wrong root", func(s *fakeStore) { s.root = "" }, snapddriver.ExitAnswer, "assertion-not-found"},
		{"wrong root, served", func(s *fakeStore) {
			stack, _ := assertiontest.New()
			s.assertions.Add(stack.Root, stack.RootAccountKey)
			s.root = ""
		}, snapddriver.ExitRefused, "refused"},
		{"altered declaration", func(s *fakeStore) {
			s.replace("snap-declaration", func(raw string) string { return strings.Replace(raw, "offline-snap", "offline-span", 1) })
		}, snapddriver.ExitRefused, "refused"},
		{"revision of another size", func(s *fakeStore) {
			stack, _ := assertiontest.New()
			blob := assertiontest.BlobOf(s.blob)
			blob.Size++
			s.assertions = assertion.NewSet(append(s.assertions.All(),
				stack.SnapRevision(fakeID, fakeLatest, "other", blob, assertiontest.Headers{"revision": "1"}))...)
		}, snapddriver.ExitRefused, "refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newFakeStore(t)
			s.mu.Lock()
			test.spoil(s)
			s.mu.Unlock()
			got := s.install(t, t.TempDir())
			if got.Error == nil || got.Code != test.wantCode || got.Error.Kind != test.wantKind {
				t.Errorf("exit code %d, error %+v, want %d, %s", got.Code, got.Error, test.wantCode, test.wantKind)
			}
		})
	}
}

func TestAnsweredErrors(t *testing.T) {
	t.Parallel()
	s := newFakeStore(t)
	got := snapddriver.Run(t, "install", "--store", s.url, "--channel", "edge/closed", "offline-snap", "absent")
	want := []snapddriver.Error{
		{Kind: "snap-not-found", Message: "snap not found", Name: "absent", Action: "install"},
		{
			Kind: "revision-not-available", Message: "no snap revision available as specified", Name: "offline-snap",
			Action: "install", Channel: "edge/closed", Releases: []snapddriver.Release{{Architecture: "amd64", Channel: "stable"}},
		},
	}
	if diff := cmp.Diff(got.Errors, want); got.Code != snapddriver.ExitAnswer || diff != "" {
		t.Errorf("exit code %d, want %d; errors (-got +want):\n%s", got.Code, snapddriver.ExitAnswer, diff)
	}
	if got := snapddriver.Run(t, "info", "--store", s.url, "absent"); got.Code != snapddriver.ExitAnswer || got.Error.Kind != "snap-not-found" {
		t.Errorf("info of an absent snap: exit code %d, %+v", got.Code, got.Error)
	}
	got = snapddriver.Run(t, "assertion", "--store", s.url, "snap-declaration", "16", "absent")
	if got.Code != snapddriver.ExitAnswer || got.Error.Kind != "assertion-not-found" {
		t.Errorf("an absent assertion: exit code %d, %+v", got.Code, got.Error)
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	s := newFakeStore(t)
	query := func(args ...string) *snapddriver.Answer {
		t.Helper()
		got := snapddriver.Run(t, append([]string{args[0], "--store", s.url}, args[1:]...)...)
		if got.Code != snapddriver.ExitOK {
			t.Fatalf("%s: exit code %d, want 0\n%s", args[0], got.Code, got.Stderr)
		}
		return got
	}
	if got := query("info", "offline-snap").Snaps[0].Channels["latest/stable"].Revision; got != fakeLatest {
		t.Errorf("info: latest/stable is revision %d, want %d", got, fakeLatest)
	}
	if got := query("find", "--query", "off").Snaps; len(got) != 1 || got[0].SnapID != fakeID {
		t.Errorf("find = %+v, want offline-snap", got)
	}
	if got := query("sections").Sections; !cmp.Equal(got, []string{"games"}) {
		t.Errorf("sections = %q, want games", got)
	}
	want := snapddriver.CatalogEntry{Name: "offline-snap", Version: "1", Summary: "off", Commands: []string{"offline-snap.run"}}
	if got := query("names"); !cmp.Equal(got.Names, []string{"offline-snap"}) || !cmp.Equal(got.Catalog, []snapddriver.CatalogEntry{want}) {
		t.Errorf("names = %q, %+v, want %+v", got.Names, got.Catalog, want)
	}
	if got := query("refresh", "--installed", "offline-snap="+fakeID+",7,stable").Snaps; len(got) != 1 || got[0].Revision != fakeLatest {
		t.Errorf("refresh of revision 7 = %+v, want revision %d", got, fakeLatest)
	}
	if got := query("refresh", "--installed", "offline-snap="+fakeID+",8,stable").Snaps; len(got) != 0 {
		t.Errorf("refresh of revision 8 = %+v, want nothing", got)
	}
}

func TestAssertions(t *testing.T) {
	t.Parallel()
	s := newFakeStore(t)
	ref := "snap-declaration/16/" + fakeID
	var raw []byte
	for _, a := range s.assertions.All() {
		if a.Type() == "snap-declaration" {
			raw = a.Raw()
		}
	}
	got := snapddriver.Run(t, "assertion", "--store", s.url, "snap-declaration", "16", fakeID)
	if got.Code != snapddriver.ExitOK || strings.TrimSuffix(got.Assertions[0].Encoded, "\n") != strings.TrimSuffix(string(raw), "\n") {
		t.Errorf("assertion: exit code %d, %+v, want 0, %s", got.Code, got.Assertions, raw)
	}

	got = snapddriver.Run(t, "fetch-assertions", "--store", s.url, "--root", s.root, ref)
	if got.Code != snapddriver.ExitOK || len(got.Assertions) != 3 || got.Assertions[2].Ref != ref {
		t.Errorf("fetch-assertions: exit code %d, %+v, want 0 and 3 assertions\n%s", got.Code, got.Assertions, got.Stderr)
	}

	dir := t.TempDir()
	s.install(t, dir)
	have := filepath.Join(dir, "offline-snap_8.assert")
	s.mu.Lock()
	s.assertions = assertion.NewSet() // about its installed snaps, the device must ask only for updates
	s.mu.Unlock()
	got = snapddriver.Run(t, "fetch-assertions", "--store", s.url, "--root", s.root, "--have", have, ref)
	if got.Code != snapddriver.ExitOK {
		t.Errorf("fetch-assertions --have: exit code %d, want 0\n%s", got.Code, got.Stderr)
	}
	got = snapddriver.Run(t, "fetch-assertions", "--store", s.url, "--root", s.root, ref)
	if got.Code == snapddriver.ExitOK {
		t.Error("fetch-assertions from a store that has none: exit code 0")
	}
}

func (s *fakeStore) install(t *testing.T, dir string, args ...string) *snapddriver.Answer {
	t.Helper()
	all := append([]string{"install", "--store", s.url, "--dir", dir, "--root", s.root}, args...)
	return snapddriver.Run(t, append(all, "offline-snap")...)
}

// replace alters the assertions of a type.
func (s *fakeStore) replace(typ string, alter func(string) string) {
	set := assertion.NewSet()
	for _, a := range s.assertions.All() {
		if a.Type() == typ {
			altered, err := assertion.Decode([]byte(alter(string(a.Raw()))))
			if err != nil {
				panic(err)
			}
			a = altered
		}
		set.Add(a)
	}
	s.assertions = set
}

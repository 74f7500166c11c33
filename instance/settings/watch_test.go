package settings_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/instance/settings"
)

// patience is the time that a test waits for events in the background.
const patience = 20 * time.Second

func TestWatch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := open(t, path)
	set(t, s, map[string]string{settings.Domain: "first.example"})
	type reading struct {
		domain string
		err    bool
	}
	readings := make(chan reading, 100)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	seen := open(t, path)
	set(t, s, map[string]string{settings.Domain: "early.example"}) // before the watch begins
	also := filepath.Join(t.TempDir(), "store.assert")
	wg.Go(func() {
		settings.Watch(ctx, seen, 5*time.Millisecond, func(s *settings.Settings, err error) {
			r := reading{err: err != nil}
			if err == nil {
				r.domain, _ = s.Get(settings.Domain)
			}
			readings <- r
		}, also)
	})
	next := func() reading {
		t.Helper()
		select {
		case r := <-readings:
			return r
		case <-time.After(patience):
			t.Fatal("no change is seen")
			return reading{}
		}
	}
	if got, want := next(), (reading{domain: "early.example"}); got != want {
		t.Errorf("after a change since the reading: %v, want %v", got, want)
	}
	if err := os.WriteFile(also, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := next(), (reading{domain: "early.example"}); got != want {
		t.Errorf("after a change of another file: %v, want %v", got, want)
	}
	set(t, s, map[string]string{settings.Domain: "second.example"})
	if got, want := next(), (reading{domain: "second.example"}); got != want {
		t.Errorf("after a change: %v, want %v", got, want)
	}
	if err := os.WriteFile(path+".x", []byte("proxy.domian: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".x", path); err != nil {
		t.Fatal(err)
	}
	if got, want := next(), (reading{err: true}); got != want {
		t.Errorf("of a damaged file: %v, want %v", got, want)
	}
	// An editor changes the file in place.
	if err := os.WriteFile(path, []byte("proxy.domain: third.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := next()
	if got == (reading{}) {
		got = next() // a slow machine may see the file while it is empty
	}
	if want := (reading{domain: "third.example"}); got != want {
		t.Errorf("after an edit in place: %v, want %v", got, want)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got, want := next(), (reading{}); got != want {
		t.Errorf("without the file: %v, want %v", got, want)
	}
	set(t, seen, map[string]string{settings.Domain: "last.example"})
	if got, want := next(), (reading{domain: "last.example"}); got != want {
		t.Errorf("after the last change: %v, want %v", got, want)
	}
	time.Sleep(50 * time.Millisecond)
	if len(readings) != 0 {
		t.Errorf("told of %v although nothing changed", <-readings)
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	a, b := open(t, filepath.Join(t.TempDir(), "a")), open(t, filepath.Join(t.TempDir(), "b"))
	set(t, a, map[string]string{settings.HTTPPort: "80", settings.Domain: "a.example"})
	set(t, b, map[string]string{settings.AuthSecret: secret})
	var got []string
	for _, k := range settings.Changed(a, b) {
		got = append(got, k.Name)
	}
	if diff := cmp.Diff(got, []string{settings.AuthSecret, settings.Domain}); diff != "" {
		t.Errorf("Changed (-got +want):\n%s", diff)
	}
}

func TestSetMissing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := open(t, path)
	set(t, open(t, path), map[string]string{settings.AuthSecret: "theirs"})
	got, err := s.SetMissing(map[string]string{settings.AuthSecret: "ours", settings.DeviceAuthSecret: "ours"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, []string{settings.DeviceAuthSecret}); diff != "" {
		t.Errorf("SetMissing (-got +want):\n%s", diff)
	}
	for key, want := range map[string]string{settings.AuthSecret: "theirs", settings.DeviceAuthSecret: "ours"} {
		if got := get(t, s, key); got != want {
			t.Errorf("Get(%q) = %q, want %q", key, got, want)
		}
	}
	if set, err := s.SetMissing(map[string]string{settings.DBConnection: "x", "proxy.nothing": "x"}); err == nil {
		t.Errorf("SetMissing of what is wrong set %v", set)
	}
}

// TestUnfinished leaves the file of a killed process behind, and checks that the next change removes it.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(path+".new-123", []byte("proxy.auth.secret: old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set(t, open(t, path), map[string]string{settings.Domain: "a.example"})
	left, err := filepath.Glob(path + ".new-*")
	if err != nil || len(left) != 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/ui"
)

// stages is a site behind a wire, and the statements of a push of one of the updates.
func stages(t *testing.T) (s *site, w *wire, trace []string) {
	t.Helper()
	s = newSite(t)
	w = newWire(t, s.dsn)
	s.useDatabase(w.dsn(s.dsn))
	s.mustRun("push-snap", s.file("update.tar", updateNumber(t, 0, 500).Tar(bundle.None))) // so that all are alike
	w.reset(nil)
	s.mustRun("push-snap", s.file("update.tar", updateNumber(t, 1, 500).Tar(bundle.None)))
	trace = w.statements()
	if !slices.Contains(trace, "commit") {
		t.Fatalf("saw %q, want the statements of a push", trace)
	}
	t.Logf("%d statements: %q", len(trace), trace)
	return s, w, trace
}

// breakAt does one thing to statement n of a push, and lets all others pass.
func (w *wire) breakAt(n int, f fate) {
	w.reset(func(i int, _ string) fate {
		if i == n {
			return f
		}
		return pass
	})
}

// TestDatabaseGone loses PostgreSQL at each kind of statement of a push, and kills the push there.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	s, w, trace := stages(t)
	committed := len(trace) - 1 - slices.Index(reversed(trace), "commit")
	for n, statement := range trace {
		if n > 0 && n < len(trace)-1 && statement == trace[n-1] && statement == trace[n+1] {
			continue
		}
		number := n + 2
		before := s.served()
		path := s.file("update.tar", updateNumber(t, number, 500).Tar(bundle.None))
		serves := func(f fate) {
			t.Helper()
			if n < committed || n == committed && f != deliver {
				s.serves(before)
			} else {
				s.servesSoon(number)
			}
		}
		s.killAt(w, n, path)
		serves(hold)
		fates := []fate{drop}
		if n == committed {
			fates = append(fates, deliver)
		}
		for _, f := range fates {
			w.breakAt(n, f)
			r := s.run("push-snap", path)
			s.saysDatabaseGone(fmt.Sprintf("statement %d (%.60s)", n, statement), r, n > committed)
			serves(f)
		}
		w.reset(nil)
		s.mustRun("push-snap", path)
		s.servesUpdateNumber(number)
		s.isClean()
	}
}

// saysDatabaseGone looks at how a push ended; done says that it had nothing left to do.
func (s *site) saysDatabaseGone(name string, r result, done bool) {
	s.t.Helper()
	if done && r.code == ui.OK {
		return
	}
	if r.code != ui.Database {
		s.t.Errorf("%s: exit code %d, want %d: %s", name, r.code, ui.Database, r.stderr)
	}
	if !strings.Contains(r.stderr, "the database is not available") || !strings.Contains(r.stderr, "hint: ") {
		s.t.Errorf("%s: stderr %q does not say what happened, and what to do", name, r.stderr)
	}
}

// killAt kills a push that waits for PostgreSQL to answer statement n.
func (s *site) killAt(w *wire, n int, path string) {
	s.t.Helper()
	there := make(chan struct{})
	w.reset(func(i int, _ string) fate {
		if i != n {
			return pass
		}
		close(there)
		return hold
	})
	cmd := s.command(s.t.Context(), "push-snap", path)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	select {
	case <-there:
		if err := cmd.Process.Kill(); err != nil {
			s.t.Error(err)
		}
		<-exited
	case err := <-exited: // a push of what is there already says less
		if err != nil {
			s.t.Errorf("push: %v", err)
		}
	case <-time.After(time.Minute):
		s.t.Errorf("the push does not come to statement %d", n)
		cmd.Process.Kill()
		<-exited
	}
	w.cut()
}

func reversed(list []string) []string {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// servesSoon waits for a PostgreSQL that was told to commit, and has nobody left to tell.
func (s *site) servesSoon(number int) {
	s.t.Helper()
	for range 100 {
		if stable(s.served())["first"] == 2+number {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.servesUpdateNumber(number)
}

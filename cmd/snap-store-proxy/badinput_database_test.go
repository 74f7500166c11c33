//go:build linux

package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
)

// stages returns a site behind a wire, and the statements of a push of one of the updates.
func stages(t *testing.T) (s *site, w *wire, trace []string) {
	t.Helper()
	s = newSite(t)
	w = newWire(t, s.dsn)
	s.useDatabase(w.dsn(s.dsn))
	s.mustRun("push-snap", s.file("update.tar", mixedUpdate(t, 0, 500).Tar(bundle.None))) // the first push makes all later ones alike
	w.reset(nil)
	s.mustRun("push-snap", s.file("update.tar", mixedUpdate(t, 1, 500).Tar(bundle.None)))
	trace = w.statements()
	if !slices.Contains(trace, "commit") {
		t.Fatalf("saw %q, want the statements of a push", trace)
	}
	return s, w, trace
}

// breakAt gives statement n of a push a fate, and lets all other statements pass.
func (w *wire) breakAt(n int, f fate) {
	w.reset(func(i int, _ string) fate {
		if i == n {
			return f
		}
		return pass
	})
}

// eachStatement interrupts a push at each kind of statement, and checks the served content. It pushes the same bundle
// until the push has been interrupted a few times or PostgreSQL may have committed it. Then it lets a push of the bundle
// end. breakOff returns whether PostgreSQL received the statement. committed is the number of the statement that commits.
func eachStatement(t *testing.T, breakOff func(s *site, w *wire, n int, statement, path string, committed int) (heard bool)) {
	t.Helper()
	s, w, trace := stages(t)
	// After the commit of the import, the push looks for gaps in a read-only transaction.
	committed := lastOf(trace, "begin")
	committed += slices.Index(trace[committed:], "commit")
	const patience = 5
	number, tries, path := 1, patience, ""
	var before *catalog.Snapshot
	for i, n := range kinds(trace) {
		if testing.Short() && n != committed && i%20 > 0 {
			continue
		}
		if tries == patience || n >= committed {
			s.pushesAll(w, number, path)
			number, tries = number+1, 0
			before = s.served()
			path = s.file("update.tar", mixedUpdate(t, number, 500).Tar(bundle.None))
		}
		tries++
		if heard := breakOff(s, w, n, trace[n], path, committed); n < committed || n == committed && !heard {
			s.serves(before)
		} else {
			s.servesSoon(number)
		}
		if seen := len(w.statements()); seen != n+1 {
			t.Errorf("push %d was broken off at its statement %d, want %d", number, seen-1, n)
		}
	}
	s.pushesAll(w, number, path)
}

// pushesAll lets an interrupted push end. At first there is none.
func (s *site) pushesAll(w *wire, number int, path string) {
	s.t.Helper()
	if path == "" {
		return
	}
	w.reset(nil)
	s.mustRun("push-snap", path)
	s.servesMixedUpdate(number)
	s.isClean()
}

// kinds returns the numbers of the statements to interrupt. Of a row of equal statements these are the first and the last.
// A push performs the whole import twice and rolls the first one back, which shows it what to do. Of that first import,
// kinds takes both ends and a few statements between them.
func kinds(trace []string) []int {
	begin, rollback := lastOf(trace, "begin"), slices.Index(trace, "rollback")
	var list []int
	for n, statement := range trace {
		alike := n > 0 && n < len(trace)-1 && statement == trace[n-1] && statement == trace[n+1]
		rehearsed := n < rollback-1 && n%6 > 0 && slices.Contains(trace[begin+1:], statement)
		if !alike && !rehearsed {
			list = append(list, n)
		}
	}
	return list
}

// TestDatabaseGone cuts the connection to PostgreSQL at each kind of statement of a push.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	eachStatement(t, func(s *site, w *wire, n int, statement, path string, committed int) bool {
		name := fmt.Sprintf("statement %d (%.60s)", n, statement)
		w.breakAt(n, drop)
		if n != committed {
			s.saysDatabaseGone(name, s.run("push-snap", path), n > committed)
			return false
		}
		before := s.served()
		s.saysDatabaseGone(name, s.run("push-snap", path), false)
		s.serves(before)
		w.breakAt(n, deliver)
		s.saysDatabaseGone(name+", whose answer is lost", s.run("push-snap", path), false)
		return true
	})
}

// TestKillAtAnyStatement kills a push that waits for PostgreSQL, at each kind of statement.
func TestKillAtAnyStatement(t *testing.T) {
	t.Parallel()
	eachStatement(t, func(s *site, w *wire, n int, _, path string, _ int) bool {
		s.killAt(w, n, path)
		return false
	})
}

// saysDatabaseGone checks how a push ended. If done is true, the push had nothing left to do.
func (s *site) saysDatabaseGone(name string, r result, done bool) {
	s.t.Helper()
	if done && r.code == cli.OK {
		return
	}
	if r.code != cli.Database {
		s.t.Errorf("%s: exit code %d, want %d: %s", name, r.code, cli.Database, r.stderr)
	}
	if !strings.Contains(r.stderr, "the database is not available") || !strings.Contains(r.stderr, "hint: ") {
		s.t.Errorf("%s: stderr %q does not say what happened, and what to do", name, r.stderr)
	}
}

// killAt kills a push that waits for PostgreSQL's answer to statement n.
func (s *site) killAt(w *wire, n int, path string) {
	s.t.Helper()
	s.killCommandAt(w, n, "push-snap", path)
}

// killCommandAt kills a command that waits for PostgreSQL's answer to statement n.
func (s *site) killCommandAt(w *wire, n int, args ...string) {
	s.t.Helper()
	there := make(chan struct{})
	w.reset(func(i int, _ string) fate {
		if i != n {
			return pass
		}
		close(there)
		return hold
	})
	cmd := s.command(s.t.Context(), args...)
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
	case err := <-exited:
		s.t.Errorf("%v has ended before statement %d: %v", args, n, err)
	case <-time.After(time.Minute):
		s.t.Errorf("%v does not come to statement %d", args, n)
		cmd.Process.Kill()
		<-exited
	}
	w.cut()
}

func lastOf(list []string, s string) int {
	for i, x := range slices.Backward(list) {
		if x == s {
			return i
		}
	}
	return -1
}

// servesSoon waits until the store serves the update. PostgreSQL may still be committing although its client is dead.
func (s *site) servesSoon(number int) {
	s.t.Helper()
	for range 100 {
		if stable(s.served())["first"] == 2+number {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.servesMixedUpdate(number)
}

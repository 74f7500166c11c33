//go:build linux

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
)

// generation is the last statement of a transaction that changes the catalogue, but for the audit trail.
const generation = `with g as (update generation set number = number + 1 returning number) select pg_notify($1, number::text) from g`

// seen describes the channels, and the holds.
func (s *site) seen() string {
	s.t.Helper()
	c := s.served()
	var list []string
	for i := range c.Snaps {
		sn := &c.Snaps[i]
		list = append(list, fmt.Sprint(sn.Name, " held ", sn.Held, " ", len(sn.Revisions)))
		for _, r := range sn.Served() {
			list = append(list, fmt.Sprint(sn.Name, " ", r.Channel, " ", r.Revision))
		}
	}
	for _, ch := range c.Charms {
		list = append(list, fmt.Sprint(ch.Name, " held ", ch.Held, " ", len(ch.Revisions)))
		for _, r := range ch.ChannelMap {
			list = append(list, fmt.Sprint(ch.Name, " ", r.Channel, " ", r.Revision))
		}
	}
	return strings.Join(list, "\n")
}

// TestTakeBackCutOff kills the commands that take back, hold, promote and prune at their statements, and cuts their connections. Each of them
// has done all or nothing, and done again it does the rest.
func TestTakeBackCutOff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := newWire(t, s.dsn)
	s.useDatabase(w.dsn(s.dsn))
	first := s.file("first.tar", mixedUpdate(t, 0, 500).Tar(bundle.None))
	second := s.file("second.tar", mixedUpdate(t, 1, 500).Tar(bundle.None))
	s.mustRun("push-snap", first)
	s.mustRun("push-snap", second)
	nth := 0
	for _, act := range []struct{ do, undo []string }{
		{[]string{"rollback", "--yes"}, []string{"push-snap", "--push-channel-map", second}},
		{[]string{"hold", "--all"}, []string{"release", "--all"}},
		{[]string{"promote", "first", "2", "pilot/stable"}, []string{"close-channel", "first", "pilot/stable"}},
		{[]string{"prune", "--no-rollback", "--unreleased"}, []string{"push-snap", first}},
	} {
		s.cutOff(w, nth, act.do, act.undo)
		nth++
		if act.do[0] == "hold" || act.do[0] == "promote" {
			s.mustRun(act.do...)
			s.cutOff(w, nth, act.undo, act.do)
			nth++
			s.mustRun(act.undo...)
		}
	}
	s.mustRun("audit", "verify")
}

// cutOff interrupts the nth command at its statements in three ways, with -short in one of them. undo brings the state before it back.
func (s *site) cutOff(w *wire, nth int, do, undo []string) {
	s.t.Helper()
	w.reset(nil)
	s.mustRun(do...)
	s.mustRun(undo...)
	before := s.seen()
	w.reset(nil)
	s.mustRun(do...)
	trace, after := w.statements(), s.seen()
	if before == after {
		s.t.Errorf("%v changes nothing", do)
	}
	w.reset(nil)
	s.mustRun(undo...)
	committed := lastOf(trace, generation)
	committed += slices.Index(trace[committed:], "commit") // the audit trail is signed afterwards
	for n := range trace {
		if testing.Short() && n != committed || n < committed-2 && n%6 > 0 {
			continue
		}
		for i, f := range []fate{hold, drop, deliver} {
			if testing.Short() && i != nth%3 {
				continue
			}
			if f == hold {
				s.killCommandAt(w, n, do...)
			} else {
				w.breakAt(n, f)
				s.saysDatabaseGone(fmt.Sprintf("%v at statement %d (%.40s)", do, n, trace[n]), s.run(do...), n > committed)
			}
			s.wholeOrNot(w, do, undo, before, after, n > committed || n == committed && f == deliver)
		}
	}
}

// wholeOrNot checks that an interrupted command has done all or nothing. PostgreSQL may still be committing although its client is dead.
func (s *site) wholeOrNot(w *wire, do, undo []string, before, after string, done bool) {
	s.t.Helper()
	want := before
	if done {
		want = after
	}
	got := s.seen()
	for i := 0; i < 100 && got != want; i++ {
		time.Sleep(20 * time.Millisecond)
		got = s.seen()
	}
	if got != want {
		s.t.Errorf("%v that was interrupted leaves\n%s\nwant (done: %v)\n%s", do, got, done, want)
	}
	w.reset(nil)
	if got == after {
		s.mustRun(undo...)
	}
	if now := s.seen(); now != before && !slices.Contains(undo, "push-snap") {
		s.t.Errorf("%v leaves\n%s\nwant\n%s", undo, now, before)
	}
}

// TestTakeBackDiskFull takes back, holds and promotes while the disk of the private PostgreSQL is full. Each command is done, or nothing of it.
func TestTakeBackDiskFull(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("makes a cluster of PostgreSQL on a disk of its own; CI runs it")
	}
	newSite(t) // skips the test without PostgreSQL
	disk := smallDisk(t, "160")
	s := &site{t: t, dir: filepath.Join(disk, "data"), tmp: tempDir(t)}
	s.trust()
	s.mustRun("push-snap", s.file("base.tar", base(t).Tar(bundle.None)))
	s.mustRun("push-snap", s.file("update.tar", update(t).Tar(bundle.None)))
	seen := func() string {
		return s.mustRun("list-pushed-snaps", "--long").stdout + s.mustRun("list-holds").stdout + s.mustRun("list-overrides", "first").stdout
	}
	for i, args := range [][]string{{"hold", "--all"}, {"promote", "first", "1", "pilot/stable"}, {"rollback", "--yes"}, {"release", "--all"}} {
		before := seen()
		junk := fill(t, disk, int64(i)*16<<10)
		r := s.run(args...)
		if err := os.Remove(junk); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains([]int{cli.OK, cli.NoSpace, cli.Database}, r.code) {
			t.Errorf("%v: exit code %d: %s", args, r.code, r.stderr)
		}
		now := seen()
		if r.code == cli.OK && now == before {
			t.Errorf("%v is done, and has changed nothing", args)
		}
		if r.code != cli.OK {
			if now != before {
				t.Errorf("%v has failed, and has changed\n%s\nto\n%s", args, before, now)
			}
			s.mustRun(args...)
		}
		t.Logf("%v: exit code %d", args, r.code)
	}
	s.mustRun("audit", "verify")
}

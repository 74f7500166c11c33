//go:build linux

package main_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"offlinestore/bundle"
	"offlinestore/internal/bundletest"
)

// boundaries returns offsets in a tar: the beginning, the middle and the end of each content, and both ends of the tar.
func boundaries(t *testing.T, packed []byte) []int {
	t.Helper()
	places := []int{0, 100}
	at := 0
	for _, f := range bundletest.Unpack(t, packed) {
		size := len(f.Data)
		places = append(places, at+512, at+512+size/2, at+512+size)
		at += 512 + size + (-size & 511)
	}
	return append(places, at, at+512, len(packed))
}

// TestKillWhileReading feeds a push through a pipe up to each stage of the bundle, kills it there, and pushes again.
func TestKillWhileReading(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	packed := mixedUpdate(t, 0, 40_000).Tar(bundle.None)
	for i, at := range boundaries(t, packed) {
		if i%2 == 1 && at < 30_000 || testing.Short() && i%10 > 0 { // the head contains many small files
			continue
		}
		s.killAfter(packed[:at])
		s.serves(before)
	}
	s.mustRun("push-snap", s.file("good.tar", packed))
	s.servesMixedUpdate(0)
	s.isClean()
}

// killAfter kills a push that has read part from its standard input, which stays open.
func (s *site) killAfter(part []byte) {
	s.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Close()
	cmd := s.command(s.t.Context(), "push-snap", "-")
	cmd.Stdin = r
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	if _, err := w.Write(part); err != nil {
		s.t.Errorf("feed %d bytes: %v: %s", len(part), err, errs.String())
	}
	for range 1000 { // wait until the pipe is empty
		if n, err := unix.IoctlGetInt(int(w.Fd()), unix.TIOCINQ); err != nil || n == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	r.Close()
	time.Sleep(5 * time.Millisecond)
	if err := cmd.Process.Kill(); err != nil {
		s.t.Errorf("after %d bytes the push has ended by itself: %s", len(part), errs.String())
	}
	if err := cmd.Wait(); err == nil && len(part) < 1000 {
		s.t.Errorf("push of %d bytes succeeded", len(part))
	}
}

// TestKillAtAnyTime kills pushes of a larger bundle at random moments. At every moment, the store serves either its old
// content or the whole update. A push that is not killed completes the update.
func TestKillAtAnyTime(t *testing.T) {
	t.Parallel()
	kills, patience := 100, 40*time.Second
	if testing.Short() {
		kills, patience = 6, 5*time.Second
	}
	s := newSite(t)
	path := filepath.Join(s.tmp, "update.tar.gz")
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	took, killed, number := 300*time.Millisecond, 0, 0
	for began := time.Now(); killed < kills && time.Since(began) < patience; number++ {
		mixedUpdate(t, number, 2<<20).WriteFile(path, bundle.Gzip)
		for before := s.served(); killed < kills; {
			if s.killIn(time.Duration(r.Int64N(int64(took))), path) {
				killed++
			}
			now := s.served()
			if stable(now)["first"] == 2+number {
				break // the push ended before the kill
			}
			if diff := cmp.Diff(before, now); diff != "" {
				t.Errorf("what is served has changed (-before +after):\n%s", diff)
			}
		}
		began := time.Now()
		s.mustRun("push-snap", path)
		took = max(time.Since(began)*5/4, 50*time.Millisecond)
		s.servesMixedUpdate(number)
		s.isClean()
	}
	t.Logf("%d pushes of %d bundles were killed", killed, number)
	if killed < kills/4 {
		t.Errorf("%d pushes were killed, want %d", killed, kills)
	}
}

// killIn kills a push after a time, and reports whether it was still running.
func (s *site) killIn(d time.Duration, path string) bool {
	s.t.Helper()
	return s.runAndKill(d, "push-snap", path)
}

func (s *site) runAndKill(d time.Duration, args ...string) bool {
	s.t.Helper()
	cmd := s.command(s.t.Context(), args...)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(d)
	cmd.Process.Kill() // it may have ended
	return cmd.Wait() != nil
}

// TestKillWithThePrivateCluster kills pushes that leave a PostgreSQL behind, or an unfinished one.
func TestKillWithThePrivateCluster(t *testing.T) {
	t.Parallel()
	s := &site{t: t, dir: filepath.Join(tempDir(t), "data"), tmp: tempDir(t)}
	newSite(t) // skips the test without PostgreSQL
	s.trust()
	path := s.file("update.tar", update(t).Tar(bundle.None))
	moments := []time.Duration{time.Second, 300 * time.Millisecond, 2 * time.Second, 4 * time.Second}
	if testing.Short() {
		moments = moments[:1]
	}
	for _, d := range moments {
		s.killIn(d, path)
	}
	s.mustRun("push-snap", path)
	if r := s.mustRun("list-pushed-snaps"); !bytes.Contains([]byte(r.stdout), []byte("third")) {
		t.Errorf("list-pushed-snaps printed %q", r.stdout)
	}
	s.mustRun("check", "--blobs")
	s.isClean()
	if _, err := os.Stat(filepath.Join(s.dir, "postgresql", "data", "postmaster.pid")); err == nil {
		t.Error("PostgreSQL still runs after the last command")
	}
}

// TestClusterKilledMidPush kills the private PostgreSQL itself under a push that waits for the rest of its bundle.
func TestClusterKilledMidPush(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("makes a cluster of PostgreSQL and kills it; CI runs it")
	}
	newSite(t) // skips the test without PostgreSQL
	s := &site{t: t, dir: filepath.Join(tempDir(t), "data"), tmp: tempDir(t)}
	s.trust()
	s.mustRun("push-snap", s.file("base.tar", base(t).Tar(bundle.None)))
	before := s.mustRun("list-pushed-snaps").stdout
	packed := updateNumber(t, 0, 100_000).Tar(bundle.None)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	done := make(chan result, 1)
	go func() {
		w.Write(packed[:250_000]) // more than the pipe holds, so the push has read the head by then
		s.killCluster()
		w.Write(packed[250_000:])
		w.Close()
	}()
	go func() { done <- s.runWith(r, "push-snap", "-") }()
	got := <-done
	s.saysDatabaseGone("push whose PostgreSQL was killed", got, false)
	if now := s.mustRun("list-pushed-snaps").stdout; now != before {
		t.Errorf("list-pushed-snaps printed %q, want %q as before", now, before)
	}
	s.mustRun("push-snap", s.file("good.tar", packed))
	s.mustRun("check", "--blobs")
	if now := s.mustRun("list-pushed-snaps").stdout; now == before {
		t.Errorf("list-pushed-snaps printed %q after the good push", now)
	}
}

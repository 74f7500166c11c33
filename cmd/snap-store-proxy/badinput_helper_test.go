//go:build linux

package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/pgtest"
)

// site is a store on a host of its own. The tests use it only through the program, as an operator does.
type site struct {
	t   *testing.T
	dir string // the data folder
	dsn string
	tmp string // the folder for bundles and other input
}

// newSite returns a store that trusts the test's exporter and root, and serves base.
func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteIn(t, filepath.Join(tempDir(t), "data"))
}

func newSiteIn(t *testing.T, dir string) *site {
	t.Helper()
	s := &site{t: t, dir: dir, dsn: pgtest.NewFrom(t, bundletest.Migrate), tmp: tempDir(t)}
	s.useDatabase(s.dsn)
	s.trust()
	s.mustRun("push-snap", s.file("base.tar", base(t).Tar(bundle.None)))
	return s
}

func (s *site) useDatabase(dsn string) {
	s.t.Helper()
	s.mustRun("config", "proxy.airgap=true", "proxy.db.connection="+dsn)
}

func (s *site) trust() {
	s.t.Helper()
	s.mustRun("trust", "add", s.file("exporter.pem", bundletest.Public(s.t, bundletest.Key("exporter")).PEM()))
	s.mustRun("trust", "root", "add", s.file("root.assert", assertiontest.NewStack(s.t).RootStream()))
}

// base returns the bundle that a store serves before the bad input arrives.
func base(t *testing.T) *bundletest.Bundle {
	return bundletest.New(t, 10).Add("first", 1, 3000).Add("second", 1, 2000)
}

// update returns a good bundle, whose payload is four blobs.
func update(t *testing.T) *bundletest.Bundle { return updateNumber(t, 0, 3000) }

// updateNumber returns the nth update of the same snaps. A store accepts each of them in order.
func updateNumber(t *testing.T, n int, size int64) *bundletest.Bundle {
	return bundletest.New(t, 20+n).Add("first", 2+n, size).Add("third", 1+n, size+1000).Add("fourth", 1+n, size+2000).Add("fifth", 1+n, size+3000)
}

// mixedUpdate returns updateNumber together with the nth update of a charm with a file and an image, so that a test also
// interrupts the work of a push on charms.
func mixedUpdate(t *testing.T, n int, size int64) *bundletest.Bundle {
	return updateNumber(t, n, size).AddWholeCharm("app", 1+n, size)
}

// tempDir returns a folder that all users can enter. Root starts the program, which gives up its rights, and other users
// can't enter t.TempDir.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "badinput-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// file writes a file for the program and returns its path.
func (s *site) file(name string, data []byte) string {
	s.t.Helper()
	path := filepath.Join(s.tmp, name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// result is the result of a run of the program.
type result struct {
	code           int // -1 if a signal ended it
	stdout, stderr string
}

// command prepares a run of the program.
func (s *site) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "snap-store-proxy", append([]string{"--data-dir", s.dir}, args...)...)
	cmd.Dir = "/"
	return cmd
}

func (s *site) run(args ...string) result { return s.runWith(nil, args...) }

func (s *site) runWith(stdin io.Reader, args ...string) result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := s.command(ctx, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("%v: %v", args, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

func (s *site) mustRun(args ...string) result {
	s.t.Helper()
	r := s.run(args...)
	if r.code != cli.OK {
		s.t.Fatalf("%v: exit code %d: %s", args, r.code, r.stderr)
	}
	return r
}

func (s *site) served() *catalog.Snapshot {
	s.t.Helper()
	return bundletest.Served(s.t, s.dsn, filepath.Join(s.dir, "blobs"))
}

// serves fails the test unless the store serves exactly want.
func (s *site) serves(want *catalog.Snapshot) {
	s.t.Helper()
	if got := s.served(); !reflect.DeepEqual(got, want) { // far faster than cmp
		s.t.Errorf("what is served has changed (-before +after):\n%s", cmp.Diff(want, got))
	}
}

// servesUpdate fails the test unless the store serves the whole update.
func (s *site) servesUpdate() { s.servesUpdateNumber(0) }

func (s *site) servesUpdateNumber(n int) {
	s.t.Helper()
	want := map[string]int{"first": 2 + n, "second": 1, "third": 1 + n, "fourth": 1 + n, "fifth": 1 + n}
	if diff := cmp.Diff(want, stable(s.served())); diff != "" {
		s.t.Errorf("latest/stable after update %d (-want +got):\n%s", n, diff)
	}
}

// servesMixedUpdate fails the test unless the store serves the whole of a mixedUpdate.
func (s *site) servesMixedUpdate(n int) {
	s.t.Helper()
	s.servesUpdateNumber(n)
	c := s.served()
	if len(c.Charms) != 1 || len(c.Charms[0].ChannelMap) != 1 || c.Charms[0].ChannelMap[0].Revision != 1+n || len(c.Images)%3 != 0 {
		s.t.Errorf("charms after update %d are %+v, with %d manifests; want app at revision %d, and its images", n, c.Charms, len(c.Images), 1+n)
	}
}

// stable returns the revision of each snap in the stable channel.
func stable(c *catalog.Snapshot) map[string]int {
	got := map[string]int{}
	for _, sn := range c.Snaps {
		for _, row := range sn.ChannelMap {
			got[sn.Name] = row.Revision
		}
	}
	return got
}

// isClean fails the test if the blob folder contains anything but whole blobs.
func (s *site) isClean() {
	s.t.Helper()
	if entries, err := os.ReadDir(filepath.Join(s.dir, "blobs", ".staging")); err == nil {
		s.t.Errorf("%d entries are left in the staging folder", len(entries))
	}
}

// toCopy returns the number of bytes that, according to --plan, a push would copy.
func (s *site) toCopy(path string) int64 {
	s.t.Helper()
	r := s.mustRun("push-snap", "--plan", "--json", path)
	var plan []struct {
		Copy int64 `json:"bytes-to-copy"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &plan); err != nil || len(plan) != 1 {
		s.t.Fatalf("--plan --json printed %q: %v", r.stdout, err)
	}
	return plan[0].Copy
}

// steersTerminal reports whether text contains characters that control a terminal.
func steersTerminal(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	})
}

// killCluster kills all processes of the private PostgreSQL. The processes that serve connections would outlive the first
// one.
func (s *site) killCluster() {
	s.t.Helper()
	if s.signalCluster(syscall.SIGKILL) == 0 {
		s.t.Errorf("there is no PostgreSQL to be killed")
	}
}

func indexOf(t *testing.T, snaps []catalog.Snap, name string) int {
	t.Helper()
	i := slices.IndexFunc(snaps, func(s catalog.Snap) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no snap %s is served", name)
	}
	return i
}

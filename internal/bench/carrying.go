//go:build unix

package main

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/audit"
	"offlinestore/internal/upstreamtest"
	"offlinestore/receipt"
)

const (
	// weeklySnaps is the number of snaps of a site, of which changedSnaps change in a week.
	weeklySnaps, changedSnaps = 200, 20
	// siteBlobs is the number of blobs in the receipt of a large site.
	siteBlobs = 200_000
	// maxPlan is the goal for reading such a receipt and planning with it, and maxMemory for the memory of each command, in bytes.
	maxPlan   = time.Second
	maxMemory = 96 << 20
)

// site is a store inside, and the same one without receipts as the yardstick.
type site struct {
	*outside
	carried, changed int64 // bytes of the last week
	memory           int64 // the largest of all
}

// carrying compares the weeks of a site that sends receipts with carrying only the snaps that have changed, which no operator knows by
// heart.
func (b *bench) carrying() error {
	o, err := b.newOutside("carrying", weeklySnaps<<20, weeklySnaps)
	if err != nil {
		return err
	}
	defer o.close()
	s := &site{outside: o}
	if err := s.firstWeek(); err != nil {
		return err
	}
	week := func(round int) error { return s.changeSnaps(round + 2) }
	err = b.compare(comparison{
		name: fmt.Sprintf("export of %d snaps, %d changed, against these", weeklySnaps, changedSnaps), goal: "<= 1.1",
		prepare: week,
		ours:    func(round int) error { return s.measure(s.exportTo("ship.tar", s.names, "--for", "ship")) },
		theirs:  func(round int) error { return s.measure(s.exportTo("alone.tar", s.names[:changedSnaps])) },
	})
	if err != nil {
		return err
	}
	err = b.compare(comparison{
		name: "push of it, against these", goal: "<= 1.1",
		prepare: func(round int) error {
			return errors.Join(week(round+b.rounds+1), s.measure(s.exportTo("alone.tar", s.names[:changedSnaps])), s.measure(s.exportTo("ship.tar", s.names, "--for", "ship")))
		},
		ours:   func(int) error { return s.measure(b.proxy(s.data("ship"), "push-snap", s.file("ship.tar"))) },
		theirs: func(int) error { return s.measure(b.proxy(s.data("alone"), "push-snap", s.file("alone.tar"))) },
	})
	if err != nil {
		return err
	}
	fmt.Printf("%-42s %9.1fM %9.1fM %7.3f %7s\n", "bytes carried, against the changed blobs", float64(s.carried)/1e6, float64(s.changed)/1e6,
		float64(s.carried)/float64(s.changed), "<= 1.01")
	fmt.Printf("%-42s %9.1fM %9.1fM %7.3f %7s\n", "peak memory of all these commands", float64(s.memory)/(1<<20), float64(maxMemory)/(1<<20),
		float64(s.memory)/maxMemory, "<= 1")
	b.stopServers()
	return s.largeReceipt()
}

func (s *site) data(name string) string { return s.b.path("carrying", name) }
func (s *site) file(name string) string { return s.b.path("carrying", name) }

// measure keeps the largest memory of a command.
func (s *site) measure(peak int64, err error) error {
	s.memory = max(s.memory, peak)
	return err
}

// admin runs a command of store-admin and returns its output.
func (s *site) admin(args ...string) error {
	c := exec.CommandContext(s.b.ctx, filepath.Join(s.b.bin, "store-admin"), args...)
	c.Env = s.env
	return s.measure(s.b.execute(c))
}

// exportTo exports snaps into one file, which takes the place of an older one.
func (s *site) exportTo(file string, names []string, flags ...string) (int64, error) {
	if err := os.RemoveAll(s.file(file)); err != nil {
		return 0, err
	}
	args := append([]string{"export", "snaps", "--no-deps", "--no-icons", "--trusted-root", s.root, "--cache-dir", s.cache, "--single", s.file(file)}, flags...)
	c := exec.CommandContext(s.b.ctx, filepath.Join(s.b.bin, "store-admin"), append(args, names...)...)
	c.Env = s.env
	return s.b.execute(c)
}

// firstWeek carries everything to both stores, whose clusters run from then on.
func (s *site) firstWeek() error {
	if err := s.measure(s.exportTo("alone.tar", s.names)); err != nil {
		return err
	}
	for _, name := range []string{"ship", "alone"} {
		if err := s.trust(s.data(name)); err != nil {
			return err
		}
		stop, _, err := s.b.serve(s.data(name))
		s.b.later(stop)
		if err == nil {
			_, err = s.b.proxy(s.data(name), "push-snap", s.file("alone.tar"))
		}
		if err != nil {
			return err
		}
	}
	c := exec.CommandContext(s.b.ctx, filepath.Join(s.b.bin, "snap-store-proxy"), "--data-dir", s.data("ship"), "audit", "key")
	key, err := c.Output()
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.file("ship.pem"), key, 0o644); err != nil {
		return err
	}
	return s.admin("receiver", "add", "ship", "--key", s.file("ship.pem"))
}

// changeSnaps publishes new revisions of some snaps, and brings a new receipt out. The cache has the new revisions already.
func (s *site) changeSnaps(revision int) error {
	s.changed = 0
	size := s.b.size / changedSnaps
	for _, name := range s.names[:changedSnaps] {
		blob := upstreamtest.Random(fmt.Sprint(name, revision), size)
		if err := s.store.AddRevision(name, upstreamtest.Rev{Revision: revision, Version: fmt.Sprint(revision), Blob: blob}); err != nil {
			return err
		}
		if err := s.store.Release(name, "amd64", "latest/stable", revision); err != nil {
			return err
		}
		s.changed += size
	}
	if _, err := s.exportTo("ship.tar", s.names); err != nil {
		return err
	}
	time.Sleep(time.Second) // receipts have seconds, and must be newer
	if err := os.RemoveAll(s.file("receipt")); err != nil {
		return err
	}
	if err := s.measure(s.b.proxy(s.data("ship"), "receipt", "--output", s.file("receipt"))); err != nil {
		return err
	}
	if err := s.admin("receiver", "update", "ship", s.file("receipt")); err != nil {
		return err
	}
	if err := s.measure(s.exportTo("ship.tar", s.names, "--for", "ship")); err != nil {
		return err
	}
	info, err := os.Stat(s.file("ship.tar"))
	if err == nil {
		s.carried = info.Size()
	}
	return err
}

// largeReceipt measures an export for a site with very many blobs, against the same export for nobody.
func (s *site) largeReceipt() error {
	key, err := audit.GenerateKey()
	if err != nil {
		return err
	}
	var list []digest.Digest
	for i := range uint64(siteBlobs) {
		list = append(list, digest.NewDigestFromBytes(digest.SHA256, digestOf(i)))
	}
	blobs, err := receipt.NewBlobs(list)
	if err != nil {
		return err
	}
	text, err := (&receipt.Receipt{Store: "large", Created: time.Now().UTC().Truncate(time.Second), Generation: 1, Blobs: blobs}).Sign(key)
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(s.file("large.pem"), key.Public().PEM(), 0o644), os.WriteFile(s.file("large.receipt"), text, 0o644)); err != nil {
		return err
	}
	if err := s.admin("receiver", "add", "large", "--key", s.file("large.pem")); err != nil {
		return err
	}
	update, err := timed(func() error { return s.admin("receiver", "update", "large", s.file("large.receipt")) })
	if err != nil {
		return err
	}
	with, err := timed(func() error { return s.measure(s.exportTo("large.tar", s.names[:1], "--for", "large")) })
	if err != nil {
		return err
	}
	without, err := timed(func() error { return s.measure(s.exportTo("large.tar", s.names[:1])) })
	if err != nil {
		return err
	}
	took := update + with - without
	fmt.Printf("%-42s %9.2fs %9.2fs %7.3f %7s\n", fmt.Sprintf("receipt of %d blobs, read and planned", siteBlobs), took.Seconds(), maxPlan.Seconds(),
		took.Seconds()/maxPlan.Seconds(), "<= 1")
	return nil
}

func digestOf(i uint64) []byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, i))
	return sum[:]
}

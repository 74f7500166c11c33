//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// single compares a push of one snap with hashing it once on one core.
func (b *bench) single() error {
	o, err := b.newOutside("single", b.size, 1)
	if err != nil {
		return err
	}
	defer o.close()
	disk := b.path("single", "disk")
	if _, err := o.export(disk); err != nil {
		return err
	}
	bundles, blobs := glob(disk, "*.tar.gz"), []string{glob(filepath.Join(o.cache, "sha256"), "*")}
	data := func(round int) string { return b.path("single", fmt.Sprint("data", round)) }
	compare := func(name string, prepare func(round int) error) error {
		return b.compare(comparison{
			name: fmt.Sprintf("push a snap of %d MiB%s, SHA3-384 on one core", b.size>>20, name), goal: "<= 1.05",
			prepare: prepare,
			ours: func(round int) error {
				_, err := b.proxy(data(round), "push-snap", bundles)
				return err
			},
			theirs: func(int) error { return hashAll(blobs) },
		})
	}
	if err := compare("", func(round int) error { return b.freshStore(o, data, round) }); err != nil {
		return err
	}
	// A store that serves has its database running. Otherwise the push starts it and stops it.
	return compare(" beside serve", func(round int) error {
		b.stopServers()
		if err := b.freshStore(o, data, round); err != nil {
			return err
		}
		stop, _, err := b.serve(data(round))
		b.later(stop)
		return err
	})
}

// manyFiles is the number of bundles, each with one small snap.
const manyFiles = 300

// files compares a push of many bundles of one small snap each with a push of one bundle with all of them.
func (b *bench) files() error {
	o, err := b.newOutside("files", manyFiles<<12, manyFiles)
	if err != nil {
		return err
	}
	defer o.close()
	disk, single := b.path("files", "disk"), b.path("files", "all.tar")
	if _, err := o.export(disk); err != nil {
		return err
	}
	bundles, err := filepath.Glob(filepath.Join(disk, "*.tar.gz"))
	if err != nil || len(bundles) != manyFiles {
		return fmt.Errorf("%d files, want %d: %w", len(bundles), manyFiles, errors.Join(err))
	}
	if err := o.exportSingle(single); err != nil {
		return err
	}
	data := func(kind string) func(int) string {
		return func(round int) string { return b.path("files", fmt.Sprint(kind, round)) }
	}
	push := func(kind string, files ...string) func(int) error {
		return func(round int) error {
			_, err := b.proxy(data(kind)(round), append([]string{"push-snap"}, files...)...)
			return err
		}
	}
	return b.compare(comparison{
		name: fmt.Sprintf("push %d files, against one with the same", manyFiles), goal: "<= 2.1",
		prepare: func(round int) error {
			return errors.Join(b.freshStore(o, data("many"), round), b.freshStore(o, data("one"), round))
		},
		ours: push("many", bundles...), theirs: push("one", single),
	})
}

// scrub compares check --blobs with hashing the same blobs in this process, as fast as the machine can.
func (b *bench) scrub() error {
	o, err := b.newOutside("scrub", b.size, b.snaps)
	if err != nil {
		return err
	}
	defer o.close()
	disk, data := b.path("scrub", "disk"), b.path("scrub", "data")
	if _, err := o.export(disk); err != nil {
		return err
	}
	if err := o.trust(data); err != nil {
		return err
	}
	bundles, err := filepath.Glob(filepath.Join(disk, "*.tar.gz"))
	if err != nil {
		return err
	}
	if _, err := b.proxy(data, append([]string{"push-snap"}, bundles...)...); err != nil {
		return err
	}
	if err := os.RemoveAll(disk); err != nil {
		return err
	}
	stop, _, err := b.serve(data) // keeps the cluster running
	if err != nil {
		return err
	}
	defer stop()
	blobs, err := filepath.Glob(filepath.Join(o.cache, "sha256", "*"))
	if err != nil {
		return err
	}
	return b.compare(comparison{
		name: fmt.Sprintf("check --blobs, %d MiB, against the hashes", b.size>>20), goal: "<= 1.25",
		ours: func(int) error {
			_, err := b.proxy(data, "check", "--blobs")
			return err
		},
		theirs: func(int) error { return b.hashBoth(blobs) },
	})
}

//go:build unix

package main

import (
	"crypto/sha3"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// pack compares an export from a warm cache with cp of the same blobs. Both sync the disk.
func (b *bench) pack() error {
	o, err := b.newOutside("pack", b.size, b.snaps)
	if err != nil {
		return err
	}
	defer o.close()
	if _, err := o.export(b.path("pack", "warm")); err != nil {
		return err
	}
	if err := os.RemoveAll(b.path("pack", "warm")); err != nil {
		return err
	}
	blobs, err := filepath.Glob(filepath.Join(o.cache, "sha256", "*"))
	if err != nil {
		return err
	}
	out := func(kind string, round int) string { return b.path("pack", fmt.Sprint(kind, round)) }
	return b.compare(comparison{
		name: fmt.Sprintf("pack %d MiB, against cp", b.size>>20), goal: "<= 1.5",
		prepare: func(round int) error {
			return errors.Join(os.RemoveAll(out("ours", round-1)), os.RemoveAll(out("cp", round-1)))
		},
		ours: func(round int) error {
			_, err := o.export(out("ours", round))
			return err
		},
		theirs: func(round int) error { return copyAll(blobs, out("cp", round)) },
	})
}

// copyAll copies files as cp does, and syncs the disk.
func copyAll(files []string, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	args := append(append([]string{}, files...), dir)
	if out, err := exec.Command("cp", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("cp: %w: %s", err, out)
	}
	copies, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	if out, err := exec.Command("sync", append([]string{"-d"}, copies...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("sync: %w: %s", err, out)
	}
	return nil
}

// push compares a push into a private PostgreSQL with hashing the same bytes once with SHA3-384 on one core.
func (b *bench) push() error {
	o, err := b.newOutside("push", b.size, b.snaps)
	if err != nil {
		return err
	}
	defer o.close()
	disk := b.path("push", "disk")
	if _, err := o.export(disk); err != nil {
		return err
	}
	bundles, err := filepath.Glob(filepath.Join(disk, "*.tar.gz"))
	if err != nil {
		return err
	}
	blobs, err := filepath.Glob(filepath.Join(o.cache, "sha256", "*"))
	if err != nil {
		return err
	}
	data := func(round int) string { return b.path("push", fmt.Sprint("data", round)) }
	first := func(round int) error {
		_, err := b.proxy(data(round), append([]string{"push-snap"}, bundles...)...)
		return err
	}
	err = b.compare(comparison{
		name: fmt.Sprintf("push %d MiB, against SHA3-384 on one core", b.size>>20), goal: "<= 0.75",
		prepare: func(round int) error { return b.freshStore(o, data, round) },
		ours:    first,
		theirs:  func(int) error { return hashAll(blobs) },
	})
	if err != nil {
		return err
	}
	// A server keeps the cluster running for both pushes, because the start of the cluster is not measured here.
	const extra = 100
	return b.compare(comparison{
		name: "push again, against the first push", goal: "<= 0.05",
		prepare: func(round int) error {
			b.stopServers()
			if err := b.freshStore(o, data, extra+round); err != nil {
				return err
			}
			stop, _, err := b.serve(data(extra + round))
			b.later(stop)
			return err
		},
		ours:   func(round int) error { return first(extra + round) },
		theirs: func(round int) error { return first(extra + round) },
	})
}

// freshStore makes a store that trusts the exporter, with its cluster. An operator does this once for each store.
func (b *bench) freshStore(o *outside, data func(int) string, round int) error {
	if err := os.RemoveAll(data(round - 1)); err != nil {
		return err
	}
	if err := o.trust(data(round)); err != nil {
		return err
	}
	_, err := b.proxy(data(round), "enable-airgap-mode")
	return err
}

// hashAll computes the hash that the format demands, on one core, from files in memory. This is the yardstick of a push.
func hashAll(files []string) error {
	buf := make([]byte, 256<<10)
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		_, err = io.CopyBuffer(struct{ io.Writer }{sha3.New384()}, struct{ io.Reader }{f}, buf)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// memory prints the peak memory of an export and a push at the size and at four times the size. It runs before this
// program itself grows, because Linux counts the memory of the parent towards the peak of the process that it starts.
func (b *bench) memory() error {
	for _, size := range []int64{b.size, 4 * b.size} {
		name := fmt.Sprint("memory", size>>20)
		o, err := b.newOutside(name, size, b.snaps)
		if err != nil {
			return err
		}
		export, err := o.export(b.path(name, "disk"))
		o.close()
		if err != nil {
			return err
		}
		if err := os.RemoveAll(o.cache); err != nil {
			return err
		}
		data := b.path(name, "data")
		if err := o.trust(data); err != nil {
			return err
		}
		bundles, err := filepath.Glob(b.path(name, "disk", "*.tar.gz"))
		if err != nil {
			return err
		}
		push, err := b.proxy(data, append([]string{"push-snap"}, bundles...)...)
		if err != nil {
			return err
		}
		b.printMemory("export", size, export)
		b.printMemory("push", size, push)
		if err := os.RemoveAll(b.path(name)); err != nil {
			return err
		}
	}
	return b.charmMemory()
}

func (b *bench) printMemory(what string, size, peak int64) {
	fmt.Printf("%-42s %7.1fMiB %10s %7s %7s\n", fmt.Sprintf("peak memory of %s, %d MiB", what, size>>20), float64(peak)/(1<<20), "", "", "<= 96")
}

//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// bundleParts is the number of files into which the parts benchmark divides a bundle.
const bundleParts = 16

// divided compares the push of a bundle in several files with the push of the same snaps in one file, each into a store of its own.
func (b *bench) divided() error {
	o, err := b.newOutside("parts", b.size, b.snaps)
	if err != nil {
		return err
	}
	defer o.close()
	whole, part := b.path("parts", "whole.tar"), b.path("parts", "part.tar")
	if err := o.exportSingle(whole); err != nil {
		return err
	}
	const head = 1 << 20 // room for the head, which each part has
	args := append([]string{"export", "snaps", "--no-deps", "--no-icons", "--trusted-root", o.root, "--cache-dir", o.cache, "--single", part,
		"--part-size", fmt.Sprint(b.size/bundleParts + head)}, o.names...)
	c := exec.CommandContext(b.ctx, filepath.Join(b.bin, "store-admin"), args...)
	c.Env = o.env
	if _, err := b.execute(c); err != nil {
		return err
	}
	files, err := filepath.Glob(b.path("parts", "part.part*"))
	if err != nil {
		return err
	}
	if err := os.RemoveAll(o.cache); err != nil {
		return err
	}
	data := func(kind string) func(round int) string {
		return func(round int) string { return b.path("parts", fmt.Sprint(kind, round)) }
	}
	ours, theirs := data("ours"), data("theirs")
	push := func(data string, files ...string) error {
		_, err := b.proxy(data, append([]string{"push-snap"}, files...)...)
		return err
	}
	return b.compare(comparison{
		name: fmt.Sprintf("push %d MiB in %d parts, against one file", b.size>>20, len(files)), goal: "<= 1.1",
		prepare: func(round int) error {
			return errors.Join(b.freshStore(o, ours, round), b.freshStore(o, theirs, round))
		},
		ours:   func(round int) error { return push(ours(round), files...) },
		theirs: func(round int) error { return push(theirs(round), whole) },
	})
}

//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// inspection compares an export into a folder for inspection with an export of the same snaps into one archive. Both come from a warm cache.
func (b *bench) inspection() error {
	o, err := b.newOutside("inspection", b.size, b.snaps)
	if err != nil {
		return err
	}
	defer o.close()
	out := func(kind string, round int) string { return b.path("inspection", fmt.Sprint(kind, round)) }
	if err := o.exportSingle(out("warm.tar.gz", 0)); err != nil {
		return err
	}
	if err := os.Remove(out("warm.tar.gz", 0)); err != nil {
		return err
	}
	return b.compare(comparison{
		name: fmt.Sprintf("folder for inspection %d MiB, against an archive", b.size>>20), goal: "<= 1.0",
		prepare: func(round int) error {
			return errors.Join(os.RemoveAll(out("files", round-1)), os.RemoveAll(out("archive", round-1)))
		},
		ours: func(round int) error {
			args := append([]string{"export", "snaps", "--no-deps", "--no-icons", "--trusted-root", o.root, "--cache-dir", o.cache, "--layout", "files", "--output-dir", out("files", round)}, o.names...)
			c := exec.CommandContext(b.ctx, filepath.Join(b.bin, "store-admin"), args...)
			c.Env = o.env
			_, err := b.execute(c)
			return err
		},
		theirs: func(round int) error { return o.exportSingle(out("archive", round)) },
	})
}

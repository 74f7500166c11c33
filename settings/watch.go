package settings

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"
)

// Watch calls fn at each change of the settings in a file, until ctx ends; not for those that it finds at first. It looks every
// interval, since neither every file system nor every container tells of changes. A file that isn't understood is an error,
// told once; the settings that were good before hold until it is mended.
func Watch(ctx context.Context, path string, interval time.Duration, fn func(*Settings, error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var writing stamp
	for last := stampOf(path); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// The stamp comes before the reading: what changes in between is seen the next time.
		now := stampOf(path)
		if now == last {
			continue
		}
		// An editor that writes in place may not be done. This program replaces the file.
		if now.inode == last.inode && now != writing {
			writing = now
			continue
		}
		last = now
		fn(Open(path))
	}
}

// stamp tells versions of a file apart. A change by this program always brings a new inode.
type stamp struct {
	inode uint64
	size  int64
	time  time.Time
	err   string
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return stamp{}
	case err != nil:
		return stamp{err: err.Error()}
	}
	return stamp{info.Sys().(*syscall.Stat_t).Ino, info.Size(), info.ModTime(), ""}
}

// Changed is the settings whose values differ between two readings of them, sorted by name.
func Changed(before, after *Settings) []Key {
	return slices.DeleteFunc(Keys(), func(k Key) bool { return before.value(k) == after.value(k) })
}

func (s *Settings) value(k Key) string {
	if v, ok := s.values[k.Name]; ok {
		return v
	}
	return k.Default
}

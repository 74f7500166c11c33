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

// Watch calls fn at each change of the file that s is from, since s was read, until ctx ends; and of the files also, which settings
// lead to. It looks every interval, since neither every file system nor every container tells of changes. A file that isn't understood
// is an error, told once; the settings that were good before hold until it is mended.
func Watch(ctx context.Context, s *Settings, interval time.Duration, fn func(*Settings, error), also ...string) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	files := append([]string{s.path}, also...)
	last := stampsOf(files)
	last[0] = s.stamp
	var writing []stamp
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// The stamps come before the reading: what changes in between is seen the next time.
		now := stampsOf(files)
		if slices.Equal(now, last) {
			continue
		}
		// An editor that writes in place may not be done. This program replaces its files.
		if slices.EqualFunc(now, last, func(a, b stamp) bool { return a.inode == b.inode }) && !slices.Equal(now, writing) {
			writing = now
			continue
		}
		last = now
		fn(Open(s.path))
	}
}

func stampsOf(files []string) []stamp {
	var all []stamp
	for _, f := range files {
		all = append(all, stampOf(f))
	}
	return all
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

package settings

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Watch calls fn at each change of the file of s since s was read, until ctx ends. It also calls fn if one of the files also
// changes, which settings lead to. It looks at the files every interval, since some file systems and containers report no changes.
// An unreadable file is reported once as an error; the good settings from before stay in force until it is repaired.
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
		// The stamps are taken before the file is read, so the next look notices a change in between.
		now := stampsOf(files)
		if slices.Equal(now, last) {
			continue
		}
		// An editor that writes in place may not have finished. This program always replaces its files.
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

// stamp distinguishes versions of a file. A change by this program always makes a new inode.
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
	return stamp{inode(info), info.Size(), info.ModTime(), ""}
}

// Changed returns the settings whose values differ between two readings, sorted by name.
func Changed(before, after *Settings) []Key {
	return slices.DeleteFunc(Keys(), func(k Key) bool { return before.value(k) == after.value(k) })
}

func (s *Settings) value(k Key) string {
	if v, ok := s.values[k.Name]; ok {
		return v
	}
	return k.Default
}

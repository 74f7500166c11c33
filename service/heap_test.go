package service

import (
	"log/slog"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// TestTuning fits the collector to live heaps of several sizes.
func TestTuning(t *testing.T) {
	t.Parallel()
	const none = -1
	for _, c := range []struct {
		live, given int64
		percent     int
		limit       int64
	}{
		{0, none, 800, 512 << 20},
		{4 << 20, none, 800, 516 << 20},
		{16 << 20, none, 400, 528 << 20},
		{64 << 20, none, 100, 576 << 20},
		{800 << 20, none, 100, 1312 << 20},
		{2 << 30, none, 100, 3 << 30},
		{16 << 20, 300 << 20, 400, 300 << 20},
		{16 << 20, 40 << 20, 400, 528 << 20}, // too little
		{300 << 20, 512 << 20, 100, 512 << 20},
		{400 << 20, 512 << 20, 100, 912 << 20},
		{400 << 20, 4 << 30, 100, 4 << 30},
	} {
		if percent, limit := tuning(c.live, c.given); percent != c.percent || limit != c.limit {
			t.Errorf("a live heap of %d MiB, a given limit of %d MiB: %d %%, %d MiB, want %d %%, %d MiB", c.live>>20, c.given>>20, percent, limit>>20, c.percent, c.limit>>20)
		}
	}
}

// TestTuneHeap lets the heap grow over the limit that was right at the start, and shrink again.
func TestTuneHeap(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "") // not parallel: the limits belong to the process
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	stop := tuneHeap(slog.New(slog.DiscardHandler))
	wait := func(name string, isRight func(live, limit int64) bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			runtime.GC()
			live, limit := liveHeap(), debug.SetMemoryLimit(-1)
			if isRight(live, limit) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: the limit is %d MiB with a live heap of %d MiB", name, limit>>20, live>>20)
			}
		}
	}
	wait("small", func(_, limit int64) bool { return limit < heapRoom+100<<20 })
	held := make([]byte, heapRoom+100<<20) // its pages are never touched
	wait("large", func(live, limit int64) bool { return live > heapRoom && limit >= live+heapRoom*9/10 })
	runtime.KeepAlive(held)
	held = nil
	wait("small again", func(_, limit int64) bool { return limit < heapRoom+100<<20 })
	stop()
}

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
	for live, want := range map[int64]struct {
		percent int
		limit   int64
	}{
		0:         {800, 512 << 20},
		4 << 20:   {800, 516 << 20},
		16 << 20:  {400, 528 << 20},
		64 << 20:  {100, 576 << 20},
		800 << 20: {100, 1312 << 20},
		2 << 30:   {100, 3 << 30},
	} {
		if percent, limit := tuning(live); percent != want.percent || limit != want.limit {
			t.Errorf("a live heap of %d bytes: %d %%, %d bytes, want %d %%, %d bytes", live, percent, limit, want.percent, want.limit)
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

package service

import (
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

const (
	// loadLimit is the memory up to which loading a catalogue leaves its garbage, in bytes.
	loadLimit = 800 << 20
	// heapRoom is the memory for garbage beside the live heap, in bytes. A heap that is more than twice as large may have half of itself.
	heapRoom = 512 << 20
	// garbageRoom is the least garbage that is left before the next collection, in bytes. The heap of a small store is a few MB, and collecting
	// as much garbage each time takes a fifth of a processor under load.
	garbageRoom = 64 << 20
	// maxPercent bounds the garbage in percent of the live heap.
	maxPercent = 800
)

// loadQuickly calls load with fewer runs of the garbage collector. They take as long as the rest of loading a large catalogue. GOGC and
// GOMEMLIMIT in the environment take precedence.
func loadQuickly(load func() error) error {
	if os.Getenv("GOGC") != "" {
		return load()
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	if os.Getenv("GOMEMLIMIT") == "" {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(loadLimit))
	}
	return load()
}

// heapTuner fits the garbage collector to the live heap after each collection, since a catalogue grows and shrinks while it is served.
type heapTuner struct {
	log *slog.Logger
	// given is GOMEMLIMIT in the environment, in bytes, or -1.
	given    int64
	hasGOGC  bool
	last     int64 // the live heap that the collector is fitted to, in bytes
	hasEnded atomic.Bool
}

// tuneHeap makes the garbage collector work harder before the heap outgrows the catalogue, and less hard while the heap is small. GOMEMLIMIT in the
// environment sets a limit of the operator's; a catalogue that needs more raises it, since a limit below the live heap stops the process in all
// but name. GOGC in the environment stays.
func tuneHeap(log *slog.Logger) (stop func()) {
	t := &heapTuner{log: log, given: -1, hasGOGC: os.Getenv("GOGC") != ""}
	if os.Getenv("GOMEMLIMIT") != "" {
		t.given = debug.SetMemoryLimit(-1)
	}
	t.await()
	runtime.GC() // removes the remains of loading
	return func() { t.hasEnded.Store(true) }
}

// await calls tune after the next collection, and after each one that follows.
func (t *heapTuner) await() {
	type collected struct{ t *heapTuner }
	runtime.SetFinalizer(&collected{t}, func(c *collected) {
		if !c.t.hasEnded.Load() {
			c.t.tune()
			c.t.await()
		}
	})
}

// tune fits the collector to the live heap if that has changed by more than an eighth.
func (t *heapTuner) tune() {
	live := liveHeap()
	if change := max(live-t.last, t.last-live); t.last > 0 && change <= t.last/8 {
		return
	}
	t.last = live
	percent, limit := tuning(live, t.given)
	if !t.hasGOGC {
		debug.SetGCPercent(percent)
	}
	debug.SetMemoryLimit(limit)
	t.log.Debug("fitted the garbage collector to the heap", "live", live, "percent", percent, "limit", limit)
}

// tuning returns the garbage that a live heap may have, in percent of it, and the limit of the memory, in bytes. A given limit holds while it leaves
// room for some garbage.
func tuning(live, given int64) (percent int, limit int64) {
	percent = int(min(max(100*garbageRoom/max(live, 1), 100), maxPercent))
	if given >= live+max(garbageRoom, live/2) {
		return percent, given
	}
	return percent, live + max(heapRoom, live/2)
}

// liveHeap returns the heap that the last collection left, in bytes.
func liveHeap() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

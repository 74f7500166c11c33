package service

import (
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/debug"

	"offlinestore/transfer"
)

const (
	// reservedFiles are the descriptors for the database, the log, the settings and the blobs that are verified.
	reservedFiles = 192
	// fewFiles is the limit of descriptors below which many devices would wait for a connection.
	fewFiles = 4096
	// maxConnections bounds the connections of all listeners where descriptors are plenty, since each takes memory too: 20,480 for HTTP, and as many
	// for HTTPS.
	maxConnections = 51_200
	// heapRoom is the memory for requests and garbage beside the catalogue.
	heapRoom = 256 << 20
)

// bound gives each listener its part of the connections. A connection takes two descriptors, because it may download a file. So
// devices cannot take the last descriptor from the registry, the administration or the database.
func (l *Listeners) bound(g *transfer.Guard, log *slog.Logger) {
	files := openFiles()
	all := int(min(maxConnections, max(files-reservedFiles, 128)/2))
	if files < fewFiles {
		log.Warn("the limit of open files is low: set LimitNOFILE in the unit, or ulimit -n", "files", files, "connections", all)
	}
	for _, part := range []struct {
		ln      *net.Listener
		percent int
	}{{&l.http, 40}, {&l.https, 40}, {&l.images, 15}, {&l.admin, 5}} {
		if *part.ln != nil {
			*part.ln = g.Listen(*part.ln, max(all*part.percent/100, 8))
		}
	}
}

// loadLimit is the memory up to which loading a catalogue leaves its garbage.
const loadLimit = 800 << 20

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

// limitMemory makes the garbage collector work harder before the heap outgrows the catalogue. GOMEMLIMIT in the environment
// sets a limit of the operator's; a catalogue that needs more raises it, since a limit below the live heap stops the process in all but
// name.
func limitMemory(log *slog.Logger) {
	runtime.GC() // removes the remains of loading
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	need := int64(stats.HeapAlloc)*2 + heapRoom
	if os.Getenv("GOMEMLIMIT") != "" && debug.SetMemoryLimit(-1) >= need {
		return
	}
	debug.SetMemoryLimit(need)
	log.Debug("memory limit", "bytes", need)
}

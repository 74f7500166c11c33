package service

import (
	"log/slog"
	"net"

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

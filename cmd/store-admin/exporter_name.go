package main

import (
	"os"
	"os/user"
	"strings"
)

// exporterName returns user@host, as far as the system knows them. Neither has a domain, which would tell the air-gapped side, and everybody who
// finds the disk, about the network of the exporter.
func exporterName() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username[strings.LastIndex(u.Username, `\`)+1:] // Windows has DOMAIN\user
	}
	if h, err := os.Hostname(); err == nil {
		host, _, _ = strings.Cut(h, ".")
	}
	return name + "@" + host
}

// maxExporter bounds the name of an exporter in bytes.
const maxExporter = 200

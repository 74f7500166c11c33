package main

import (
	"os"

	"offlinestore/exporter"
)

// openCache opens the cache. An export into an OCI layout keeps its blobs there, without a second copy. It takes the blobs that the cache holds
// already from there.
func (o *exportOptions) openCache() (*exporter.Cache, error) {
	dir, err := cacheDir(o.cacheDir)
	if !o.inPlace() {
		if err != nil {
			return nil, err
		}
		return exporter.OpenCache(dir)
	}
	c, lerr := exporter.OpenLayout(o.outputDir)
	if lerr != nil {
		return nil, lerr
	}
	if _, serr := os.Stat(dir); err == nil && serr == nil {
		c.Behind, _ = exporter.OpenCache(dir) // without it, the blobs are downloaded
	}
	return c, nil
}

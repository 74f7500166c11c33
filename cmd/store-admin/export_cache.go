package main

import (
	"offlinestore/exporter"
)

// openCache opens the cache. An export into a layout keeps its blobs there, without a second copy.
func (o *exportOptions) openCache() (*exporter.Cache, error) {
	if o.outputDir != "" {
		return exporter.OpenLayout(o.outputDir)
	}
	dir, err := cacheDir(o.cacheDir)
	if err != nil {
		return nil, err
	}
	return exporter.OpenCache(dir)
}

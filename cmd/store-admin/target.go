package main

import (
	"fmt"
	"os"
	"path/filepath"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/exporter"
)

// checkTarget makes the target folder and looks for obstacles to the files that will be written there: a file that exists,
// a limit of the file system, too little space.
func (out *output) checkTarget(p *exporter.Plan) error {
	if dir := out.o.outputDir; dir != "" {
		if !out.o.inPlace() {
			if err := bundle.ValidateFolder(dir); err != nil {
				return err
			}
		}
		if err := blob.MakeDir(dir, 0o755); err != nil {
			return fmt.Errorf("make the layout: %w", err)
		}
		if err := out.checkToken(dir); err != nil {
			return err
		}
		return blob.CheckFileSize(dir, "a blob of the layout", p.LargestBlob())
	}
	archives := out.archives(p)
	dir := filepath.Dir(archives[0].file)
	blob.RemoveAbandoned(dir) // also beside a complete archive
	for _, a := range archives {
		if _, err := os.Lstat(a.file); err == nil {
			return fmt.Errorf("%s exists already; an export never replaces a file", a.file)
		}
		if err := out.checkToken(a.file); err != nil {
			return err
		}
	}
	if err := blob.MakeDir(dir, 0o755); err != nil {
		return fmt.Errorf("make the export folder: %w", err)
	}
	var total int64
	for _, a := range archives {
		size := a.size
		if out.o.parts.bytes > 0 {
			size = min(size, out.o.parts.bytes)
		}
		if err := blob.CheckFileSize(dir, filepath.Base(a.file), size); err != nil {
			return err
		}
		total += a.size
	}
	if out.recipients[0].receiver != nil || out.o.parts.bytes > 0 {
		return nil // the size is known once the blobs are, and then space is reserved
	}
	if free, err := blob.Free(dir); err == nil && free < total && out.o.compression != string(bundle.Zstd) {
		return &blob.NoSpaceError{Path: dir, Need: total, Have: free}
	}
	return nil
}

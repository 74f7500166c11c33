package filecache

import (
	"fmt"
	"os"
	"path/filepath"

	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/wanted"
)

// maxModel is the largest file of a model, in bytes.
const maxModel = 1 << 20

// readRequest reads a wanted.yaml.
func readRequest(path string) (exporter.Request, error) {
	text, err := cli.ReadFile(path, wanted.MaxSize)
	if err != nil {
		return exporter.Request{}, cli.Usagef("%w", err)
	}
	f, err := wanted.Parse(path, text)
	if err != nil {
		return exporter.Request{}, cli.Usagef("%w", err)
	}
	for i := range f.Models {
		if m := &f.Models[i]; m.Assertion == "" {
			text, err := cli.ReadFile(filepath.Join(filepath.Dir(path), m.File), maxModel)
			if err != nil {
				return exporter.Request{}, cli.Usagef("%w", err)
			}
			m.Assertion = string(text)
		}
	}
	if len(f.Images.List) > 0 {
		warn("images are left out: the cache keeps their layers when somebody asks for them")
	}
	if len(f.Stores) > 0 {
		warn("stores are left out: their private snaps are for their devices alone")
	}
	f.Images.List, f.Stores = nil, nil
	req, err := exporter.WantedRequest(f)
	if err == nil {
		req.NoIcons, req.Withdrawn = true, exporter.WithdrawnError
		if req.Charms != nil {
			req.Charms.NoImages, req.Charms.NoIcons = true, true
		}
		err = req.Validate()
	}
	if err != nil {
		return req, cli.Usagef("%s: %w", path, err)
	}
	for _, text := range req.Warnings {
		warn(text)
	}
	return req, nil
}

func warn(text string) { fmt.Fprintf(os.Stderr, "Warning: %s\n", cli.Clean(text)) }

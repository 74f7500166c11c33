package main

import (
	"fmt"
	"io"
	"path/filepath"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/changes"
	"offlinestore/cmd/internal/cli"
)

// filePart is the place of a file in a divided bundle.
type filePart struct {
	Number int    `json:"number"`
	Count  int    `json:"count"`
	Set    string `json:"set"`
	// Missing are the parts that are not among the named files.
	Missing []catalog.MissingPart `json:"missing"`

	files []string
}

// partOf returns nil for a whole bundle.
func partOf(h *bundle.Head) *filePart {
	if h.Part == nil {
		return nil
	}
	return &filePart{Number: h.Part.Number, Count: h.Part.Count, Set: h.Part.Set.String(), files: h.Part.Files}
}

// setMissing sets the missing parts of each.
func setMissing(list []*filePart) {
	found := make(map[string]map[int]bool)
	for _, p := range list {
		if found[p.Set] == nil {
			found[p.Set] = make(map[int]bool)
		}
		found[p.Set][p.Number] = true
	}
	for _, p := range list {
		var missing []int
		for n := 1; n <= p.Count; n++ {
			if !found[p.Set][n] {
				missing = append(missing, n)
			}
		}
		p.Missing = catalog.MissingParts(p.files, missing)
	}
}

// printMissing names the missing parts of each set once.
func printMissing(w io.Writer, list []*filePart) {
	printed := make(map[string]bool)
	for _, p := range list {
		if !printed[p.Set] && len(p.Missing) > 0 {
			fmt.Fprintf(w, "Of the %s of set %s, these are not here: %s\n", cli.Count(p.Count, "part"), p.Set, changes.ListParts(p.Missing))
		}
		printed[p.Set] = true
	}
}

// expandFolders puts the archives in a folder in its place, unless the folder is a bundle.
func expandFolders(files []string) ([]string, error) {
	var out []string
	for _, file := range files {
		members, err := archivesIn(file)
		if err != nil {
			return nil, err
		}
		if len(members) == 0 {
			members = []string{file}
		}
		out = append(out, members...)
	}
	return out, nil
}

// archivesIn returns the paths of the archives in a folder that is no bundle.
func archivesIn(dir string) (paths []string, err error) {
	if !isDir(dir) {
		return nil, nil
	}
	in, err := bundle.OpenInput(dir)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if !in.IsFolder() {
		return nil, nil
	}
	members, err := in.Members()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	for _, m := range members {
		if m.File != nil && compressionOf(m.Name) != "" {
			paths = append(paths, filepath.Join(dir, filepath.FromSlash(m.Name)))
		}
	}
	return paths, nil
}

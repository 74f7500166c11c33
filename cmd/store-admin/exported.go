package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"offlinestore/blob"
	"offlinestore/exporter"
	"offlinestore/snap"
)

// maxExported bounds the file of exported names in bytes. A full one takes no more names.
const maxExported = 4 << 20

// exportedFile returns the path of the file that maps the names of the exported snaps to their snap-ids. With it, an export can tell a
// snap that is gone from a misspelled name.
func exportedFile() (string, error) {
	dir, err := configDir()
	return filepath.Join(dir, "exported.json"), err
}

// readExported reads the names of the exported snaps. A missing or damaged file counts as empty.
func readExported() (map[string]string, error) {
	path, err := exportedFile()
	if err != nil {
		return nil, err
	}
	names := make(map[string]string)
	text, err := blob.ReadFile(path, maxExported)
	if err != nil || json.Unmarshal(text, &names) != nil {
		return make(map[string]string), nil
	}
	for name, id := range names {
		if snap.ValidateName(name) != nil || snap.ValidateID(id) != nil {
			delete(names, name)
		}
	}
	return names, nil
}

// noteExported adds the names of the plan's snaps to the file.
func noteExported(ctx context.Context, plan *exporter.Plan) (err error) {
	path, err := exportedFile()
	if err != nil {
		return err
	}
	unlock, err := blob.Lock(ctx, path+".lock")
	if err != nil {
		return fmt.Errorf("note the exported snaps: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	names, err := readExported()
	if err != nil {
		return err
	}
	changed := false
	for _, s := range plan.Snaps {
		if names[s.Listing.Name] != s.Listing.SnapID {
			names[s.Listing.Name], changed = s.Listing.SnapID, true
		}
	}
	text, err := json.MarshalIndent(names, "", "\t")
	if err != nil || !changed || len(text) >= maxExported {
		return err
	}
	if err := blob.WriteFile(path, append(text, '\n'), blob.WriteOptions{Mode: 0o600}); err != nil {
		return fmt.Errorf("note the exported snaps: %w", err)
	}
	return nil
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"offlinestore/blob"
	"offlinestore/charm"
	"offlinestore/exporter"
	"offlinestore/snap"
)

// maxExported bounds the file of exported names in bytes. A full one takes no more names.
const maxExported = 4 << 20

// exportedNames maps the names of the exported snaps to their snap-ids, and the names of the exported charms and charm bundles to their
// IDs. With it, an export can tell something that is gone from a misspelled name.
type exportedNames struct {
	Snaps  map[string]string `json:"snaps"`
	Charms map[string]string `json:"charms"`
	// Private maps the names of private snaps to the stores through which the login saw them. They are in no other map.
	Private map[string]string `json:"private,omitempty"`
}

// exportedFile returns the path of the file with the exportedNames.
func exportedFile() (string, error) {
	dir, err := configDir()
	return filepath.Join(dir, "exported.json"), err
}

// readExported reads the names of earlier exports. A missing or damaged file counts as empty.
func readExported() (*exportedNames, error) {
	path, err := exportedFile()
	if err != nil {
		return nil, err
	}
	names := &exportedNames{}
	if text, err := blob.ReadFile(path, maxExported); err != nil || json.Unmarshal(text, names) != nil {
		names = &exportedNames{}
	}
	names.Snaps = validNames(names.Snaps, snap.ValidateName, snap.ValidateID)
	names.Charms = validNames(names.Charms, charm.ValidateName, charm.ValidateID)
	names.Private = validNames(names.Private, snap.ValidateName, snap.ValidateStoreID)
	return names, nil
}

// validNames returns the valid entries of m.
func validNames(m map[string]string, validateName, validateID func(string) error) map[string]string {
	out := make(map[string]string, len(m))
	for name, id := range m {
		if validateName(name) == nil && validateID(id) == nil {
			out[name] = id
		}
	}
	return out
}

// setExported puts the names of earlier exports into a request.
func setExported(req *exporter.Request) error {
	names, err := readExported()
	if err == nil {
		req.Exported, req.ExportedCharms, req.ExportedPrivate = names.Snaps, names.Charms, names.Private
	}
	return err
}

// addPlan adds the names of a plan. It reports whether some of them are new.
func (n *exportedNames) addPlan(plan *exporter.Plan) (changed bool) {
	private := plan.Private()
	for name, store := range private {
		if n.Private[name] != store {
			n.Private[name], changed = store, true
			delete(n.Snaps, name)
		}
	}
	for _, s := range plan.Snaps {
		if private[s.Listing.Name] != "" {
			continue
		}
		if n.Private[s.Listing.Name] != "" {
			delete(n.Private, s.Listing.Name)
			changed = true
		}
		if n.Snaps[s.Listing.Name] != s.Listing.SnapID {
			n.Snaps[s.Listing.Name], changed = s.Listing.SnapID, true
		}
	}
	for _, c := range plan.Charms {
		if n.Charms[c.Listing.Name] != c.Listing.ID {
			n.Charms[c.Listing.Name], changed = c.Listing.ID, true
		}
	}
	return changed
}

// noteExported adds the names of the plan to the file.
func noteExported(ctx context.Context, plan *exporter.Plan) (err error) {
	path, err := exportedFile()
	if err != nil {
		return err
	}
	unlock, err := blob.Lock(ctx, path+".lock")
	if err != nil {
		return fmt.Errorf("note what was exported: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	names, err := readExported()
	if err != nil {
		return err
	}
	changed := names.addPlan(plan)
	text, err := json.MarshalIndent(names, "", "\t")
	if err != nil || !changed || len(text) >= maxExported {
		return err
	}
	if err := blob.WriteFile(path, append(text, '\n'), blob.WriteOptions{Mode: 0o600}); err != nil {
		return fmt.Errorf("note what was exported: %w", err)
	}
	return nil
}

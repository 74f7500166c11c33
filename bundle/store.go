package bundle

import (
	"cmp"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/assertion"
	"offlinestore/snap"
)

// Store is the item of the store of a brand.
type Store struct {
	snap.Store
	// Assertions has the store assertion, if there is one, and the accounts of the brand and the admin, with the assertions that these
	// need. It is nil if other items have them.
	Assertions []byte
}

// AddStore adds the store of a brand.
func (d *Builder) AddStore(s *Store) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return d.addItem(TypeStore, s.itemName(), MediaStoreConfig, encode(s.Store), s.layers())
}

// description returns the description in an item, or nil for none.
func (s *Store) description() *snap.Store {
	if s == nil {
		return nil
	}
	return &s.Store
}

func (s *Store) itemName() string { return "store." + s.ID }

func (s *Store) layers() []Layer {
	if len(s.Assertions) == 0 {
		return nil
	}
	return []Layer{inline(mediaAssertions, s.itemName()+".assert", s.Assertions)}
}

// parseStore parses the item of a store.
func parseStore(desc ocispec.Descriptor, m *ocispec.Manifest, data map[digest.Digest][]byte) (*Store, error) {
	s := &Store{}
	if err := decodeConfig(m, data, &s.Store); err != nil {
		return nil, corrupt("%s: config: %w", refName(desc), err)
	}
	if len(m.Layers) > 1 {
		return nil, corrupt("%s: want at most an assertion stream", refName(desc))
	}
	for _, l := range m.Layers {
		s.Assertions = data[l.Digest]
	}
	if err := s.Validate(); err != nil {
		return nil, corrupt("%s: %w", refName(desc), err)
	}
	if name := s.itemName(); name != refName(desc) {
		return nil, corrupt("%s: its config is of %s", refName(desc), name)
	}
	return s, nil
}

// maxParents bounds the stores above one.
const maxParents = 32

// checkStores refuses stores that are above each other in a circle, and a snap that is private to one store in one place, and to another
// one or to none in another place.
func (h *Head) checkStores() error {
	parents, homes := make(map[string]string), make(map[string]string)
	for _, s := range h.Snaps {
		homes[s.SnapID] = s.Store
	}
	for _, s := range h.Stores {
		parents[s.ID] = s.Parent
		for _, m := range s.Snaps {
			home := s.Home(m)
			if other, ok := homes[m.SnapID]; ok && other != home {
				return corrupt("%s: snap %s is private to %s in it, and elsewhere in the bundle to %s", s.itemName(), m.Name, home, cmp.Or(other, "nobody"))
			}
			homes[m.SnapID] = home
		}
	}
	for _, s := range h.Stores {
		steps := 0
		for id := s.Parent; id != ""; id = parents[id] {
			if steps++; steps > maxParents {
				return corrupt("%s: its parents form a circle, or there are more than %d", s.itemName(), maxParents)
			}
		}
	}
	return nil
}

// compareAssertions finds the accounts that a store names.
func (s *Store) compareAssertions(all assertion.Source) error {
	for _, id := range []string{s.BrandID, cmp.Or(s.AdminID, s.BrandID)} {
		if _, err := find(all, "account", id); err != nil {
			return err
		}
	}
	return nil
}

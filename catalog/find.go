package catalog

import (
	"fmt"
	"slices"
)

// Snap returns the snap of a name.
func (s *Snapshot) Snap(name string) (*Snap, error) {
	i := slices.IndexFunc(s.Snaps, func(s Snap) bool { return s.Name == name })
	if i < 0 {
		return nil, &NotFoundError{What: fmt.Sprintf("snap %.80q", name)}
	}
	return &s.Snaps[i], nil
}

// Charm returns the charm or charm bundle of a name.
func (s *Snapshot) Charm(name string) (*Charm, error) {
	i := slices.IndexFunc(s.Charms, func(c Charm) bool { return c.Name == name })
	if i < 0 {
		return nil, &NotFoundError{What: fmt.Sprintf("charm %.80q", name)}
	}
	return &s.Charms[i], nil
}

// MeansCharm reports whether a name means a charm or charm bundle, because no snap has it.
func (s *Snapshot) MeansCharm(name string) bool {
	if _, err := s.Snap(name); err == nil {
		return false
	}
	_, err := s.Charm(name)
	return err == nil
}

// SelectSnaps keeps only the snaps with the names, in their order. Without names, it keeps all.
func (s *Snapshot) SelectSnaps(names ...string) error {
	if len(names) == 0 {
		return nil
	}
	var found []Snap
	for _, name := range names {
		one, err := s.Snap(name)
		if err != nil {
			return err
		}
		found = append(found, *one)
	}
	s.Snaps = found
	return nil
}

// RequireStore returns an error if the catalogue knows nothing of the store of a brand. The assertion of a store is enough, because its
// devices get the snaps of the stores that it names as friendly.
func (s *Snapshot) RequireStore(id string) error {
	if slices.ContainsFunc(s.Stores, func(s Store) bool { return s.ID == id }) {
		return nil
	}
	if slices.ContainsFunc(s.Assertions, func(a Assertion) bool { return a.Type == "store" && slices.Equal(a.PrimaryKey, []string{id}) }) {
		return nil
	}
	return &NotFoundError{What: fmt.Sprintf("store %.80q", id)}
}

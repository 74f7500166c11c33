package closure

import (
	"offlinestore/charm"
)

// Pin names a revision that something needs by its number: of a snap, of a charm, or of a charm's resource.
type Pin struct {
	Kind Kind
	// Name is the name of the snap or charm.
	Name string
	// Resource is the name of a charm's resource.
	Resource string
	Revision int
}

// Pins returns the revisions that the items of s need by number. All revisions of s count, in a channel or not.
func (s *Set) Pins() map[Pin]bool {
	pins := make(map[Pin]bool)
	for _, set := range s.ValidationSets {
		snaps, _ := set.SetSnaps() // a set that no device accepts pins nothing
		for _, want := range snaps {
			if want.Revision > 0 {
				pins[Pin{Kind: KindSnap, Name: want.Name, Revision: want.Revision}] = true
			}
		}
	}
	for i := range s.Charms {
		c := &s.Charms[i]
		for _, r := range c.Revisions {
			if c.Type == charm.TypeBundle {
				pinCharms(pins, r.BundleYAML)
				continue
			}
			for _, h := range r.Snaps {
				for _, n := range h.Revisions {
					pins[Pin{Kind: KindSnap, Name: h.Name, Revision: n}] = true
				}
			}
		}
	}
	return pins
}

// pinCharms adds the revisions of charms and resources that a bundle.yaml names.
func pinCharms(pins map[Pin]bool, text string) {
	b, err := charm.ParseBundle([]byte(text))
	if err != nil {
		return // the import or export has refused it
	}
	for _, a := range b.Applications {
		if a.Local {
			continue
		}
		if a.Revision != nil {
			pins[Pin{Kind: KindCharm, Name: a.Charm, Revision: *a.Revision}] = true
		}
		for name, v := range a.Resources {
			if v.Revision != nil {
				pins[Pin{Kind: KindResource, Name: a.Charm, Resource: name, Revision: *v.Revision}] = true
			}
		}
	}
}

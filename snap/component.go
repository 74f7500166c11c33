package snap

import (
	"fmt"
	"slices"
	"strings"
)

// maxFurther bounds the further revisions of components in one revision of a snap.
const maxFurther = 1000

func (r *Resource) validate() error {
	if err := ValidateName(r.Name); err != nil {
		return fmt.Errorf("component: %w", err)
	}
	if r.Revision < 1 || r.Revision > MaxRevision {
		return fmt.Errorf("component %s: revision %d: out of range", r.Name, r.Revision)
	}
	if kind, ok := strings.CutPrefix(r.Type, "component/"); r.Type != "" && (!ok || !validComponentType().MatchString(kind)) {
		return fmt.Errorf("component %s: type %.60q: want component/ and a kind", r.Name, r.Type)
	}
	for _, a := range r.Architectures {
		if err := ValidateArchitecture(a); err != nil {
			return fmt.Errorf("component %s: %w", r.Name, err)
		}
	}
	return ValidateTime(r.CreatedAt)
}

// validateComponents returns an error if the components of r are invalid.
func (r *Revision) validateComponents() error {
	if len(r.Further) > maxFurther {
		return fmt.Errorf("%d further components, at most %d", len(r.Further), maxFurther)
	}
	seen := make(map[string]bool)
	for i, c := range r.Components() {
		if err := c.validate(); err != nil {
			return err
		}
		key := fmt.Sprintf("%s %d", c.Name, c.Revision)
		if i >= len(r.Resources) && seen[key] {
			return fmt.Errorf("component %s: revision %d twice", c.Name, c.Revision)
		}
		seen[key] = true
	}
	return nil
}

// Components returns all revisions of the components of r: the released ones, then the further ones.
func (r *Revision) Components() []Resource { return slices.Concat(r.Resources, r.Further) }

// Component returns a component of r by its name and revision. Revision 0 means the released one.
func (r *Revision) Component(name string, revision int) (Resource, bool) {
	list := r.Resources
	if revision > 0 {
		list = r.Components()
	}
	for _, c := range list {
		if c.Name == name && (revision == 0 || c.Revision == revision) {
			return c, true
		}
	}
	return Resource{}, false
}

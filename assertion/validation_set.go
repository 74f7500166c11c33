package assertion

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// The values of the presence of a snap or a component in a validation set.
const (
	PresenceRequired = "required"
	PresenceOptional = "optional"
	PresenceInvalid  = "invalid"
)

// SetSnap is the constraint of a validation set on one snap.
type SetSnap struct {
	Name, SnapID, Presence string
	// Revision is the revision that the set pins, or 0.
	Revision   int
	Components []SetComponent
}

// SetComponent is the constraint of a validation set on one component of a snap.
type SetComponent struct {
	Name, Presence string
	Revision       int
}

// SetSnaps returns the constraints of a validation set, in its order.
func (a *Assertion) SetSnaps() ([]SetSnap, error) {
	list, ok := a.headers["snaps"].([]any)
	if a.Type() != "validation-set" || !ok || len(list) == 0 {
		return nil, fmt.Errorf("%s: snaps: missing, empty or not a list", a.ref)
	}
	var out []SetSnap
	for i, item := range list {
		m, _ := item.(map[string]any)
		s, err := parseSetSnap(m)
		if err == nil && slices.ContainsFunc(out, func(o SetSnap) bool { return o.Name == s.Name || o.SnapID == s.SnapID }) {
			err = fmt.Errorf("%.60q is there twice", s.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: snaps: item %d: %w", a.ref, i+1, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func parseSetSnap(m map[string]any) (s SetSnap, err error) {
	s.Name, _ = m["name"].(string)
	s.SnapID, _ = m["id"].(string)
	if s.Name == "" || s.SnapID == "" {
		return s, fmt.Errorf("want a map with a name and an id")
	}
	if s.Presence, s.Revision, err = parsePresence(m); err != nil {
		return s, err
	}
	s.Components, err = parseComponents(m)
	return s, err
}

// parseComponents returns the components of an entry in a validation set or a model, by name. Each is a presence, or a map with one.
func parseComponents(m map[string]any) (list []SetComponent, err error) {
	components, ok := m["components"].(map[string]any)
	if _, there := m["components"]; there && !ok {
		return nil, errors.New("components: not a map")
	}
	for _, name := range slices.Sorted(maps.Keys(components)) {
		c := SetComponent{Name: name}
		entry, ok := components[name].(map[string]any)
		if !ok {
			entry = map[string]any{"presence": components[name]}
		}
		if c.Presence, c.Revision, err = parsePresence(entry); err != nil {
			return nil, fmt.Errorf("component %.60q: %w", name, err)
		}
		list = append(list, c)
	}
	return list, nil
}

// parsePresence returns the presence and the revision of an entry. An entry without a presence is required.
func parsePresence(m map[string]any) (presence string, revision int, err error) {
	presence = PresenceRequired
	if v, ok := m["presence"]; ok {
		presence, _ = v.(string)
	}
	if !slices.Contains([]string{PresenceRequired, PresenceOptional, PresenceInvalid}, presence) {
		return "", 0, fmt.Errorf("presence: want required, optional or invalid")
	}
	n, err := decimalHeader(m, "revision", 0)
	if _, there := m["revision"]; err == nil && there && (n < 1 || n > 1<<31-1 || presence == PresenceInvalid) {
		err = fmt.Errorf("revision %d: not a revision that a set can pin", n)
	}
	return presence, int(n), err
}

package assertion

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Model holds the parts of a model assertion that name something which its devices need.
type Model struct {
	Brand, Name string
	// Architecture and Store are empty if the model names none.
	Architecture, Store string
	// Snaps are the snaps of the model: the named ones in its order, then the implied ones.
	Snaps []ModelSnap
	Sets  []ModelSet
	// SerialAuthorities are the accounts that may sign serials besides the brand.
	SerialAuthorities []string
}

// ModelSnap is a snap of a model.
type ModelSnap struct {
	// SnapID is empty if the model gives only the name.
	Name, SnapID string
	// Channel is the channel that devices get the snap from at first.
	Channel string
	// Optional is set for a snap that devices, and images, may do without.
	Optional   bool
	Components []SetComponent
}

// ModelSet is a validation set that a model names. Sequence is empty if it names no point of the set.
type ModelSet struct{ Account, Name, Sequence string }

const stableChannel = "latest/stable"

// Model returns the content of a model assertion, of the form with a list of snaps or of the older form.
func (a *Assertion) Model() (*Model, error) {
	if a.Type() != "model" {
		return nil, fmt.Errorf("%s: not a model", a.ref)
	}
	m := &Model{Brand: a.HeaderString("brand-id"), Name: a.HeaderString("model"), Architecture: a.HeaderString("architecture"), Store: a.HeaderString("store")}
	var err error
	if _, listed := a.headers["snaps"]; listed {
		err = m.addListed(a.headers["snaps"])
	} else {
		err = m.addOlder(a)
	}
	if err == nil {
		m.addImplied(a.HeaderString("base"), a.HeaderString("classic") == "true")
		err = m.addSets(a.headers["validation-sets"])
	}
	if err == nil {
		m.SerialAuthorities, err = texts(a.headers, "serial-authority")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.ref, err)
	}
	return m, nil
}

// addListed adds the snaps of a model with a list of snaps.
func (m *Model) addListed(v any) error {
	list, _ := v.([]any)
	if len(list) == 0 {
		return errors.New("snaps: empty or not a list")
	}
	for i, item := range list {
		entry, _ := item.(map[string]any)
		s := ModelSnap{Channel: stableChannel}
		s.Name, _ = entry["name"].(string)
		s.SnapID, _ = entry["id"].(string)
		if c, ok := entry["default-channel"].(string); ok {
			s.Channel = c
		}
		if s.Name == "" || m.has(s.Name) {
			return fmt.Errorf("snaps: item %d: no name, or one that is there twice", i+1)
		}
		var err error
		if s.Optional, err = parseUse(entry); err != nil {
			return fmt.Errorf("snaps: %.60q: %w", s.Name, err)
		}
		if s.Components, err = parseComponents(entry); err != nil {
			return fmt.Errorf("snaps: %.60q: %w", s.Name, err)
		}
		for _, c := range s.Components {
			if c.Presence == PresenceInvalid {
				return fmt.Errorf("snaps: %.60q: component %.60q: neither required nor optional", s.Name, c.Name)
			}
		}
		m.Snaps = append(m.Snaps, s)
	}
	return nil
}

// parseUse reports whether devices may do without a snap of a model. The modes
// of a snap make no difference: images have the ones for other modes than run, too.
func parseUse(entry map[string]any) (optional bool, err error) {
	switch presence := entry["presence"]; presence {
	case nil, PresenceRequired:
	case PresenceOptional:
		optional = true
	default:
		return false, fmt.Errorf("presence %.40q: neither required nor optional", fmt.Sprint(presence))
	}
	_, err = texts(entry, "modes")
	return optional, err
}

// addOlder adds the snaps of a model of the older form: a gadget and a kernel, each with its track, and a list of names.
func (m *Model) addOlder(a *Assertion) error {
	required, err := texts(a.headers, "required-snaps")
	if err != nil {
		return err
	}
	for _, text := range append([]string{a.HeaderString("gadget"), a.HeaderString("kernel")}, required...) {
		name, track, pinned := strings.Cut(text, "=")
		s := ModelSnap{Name: name, Channel: stableChannel}
		if pinned {
			s.Channel = track + "/stable"
		}
		if name != "" && !m.has(name) {
			m.Snaps = append(m.Snaps, s)
		}
	}
	return nil
}

// addImplied adds the base, and snapd or core, which need not be named.
func (m *Model) addImplied(base string, classic bool) {
	if base == "" && !classic {
		base = "core"
	}
	for _, name := range []string{base, "snapd"} {
		if name != "" && !m.has(name) && (name != "snapd" || base != "core") {
			m.Snaps = append(m.Snaps, ModelSnap{Name: name, Channel: stableChannel})
		}
	}
}

func (m *Model) has(name string) bool {
	return slices.ContainsFunc(m.Snaps, func(s ModelSnap) bool { return s.Name == name })
}

// addSets adds the validation sets that a model names.
func (m *Model) addSets(v any) error {
	list, ok := v.([]any)
	if v != nil && !ok {
		return errors.New("validation-sets: not a list")
	}
	for i, item := range list {
		entry, _ := item.(map[string]any)
		s := ModelSet{Account: m.Brand}
		if id, ok := entry["account-id"].(string); ok {
			s.Account = id
		}
		s.Name, _ = entry["name"].(string)
		s.Sequence, _ = entry["sequence"].(string)
		if s.Name == "" {
			return fmt.Errorf("validation-sets: item %d: no name", i+1)
		}
		m.Sets = append(m.Sets, s)
	}
	return nil
}

// texts returns a header that is a list of texts. It may be absent.
func texts(headers map[string]any, name string) (out []string, err error) {
	list, ok := headers[name].([]any)
	if _, there := headers[name]; there && !ok {
		return nil, fmt.Errorf("%s: not a list", name)
	}
	for _, v := range list {
		text, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("%s: not a list of texts", name)
		}
		out = append(out, text)
	}
	return out, nil
}

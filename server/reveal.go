package server

import (
	"bytes"
	"strings"

	"offlinestore/assertion"
)

// privateSnaps are the private snaps of a catalogue.
type privateSnaps []*indexedSnap

// hiddenAssertion is an assertion that is only for those who see all of some private snaps.
type hiddenAssertion struct {
	*indexedAssertion
	snaps []string // by ID
}

// unreadable stands for the snaps of an assertion that can't be read. No store has a snap with this ID.
const unreadable = ""

// privateNames returns the IDs of private snaps by ID and by name. The declaration of an absent snap has its name, unless a global snap has
// the name now.
func (ix *index) privateNames(p privateSnaps, absent []string, all []*indexedAssertion) map[string]string {
	ids := make(map[string]string, 2*len(p)+2*len(absent))
	for _, id := range absent {
		ids[id] = id
	}
	if len(absent) > 0 {
		for _, a := range all {
			if a.Type != "snap-declaration" || ids[a.PrimaryKey[1]] == "" {
				continue
			}
			if name, ok := a.line("snap-name"); ok && ix.byName.get(name) == nil {
				ids[name] = a.PrimaryKey[1]
			}
		}
	}
	for _, sn := range p {
		ids[sn.SnapID], ids[sn.Name] = sn.SnapID, sn.SnapID
	}
	return ids
}

// revealed returns the private snaps that assertions reveal, by group. ids has the IDs of private snaps by ID and by name. These are the assertions about a snap: its declaration, developers,
// revisions, components and validations; and the ones that list snaps: models, validation sets, preseeds and clusters. Others may name
// the ID of a private snap in a rule, as the declaration of a global snap does. They tell nothing about it, and the global snap needs them.
func revealed(all []*indexedAssertion, ids map[string]string) map[string][]string {
	if len(ids) == 0 {
		return nil
	}
	found := make(map[string][]string)
	for _, a := range all {
		for _, name := range a.namesSnaps() {
			if id, ok := ids[name]; ok || name == unreadable {
				key := a.group()
				found[key] = append(found[key], id)
			}
		}
	}
	return found
}

// namesSnaps returns the IDs and the names of the snaps that an assertion is about.
func (a *indexedAssertion) namesSnaps() []string {
	switch a.Type {
	case "snap-declaration":
		return a.PrimaryKey[1:]
	case "snap-resource-revision", "snap-resource-pair", "snap-developer":
		return a.PrimaryKey[:1]
	case "validation":
		return a.PrimaryKey[1:3]
	case "snap-revision", "snap-build":
		if id, ok := a.line("snap-id"); ok {
			return []string{id}
		}
		return a.listed()
	case "model", "validation-set", "preseed", "cluster":
		return a.listed()
	}
	return nil
}

// line returns the value of a header on one line. There may be a hundred thousand assertions, so it does not decode them.
func (a *indexedAssertion) line(name string) (string, bool) {
	_, after, ok := bytes.Cut(a.Raw, []byte("\n"+name+": "))
	value, _, ended := bytes.Cut(after, []byte("\n"))
	return string(value), ok && ended
}

// listed returns the IDs and the names of snaps in the headers of an assertion, and perhaps other texts.
func (a *indexedAssertion) listed() []string {
	decoded, err := assertion.Decode(a.Raw)
	if err != nil {
		return []string{unreadable}
	}
	var list []string
	headers := decoded.Headers()
	for _, name := range []string{"snap-id", "gadget", "kernel", "base", "required-snaps", "snaps", "subclusters"} {
		list = appendNames(list, headers[name])
	}
	return list
}

// appendNames appends the names of snaps in a header: a text, which may end with a track or the key of an instance; or a list of such texts,
// or of maps with names.
func appendNames(list []string, v any) []string {
	switch v := v.(type) {
	case string:
		if end := strings.IndexAny(v, "=_"); end >= 0 {
			v = v[:end]
		}
		if v != "" {
			list = append(list, v)
		}
	case []any:
		for _, item := range v {
			list = appendNames(list, item)
		}
	case map[string]any:
		for _, name := range []string{"name", "id", "instance", "snaps"} {
			list = appendNames(list, v[name])
		}
	}
	return list
}

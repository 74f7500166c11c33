package server

import (
	"bytes"
	"strings"

	"offlinestore/assertion"
)

// unreadable stands for the snaps of an assertion that can't be read. No store has a snap with this ID.
const unreadable = ""

// privateNames returns the IDs of private snaps by ID and by name. The declaration of an absent snap has its name, unless a global snap has
// the name now.
func (b *builder) privateNames(absent []string) map[string]string {
	ids := make(map[string]string, 2*len(b.private)+2*len(absent))
	for _, id := range absent {
		ids[id] = id
	}
	for _, id := range absent {
		for a := b.assertions.get(assertionKey("snap-declaration", []string{assertion.Series, id})); a != nil; a = a.older {
			raw, err := a.raw()
			name, ok := line(raw, "snap-name")
			if e := b.byName.get(name); err == nil && ok && (e == nil || e.store != "") {
				ids[name] = id
			}
		}
	}
	for _, e := range b.private {
		ids[e.id], ids[e.name] = e.id, e.id
	}
	return ids
}

// reveal returns the private snaps that assertions reveal, by group, and counts these assertions. These are the assertions about a snap: its
// declaration, developers, revisions, components and validations; and the ones that list snaps: models, validation sets, preseeds and
// clusters. Others may name the ID of a private snap in a rule, as the declaration of a global snap does. They tell nothing about it, and the
// global snap needs them. absent are the IDs of private snaps without anything but assertions.
func (b *builder) reveal(absent []string) map[string][]string {
	b.hiddenAsserts = 0
	if len(b.private)+len(absent) == 0 {
		return nil
	}
	ids, found := b.privateNames(absent), make(map[string][]string)
	for _, head := range b.assertions.all() {
		for a := head; a != nil; a = a.older {
			for _, name := range a.snaps {
				if id, ok := ids[name]; ok || name == unreadable {
					found[a.group()] = append(found[a.group()], id)
				}
			}
		}
	}
	for group := range found {
		list := b.sequences.get(group)
		for a := b.assertions.get(group); a != nil; a = a.older {
			list = append(list, a)
		}
		for _, a := range list {
			if !a.isKnown {
				b.hiddenAsserts++
			}
		}
	}
	return found
}

// namesSnaps returns the IDs and the names of the snaps that an assertion is about.
func (a *indexedAssertion) namesSnaps(raw []byte) []string {
	switch a.typ {
	case "snap-declaration":
		return a.key[1:]
	case "snap-resource-revision", "snap-resource-pair", "snap-developer":
		return a.key[:1]
	case "validation":
		return a.key[1:3]
	case "snap-revision", "snap-build":
		if id, ok := line(raw, "snap-id"); ok {
			return []string{id}
		}
		return listed(raw)
	case "model", "validation-set", "preseed", "cluster":
		return listed(raw)
	}
	return nil
}

// line returns the value of a header on one line. There may be a hundred thousand assertions, so it does not decode them.
func line(raw []byte, name string) (string, bool) {
	_, after, ok := bytes.Cut(raw, []byte("\n"+name+": "))
	value, _, ended := bytes.Cut(after, []byte("\n"))
	return string(value), ok && ended
}

// listed returns the IDs and the names of snaps in the headers of an assertion, and perhaps other texts.
func listed(raw []byte) []string {
	decoded, err := assertion.Decode(raw)
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

package server

import (
	"encoding/json"
	"fmt"
	"strings"

	"offlinestore/charm"
)

// fieldTree is what a client wants of an answer: all of it, or some members. A nil tree is nothing.
type fieldTree struct {
	all     bool
	members map[string]*fieldTree
}

// The bounds of a list of fields. Juju's longest has about thirty.
const (
	maxFields     = 300
	maxFieldDepth = 8
)

// newFieldTree reads a list such as "channel-map,default-release.revision.version". A name stands for all that is below it.
func newFieldTree(list string) (*fieldTree, error) {
	root := &fieldTree{}
	for i, name := range splitList(list) {
		parts := strings.Split(name, ".")
		if i == maxFields || len(parts) > maxFieldDepth {
			return nil, fmt.Errorf("fields: more than %d, or one of more than %d parts", maxFields, maxFieldDepth)
		}
		t := root
		for _, p := range parts {
			if t.members == nil {
				t.members = make(map[string]*fieldTree)
			}
			if t.members[p] == nil {
				t.members[p] = &fieldTree{}
			}
			t = t.members[p]
		}
		t.all = true
	}
	return root, nil
}

// at returns what is wanted of a member inside of members, nil for nothing.
func (t *fieldTree) at(path ...string) *fieldTree {
	for _, name := range path {
		if t == nil || t.all {
			return t
		}
		t = t.members[name]
	}
	return t
}

// pick returns what is wanted of a JSON value; of a list, that of each element.
func (t *fieldTree) pick(text json.RawMessage) (json.RawMessage, error) {
	if t.all || len(text) == 0 {
		return text, nil
	}
	switch text[0] {
	case '{':
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			return nil, err
		}
		out := make(map[string]json.RawMessage, len(t.members))
		for name, sub := range t.members {
			if member, ok := members[name]; ok {
				var err error
				if out[name], err = sub.pick(member); err != nil {
					return nil, err
				}
			}
		}
		return marshal(out)
	case '[':
		var list []json.RawMessage
		err := json.Unmarshal(text, &list)
		for i := 0; err == nil && i < len(list); i++ {
			list[i], err = t.pick(list[i])
		}
		if err != nil {
			return nil, err
		}
		return marshal(list)
	}
	return text, nil
}

// wanted is v with only what t asks for, as JSON.
func wanted(v any, t *fieldTree) (json.RawMessage, error) {
	text, err := marshal(v)
	if err != nil {
		return nil, err
	}
	return t.pick(text)
}

// only is r without the files that t does not ask for, as they are long. Those that the charm does not have are said to be empty.
func only(r charm.Revision, t *fieldTree) charm.Revision {
	for name, text := range map[string]*string{"actions-yaml": &r.ActionsYAML, "bundle-yaml": &r.BundleYAML, "config-yaml": &r.ConfigYAML,
		"metadata-yaml": &r.MetadataYAML, "readme-md": &r.ReadmeMD} {
		switch {
		case t.at(name) == nil:
			*text = ""
		case *text == "" && name != "readme-md":
			*text = noYAML
		}
	}
	return r
}

package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// fieldTree names the members of an answer that a client asked for: all of them, or some. A nil tree names none.
type fieldTree struct {
	all     bool
	members map[string]*fieldTree
}

// The bounds of a list of fields. Juju's longest has about thirty.
const (
	maxFields     = 300
	maxFieldDepth = 8
)

var errFields = fmt.Errorf("fields: more than %d, or one of more than %d parts", maxFields, maxFieldDepth)

// newFieldTree parses a list such as "channel-map,default-release.revision.version", and adds the names in always. A name stands for
// all that is below it.
func newFieldTree(list string, always ...string) (*fieldTree, error) {
	names := splitList(list)
	if len(names) > maxFields {
		return nil, errFields
	}
	root := &fieldTree{}
	for _, name := range append(names, always...) {
		parts := strings.Split(name, ".")
		if len(parts) > maxFieldDepth {
			return nil, errFields
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

// at returns the part of t for a member, nil if the member was not asked for.
func (t *fieldTree) at(name string) *fieldTree {
	if t == nil || t.all {
		return t
	}
	return t.members[name]
}

// pick returns the members of a JSON value that t names. If the value is a list, it picks the members of each element.
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

// record is a value whose members a fieldTable lists.
type record[T any] struct {
	fields fieldTable[T]
	value  T
}

// selector encodes the members of itself that a client asked for.
type selector interface {
	encode(*fieldTree) (json.RawMessage, error)
}

// encode returns the record as JSON, with the members that t names.
func (d record[T]) encode(t *fieldTree) (json.RawMessage, error) {
	out := []byte{'{'}
	for i := range d.fields {
		f := &d.fields[i]
		asked := t.at(f.name)
		if asked == nil {
			continue
		}
		value := f.value(d.value)
		if value == nil {
			continue
		}
		text, err := encodeFields(value, asked)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", f.name, err)
		}
		out = append(append(append(append(out, '"'), f.name...), `":`...), text...)
		out = append(out, ',')
	}
	return append(bytes.TrimSuffix(out, []byte{','}), '}'), nil
}

// records is a list of records of one table.
type records[T any] []record[T]

// encode returns the list as JSON, with the members of each record that t names.
func (list records[T]) encode(t *fieldTree) (json.RawMessage, error) {
	out := []byte{'['}
	for i := range list {
		text, err := list[i].encode(t)
		if err != nil {
			return nil, err
		}
		out = append(append(out, text...), ',')
	}
	return append(bytes.TrimSuffix(out, []byte{','}), ']'), nil
}

// encodeFields returns the members of v that t names, as JSON.
func encodeFields(v any, t *fieldTree) (json.RawMessage, error) {
	if s, ok := v.(selector); ok {
		return s.encode(t)
	}
	text, err := marshal(v)
	if err != nil {
		return nil, err
	}
	return t.pick(text)
}

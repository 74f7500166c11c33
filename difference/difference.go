// Package difference names changes of items that exist before and after, for reports and for comparisons of bundles. It finds them by
// comparing every member of the items' JSON, so that a member that is new in the format is reported, too.
package difference

import (
	"bytes"
	"encoding/json"
	"slices"
)

// The values of Change.What. Each has a line in the table of package cli, which has the words for people.
const (
	// Snap is a member of the description of a snap by name, and Charm one of a charm or charm bundle.
	Snap  = "snap"
	Charm = "charm"
	// Icon is the icon of either. Its values are digests.
	Icon = "icon"
	// Metadata is a member of the metadata of a revision.
	Metadata = "revision-metadata"
	// Component is a component of a revision of a snap. Its values are revisions. Field is empty for the released component.
	Component = "component"
	// Resource is a member of a revision of a charm's resource.
	Resource = "resource-metadata"
	// Release is a change of a row that keeps its revision: the revision was released again, or with other resources.
	Release = "release"
	// Assertion is an assertion of which there was an older revision or format. Its values have both.
	Assertion = "assertion"
	// Withdrawal is a member of the statement that a snap or charm is withdrawn.
	Withdrawal = "withdrawal-metadata"
	// Store is the store of a brand, which Name has, or a member of its description. Without a Field, its values are names of the store.
	Store = "store"
	// StoreSnap is a snap in the list of a store, which Name has. Without a Field, its values are the store that the snap is private to.
	StoreSnap = "store-snap"
	// Manifest is a manifest or an index of an image that was known.
	Manifest = "image-manifest"
	// Repository is a member of an image of a repository that belongs to no charm, or of one of its tags.
	Repository = "repository-image"
)

// The values of Change.Field for components that are not released along with the revision.
const (
	// OlderFile is a new file of a component of which a newer bundle names another revision.
	OlderFile = "older-file"
	// Further is another revision of a component, which a validation set pins.
	Further = "further"
)

// Change is a change of an item. An empty Old or New means none. Both are empty if the values are too long for a report.
type Change struct {
	What string `json:"what"`
	// Snap or Charm is the name of the item, if the change belongs to one.
	Snap  string `json:"snap,omitempty"`
	Charm string `json:"charm,omitempty"`
	// Revision is the revision of the snap, charm or resource, or 0 for a change of the item by name.
	Revision int `json:"revision,omitempty"`
	// Name is the name of the component or resource, or the type and the primary key of the assertion, or the digest of the manifest, or the
	// ID of the store, or the name of an image with its tag or digest.
	Name string `json:"name,omitempty"`
	// Field is the member that changed. For an assertion it lists the headers.
	Field string `json:"field,omitempty"`
	// Channel and Architecture or Base name a row.
	Channel      string `json:"channel,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	Base         string `json:"base,omitempty"`
	Old          string `json:"old,omitempty"`
	New          string `json:"new,omitempty"`
}

// maxValue is the number of bytes of the longest value in a report.
const maxValue = 160

// fields returns a copy of c for each member in which the JSON of before and after differs, except for the named members. The copies are
// sorted by Field. Absent members and empty values are equal.
func (c Change) fields(before, after any, except ...string) []Change {
	old, now := members(before), members(after)
	var out []Change
	for _, name := range unite(old, now) {
		if slices.Contains(except, name) || bytes.Equal(old[name], now[name]) {
			continue
		}
		c.Field = name
		out = append(out, c.values(text(old[name]), text(now[name])))
	}
	return out
}

// values returns c with these values, unless they are too long.
func (c Change) values(before, after string) Change {
	c.Old, c.New = "", ""
	if len(before) <= maxValue && len(after) <= maxValue {
		c.Old, c.New = before, after
	}
	return c
}

// members returns the members of a message of a store in a canonical encoding, except for empty ones.
func members(message any) map[string]json.RawMessage {
	raw, _ := json.Marshal(message) // messages have nothing that JSON lacks
	out := make(map[string]json.RawMessage)
	json.Unmarshal(raw, &out)
	for name, m := range out {
		if slices.Contains([]string{`null`, `""`, `0`, `false`, `[]`, `{}`}, string(m)) {
			delete(out, name)
		}
	}
	return out
}

// text returns a value for people: a string without its quotes, anything else as JSON.
func text(m json.RawMessage) string {
	var s string
	if json.Unmarshal(m, &s) == nil {
		return s
	}
	return string(m)
}

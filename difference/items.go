package difference

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"offlinestore/assertion"
	"offlinestore/charm"
	"offlinestore/snap"
)

// OfSnap returns the changes of a snap by name, except for its channel map.
func OfSnap(before, after *snap.Listing) []Change {
	c := Change{What: Snap, Snap: after.Name}
	return append(c.fields(before, after, "channel-map", "snap"), c.fields(before.Snap, after.Snap)...)
}

// OfCharm returns the changes of a charm or charm bundle by name, except for its channel map.
func OfCharm(before, after *charm.Listing) []Change {
	c := Change{What: Charm, Charm: after.Name}
	return append(c.fields(before, after, "channel-map", "result"), c.fields(before.Result, after.Result)...)
}

// OfIcon returns the changes of an icon. c names the snap or charm, and each icon is a digest and a media type.
func OfIcon(c Change, before, after [2]string) []Change {
	if before == after {
		return nil
	}
	c.What = Icon
	return []Change{c.values(before[0], after[0])}
}

// OfRevision returns the changes of a revision of a snap, and of its components.
func OfRevision(before, after *snap.Item) []Change {
	name, number := after.Name, after.Revision.Number
	c := Change{What: Metadata, Snap: name, Revision: number}
	out := append(c.fields(before, after, "revision"), c.fields(before.Revision, after.Revision, "resources", "further-resources")...)
	old, now := components(before.Revision.Resources), components(after.Revision.Resources)
	for _, component := range unite(old, now) {
		if b, a := old[component], now[component]; !reflect.DeepEqual(members(b), members(a)) {
			c := Change{What: Component, Snap: name, Revision: number, Name: component}
			out = append(out, c.values(revision(b.Revision), revision(a.Revision)))
		}
	}
	return append(out, further(c, before.Revision.Further, after.Revision.Further)...)
}

func components(list []snap.Resource) map[string]snap.Resource {
	out := make(map[string]snap.Resource, len(list))
	for _, c := range list {
		out[c.Name] = c
	}
	return out
}

// further returns the changes of the further components of a revision. c names the revision.
func further(c Change, before, after []snap.Resource) (out []Change) {
	c.What, c.Field = Component, Further
	byRevision := func(list []snap.Resource) map[string]snap.Resource {
		out := make(map[string]snap.Resource, len(list))
		for _, res := range list {
			out[fmt.Sprint(res.Name, " ", res.Revision)] = res
		}
		return out
	}
	old, now := byRevision(before), byRevision(after)
	for _, key := range unite(old, now) {
		if b, a := old[key], now[key]; !reflect.DeepEqual(members(b), members(a)) {
			c.Name = cmp.Or(a.Name, b.Name)
			out = append(out, c.values(revision(b.Revision), revision(a.Revision)))
		}
	}
	return out
}

// OfCharmRevision returns the changes of a revision of a charm or charm bundle.
func OfCharmRevision(before, after *charm.Item) []Change {
	c := Change{What: Metadata, Charm: after.Name, Revision: after.Revision.Number}
	return append(c.fields(before, after, "revision"), c.fields(before.Revision, after.Revision)...)
}

// OfResource returns the changes of a revision of a charm's resource, and of its image.
func OfResource(before, after *charm.ResourceItem) []Change {
	c := Change{What: Resource, Charm: after.Charm, Revision: after.Resource.Revision, Name: after.Resource.Name}
	out := append(c.fields(before, after, "resource", "image"), c.fields(before.Resource, after.Resource)...)
	for _, f := range c.fields(before.Image, after.Image) {
		f.Field = "image-" + f.Field
		out = append(out, f)
	}
	return out
}

// OfWithdrawal returns the changes of the statement that a snap or charm is withdrawn. c names the snap or charm.
func OfWithdrawal(c Change, before, after any) []Change {
	c.What = Withdrawal
	return c.fields(before, after)
}

// OfReleasedResources returns the changes of the resources that are released with a row. c names the row.
func OfReleasedResources(c Change, before, after []charm.ResourceRef) []Change {
	old, now := make(map[string]string), make(map[string]string)
	for _, r := range before {
		old[r.Name] = strconv.Itoa(r.Revision)
	}
	for _, r := range after {
		now[r.Name] = strconv.Itoa(r.Revision)
	}
	var out []Change
	c.What = Release
	for _, name := range unite(old, now) {
		if old[name] != now[name] {
			c.Name = name
			out = append(out, c.values(old[name], now[name]))
		}
	}
	return out
}

// OfReleaseTime returns the change of a row whose revision was released again. c names the row.
func OfReleaseTime(c Change, before, after string) []Change {
	if before == after {
		return nil
	}
	c.What, c.Field = Release, "released-at"
	return []Change{c.values(before, after)}
}

// AssertionState is the newest known revision of an assertion, and the format of that. Raw is nil for an assertion that is not there.
type AssertionState struct {
	Format, Revision int
	Raw              []byte
}

// Compare orders states by revision, then by format.
func (s AssertionState) Compare(other AssertionState) int {
	return cmp.Or(cmp.Compare(s.Revision, other.Revision), cmp.Compare(s.Format, other.Format))
}

// String returns the state as a value of a Change.
func (s AssertionState) String() string {
	switch {
	case s.Raw == nil:
		return ""
	case s.Format == 0:
		return fmt.Sprintf("revision %d", s.Revision)
	}
	return fmt.Sprintf("revision %d, format %d", s.Revision, s.Format)
}

// SnapOf returns the name of the snap whose snap-id is in the primary key of an assertion, or "". names maps snap-ids to names.
func SnapOf(ref assertion.Ref, names map[string]string) string {
	for _, v := range ref.PrimaryKey {
		if name := names[v]; name != "" {
			return name
		}
	}
	return ""
}

// OfAssertion returns the change of an assertion to another state. name is the name of its snap, or empty.
func OfAssertion(name string, ref assertion.Ref, before, after AssertionState) Change {
	c := Change{What: Assertion, Snap: name, Name: ref.Key()}
	old, err := assertion.Decode(before.Raw)
	if err == nil {
		var now *assertion.Assertion
		if now, err = assertion.Decode(after.Raw); err == nil {
			c.Field = strings.Join(headers(old, now), ", ")
		}
	}
	return c.values(before.String(), after.String())
}

// headers returns the names of the headers whose values differ, except for headers that differ between any two revisions.
func headers(before, after *assertion.Assertion) []string {
	old, now := before.Headers(), after.Headers()
	var out []string
	for _, name := range unite(old, now) {
		if !slices.Contains([]string{"revision", "format", "timestamp", "sign-key-sha3-384", "body-length"}, name) && !reflect.DeepEqual(old[name], now[name]) {
			out = append(out, name)
		}
	}
	if string(before.Body()) != string(after.Body()) {
		out = append(out, "body")
	}
	return out
}

// unite returns the sorted keys of both maps, each once.
func unite[V any](a, b map[string]V) []string {
	return slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for _, m := range []map[string]V{a, b} {
			for key := range m {
				if !yield(key) {
					return
				}
			}
		}
	}))
}

// revision returns a revision as a value: empty for 0, which means none.
func revision(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

package server

import (
	"slices"
	"strings"
)

// fieldSet is a set of rows of allFields, with a bit for each.
type fieldSet uint64

// fieldRef names a row of snapFields or of revisionFields.
type fieldRef struct {
	name       string
	row        int
	ofRevision bool
	urls, old  bool
}

// allFields has the rows of both tables in the order of the alphabet, in which one answer mixes them.
var allFields = func() []fieldRef {
	var list []fieldRef
	for i, f := range snapFields {
		list = append(list, fieldRef{f.name, i, false, f.urls, f.old})
	}
	for i, f := range revisionFields {
		list = append(list, fieldRef{f.name, i, true, f.urls, f.old})
	}
	slices.SortStableFunc(list, func(a, b fieldRef) int { return strings.Compare(a.name, b.name) })
	return list
}()

var fieldByName = func() map[string]fieldSet {
	m := make(map[string]fieldSet, len(allFields))
	for i, f := range allFields {
		if !f.old {
			m[f.name] = 1 << i
		}
	}
	return m
}()

// The sets that answers combine with the set of a request.
var (
	snapSet             = setWhere(func(f fieldRef) bool { return !f.ofRevision })
	revisionSet         = setWhere(func(f fieldRef) bool { return f.ofRevision })
	identitySet         = fieldByName["name"] | fieldByName["snap-id"]
	searchedRevisionSet = revisionSet &^ fieldByName["snap-yaml"]
	oldSet              = setWhere(func(f fieldRef) bool { return f.old })
)

func setWhere(is func(fieldRef) bool) (set fieldSet) {
	for i, f := range allFields {
		if is(f) {
			set |= 1 << i
		}
	}
	return set
}

// newFieldSet returns the set of the fields in names, or of all fields if names is empty. It ignores unknown names, since clients
// of other versions ask for them.
func newFieldSet(names []string) fieldSet {
	if len(names) == 0 {
		return (snapSet | revisionSet) &^ oldSet
	}
	var set fieldSet
	for _, name := range names {
		set |= fieldByName[name]
	}
	return set
}

// forOldClients returns the set with the values that old clients know.
func (set fieldSet) forOldClients() fieldSet {
	for i, f := range allFields {
		if now := fieldByName[f.name]; f.old && set&now != 0 {
			set = set&^now | 1<<i
		}
	}
	return set
}

// appendFields appends the object with the fields of set, taken from rev or from snap.
func appendFields(dst []byte, set fieldSet, rev, snap *object, origin string) []byte {
	dst = append(dst, '{')
	start := len(dst)
	for i := range allFields {
		if set&(1<<i) == 0 {
			continue
		}
		f := &allFields[i]
		o := snap
		if f.ofRevision {
			o = rev
		}
		if f.urls {
			dst = appendURLs(dst, o.member(f.row), origin)
			continue
		}
		dst = append(dst, o.member(f.row)...)
	}
	if len(dst) > start {
		dst = dst[:len(dst)-1]
	}
	return append(dst, '}')
}

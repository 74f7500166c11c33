package assertion

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
)

// Source finds assertions. If it lacks an assertion, Find returns an error that wraps ErrNotFound.
type Source interface {
	Find(Ref) (*Assertion, error)
}

// Set is a Source in memory. Of several assertions with the same ref and format, it keeps the one with the highest revision. The
// zero Set is empty. It is not safe for concurrent use while Add is called.
type Set struct {
	m map[string]map[int]*Assertion
}

// NewSet returns a Set of the given assertions.
func NewSet(all ...*Assertion) *Set {
	s := &Set{}
	s.Add(all...)
	return s
}

// Add adds assertions. It ignores an assertion that is no newer than the one in the set.
func (s *Set) Add(all ...*Assertion) {
	if s.m == nil {
		s.m = make(map[string]map[int]*Assertion)
	}
	for _, a := range all {
		key := a.setKey()
		if s.m[key] == nil {
			s.m[key] = make(map[int]*Assertion)
		}
		if old := s.m[key][a.format]; old == nil || old.revision < a.revision {
			s.m[key][a.format] = a
		}
	}
}

// setKey returns a key that also distinguishes assertions with an unknown type or without a primary key.
func (a *Assertion) setKey() string {
	if len(a.ref.PrimaryKey) > 0 {
		return a.ref.Key()
	}
	sum := sha256.Sum256(a.raw)
	return a.ref.Type + "//" + string(sum[:])
}

// Find returns the assertion of the highest revision, in the newest format if there are several of this revision.
func (s *Set) Find(ref Ref) (*Assertion, error) {
	byFormat := s.m[ref.Key()]
	if len(byFormat) == 0 {
		return nil, ErrNotFound
	}
	return slices.MaxFunc(slices.Collect(maps.Values(byFormat)), func(a, b *Assertion) int {
		return cmp.Or(cmp.Compare(a.revision, b.revision), cmp.Compare(a.format, b.format))
	}), nil
}

// All returns all assertions, ordered by ref and format.
func (s *Set) All() []*Assertion {
	var all []*Assertion
	for _, key := range slices.Sorted(maps.Keys(s.m)) {
		for _, format := range slices.Sorted(maps.Keys(s.m[key])) {
			all = append(all, s.m[key][format])
		}
	}
	return all
}

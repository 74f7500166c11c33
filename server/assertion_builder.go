package server

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"offlinestore/assertion"
	"offlinestore/catalog"
)

// newIndexedAssertion returns an assertion without its text.
func newIndexedAssertion(stored *catalog.Assertion) (*indexedAssertion, error) {
	a := &indexedAssertion{typ: stored.Type, key: stored.PrimaryKey, format: stored.Format, revision: stored.Revision}
	t, ok := assertion.TypeByName(a.typ)
	if !ok || len(a.key) != len(t.PrimaryKey) || len(stored.Raw) == 0 {
		return nil, fmt.Errorf("index assertion %s: unknown type, incomplete primary key or no content", a.ref())
	}
	if t.Sequence {
		n, err := strconv.Atoi(a.key[len(a.key)-1])
		if err != nil || n < 1 {
			return nil, fmt.Errorf("index assertion %s: sequence is no number", a.ref())
		}
		a.sequence = n
	}
	a.typ = t.Name // shared by all
	a.snaps = a.namesSnaps(stored.Raw)
	switch a.typ {
	case "store", "validation", "validation-set":
		a.isSpecial = true
	case "snap-declaration":
		a.isSpecial = bytes.Contains(stored.Raw, []byte("\nrefresh-control:"))
	}
	return a, nil
}

// addAssertion adds an assertion that stays in the spool, and in memory if it is special.
func (b *builder) addAssertion(stored *catalog.Assertion) error {
	a, err := newIndexedAssertion(stored)
	if err != nil {
		return err
	}
	if a.isSpecial {
		a.kept = bytes.Clone(stored.Raw)
	} else {
		a.text = b.texts.add(stored.Raw)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listAssertion(a)
	return nil
}

// addKnown adds the known assertions, or the ones of a key.
func (b *builder) addKnown(only ...string) error {
	for _, k := range b.server.known {
		if len(only) > 0 && k.Ref().Key() != only[0] {
			continue
		}
		stored := catalog.Assertion{Type: k.Type(), PrimaryKey: k.Ref().PrimaryKey, Format: k.Format(), Revision: k.Revision(), Raw: k.Raw()}
		a, err := newIndexedAssertion(&stored)
		if err != nil {
			return err
		}
		a.isKnown, a.kept = true, stored.Raw
		b.listAssertion(a)
	}
	return nil
}

// compareAssertions orders lists: the last point of a sequence and the newest revision first. Of two revisions, devices get the newer one.
func compareAssertions(a, b *indexedAssertion) int {
	return -cmp.Or(cmp.Compare(a.sequence, b.sequence), cmp.Compare(a.revision, b.revision), cmp.Compare(a.format, b.format))
}

// listAssertion adds an assertion to its lists. All of one key are new, so that they can change.
func (b *builder) listAssertion(a *indexedAssertion) {
	key := a.ref().Key()
	head := b.assertions.get(key)
	if head == nil || compareAssertions(a, head) < 0 {
		a.older, head = head, a
		b.assertions.set(key, head)
	} else {
		before := head
		for before.older != nil && compareAssertions(before.older, a) <= 0 {
			before = before.older
		}
		a.older, before.older = before.older, a
	}
	b.setSpecial(key, head)
	if a.sequence > 0 {
		list := append(slices.Clone(b.sequences.get(a.sequenceKey())), a)
		slices.SortFunc(list, compareAssertions)
		b.sequences.set(a.sequenceKey(), list)
	}
	if !a.isKnown {
		b.asserts++
	}
}

// setSpecial notes the newest revision of a key if it is special. It is nil for none.
func (b *builder) setSpecial(key string, head *indexedAssertion) {
	isSpecial := head != nil && head.isSpecial
	if was := b.special[key]; !isSpecial && was == nil {
		return
	}
	if !b.hasNewSpecial {
		b.hasNewSpecial, b.special = true, maps.Clone(b.special)
	}
	if delete(b.special, key); isSpecial {
		b.special[key] = head
	}
}

// replaceAssertion removes all revisions of an assertion but the known ones, before the present ones are added.
func (b *builder) replaceAssertion(ref assertion.Ref) error {
	key := ref.Key()
	head := b.assertions.get(key)
	for a := head; a != nil; a = a.older {
		if a.sequence > 0 {
			rest := slices.DeleteFunc(slices.Clone(b.sequences.get(a.sequenceKey())), func(other *indexedAssertion) bool { return other == a })
			b.sequences.set(a.sequenceKey(), rest)
		}
		if a.text.in != nil {
			b.texts.forget(a.text)
		}
		if !a.isKnown {
			b.asserts--
		}
	}
	b.assertions.remove(key)
	b.setSpecial(key, nil)
	if head == nil {
		return nil
	}
	return b.addKnown(key)
}

// newAssertionIndex returns an index of assertions alone.
func newAssertionIndex(list []*assertion.Assertion) (*index, error) {
	b := &builder{server: &Server{known: list}, content: &content{special: make(map[string]*indexedAssertion)}}
	b.assertions, b.sequences = b.assertions.edit(), b.sequences.edit()
	err := b.addKnown()
	return &index{content: b.content}, err
}

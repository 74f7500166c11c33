package exporter

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"offlinestore/assertion"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// maxFormat holds the newest format that we know of each assertion type; a type that is not listed has format 0. The Snap Store answers
// with the newest format up to it. Declarations are fetched in every format.
var maxFormat = map[string]int{"account-key": 1, "system-user": 2}

// maxChain bounds the number of assertions that a snap's own assertions may need. Genuine ones need about ten.
const maxChain = 2000

// fetcher fetches assertions with their prerequisites, each once in an export.
type fetcher struct {
	e *Exporter
	// clients ask the Snap Store, on behalf of the devices of each store of which private snaps are planned.
	clients []*upstream.Client
	ctx     context.Context
	have    map[string]assertionAnswer // by Ref.Key
	// down is the error of a store that gives no answer, so that it is not asked again.
	down error
	// modelKeys returns the references of the keys of Canonical's models that the store has.
	modelKeys func() []assertion.Ref
}

func (e *Exporter) newFetcher(ctx context.Context) *fetcher {
	f := &fetcher{e: e, clients: []*upstream.Client{e.Client}, ctx: ctx, have: make(map[string]assertionAnswer)}
	f.modelKeys = sync.OnceValue(func() []assertion.Ref { return f.fetchModelKeys(modelKeyIDs()) })
	return f
}

// snap fetches the assertions about a snap by name and about each of its planned revisions.
func (f *fetcher) snap(p *Plan, s *Snap) (err error) {
	refs, err := f.validations(p, s)
	if err != nil {
		return err
	}
	refs = append([]assertion.Ref{declarationRef(s.Listing.SnapID)}, refs...)
	if s.startsImages() {
		refs = append(refs, f.modelKeys()...)
	}
	if s.assertions, err = f.stream(refs...); err != nil {
		return err
	}
	for _, r := range s.Revisions {
		if err := f.dropUnpaired(s, r); err != nil {
			return err
		}
		refs, err := revisionRefs(s.Listing.SnapID, &r.Revision)
		if err == nil {
			r.assertions, err = f.stream(refs...)
		}
		if err != nil {
			return fmt.Errorf("revision %d: %w", r.Revision.Number, err)
		}
	}
	return nil
}

// fetchAssertions fetches the assertions that no snap or charm leads to, and verifies them.
func (e *Exporter) fetchAssertions(f *fetcher, p *Plan) (err error) {
	for _, a := range p.Assertions {
		if a.planned != nil {
			f.have[a.Ref.Key()] = assertionAnswer{list: []*assertion.Assertion{a.planned}}
		}
		e.Progress.Downloading(a.announcement() + "...")
		if _, err := f.getAssertions(a.Ref); errors.Is(err, upstream.ErrNotFound) {
			if a.snap != "" {
				e.Progress.Warn(fmt.Sprintf("the bundle goes without the declaration of the snap %s, which has no release: %v", a.snap, err))
				continue
			}
			return itemError(a.item, &MissingError{[]Gap{{Snap: a.String(), Reason: "the store has none"}}})
		}
		if a.stream, err = f.stream(a.Ref); err != nil {
			return itemError(a.item, fmt.Errorf("%s: %w", a, err))
		}
		if err := a.verify(f.have[a.Ref.Key()].list); err != nil {
			return itemError(a.item, err)
		}
	}
	p.Assertions = slices.DeleteFunc(p.Assertions, func(a *Assertion) bool { return a.stream == nil })
	_, err = e.buildHead(Part{Stores: p.Stores, Assertions: p.Assertions})
	return err
}

// stream returns the assertion stream that a bundle holds for refs. Prerequisites come first, and all bytes are as the store sent them.
func (f *fetcher) stream(refs ...assertion.Ref) ([]byte, error) {
	w := &streamBuilder{f: f, seen: make(map[string]bool)}
	for _, ref := range refs {
		if err := w.addNew(ref); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	if err := assertion.EncodeAll(&b, w.out); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// streamBuilder collects the assertions of one stream.
type streamBuilder struct {
	f    *fetcher
	seen map[string]bool
	out  []*assertion.Assertion
}

// addPrerequisite adds ref unless every device has it built in.
func (w *streamBuilder) addPrerequisite(ref assertion.Ref) error {
	if w.f.e.Trust.Has(ref) {
		return nil
	}
	return w.addNew(ref)
}

// addNew appends the prerequisites of ref to the stream, then ref itself, unless it is there.
func (w *streamBuilder) addNew(ref assertion.Ref) error {
	if w.seen[ref.Key()] {
		return nil
	}
	if len(w.seen) == maxChain {
		return storeError("the store's assertions need more than %d others", maxChain)
	}
	w.seen[ref.Key()] = true
	found, err := w.f.getAssertions(ref)
	if err != nil {
		return err
	}
	for _, a := range found {
		for _, p := range a.Prerequisites() {
			if err := w.addPrerequisite(p); err != nil {
				return fmt.Errorf("%w (needed by %s)", err, ref)
			}
		}
	}
	w.out = append(w.out, found...)
	return nil
}

func (f *fetcher) getAssertions(ref assertion.Ref) ([]*assertion.Assertion, error) {
	got, known := f.have[ref.Key()]
	switch {
	case known:
	case f.down != nil:
		got.err = f.down
	default:
		if got.list, got.err = f.ask(f.ctx, ref); got.err == nil {
			f.have[ref.Key()] = got
		}
	}
	if got.err != nil {
		return nil, &StoreError{got.err}
	}
	return got.list, nil
}

// ask asks for an assertion, on behalf of one store after the other until one has it.
func (f *fetcher) ask(ctx context.Context, ref assertion.Ref) (list []*assertion.Assertion, err error) {
	for _, c := range f.clients {
		if list, err = f.askStore(ctx, c, ref); !errors.Is(err, upstream.ErrNotFound) {
			return list, err
		}
	}
	return nil, err
}

// askStore asks the store for an assertion. A declaration comes in several formats.
func (f *fetcher) askStore(ctx context.Context, client *upstream.Client, ref assertion.Ref) ([]*assertion.Assertion, error) {
	if ref.Type == "snap-declaration" {
		return client.SnapDeclarations(ctx, ref.PrimaryKey[1])
	}
	if a := f.e.Cache.findAssertion(ref); a != nil {
		return []*assertion.Assertion{a}, nil
	}
	a, err := client.Assertion(ctx, ref.Type, ref.Path(), maxFormat[ref.Type])
	if err != nil {
		return nil, err
	}
	f.e.Cache.keepAssertion(a)
	return []*assertion.Assertion{a}, nil
}

func declarationRef(snapID string) assertion.Ref {
	return assertion.Ref{Type: "snap-declaration", PrimaryKey: []string{snap.Series, snapID}}
}

// revisionRefs returns the references of a revision's assertions: its declaration, its own, and two for each component.
func revisionRefs(snapID string, r *snap.Revision) ([]assertion.Ref, error) {
	digest, err := headerDigest(r.Download.SHA3384)
	if err != nil {
		return nil, err
	}
	refs := []assertion.Ref{declarationRef(snapID)}
	provenance := provenanceOf(r)
	refs = append(refs, assertion.Ref{Type: "snap-revision", PrimaryKey: []string{digest, provenance}})
	for _, res := range r.Components() {
		digest, err := headerDigest(res.Download.SHA3384)
		if err != nil {
			return nil, fmt.Errorf("component %s: %w", res.Name, err)
		}
		refs = append(refs,
			assertion.Ref{Type: "snap-resource-revision", PrimaryKey: []string{snapID, res.Name, digest, provenance}},
			assertion.Ref{Type: "snap-resource-pair", PrimaryKey: []string{snapID, res.Name, strconv.Itoa(res.Revision), strconv.Itoa(r.Number), provenance}})
	}
	return refs, nil
}

// dropUnpaired drops further components of r of which the store lacks an assertion, since devices would refuse them.
func (f *fetcher) dropUnpaired(s *Snap, r *SnapRevision) error {
	var kept []snap.Resource
	for _, c := range r.Further {
		alone := r.Revision
		alone.Resources, alone.Further = nil, []snap.Resource{c}
		refs, err := revisionRefs(s.Listing.SnapID, &alone)
		for i := 0; err == nil && i < len(refs); i++ {
			_, err = f.getAssertions(refs[i])
		}
		switch {
		case errors.Is(err, upstream.ErrNotFound):
			f.e.Progress.Warn(fmt.Sprintf("%s+%s revision %d: a validation set pins it, and the store has no assertions for it with revision %d of the snap",
				s.Listing.Name, c.Name, c.Revision, r.Number))
		case err != nil:
			return err
		default:
			kept = append(kept, c)
		}
	}
	r.Further = kept
	return nil
}

// provenanceOf returns the provenance in the snap.yaml, or the default. Devices require the snap-revision to have the same one.
func provenanceOf(r *snap.Revision) string {
	if m, err := snap.ParseYAML(r.SnapYAML); err == nil && m.Provenance != "" {
		return m.Provenance
	}
	return "global-upload"
}

// headerDigest converts the hex of the store's messages into the base64 of assertions.
func headerDigest(sha3 string) (string, error) {
	sum, err := hex.DecodeString(sha3)
	if err != nil || len(sum) != 48 {
		return "", storeError("the store's answer has %.100q for a SHA3-384", sha3)
	}
	return assertion.DigestHeader(sum), nil
}

package bundle

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"offlinestore/assertion"
	"offlinestore/snap"
)

// MismatchError reports an item that contradicts the assertions about it.
type MismatchError struct {
	// Item is the item's name: jq_6.
	Item string
	Err  error
}

func (e *MismatchError) Error() string { return e.Item + ": " + e.Err.Error() }

func (e *MismatchError) Unwrap() error { return e.Err }

// Check verifies every assertion of the items up to the trusted roots at the time at, and compares each item with the assertions
// about it: name and publisher with the snap-declaration; digest, size, snap-id and revision with the snap-revision; components
// likewise; a charm with its publisher's account, where it has one; a revoked snap with its declaration; a store with its
// accounts. The item of an assertion must come with it. The exporter calls it before it packs and the importer before it trusts the
// items, so that the exporter already refuses a bundle that the importer would refuse inside the gap. It returns all the assertions,
// each once.
//
// Check does not read the blobs. Their reader must verify that they have the claimed digests.
func Check(h *Head, trust *assertion.Trust, at time.Time) ([]*assertion.Assertion, error) {
	all := assertion.NewSet()
	streams, err := h.addStreams(all)
	if err != nil {
		return nil, err
	}
	v := &assertion.Verifier{Trust: trust, Source: all, Time: at}
	// The set lacks older revisions and second copies. Another reader may use those, so all in the streams must be genuine.
	if err := v.VerifyAll(streams); err != nil {
		return nil, err
	}
	for _, s := range h.Snaps {
		if err := s.compareAssertions(all); err != nil {
			return nil, &MismatchError{s.Name, err}
		}
	}
	for _, r := range h.Revisions {
		if err := r.compareAssertions(all); err != nil {
			return nil, &MismatchError{r.itemName(), err}
		}
	}
	for _, c := range h.Charms {
		if err := c.compareAccount(all); err != nil {
			return nil, &MismatchError{c.itemName(), err}
		}
	}
	for _, a := range h.Assertions {
		if err := a.compareAssertions(all); err != nil {
			return nil, &MismatchError{a.Ref.String(), err}
		}
	}
	for _, w := range h.Withdrawals {
		if err := w.compareAssertions(all); err != nil {
			return nil, &MismatchError{w.itemName(), err}
		}
	}
	for _, s := range h.Stores {
		if err := s.compareAssertions(all); err != nil {
			return nil, &MismatchError{s.itemName(), err}
		}
	}
	return all.All(), nil
}

// addStreams adds the assertions of all items to all. It returns them in their order, also the ones that all does not keep.
func (h *Head) addStreams(all *assertion.Set) (list []*assertion.Assertion, err error) {
	add := func(item string, stream []byte) {
		if err != nil || len(stream) == 0 {
			return
		}
		var as []*assertion.Assertion
		if as, err = assertion.DecodeAll(stream); err != nil {
			err = &MismatchError{item, fmt.Errorf("assertions: %w", err)}
			return
		}
		all.Add(as...)
		list = append(list, as...)
	}
	for _, s := range h.Snaps {
		add(s.Name, s.Assertions)
	}
	for _, r := range h.Revisions {
		add(r.itemName(), r.Assertions)
	}
	for _, c := range h.Charms {
		add(c.itemName(), c.Assertions)
	}
	for _, a := range h.Assertions {
		add(a.Ref.String(), a.Assertions)
	}
	for _, w := range h.Withdrawals {
		add(w.itemName(), w.Assertions)
	}
	for _, s := range h.Stores {
		add(s.itemName(), s.Assertions)
	}
	return list, err
}

func (s *Snap) compareAssertions(all assertion.Source) error {
	d, err := find(all, "snap-declaration", snap.Series, s.SnapID)
	if err != nil {
		return err
	}
	return compareHeaders(d, map[string]string{"snap-name": s.Name, "publisher-id": s.Listing.Snap.Publisher.ID})
}

// compareAccount compares a charm with its publisher's account. Charmhub doesn't sign charms, so nothing else can be compared.
func (c *Charm) compareAccount(all assertion.Source) error {
	if len(c.Assertions) == 0 {
		return nil
	}
	_, err := find(all, "account", c.Result.Publisher.ID)
	return err
}

func (r *SnapRevision) compareAssertions(all assertion.Source) error {
	d, err := find(all, "snap-declaration", snap.Series, r.SnapID)
	if err != nil {
		return err
	}
	if err := compareHeaders(d, map[string]string{"snap-name": r.Name}); err != nil {
		return err
	}
	digest := assertion.DigestHeader(r.Blob.SHA3384[:])
	rev, provenance, err := r.snapRevision(all, digest)
	if err != nil {
		return err
	}
	components := r.Revision.Components()
	if n := len(r.Components); n != len(components) {
		return fmt.Errorf("%d components, and blobs of %d", len(components), n)
	}
	number := strconv.Itoa(r.Revision.Number)
	if err := compareHeaders(rev, map[string]string{"snap-id": r.SnapID, "snap-revision": number, "snap-size": strconv.FormatInt(r.Blob.Size, 10)}); err != nil {
		return err
	}
	if err := r.checkIntegrity(rev); err != nil {
		return err
	}
	for i, c := range r.Components {
		if err := r.checkComponent(all, &components[i], c, provenance); err != nil {
			return fmt.Errorf("component %s: %w", components[i].Name, err)
		}
	}
	return nil
}

// checkIntegrity compares the integrity data with the snap-revision, if that names some.
func (r *SnapRevision) checkIntegrity(rev *assertion.Assertion) error {
	if n := len(r.Integrity); n != len(r.Revision.Integrity) {
		return fmt.Errorf("integrity data %d times, and blobs of %d", len(r.Revision.Integrity), n)
	}
	signed, ok := rev.Header("integrity").([]any)
	if !ok {
		return nil
	}
	for i := range r.Revision.Integrity {
		in := &r.Revision.Integrity[i]
		same := func(v any) bool {
			m, ok := v.(map[string]any)
			return ok && m["type"] == in.Type && m["digest"] == in.Digest && m["salt"] == in.Salt && m["hash-algorithm"] == in.HashAlgorithm
		}
		if !slices.ContainsFunc(signed, same) {
			return fmt.Errorf("the %s has no integrity data with digest %s", rev.Ref(), in.Digest)
		}
	}
	return nil
}

// snapRevision finds the snap-revision of the blob. Only its provenance is read from the item's own stream. The assertion in the
// stream may be an older revision of the one that counts.
func (r *SnapRevision) snapRevision(all assertion.Source, digest string) (*assertion.Assertion, string, error) {
	as, err := assertion.DecodeAll(r.Assertions)
	if err != nil {
		return nil, "", err
	}
	for _, a := range as {
		if a.Type() == "snap-revision" && a.HeaderString("snap-sha3-384") == digest {
			provenance := a.Ref().PrimaryKey[1]
			a, err := find(all, "snap-revision", digest, provenance)
			return a, provenance, err
		}
	}
	_, err = find(all, "snap-revision", digest, "global-upload")
	return nil, "", errors.Join(err, fmt.Errorf("no snap-revision for its digest %s", digest))
}

func (r *SnapRevision) checkComponent(all assertion.Source, res *snap.Resource, b Blob, provenance string) error {
	digest := assertion.DigestHeader(b.SHA3384[:])
	number := strconv.Itoa(res.Revision)
	rev, err := find(all, "snap-resource-revision", r.SnapID, res.Name, digest, provenance)
	if err != nil {
		return err
	}
	if err := compareHeaders(rev, map[string]string{"resource-revision": number, "resource-size": strconv.FormatInt(b.Size, 10)}); err != nil {
		return err
	}
	_, err = find(all, "snap-resource-pair", r.SnapID, res.Name, number, strconv.Itoa(r.Revision.Number), provenance)
	return err
}

func find(all assertion.Source, typ string, key ...string) (*assertion.Assertion, error) {
	ref := assertion.Ref{Type: typ, PrimaryKey: key}
	a, err := all.Find(ref)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	return a, nil
}

// compareHeaders compares the headers of an assertion with values of the item.
func compareHeaders(a *assertion.Assertion, want map[string]string) error {
	for name, value := range want {
		if got := a.HeaderString(name); got != value {
			return fmt.Errorf("the %s says %s %q, the bundle %q", a.Ref(), name, got, value)
		}
	}
	return nil
}

// Package importer imports a bundle into the store: it verifies the bundle, then applies it.
//
// Apply takes a value that only Verify can make, so an import that was not verified does not compile. Devices see nothing of an import
// until Apply's one transaction commits. An earlier failure leaves blobs behind that nothing refers to. The next push of the bundle
// reuses them.
package importer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/channelmap"
)

// The host's clock and a bundle's signed time may differ by ClockSkew without a warning. A bundle from beyond MaxFuture is refused, because
// its rows of the channel map could not be updated until then.
const (
	ClockSkew = 24 * time.Hour
	MaxFuture = 31 * 24 * time.Hour
)

// ErrFuture means that a bundle claims to be signed far in the future.
var ErrFuture = errors.New("signed in the future")

// Importer holds the store, the keys and the settings of imports. Several goroutines may call its methods at once.
type Importer struct {
	Store  *catalog.DB
	Blobs  *blob.Storage
	Hasher *blob.Hasher
	// Signers are the keys whose bundles are accepted. Trust holds the roots of the assertions in them.
	Signers []bundle.PublicKey
	Trust   *assertion.Trust
	Now     func() time.Time
	// AcceptTime accepts bundles from the far future.
	AcceptTime bool
	// PushChannelMap lets a bundle decide even where a newer one has: about channels, components, image names and descriptions.
	PushChannelMap bool
	// TakeOver lists names that are given to other snaps and charms than before. By names the operator.
	TakeOver []string
	By       string

	claims claims
	// unread is the first error about a blob that may be here or not, because the storage does not answer.
	unread atomic.Pointer[error]
	// checked has the assertions of divided bundles, by their sets.
	checked sync.Map
	heads   bundle.Heads
}

// Opened is a bundle with a verified signature and a valid head. Nothing of its payload was read.
type Opened struct {
	Name      string
	Predicate *bundle.Predicate
	Signer    bundle.PublicKey
	Head      *bundle.Head
	// Warnings are messages for the operator.
	Warnings []string

	reader     *bundle.Reader
	assertions []*assertion.Assertion
}

// Open verifies the signature of a bundle, then validates its head and verifies every assertion in it, before the first byte of the payload
// is read. Open takes over the reader.
func (im *Importer) Open(ctx context.Context, name string, r *bundle.Reader) (*Opened, error) {
	o, err := im.open(ctx, name, r)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return o, nil
}

func (im *Importer) open(ctx context.Context, name string, r *bundle.Reader) (*Opened, error) {
	p, signer, err := r.Verify(ctx, im.Signers)
	if err != nil {
		return nil, err
	}
	o := &Opened{Name: name, Predicate: p, Signer: signer, reader: r}
	if ahead := p.Created.Sub(im.Now()); ahead > ClockSkew {
		o.Warnings = append(o.Warnings, fmt.Sprintf("it was signed at %s, which is %s ahead of this host's clock", p.Created.Format(time.RFC3339), ahead.Round(time.Hour)))
		if ahead > MaxFuture && !im.AcceptTime {
			return nil, fmt.Errorf("%s: %w", o.Warnings[0], ErrFuture)
		}
	}
	r.UseHeads(&im.heads)
	if o.Head, err = r.Head(); err != nil {
		return nil, err
	}
	o.assertions, err = im.check(o)
	return o, err
}

// check verifies the assertions of a bundle. The parts of a divided bundle have the same ones, so that once is enough for all of them.
func (im *Importer) check(o *Opened) ([]*assertion.Assertion, error) {
	if o.Head.Part == nil {
		return bundle.Check(o.Head, im.Trust, o.Predicate.Created)
	}
	if known, ok := im.checked.Load(o.Head.Part.Set); ok {
		return known.([]*assertion.Assertion), nil
	}
	list, err := bundle.Check(o.Head, im.Trust, o.Predicate.Created)
	if err == nil {
		im.checked.Store(o.Head.Part.Set, list)
	}
	return list, err
}

// Close closes the bundle's file.
func (o *Opened) Close() error { return o.reader.Close() }

// Digest returns the digest of the bundle index.
func (o *Opened) Digest() blob.Digest { return o.reader.Digest() }

// missing returns the payload blobs that the storage does not hold yet, with their sizes.
func (im *Importer) missing(ctx context.Context, h *bundle.Head) map[blob.Digest]int64 {
	out := make(map[blob.Digest]int64)
	for _, d := range h.Payload {
		if !im.has(ctx, d.Digest, d.Size) {
			out[d.Digest] = d.Size
		}
	}
	if h.Part == nil {
		return out
	}
	for _, r := range h.Part.Ranges {
		if !im.has(ctx, r.Digest, r.Size) && !im.has(ctx, r.Blob.Digest, r.Blob.Size) {
			out[r.Digest] = r.Size
		}
	}
	return out
}

// has reports whether the storage holds a blob. If the storage does not answer, the blob counts as missing, and storageErr tells.
func (im *Importer) has(ctx context.Context, d blob.Digest, size int64) bool {
	held, err := im.Blobs.Has(ctx, d, size)
	if err != nil {
		im.unread.CompareAndSwap(nil, &err)
	}
	return held
}

// holder returns has for one context.
func (im *Importer) holder(ctx context.Context) func(blob.Digest, int64) bool {
	return func(d blob.Digest, size int64) bool { return im.has(ctx, d, size) }
}

// storageErr returns the first error of has.
func (im *Importer) storageErr() error {
	if err := im.unread.Load(); err != nil {
		return *err
	}
	return nil
}

// Candidate is a bundle or file to plan the import of.
type Candidate struct{ record *catalog.Import }

// Origin returns the origin of the candidate. Candidates are imported in the order of their origins if their channels are forced.
func (c Candidate) Origin() channelmap.Origin { return c.record.Origin() }

// Candidate returns the bundle as a candidate.
func (im *Importer) Candidate(o *Opened) Candidate { return Candidate{im.record(o)} }

// Candidate returns the verified import as a candidate.
func (v *Verified) Candidate() Candidate { return Candidate{v.record} }

// PlanAll returns the outcomes of importing candidates one after the other, and the catalogue as it would be then, or nil if nothing changes.
func (im *Importer) PlanAll(ctx context.Context, list []Candidate) ([]catalog.Outcome, *catalog.Snapshot, error) {
	return im.Store.PlanAll(ctx, records(list))
}

// ErrPart reports an attempt to apply a part of a divided bundle.
var ErrPart = errors.New("it is only a part of a bundle")

// Verified is a bundle of which every byte was read and verified, and whose blobs are in the blob folder. It is empty for a part of a
// divided bundle.
type Verified struct{ record *catalog.Import }

// verifiedBefore returns a planned bundle that needs no reading, or nil. It was verified when it was imported before, and the blob folder
// still holds all its blobs.
func (im *Importer) verifiedBefore(ctx context.Context, c Candidate, r *catalog.Report) *Verified {
	if !r.AlreadyImported {
		return nil
	}
	for _, b := range c.record.Blobs {
		if !im.has(ctx, b.Digest, b.Size) {
			return nil
		}
	}
	return &Verified{c.record}
}

// Apply makes a verified bundle visible, all of it at once.
func (im *Importer) Apply(ctx context.Context, v *Verified) (*catalog.Report, error) {
	if v.record == nil {
		return nil, ErrPart
	}
	return im.Store.Apply(ctx, v.record)
}

func records(list []Candidate) []*catalog.Import {
	out := make([]*catalog.Import, len(list))
	for i, c := range list {
		out[i] = c.record
	}
	return out
}

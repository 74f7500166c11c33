// Package importer brings a bundle into the store: verify, then apply.
//
// Apply takes a value that only Verify can make, so an import that was not verified does not compile. Until Apply's one
// transaction commits, devices see nothing of it; what fails before leaves blobs behind that nothing refers to, which the
// next push of the bundle reuses.
package importer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/channelmap"
)

// The host's clock and a bundle's signed time may disagree by ClockSkew without a word; a bundle from beyond MaxFuture is
// refused, since its rows of the channel map could not be updated until then.
const (
	ClockSkew = 24 * time.Hour
	MaxFuture = 31 * 24 * time.Hour
)

// ErrFuture says that a bundle claims to be signed far in the future.
var ErrFuture = errors.New("signed in the future")

// Importer has what imports need. Its methods may be called by several goroutines at once.
type Importer struct {
	Store  *catalog.DB
	Blobs  *blob.Dir
	Hasher *blob.Hasher
	// Signers are the keys whose bundles are accepted, Trust the roots of the assertions in them.
	Signers []bundle.PublicKey
	Trust   *assertion.Trust
	Now     func() time.Time
	// AcceptTime takes bundles from the far future.
	AcceptTime bool
	// PushChannelMap updates channel maps even where a newer bundle has set them.
	PushChannelMap bool
}

// Opened is a bundle whose signature and head are good. Nothing of its payload was read.
type Opened struct {
	Name      string
	Predicate *bundle.Predicate
	Signer    bundle.PublicKey
	Head      *bundle.Head
	// Imported says that this very bundle was imported before, and that all its blobs are still there.
	Imported bool
	// Warnings are for the operator's eyes.
	Warnings []string

	reader     *bundle.Reader
	assertions []*assertion.Assertion
}

// Open checks the signature of a bundle, then its head, then every assertion in it: all that can be known before the
// first byte of the payload is read. The assertions of a bundle that was imported already were verified then. It takes over
// the reader.
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
	if o.Head, err = r.Head(); err != nil {
		return nil, err
	}
	if o.Imported, err = im.imported(ctx, o); err != nil || o.Imported {
		return o, err
	}
	return o, im.verifyAssertions(o)
}

// check verifies the assertions of a bundle, once.
func (im *Importer) verifyAssertions(o *Opened) (err error) {
	if o.assertions == nil {
		o.assertions, err = bundle.Check(o.Head, im.Trust, o.Predicate.Created)
	}
	return err
}

// Close lets go of the bundle's file.
func (o *Opened) Close() error { return o.reader.Close() }

// Digest is the digest of the bundle index.
func (o *Opened) Digest() blob.Digest { return o.reader.Digest() }

// Missing is the number of payload bytes that the blob folder does not hold yet.
func (im *Importer) Missing(o *Opened) int64 {
	var n int64
	for _, d := range o.Head.Payload {
		if !im.has(d.Digest, d.Size) {
			n += d.Size
		}
	}
	return n
}

func (im *Importer) has(d blob.Digest, size int64) bool {
	n, err := im.Blobs.Stat(d)
	return err == nil && n == size
}

// Candidate is a bundle or file to plan the import of.
type Candidate struct{ record *catalog.Import }

// Origin returns where the candidate comes from. Candidates are imported in the order of their origins if their channels are forced.
func (c Candidate) Origin() channelmap.Origin { return c.record.Origin() }

// Candidate returns the bundle as a candidate, if its assertions are good.
func (im *Importer) Candidate(o *Opened) (Candidate, error) {
	if err := im.verifyAssertions(o); err != nil {
		return Candidate{}, err
	}
	return Candidate{im.record(o)}, nil
}

// Candidate returns the verified import as a candidate.
func (v *Verified) Candidate() Candidate { return Candidate{v.record} }

// PlanAll says what importing candidates one after the other would change.
func (im *Importer) PlanAll(ctx context.Context, list []Candidate) ([]catalog.Planned, error) {
	return im.Store.PlanAll(ctx, records(list))
}

// Plan says what importing the bundle would change.
func (im *Importer) Plan(ctx context.Context, o *Opened) (*catalog.Report, error) {
	c, err := im.Candidate(o)
	if err != nil {
		return nil, err
	}
	return im.Store.Plan(ctx, c.record)
}

// imported says whether this very bundle was imported before and all its blobs are still there. The same content that was
// signed anew, later, is another bundle: it says that the channels hold this again, or still.
func (im *Importer) imported(ctx context.Context, o *Opened) (bool, error) {
	history, err := im.Store.History(ctx, o.Digest())
	if err != nil || !slices.ContainsFunc(history, func(r catalog.Record) bool { return !r.SignedAt.Before(o.Predicate.Created) }) {
		return false, err
	}
	for _, b := range keptBlobs(o.Head) {
		if !im.has(b.Digest, b.Size) {
			return false, nil
		}
	}
	return im.Missing(o) == 0, nil
}

// Verified is a bundle of which every byte was read and checked, and whose blobs are in the blob folder.
type Verified struct{ record *catalog.Import }

// Apply makes a verified bundle visible, all of it at once.
func (im *Importer) Apply(ctx context.Context, v *Verified) (*catalog.Report, error) {
	return im.Store.Apply(ctx, v.record)
}

package importer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/bundle"
)

// ExpectedError reports an increment that leaves out blobs which this store does not have.
type ExpectedError struct {
	// Bundle and Predicate are of the increment.
	Bundle    digest.Digest
	Predicate *bundle.Predicate
	Signer    bundle.PublicKey
	// Missing are the blobs that are not here.
	Missing []ocispec.Descriptor
	// Carried are the bundles that carried some of them, the oldest first. Their Blobs are the missing ones.
	Carried []bundle.Carried
	// Positions are the places of these bundles in the statement's list.
	Positions []int
	// Unknown counts the missing blobs of which the exporter does not say in which bundle they were.
	Unknown int
}

// namedBundles bounds the bundles that the text of an error names.
const namedBundles = 20

func (e *ExpectedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "it leaves out %d of the blobs that %s should have, and this store does not have them", len(e.Missing), e.Predicate.Increment.Receiver)
	for i, c := range e.Carried {
		switch {
		case i == 0:
			b.WriteString("; they were in ")
		case i == namedBundles:
			fmt.Fprintf(&b, " and %d more bundles", len(e.Carried)-i)
			return b.String()
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q (%s, bundle %d)", c.File, c.Created.UTC().Format(time.DateOnly), c.Sequence)
	}
	if e.Unknown > 0 {
		fmt.Fprintf(&b, "; the exporter does not know which bundle had %d of them", e.Unknown)
	}
	return b.String()
}

// increment is the part of a bundle that leaves blobs out which its errors need. The bundle may be closed meanwhile.
type increment struct {
	bundle    digest.Digest
	predicate *bundle.Predicate
	signer    bundle.PublicKey
	expected  []ocispec.Descriptor
}

// increment returns nil for a bundle that leaves nothing out.
func (o *Opened) increment() *increment {
	if len(o.Head.Expected) == 0 {
		return nil
	}
	return &increment{o.Digest(), o.Predicate, o.Signer, o.Head.Expected}
}

// fault returns the error about missing blobs.
func (in *increment) fault(missing []ocispec.Descriptor) *ExpectedError {
	e := &ExpectedError{Bundle: in.bundle, Predicate: in.predicate, Signer: in.signer, Missing: missing}
	lacking := make(map[int]bool)
	for _, d := range missing {
		n, _ := slices.BinarySearch(in.predicate.Expects, d.Digest)
		lacking[n] = true
	}
	for i, c := range in.predicate.Increment.Carried {
		c.Blobs = slices.DeleteFunc(slices.Clone(c.Blobs), func(n int) bool { return !lacking[n] })
		if len(c.Blobs) > 0 {
			e.Carried, e.Positions = append(e.Carried, c), append(e.Positions, i)
		}
	}
	for _, c := range e.Carried {
		for _, n := range c.Blobs {
			delete(lacking, n)
		}
	}
	e.Unknown = len(lacking)
	slices.SortStableFunc(e.Carried, func(a, b bundle.Carried) int { return a.Created.Compare(b.Created) })
	return e
}

// lacking returns the expected blobs that the blob folder does not hold, and that are not among others.
func (im *Importer) lacking(ctx context.Context, expected []ocispec.Descriptor, others func(digest.Digest) bool) []ocispec.Descriptor {
	return slices.DeleteFunc(slices.Clone(expected), func(d ocispec.Descriptor) bool { return im.has(ctx, d.Digest, d.Size) || others(d.Digest) })
}

// checkExpected refuses the increments whose expected blobs are neither in the store nor in another file of the batch. A file that leaves out
// a blob never brings it. Refusing one file may take blobs from others, so it begins again until nothing changes.
func (b *Batch) checkExpected(ctx context.Context) {
	for again := true; again; {
		again = false
		brought := make(map[digest.Digest]bool)
		for _, f := range b.Files {
			if f.Err == nil {
				for d := range f.missing {
					brought[d] = true
				}
			}
		}
		for _, f := range b.Files {
			if f.Err != nil || f.increment == nil {
				continue
			}
			missing := b.lacking(ctx, f.increment.expected, func(d digest.Digest) bool { return brought[d] })
			if len(missing) > 0 {
				f.Err, again = f.increment.fault(missing), true
			}
		}
	}
}

// isWaiting reports whether a file leaves out blobs that other files of the batch still have to bring.
func (b *Batch) isWaiting(ctx context.Context, f *File) bool {
	return f.increment != nil && len(b.lacking(ctx, f.increment.expected, func(digest.Digest) bool { return false })) > 0
}

// verifyExpected verifies the blobs that an increment leaves out.
func (s *Staging) verifyExpected(o *Opened) error {
	if len(o.Head.Expected) == 0 {
		return nil
	}
	none := func(digest.Digest) bool { return false }
	if missing := s.im.lacking(s.ctx, o.Head.Expected, none); len(missing) > 0 {
		if err := s.im.storageErr(); err != nil {
			return err
		}
		return o.increment().fault(missing)
	}
	s.held = true
	for _, d := range o.Head.Expected {
		if err := s.verifyHeld(d, s.want[d.Digest]); err != nil {
			return err
		}
		if err := s.collect(maxStaged); err != nil {
			return err
		}
	}
	return nil
}

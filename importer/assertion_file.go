package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/catalog"
)

// assertionStart is the beginning of a file of assertions.
const assertionStart = "type: "

// AssertionFileError means that a file of assertions cannot be imported.
type AssertionFileError struct{ Err error }

func (e *AssertionFileError) Error() string { return e.Err.Error() }

func (e *AssertionFileError) Unwrap() error { return e.Err }

// isAssertionFile reports whether an input is a file of assertions.
func isAssertionFile(in *bundle.Input) (bool, error) {
	start, err := in.Peek(len(assertionStart))
	return string(start) == assertionStart, err
}

// readAssertions reads a file of assertions and verifies them. The file needs no signature of its own, because each assertion has one.
func (b *Batch) readAssertions(ctx context.Context, f *File) error {
	r, err := f.Input.Stream()
	if err != nil {
		return err
	}
	stream, err := io.ReadAll(io.LimitReader(r, bundle.MaxAssertionSize+1))
	if err != nil {
		return err
	}
	record, err := b.recordAssertions(ctx, f.Name, stream)
	if err != nil {
		return &AssertionFileError{err}
	}
	f.Digest, f.Signer, f.Content = record.Bundle, record.Signer, contentOf(record)
	f.verified, f.candidate = &Verified{record}, Candidate{record}
	return nil
}

// recordAssertions verifies a stream of assertions and returns it as an import. Prerequisites may be in the catalogue.
func (im *Importer) recordAssertions(ctx context.Context, name string, stream []byte) (*catalog.Import, error) {
	if len(stream) > bundle.MaxAssertionSize {
		return nil, &assertion.FormatError{Err: fmt.Errorf("more than %d bytes", bundle.MaxAssertionSize)}
	}
	list, err := assertion.DecodeAll(stream)
	if err != nil {
		return nil, err
	}
	now := im.Now().UTC().Truncate(time.Second)
	set := assertion.NewSet(list...)
	v := &assertion.Verifier{Trust: im.Trust, Source: sources{set, im.Trust.Known(), catalogue{ctx, im.Store}}, Time: now}
	needed := make(map[string]bool)
	for _, a := range set.All() {
		if err := v.Verify(a); err != nil {
			return nil, err
		}
		for _, ref := range a.Prerequisites() {
			needed[ref.Key()] = true
		}
	}
	in := &catalog.Import{Bundle: digest.FromBytes(stream), Name: name, Signer: catalog.OwnSignatures, SignedAt: now, Assertions: storeAssertions(set.All())}
	for _, a := range set.All() {
		if ref := a.Ref(); !needed[ref.Key()] {
			in.AssertionItems = append(in.AssertionItems, ref)
		}
	}
	return in, nil
}

// sources joins several sources. Earlier ones come first.
type sources []assertion.Source

// Find returns the assertion of the first source that has it.
func (s sources) Find(ref assertion.Ref) (*assertion.Assertion, error) {
	for _, source := range s {
		if a, err := source.Find(ref); !errors.Is(err, assertion.ErrNotFound) {
			return a, err
		}
	}
	return nil, assertion.ErrNotFound
}

// catalogue is the Source of the assertions in the catalogue.
type catalogue struct {
	ctx context.Context
	db  *catalog.DB
}

// Find returns an assertion of the catalogue.
func (c catalogue) Find(ref assertion.Ref) (*assertion.Assertion, error) {
	return c.db.Assertion(c.ctx, ref)
}

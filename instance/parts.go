package instance

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/catalog"
)

// WaitingBundle is a divided bundle that waits for parts.
type WaitingBundle struct {
	// Set identifies the parts that belong together.
	Set    digest.Digest `json:"set"`
	Bundle digest.Digest `json:"bundle"`
	// Content has the names of snaps and charms.
	Content  string    `json:"content"`
	Signer   string    `json:"signer"`
	SignedAt time.Time `json:"signed-at"`
	Sequence uint64    `json:"sequence"`
	Exporter string    `json:"exporter"`
	// Since is the time when the first part arrived.
	Since time.Time `json:"since"`
	// Parts is the number of all parts. Arrived are the numbers of the ones that are here, which take Bytes.
	Parts   int                   `json:"parts"`
	Arrived []int                 `json:"arrived"`
	Bytes   int64                 `json:"bytes"`
	Missing []catalog.MissingPart `json:"missing"`

	set catalog.PartSet
}

// WaitingBundles returns the divided bundles that wait for parts, the oldest first. A part of which a blob is not in the blob folder any more has to
// be pushed again, so it counts as missing.
func (in *Instance) WaitingBundles(ctx context.Context) ([]WaitingBundle, error) {
	sets, err := in.Catalog.PartSets(ctx)
	if err != nil {
		return nil, err
	}
	list := []WaitingBundle{}
	for _, s := range sets {
		w := WaitingBundle{
			Set: s.ID, Bundle: s.Bundle, Content: s.Content, Signer: s.Signer, SignedAt: s.SignedAt.UTC(), Sequence: s.Sequence, Exporter: s.Exporter,
			Since: s.BegunAt.UTC().Truncate(time.Second), Parts: len(s.Files), Arrived: []int{}, set: s,
		}
		seen := make(map[digest.Digest]bool)
		for _, p := range s.Arrived {
			if !slices.ContainsFunc(p.Blobs, func(b catalog.Blob) bool { return !in.holds(ctx, b) }) {
				w.Arrived = append(w.Arrived, p.Number)
			}
			for _, b := range p.Blobs {
				if !seen[b.Digest] && in.holds(ctx, b) {
					w.Bytes += b.Size
				}
				seen[b.Digest] = true
			}
		}
		var missing []int
		for n := 1; n <= w.Parts; n++ {
			if !slices.Contains(w.Arrived, n) {
				missing = append(missing, n)
			}
		}
		w.Missing = catalog.MissingParts(s.Files, missing)
		list = append(list, w)
	}
	return list, nil
}

func (in *Instance) holds(ctx context.Context, b catalog.Blob) bool {
	held, err := in.Blobs.Has(ctx, b.Digest, b.Size)
	return err == nil && held
}

// AmbiguousPartsError reports a name that several divided bundles have.
type AmbiguousPartsError struct {
	Name string
	Sets []string
}

// Error lists the identities of the sets.
func (e *AmbiguousPartsError) Error() string {
	return fmt.Sprintf("%.80q means %d bundles that wait for parts: %s", e.Name, len(e.Sets), strings.Join(e.Sets, ", "))
}

// NotWaitingError reports a name that no bundle has which waits for parts.
type NotWaitingError struct{ Name string }

// Error returns a text with the name.
func (e *NotWaitingError) Error() string {
	return fmt.Sprintf("no bundle %.80q waits for parts", e.Name)
}

// leastPrefix is the number of characters of a digest that name a set.
const leastPrefix = 6

// FindWaiting finds a divided bundle that waits for parts, by the name of the file of a part, or by the beginning of the digest of its set or of its bundle.
func (in *Instance) FindWaiting(ctx context.Context, name string) (*WaitingBundle, error) {
	list, err := in.WaitingBundles(ctx)
	if err != nil {
		return nil, err
	}
	hex := strings.TrimPrefix(name, "sha256:")
	var found []*WaitingBundle
	for i := range list {
		w := &list[i]
		prefix := len(hex) >= leastPrefix && (strings.HasPrefix(w.Set.Encoded(), hex) || strings.HasPrefix(w.Bundle.Encoded(), hex))
		if prefix || w.hasFile(filepath.Base(name)) {
			found = append(found, w)
		}
	}
	switch len(found) {
	case 0:
		return nil, &NotWaitingError{name}
	case 1:
		return found[0], nil
	}
	e := &AmbiguousPartsError{Name: name}
	for _, w := range found {
		e.Sets = append(e.Sets, w.Set.String())
	}
	return nil, e
}

// hasFile reports whether a part has, or had outside, a file of that name.
func (w *WaitingBundle) hasFile(name string) bool {
	isName := func(p catalog.ArrivedPart) bool { return filepath.Base(p.File) == name }
	return slices.Contains(w.set.Files, name) || slices.ContainsFunc(w.set.Arrived, isName)
}

// RemoveJoined removes ranges of blobs that are whole now, unless another command changes the store: then gc removes them later.
func (in *Instance) RemoveJoined(ctx context.Context, ranges []digest.Digest) error {
	if len(ranges) == 0 {
		return nil
	}
	release, err := in.Catalog.Lock(ctx, true)
	if errors.Is(err, catalog.ErrBusy) {
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	blobs, err := in.Catalog.Blobs(ctx)
	if err != nil {
		return err
	}
	used := make(map[digest.Digest]bool, len(blobs))
	for _, b := range blobs {
		used[b.Digest] = true
	}
	for _, d := range ranges {
		if used[d] {
			continue
		}
		if err := in.Blobs.Remove(ctx, d); err != nil && !errors.Is(err, blob.ErrNotFound) {
			return err
		}
	}
	return nil
}

// RemoveWaiting forgets the parts of a divided bundle. It returns the garbage that they leave.
func (in *Instance) RemoveWaiting(ctx context.Context, w *WaitingBundle) (Garbage, error) {
	blobs, size, err := in.Catalog.RemovePartSet(ctx, &w.set)
	return Garbage{Blobs: blobs, Size: size}, err
}

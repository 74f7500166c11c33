package receiver

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/receipt"
)

const (
	// headsFolder has the heads of the last bundles, so that each can be made again with other blobs.
	headsFolder = "heads"
	maxHeads    = 200
	// maxHead bounds a head, in bytes.
	maxHead = 128 << 20
	// usedFile has a line for each want code that was used.
	usedFile = "used-codes"
	maxUsed  = 1 << 20
)

var (
	// ErrUnknownBundle reports a want code about a bundle that was not made here, or so long ago that its head is gone.
	ErrUnknownBundle = errors.New("the want code is about a bundle that this exporter does not know, or has forgotten")
	// ErrUsed reports a want code that was used before.
	ErrUsed = errors.New("the want code was used before")
)

// ID returns the name by which want codes name the bundle.
func (d *Delivery) ID() digest.Digest { return receipt.BundleID(d.Bundle, d.Created, d.Sequence) }

func (r *Receiver) headPath(id digest.Digest) string {
	return filepath.Join(r.folder, headsFolder, id.Encoded()+".tar")
}

// KeepHead keeps the head of a bundle.
func (r *Receiver) KeepHead(d *Delivery, head []byte) error {
	if err := os.MkdirAll(filepath.Join(r.folder, headsFolder), 0o700); err != nil {
		return err
	}
	return blob.WriteFile(r.headPath(d.ID()), head, blob.WriteOptions{Mode: 0o600})
}

// TrimHeads removes the heads of all but the last bundles. It reads the ledger, so an export calls it once.
func (r *Receiver) TrimHeads() error {
	list, err := r.Deliveries()
	if err != nil {
		return err
	}
	for _, old := range list[:max(0, len(list)-maxHeads)] {
		if err := os.Remove(r.headPath(old.ID())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Wanted is a bundle that a site has asked for.
type Wanted struct {
	Receiver *Receiver
	Delivery Delivery
	// Head is the head of the bundle.
	Head []byte
	want *receipt.Want
	used string
}

// FindWanted finds the bundle that a want code is about. The error is ErrUnknownBundle, ErrUsed, ErrNoKey, or one of package receipt.
func (d *Directory) FindWanted(code string) (*Wanted, error) {
	signed, err := receipt.ParseCode(code)
	if err != nil {
		return nil, err
	}
	names, err := d.Names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		r, err := d.Receiver(name)
		if err != nil {
			return nil, err
		}
		list, err := r.Deliveries()
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(list, func(v Delivery) bool { return signed.Matches(v.ID()) })
		if i >= 0 {
			return r.wanted(list[i], signed)
		}
	}
	return nil, ErrUnknownBundle
}

// wanted verifies a code about a bundle of the receiver.
func (r *Receiver) wanted(d Delivery, signed *receipt.SignedWant) (*Wanted, error) {
	k, err := r.key()
	if err != nil {
		return nil, err
	}
	w := &Wanted{Receiver: r, Delivery: d, used: hex.EncodeToString(signed.Fingerprint())}
	if w.want, err = signed.Verify(k); err != nil {
		return nil, err
	}
	used, err := blob.ReadFile(filepath.Join(r.folder, usedFile), maxUsed)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if slices.Contains(strings.Split(string(used), "\n"), w.used) {
		return nil, ErrUsed
	}
	w.Head, err = blob.ReadFile(r.headPath(d.ID()), maxHead)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrUnknownBundle
	}
	return w, err
}

// Predicate returns the statement of the bundle that fills the gap: with the content of the first one, at its time, so that it never takes a channel back
// that a newer bundle has moved. It leaves out the blobs that the site has.
func (w *Wanted) Predicate(first *bundle.Predicate) *bundle.Predicate {
	p := *first
	p.Expects = nil
	in := bundle.Increment{Receiver: w.Receiver.Name}
	if first.Increment != nil {
		in.Previous, in.Receipt = first.Increment.Previous, first.Increment.Receipt
	}
	p.Increment = &in
	if first.Increment == nil || w.want.All {
		in.Receipt = ""
		return &p
	}
	wanted := make(map[int]bool)
	known := make(map[int]bool)
	for i, c := range first.Increment.Carried {
		for _, b := range c.Blobs {
			known[b] = true
			wanted[b] = wanted[b] || slices.Contains(w.want.Carried, i)
		}
	}
	at := make(map[int]int) // from the position in the first list to the new one
	for i, d := range first.Expects {
		if wanted[i] || !known[i] && w.want.Unknown {
			continue
		}
		at[i] = len(p.Expects)
		p.Expects = append(p.Expects, d)
	}
	if len(p.Expects) == 0 {
		in.Receipt = ""
		return &p
	}
	in.Basis = first.Increment.Basis
	for _, c := range first.Increment.Carried {
		left := c
		left.Blobs = nil
		for _, b := range c.Blobs {
			if n, ok := at[b]; ok {
				left.Blobs = append(left.Blobs, n)
			}
		}
		if len(left.Blobs) > 0 {
			in.Carried = append(in.Carried, left)
		}
	}
	return &p
}

// Use notes that the code was used, and the bundle that fills the gap.
func (w *Wanted) Use(ctx context.Context, d Delivery) (err error) {
	if err := w.Receiver.Note(ctx, d); err != nil {
		return err
	}
	unlock, err := w.Receiver.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	f, err := os.OpenFile(filepath.Join(w.Receiver.folder, usedFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("note that the want code was used: %w", err)
	}
	_, err = f.WriteString(w.used + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

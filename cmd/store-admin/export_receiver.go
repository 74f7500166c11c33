package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/pflag"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/receiver"
)

// receiverOptions are the flags of an export that is for a receiver.
type receiverOptions struct {
	name         string
	assume, full bool
	overlap      int
	receiver     *receiver.Receiver // nil for an export for everybody
	reliance     *receiver.Reliance
}

func (o *receiverOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.name, "for", "", "`name` of the receiver: note what it gets, and leave out blobs that it has")
	f.BoolVar(&o.assume, "assume-delivered", false, "with --for: leave out all that earlier bundles carried, without a receipt")
	f.IntVar(&o.overlap, "overlap", 0, "with --assume-delivered: carry the last `N` bundles again")
	f.BoolVar(&o.full, "full", false, "with --for: leave nothing out")
}

// isGiven reports whether a flag needs a receiver.
func (o *receiverOptions) isGiven() bool { return o.assume || o.full || o.overlap != 0 }

// validate validates the flags. If named is set, a file may name the receivers.
func (o *receiverOptions) validate(named bool) error {
	switch {
	case o.name == "" && !named && o.isGiven():
		return cli.Usagef("--assume-delivered, --overlap and --full need --for NAME")
	case o.full && (o.assume || o.overlap != 0):
		return cli.Usagef("--full leaves nothing out: give it without --assume-delivered and --overlap")
	case o.overlap != 0 && !o.assume:
		return cli.Usagef("--overlap needs --assume-delivered")
	case o.overlap < 0:
		return cli.Usagef("--overlap %d: want 0 or more", o.overlap)
	}
	return nil
}

// open reads the notes about the receiver. warn gets a note for the operator.
func (o *receiverOptions) open(warn func(string)) error {
	if o.name == "" {
		return nil
	}
	d, err := openReceivers()
	if err != nil {
		return err
	}
	if o.receiver, err = d.Receiver(o.name); err != nil {
		return err
	}
	if o.reliance, err = o.receiver.Reliance(receiver.Assume{Nothing: o.full, Delivered: o.assume, Overlap: o.overlap}); err != nil {
		return err
	}
	if o.reliance.Len() == 0 && !o.full {
		warn("nothing is left out: there is no receipt of " + o.name + ", and --assume-delivered was not given, or no bundle was made for it yet")
	}
	return nil
}

// relied returns the blobs that the receiver has, or nil if there is no receiver.
func (o *receiverOptions) relied() bundle.Reliance {
	if o.receiver == nil {
		return nil
	}
	return o.reliance
}

// isHeldBy reports whether all recipients have a blob.
func isHeldBy(recipients []*receiverOptions, d digest.Digest) bool {
	return !slices.ContainsFunc(recipients, func(r *receiverOptions) bool { return r.receiver == nil || !r.reliance.Has(d) })
}

// delivery describes a bundle that was written.
func delivery(s *bundle.SignedBundle, p *bundle.Predicate, file string) receiver.Delivery {
	d := receiver.Delivery{Bundle: s.Digest(), Created: p.Created, Sequence: p.Sequence, File: filepath.Base(file), Blobs: []digest.Digest{}}
	for _, desc := range s.Payload() {
		d.Blobs = append(d.Blobs, desc.Digest)
	}
	return d
}

// note adds the bundles of the export to the ledger of the receiver.
func (o *receiverOptions) note(ctx context.Context, list []receiver.Delivery) error {
	if o.receiver == nil {
		return nil
	}
	if err := o.receiver.Note(ctx, list...); err != nil {
		return fmt.Errorf("the bundles are complete, but later ones will not rely on them: %w", err)
	}
	return o.receiver.TrimHeads()
}

// keepHead keeps the head of a bundle for want codes.
func keepHead(ctx context.Context, r *receiver.Receiver, d *receiver.Delivery, s *bundle.SignedBundle) error {
	var head bytes.Buffer
	if err := s.WriteHead(ctx, &head); err != nil {
		return err
	}
	return r.KeepHead(d, head.Bytes())
}

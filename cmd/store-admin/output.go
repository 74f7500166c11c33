package main

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/keyring"
	"offlinestore/receiver"
)

// output writes the bundles of one export.
type output struct {
	o     *exportOptions
	w     io.Writer
	e     *exporter.Exporter
	key   crypto.Signer
	ring  *keyring.Ring
	time  time.Time
	fixed bool
	files []exportedBundle
	bar   *cli.Progress
	// mending is held while the cache and the plan are repaired.
	mending sync.RWMutex
	// unlock releases the layout; it is nil for archives.
	unlock func() error
}

// exportedBundle is a bundle that was written.
type exportedBundle struct {
	Snaps  []string `json:"snaps"`
	Charms []string `json:"charms,omitempty"`
	// Withdrawn are the snaps that the bundle states to be withdrawn.
	Withdrawn []string `json:"withdrawn,omitempty"`
	// Assertions are the assertions that no snap or charm leads to.
	Assertions []string `json:"assertions,omitempty"`
	// Stores are the IDs of the stores of brands.
	Stores   []string `json:"stores,omitempty"`
	File     string   `json:"file"`
	Digest   string   `json:"digest"`
	Size     int64    `json:"size"`
	NeededBy []string `json:"needed-by"`
	// LeftOut counts the blobs that the receiver has.
	LeftOut int `json:"expected-blobs,omitempty"`

	delivery receiver.Delivery
}

// newOutput looks for obstacles to writing the bundles before anything is downloaded.
func (o *exportOptions) newOutput(ctx context.Context, w io.Writer, e *exporter.Exporter, p *exporter.Plan) (*output, error) {
	out := &output{o: o, w: w, e: e}
	var err error
	if out.time, out.fixed, err = now(); err != nil {
		return nil, err
	}
	e.Time = out.time
	if err := o.receiver.open(e.Progress.Warn); err != nil {
		return nil, err
	}
	if err := out.checkTarget(p); err != nil {
		return nil, err
	}
	if e.Cache, err = o.openCache(); err != nil {
		return nil, err
	}
	if out.key, out.ring, err = signingKey(ctx, o.keyName); err != nil {
		return nil, err
	}
	if o.outputDir != "" {
		out.unlock, err = lockLayout(ctx, o.outputDir)
	}
	return out, err
}

// Close releases the cache and the layout.
func (out *output) Close() error {
	err := out.e.Cache.Close()
	if out.unlock != nil {
		err = errors.Join(err, out.unlock())
	}
	return err
}

// archive is a file that an export writes.
type archive struct {
	file   string
	snaps  []*exporter.Snap
	charms []*exporter.Charm
	// assertions are the assertions that no snap or charm leads to.
	assertions []*exporter.Assertion
	size       int64 // of its payload
	// withdrawals are statements about snaps that the store does not offer any more.
	withdrawals []*exporter.Withdrawal
	// stores are the stores of brands.
	stores []*exporter.Store
}

// isOneSnap reports whether the archive has one snap, and nothing else.
func (a *archive) isOneSnap() bool {
	return len(a.snaps) == 1 && len(a.charms)+len(a.assertions)+len(a.stores) == 0
}

// archives returns the archives to write: one of everything for an export of charms, or one for each snap.
func (out *output) archives(p *exporter.Plan) []archive {
	all := archive{out.o.single, p.Snaps, p.Charms, p.Assertions, p.Size(), p.Withdrawals, p.Stores}
	if all.file == "" && out.o.archive != "" && out.o.outputDir == "" {
		all.file = out.fileName(out.o.archive)
	}
	if all.file != "" || out.o.outputDir != "" {
		return []archive{all}
	}
	var list []archive
	for _, s := range p.Snaps {
		list = append(list, archive{file: out.fileName(s.Listing.Name), snaps: []*exporter.Snap{s}, size: s.Size()})
	}
	for _, w := range p.Withdrawals {
		list = append(list, archive{file: out.fileName(w.Name), withdrawals: []*exporter.Withdrawal{w}})
	}
	return list
}

func (out *output) fileName(what string) string {
	return filepath.Join(out.o.exportDir, what+"-"+out.time.Format("20060102T150405")+bundle.Compression(out.o.compression).Extension())
}

// damagedBlob returns the blob of the cache that err is about. d is empty for a blob that another export has removed.
func damagedBlob(err error) (d digest.Digest, bad bool) {
	if c, ok := errors.AsType[*blob.CorruptError](err); ok {
		return c.Digest, true
	}
	return "", errors.Is(err, blob.ErrNotFound)
}

func (out *output) bundleOnce(ctx context.Context, p *exporter.Plan, a archive) (done exportedBundle, err error) {
	out.mending.RLock()
	builder, err := out.e.Builder(exporter.Part{Snaps: a.snaps, Charms: a.charms, Assertions: a.assertions, Stores: a.stores, Withdrawals: a.withdrawals})
	out.mending.RUnlock()
	if err != nil {
		return done, err
	}
	out.o.receiver.leaveOut(builder)
	predicate, err := out.predicate(ctx, p, a)
	if err != nil {
		return done, err
	}
	sealed, err := builder.Seal(ctx, predicate, out.key)
	if err != nil {
		return done, err
	}
	done = a.describe(sealed)
	if out.o.outputDir != "" {
		done.File = out.o.outputDir
		if err = sealed.WriteLayout(ctx, out.o.outputDir, out.e.Cache.Layout, out.e.Cache.Blobs, out.e.Cache.Hashed); err == nil {
			if terr := out.e.Cache.Tidy(); terr != nil {
				// Readers of the layout ignore hidden folders, in which the remains are.
				out.e.Progress.Warn(fmt.Sprintf("%s is complete, but remains of downloads were not removed: %v", out.o.outputDir, terr))
			}
		}
		done.Size = sealed.TarSize()
	} else {
		done.Size, err = out.pack(ctx, sealed, a.file)
	}
	done.delivery = delivery(sealed, &predicate, done.File)
	if err == nil && out.o.receiver.receiver != nil {
		err = keepHead(ctx, out.o.receiver.receiver, &done.delivery, sealed)
	}
	return done, err
}

// describe describes the bundle of an archive.
func (a *archive) describe(sealed *bundle.SignedBundle) exportedBundle {
	done := exportedBundle{File: a.file, Snaps: []string{}, Digest: sealed.Digest().String(), NeededBy: []string{}, LeftOut: sealed.LeftOut()}
	for _, s := range a.snaps {
		done.Snaps = append(done.Snaps, s.Listing.Name)
	}
	for _, w := range a.withdrawals {
		done.Withdrawn = append(done.Withdrawn, w.Name)
	}
	for _, c := range a.charms {
		done.Charms = append(done.Charms, c.Listing.Name)
	}
	for _, as := range a.assertions {
		done.Assertions = append(done.Assertions, as.String())
	}
	for _, s := range a.stores {
		done.Stores = append(done.Stores, s.Description.ID)
	}
	if a.isOneSnap() {
		done.NeededBy = append(done.NeededBy, a.snaps[0].NeededBy...)
	}
	return done
}

func (out *output) predicate(ctx context.Context, p *exporter.Plan, a archive) (bundle.Predicate, error) {
	req := bundle.Request{Channels: p.Request.Channels, Architectures: p.Request.Architectures}
	for _, s := range a.snaps {
		req.Snaps = append(req.Snaps, s.Listing.Name)
		if a.isOneSnap() {
			req.NeededBy = s.NeededBy
		}
	}
	for _, w := range a.withdrawals {
		if w.Kind == bundle.WithdrawnCharm {
			req.Charms = append(req.Charms, w.Name)
		} else {
			req.Snaps = append(req.Snaps, w.Name)
		}
	}
	for _, c := range a.charms {
		if c.Listing.Type == charm.TypeBundle {
			req.Bundles = append(req.Bundles, c.Listing.Name)
		} else {
			req.Charms = append(req.Charms, c.Listing.Name)
		}
	}
	slices.Sort(req.Snaps) // the bundle does not depend on the order in which it was requested
	for _, as := range a.assertions {
		req.Assertions = append(req.Assertions, as.Ref.String())
	}
	if p.Request.Charms != nil && len(req.Architectures) == 0 {
		req.Architectures = p.CharmArchitectures()
	}
	pr := bundle.Predicate{Created: out.time, Exporter: cmp.Or(out.o.exporter, exporterName()), Program: "store-admin " + cli.Version(), Request: req}
	if out.fixed {
		return pr, nil
	}
	name, err := ringName(out.key, out.o.keyName)
	if err != nil {
		return pr, err
	}
	pr.Sequence, err = out.ring.NextSequence(ctx, name)
	return pr, err
}

package main

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"math"
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
	// shared is the content for all of several recipients, once it is known. Their bundles are written one after the other.
	shared *bundle.Content
	// recipients are the receivers that get a bundle each, or one that is nobody.
	recipients []*receiverOptions
	// locked is the content of a lock, or nil.
	locked *bundle.Content
	// parts writes the parts, or is nil.
	parts *partsWriter
	// unlock releases the layout; it is nil for archives.
	unlock func() error
}

// newOutput looks for obstacles to writing the bundles before anything is downloaded.
// locked is the content of a lock, or nil.
func (o *exportOptions) newOutput(ctx context.Context, w io.Writer, e *exporter.Exporter, p *exporter.Plan, locked *bundle.Content) (*output, error) {
	out := &output{o: o, w: w, e: e, locked: locked}
	var err error
	if out.time, out.fixed, err = now(); err != nil {
		return nil, err
	}
	e.Time = out.time
	if o.lock != nil {
		e.Cache, err = o.openCache()
		return out, err
	}
	if out.recipients, err = o.openRecipients(e.Progress.Warn); err != nil {
		return nil, err
	}
	e.Held = func(d digest.Digest) bool { return isHeldBy(out.recipients, d) }
	if o.parts.bytes > 0 && len(out.recipients) > 1 {
		return nil, cli.Usagef("--part-size makes one bundle: name one receiver with --for NAME")
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
	if o.inPlace() {
		out.unlock, err = lockLayout(ctx, o.outputDir)
	}
	return out, err
}

// openRecipients opens the receivers that get a bundle each: the one that --for names, or the ones that the file names.
func (o *exportOptions) openRecipients(warn func(string)) (out []*receiverOptions, err error) {
	names := o.receivers
	if o.receiver.name != "" || len(names) == 0 {
		names = []string{o.receiver.name}
	}
	for _, name := range names {
		to := o.receiver
		to.name = name
		if err := to.open(warn); err != nil {
			return nil, err
		}
		out = append(out, &to)
	}
	return out, nil
}

// Close releases the cache and the layout.
func (out *output) Close() error {
	err := out.e.Cache.Close()
	if out.unlock != nil {
		err = errors.Join(err, out.unlock())
	}
	return err
}

// damagedBlob returns the blob of the cache that err is about. d is empty for a blob that another export has removed.
func damagedBlob(err error) (d digest.Digest, bad bool) {
	if c, ok := errors.AsType[*blob.CorruptError](err); ok {
		return c.Digest, true
	}
	return "", errors.Is(err, blob.ErrNotFound)
}

func (out *output) bundleOnce(ctx context.Context, p *exporter.Plan, a archive) (done exportedBundle, err error) {
	if out.parts != nil { // a blob was damaged, and was fetched again
		return out.endParts(ctx, a)
	}
	content, err := out.content(a)
	if err != nil {
		return done, err
	}
	predicate, err := out.predicate(ctx, p, a)
	if err != nil {
		return done, err
	}
	sealed, err := content.Seal(ctx, predicate, out.key, a.to.relied())
	if err != nil {
		return done, err
	}
	done = a.describe(sealed)
	switch {
	case out.o.inPlace():
		done.File, done.Size, err = out.o.outputDir, sealed.TarSize(), out.writeLayout(ctx, sealed)
	case out.o.outputDir != "":
		done.File, done.Size = out.o.outputDir, sealed.TarSize()
		err = sealed.WriteFiles(ctx, out.o.outputDir, out.openBlob, out.bar.Add)
	case out.divides(sealed):
		return out.packParts(ctx, sealed, &predicate, a, done)
	default:
		done.Size, err = out.pack(ctx, sealed, a.file)
	}
	done.delivery = delivery(sealed, &predicate, done.File)
	if done.to, done.For = a.to, a.to.name; err == nil && a.to.receiver != nil {
		err = keepHead(ctx, a.to.receiver, &done.delivery, sealed)
	}
	return done, err
}

// writeLayout makes the output folder the layout of a bundle. Its blobs are there already.
func (out *output) writeLayout(ctx context.Context, sealed *bundle.SignedBundle) error {
	if err := sealed.WriteLayout(ctx, out.o.outputDir, out.e.Cache.Layout, out.e.Cache.Blobs, out.e.Cache.Hashed); err != nil {
		return err
	}
	if err := out.e.Cache.Tidy(); err != nil {
		// Readers of the layout ignore hidden folders, in which the remains are.
		out.e.Progress.Warn(fmt.Sprintf("%s is complete, but remains of downloads were not removed: %v", out.o.outputDir, err))
	}
	return nil
}

func (out *output) predicate(ctx context.Context, p *exporter.Plan, a archive) (bundle.Predicate, error) {
	req := bundle.Request{Channels: p.Request.Channels, Architectures: p.Request.Architectures}
	if a.locked != nil {
		req = lockedRequest(a.locked.Head())
	}
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
	for _, r := range a.repositories {
		req.Images = append(req.Images, r.Names()...)
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

// archives returns the archives to write: one of everything for an export of charms, or one for each snap.
func (out *output) archives(p *exporter.Plan) []archive {
	all := archive{out.o.single, p.Snaps, p.Charms, p.Assertions, out.size(p), p.Withdrawals, p.Stores, p.Repositories, out.locked, nil}
	if all.file == "" && out.o.outputDir == "" && (out.o.archive != "" || out.o.parts.bytes > 0) {
		all.file = out.fileName(cmp.Or(out.o.archive, "snaps")) // parts fill media together
	}
	var list []archive
	if all.file != "" || out.o.outputDir != "" {
		for _, all.to = range out.recipients {
			if len(out.o.receivers) > 0 && out.o.single == "" && out.o.outputDir == "" {
				all.file = out.fileName(out.o.archive + "-" + all.to.name)
			}
			list = append(list, all)
		}
		return list
	}
	to := out.recipients[0]
	for _, s := range p.Snaps {
		list = append(list, archive{file: out.fileName(s.Listing.Name), snaps: []*exporter.Snap{s}, size: s.Size(), to: to})
	}
	for _, w := range p.Withdrawals {
		list = append(list, archive{file: out.fileName(w.Name), withdrawals: []*exporter.Withdrawal{w}, to: to})
	}
	return list
}

// size returns the number of payload bytes of the export.
func (out *output) size(p *exporter.Plan) int64 {
	if out.locked != nil {
		return out.locked.Head().PayloadSize()
	}
	return p.Size()
}

func (out *output) fileName(what string) string {
	name := what + "-" + out.time.Format("20060102T150405") + bundle.Compression(out.o.compression).Extension()
	if len(out.o.encryptTo) > 0 {
		name += bundle.EncryptedExtension
	}
	return filepath.Join(out.o.exportDir, name)
}

// content returns the content of an archive.
func (out *output) content(a archive) (*bundle.Content, error) {
	if a.locked != nil {
		return a.locked, nil
	}
	if len(out.recipients) < 2 {
		return out.build(a)
	}
	var err error
	if out.shared == nil {
		out.shared, err = out.build(a)
	}
	return out.shared, err
}

// build builds the content of an archive from the plan.
func (out *output) build(a archive) (*bundle.Content, error) {
	out.mending.RLock()
	defer out.mending.RUnlock()
	builder, err := out.e.Builder(exporter.Part{Snaps: a.snaps, Charms: a.charms, Assertions: a.assertions, Stores: a.stores, Repositories: a.repositories, Withdrawals: a.withdrawals})
	if err != nil {
		return nil, err
	}
	return builder.Content()
}

// lock hands the content of a plan to the options that lock it.
func (out *output) lock(p *exporter.Plan) error {
	content, err := out.content(archive{snaps: p.Snaps, charms: p.Charms, assertions: p.Assertions, stores: p.Stores, repositories: p.Repositories, withdrawals: p.Withdrawals})
	if err != nil {
		return err
	}
	if _, err := out.e.Cache.Trim(math.MaxInt64); err != nil { // all blobs stay for the export
		out.e.Progress.Warn(err.Error())
	}
	return out.o.lock(out.w, content)
}

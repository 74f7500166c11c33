package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/receiver"
)

// divides reports whether a bundle is larger than a part.
func (out *output) divides(s *bundle.SignedBundle) bool {
	most := out.o.parts.bytes
	return most > 0 && out.o.packing().size(s) > most
}

// packing tells how the archives of an export are written.
func (o *exportOptions) packing() packing {
	return packing{compression: bundle.Compression(o.compression), encryptTo: o.encryptTo}
}

// packParts writes a bundle in parts, and keeps notes for a later run that goes on.
func (out *output) packParts(ctx context.Context, sealed *bundle.SignedBundle, p *bundle.Predicate, a archive, done exportedBundle) (exportedBundle, error) {
	dir, err := partsStateDir()
	if err != nil {
		return done, err
	}
	if err := removePartsState(dir); err != nil {
		return done, err
	}
	packing := out.o.packing()
	name := func(n, count int) string { return partName(filepath.Base(a.file), n, count) }
	d, err := sealed.Divide(ctx, packing.plainSize(out.o.parts.bytes), packing.compression, name, out.openBlob, nil)
	if e, ok := errors.AsType[*bundle.PartSizeError](err); ok && e.Least > 0 {
		return done, &bundle.PartSizeError{Size: out.o.parts.bytes, Least: packing.fullSize(e.Least)}
	}
	if err != nil {
		return done, err
	}
	done.File, done.Parts = filepath.Join(filepath.Dir(a.file), d.Files[0]), []exportedPart{}
	done.delivery = delivery(sealed, p, done.File)
	done.For = a.to.name
	state := &partsState{
		Created: out.time, Compression: packing.compression, Folder: filepath.Dir(a.file), Division: d.Raw(), Done: []int{}, Bundle: done,
		Receiver: a.to.name, Delivery: done.delivery, dir: dir,
	}
	if err := state.begin(ctx, sealed); err != nil {
		return done, fmt.Errorf("note what the parts hold: %w", err)
	}
	out.parts = &partsWriter{state, d, out.e.Cache, packing, out.bar, newInsert()}
	return out.endParts(ctx, a)
}

// endParts writes the parts that are not done.
func (out *output) endParts(ctx context.Context, a archive) (done exportedBundle, err error) {
	if err := out.parts.write(ctx); err != nil {
		return done, err
	}
	done = out.parts.result()
	if done.to = a.to; a.to.receiver != nil {
		err = keepHead(ctx, a.to.receiver, &done.delivery, out.parts.divided.Whole())
	}
	return done, err
}

// result describes the parts.
func (w *partsWriter) result() exportedBundle {
	done := w.state.Bundle
	done.Size = 0
	for _, p := range done.Parts {
		done.Size += p.Size
	}
	done.delivery = w.state.Delivery
	return done
}

// resumeParts goes on with the parts of an unfinished run of the same command. It reports whether there was one.
func (o *exportOptions) resumeParts(ctx context.Context, w io.Writer, warn func(string)) (bool, error) {
	if o.parts.bytes == 0 {
		return false, nil
	}
	dir, err := partsStateDir()
	if err != nil {
		return false, err
	}
	if o.parts.startOver {
		return false, removePartsState(dir)
	}
	state, d, err := readPartsState(ctx)
	if state == nil || err != nil {
		return false, err
	}
	cache, err := o.openCache()
	if err != nil {
		return true, err
	}
	defer cache.Close()
	cli.Note("Going on with the export of %s: %d of %s are written. --start-over begins another one.\n", state.Created.UTC().Format(time.RFC3339), len(state.Done), cli.Count(len(d.Files), "part"))
	blob.RemoveAbandoned(state.Folder)
	parts := &partsWriter{state, d, cache, o.packing(), nil, newInsert()}
	parts.bar = cli.NewProgress("Packing", parts.left())
	err = parts.write(ctx)
	parts.bar.Done()
	if _, bad := damagedBlob(err); bad {
		return true, &partsStateError{fmt.Errorf("the cache does not have all blobs any more: %w", err)}
	}
	if err != nil {
		return true, err
	}
	done := parts.result()
	if err := o.noteParts(ctx, state, done.delivery); err != nil {
		warn(err.Error())
	}
	if err := state.end(); err != nil {
		warn(err.Error())
	}
	if o.json {
		return true, cli.PrintJSON(w, map[string]any{"bundles": []exportedBundle{done}, "gaps": []string{}, "warnings": []string{}, "left-out": []string{}})
	}
	printParts(w, &done)
	return true, nil
}

// noteParts adds the bundle to the ledger of its receiver.
func (o *exportOptions) noteParts(ctx context.Context, state *partsState, d receiver.Delivery) error {
	if state.Receiver == "" {
		return nil
	}
	to := o.receiver
	to.name = state.Receiver
	if err := to.open(func(string) {}); err != nil {
		return err
	}
	head, err := blob.ReadFile(filepath.Join(state.dir, partsHeadFile), maxPartsHead)
	if err != nil {
		return err
	}
	if err := to.receiver.KeepHead(&d, head); err != nil {
		return err
	}
	return to.note(ctx, []receiver.Delivery{d})
}

// printParts prints the names of the parts.
func printParts(w io.Writer, b *exportedBundle) {
	fmt.Fprintf(w, "Successfully exported in %s:\n", cli.Count(len(b.Parts), "part"))
	for _, p := range b.Parts {
		fmt.Fprintf(w, "%s (%s)\n", p.File, cli.Bytes(p.Size))
	}
}

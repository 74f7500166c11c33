package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/ui"
	"offlinestore/exporter"
)

// output writes the bundles of one export.
type output struct {
	o     *exportOptions
	w     io.Writer
	e     *exporter.Exporter
	key   crypto.Signer
	ring  *keyring
	time  time.Time
	fixed bool
	files []exported
	bar   *ui.Progress
	// mending is held while the cache is mended and the plan with it.
	mending sync.RWMutex
	// unlock gives back the layout; it is nil for archives.
	unlock func() error
}

// exported is a bundle that was written.
type exported struct {
	Snaps    []string `json:"snaps"`
	File     string   `json:"file"`
	Digest   string   `json:"digest"`
	Size     int64    `json:"size"`
	NeededBy []string `json:"needed-by"`
}

// newOutput finds out what would keep bundles from being written before anything is downloaded.
func (o *exportOptions) newOutput(ctx context.Context, w io.Writer, e *exporter.Exporter, p *exporter.Plan) (*output, error) {
	out := &output{o: o, w: w, e: e}
	var err error
	if out.time, out.fixed, err = now(); err != nil {
		return nil, err
	}
	e.Time = out.time
	if err := out.checkTarget(p); err != nil {
		return nil, err
	}
	if e.Cache, err = o.openCache(); err != nil {
		return nil, err
	}
	if out.key, out.ring, err = signingKey(o.keyName); err != nil {
		return nil, err
	}
	if o.outputDir != "" {
		out.unlock, err = lockLayout(ctx, o.outputDir)
	}
	return out, err
}

// Close gives back the cache and the layout.
func (out *output) Close() error {
	err := out.e.Cache.Close()
	if out.unlock != nil {
		err = errors.Join(err, out.unlock())
	}
	return err
}

// archive is a file that an export writes.
type archive struct {
	file  string
	snaps []*exporter.Snap
	size  int64 // of its payload
}

// archives lists one archive of all snaps, or one of each.
func (out *output) archives(p *exporter.Plan) []archive {
	if out.o.single != "" {
		return []archive{{out.o.single, p.Snaps, p.Size()}}
	}
	var list []archive
	ext := bundle.Compression(out.o.compression).Extension()
	for _, s := range p.Snaps {
		name := s.Listing.Name + "-" + out.time.Format("20060102T150405") + ext
		list = append(list, archive{filepath.Join(out.o.exportDir, name), []*exporter.Snap{s}, s.Size()})
	}
	return list
}

// damagedBlob says which blob of the cache err is about; it is empty for one that has gone, by the hand of another export.
func damagedBlob(err error) (d digest.Digest, bad bool) {
	if c, ok := errors.AsType[*blob.CorruptError](err); ok {
		return c.Digest, true
	}
	return "", errors.Is(err, blob.ErrNotFound)
}

func (out *output) bundleOnce(ctx context.Context, p *exporter.Plan, snaps []*exporter.Snap, file string) (done exported, err error) {
	out.mending.RLock()
	draft, err := out.e.Draft(snaps, nil)
	out.mending.RUnlock()
	if err != nil {
		return done, err
	}
	predicate, err := out.predicate(ctx, p, snaps)
	if err != nil {
		return done, err
	}
	sealed, err := draft.Seal(ctx, predicate, out.key)
	if err != nil {
		return done, err
	}
	done = exported{File: file, Digest: sealed.Digest().String(), NeededBy: []string{}}
	for _, s := range snaps {
		done.Snaps = append(done.Snaps, s.Listing.Name)
	}
	if len(snaps) == 1 {
		done.NeededBy = append(done.NeededBy, snaps[0].NeededBy...)
	}
	if out.o.outputDir != "" {
		done.File = out.o.outputDir
		if err = sealed.WriteLayout(ctx, out.o.outputDir, out.e.Cache.Layout, out.e.Cache.Blobs); err == nil {
			err = out.e.Cache.Tidy()
		}
		done.Size = sealed.TarSize()
	} else {
		done.Size, err = out.pack(ctx, sealed, file)
	}
	return done, err
}

func (out *output) predicate(ctx context.Context, p *exporter.Plan, snaps []*exporter.Snap) (bundle.Predicate, error) {
	req := bundle.Request{Channels: p.Request.Channels, Architectures: p.Request.Architectures}
	for _, s := range snaps {
		req.Snaps = append(req.Snaps, s.Listing.Name)
		if len(snaps) == 1 {
			req.NeededBy = s.NeededBy
		}
	}
	pr := bundle.Predicate{Created: out.time, Exporter: whoAmI(), Program: "store-admin " + ui.Version(), Request: req}
	if out.fixed {
		return pr, nil
	}
	var err error
	pr.Sequence, err = out.ring.nextSequence(ctx, out.o.keyName)
	return pr, err
}

// whoAmI is user@host, as far as the system knows.
func whoAmI() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// report prints the result in the original's words.
func (out *output) report(p *exporter.Plan) error {
	if out.o.json {
		gaps := append([]exporter.Gap{}, p.Gaps...)
		return ui.PrintJSON(out.w, map[string]any{"bundles": out.files, "gaps": gaps})
	}
	if out.o.single != "" || out.o.outputDir != "" {
		for _, f := range out.files {
			fmt.Fprintf(out.w, "Successfully exported snaps:\n%s: %s\n", strings.Join(f.Snaps, ", "), f.File)
		}
		return nil
	}
	fmt.Fprintln(out.w, "Successfully exported snaps:")
	heading := false
	for _, f := range out.files {
		if len(f.NeededBy) == 0 {
			fmt.Fprintf(out.w, "%s: %s\n", f.Snaps[0], filepath.Base(f.File))
			continue
		}
		if !heading {
			fmt.Fprintf(out.w, "Also exported, needed by %s:\n", strings.Join(requested(p), ", "))
			heading = true
		}
		fmt.Fprintf(out.w, "%s: %s\n", f.Snaps[0], filepath.Base(f.File))
	}
	return nil
}

// requested lists the snaps that the operator asked for.
func requested(p *exporter.Plan) (names []string) {
	for _, s := range p.Snaps {
		if s.NeededBy == nil {
			names = append(names, s.Listing.Name)
		}
	}
	return names
}

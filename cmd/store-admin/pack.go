package main

import (
	"context"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
)

// packsAtOnce is the number of archives that are written at once. While the disk writes the end of one, the next is
// hashed.
const packsAtOnce = 2

// write writes the bundles: the layout, or the archives in their order.
func (out *output) write(ctx context.Context, p *exporter.Plan) error {
	list := out.archives(p)
	if !out.o.inPlace() {
		out.bar = cli.NewProgress("Packing", out.size(p)*int64(len(out.recipients)))
		defer out.bar.Done()
	}
	out.files = make([]exportedBundle, len(list))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(packsAtOnce)
	if len(out.recipients) > 1 {
		g.SetLimit(1) // they have the same blobs, and only one may mend them
	}
	for i, a := range list {
		g.Go(func() (err error) {
			if err = ctx.Err(); err == nil { // another one has failed
				out.files[i], err = out.bundle(ctx, p, a)
			}
			return err
		})
	}
	return g.Wait()
}

// bundle writes one bundle. A blob that is damaged in the cache is fetched again, once.
func (out *output) bundle(ctx context.Context, p *exporter.Plan, a archive) (exportedBundle, error) {
	fetched := make(map[digest.Digest]bool)
	for {
		done, err := out.bundleOnce(ctx, p, a)
		d, bad := damagedBlob(err)
		if !bad || fetched[d] {
			return done, err
		}
		fetched[d] = true
		out.e.Progress.Warn(fmt.Sprintf("%v; downloading it again", err))
		if err := out.mend(ctx, p, d); err != nil {
			return done, err
		}
	}
}

func (out *output) mend(ctx context.Context, p *exporter.Plan, d digest.Digest) error {
	out.mending.Lock()
	defer out.mending.Unlock()
	out.shared = nil // an image may lose a signature that can't be fetched again
	if out.locked != nil {
		return out.e.RefetchLocked(ctx, out.locked.Head(), d)
	}
	return out.e.Refetch(ctx, p, d)
}

// pack writes an archive from the cache.
func (out *output) pack(ctx context.Context, s *bundle.SignedBundle, file string) (int64, error) {
	return packFile(ctx, s, file, packing{compression: bundle.Compression(out.o.compression), open: out.openBlob, progress: out.bar.Add, encryptTo: out.o.encryptTo})
}

// openBlob opens a blob of the cache.
func (out *output) openBlob(d digest.Digest) (io.ReadCloser, error) {
	return out.e.Cache.Blobs.OpenBlob(d)
}

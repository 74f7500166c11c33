package filecache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/online"
	"offlinestore/edge/cache"
	"offlinestore/exporter"
	"offlinestore/instance"
)

// filesAtOnce is the number of files that are fetched at once.
const filesAtOnce = 3

// warmOptions are the flags of cache warm.
type warmOptions struct{ dryRun, json bool }

func newWarm(dir *instance.Dir, read Opener) *cobra.Command {
	var o warmOptions
	c := &cobra.Command{
		Use:   "warm FILE",
		Short: "Fetch ahead the snaps and charms of a wanted.yaml into the cache",
		Long: `Fetch ahead the snaps and charms of a wanted.yaml (docs/wanted.md) into the cache of an
online store, with their dependencies and assertions, as devices would get them, overrides
included. Images and private snaps are left out. proxy.upstream.rate bounds the bytes a second.
Files that are here are not fetched again, and an interrupted run goes on where it stopped.`,
		Example: "  snap-store-proxy cache warm wanted.yaml --dry-run\n  snap-store-proxy config proxy.upstream.rate=500k\n  snap-store-proxy cache warm wanted.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			req, err := readRequest(args[0])
			if err != nil {
				return err
			}
			return read(c.Context(), dir, func(in *instance.Instance) error { return o.warm(c.Context(), c.OutOrStdout(), in, req) })
		},
	}
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "print the files, and fetch none")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

// planned is a file to fetch ahead.
type planned struct {
	Name   string       `json:"name"`
	Digest cache.Digest `json:"digest"`
	Size   int64        `json:"size"`
	Cached bool         `json:"cached"`
	url    string
}

// errAirgapped reports that a store in air-gapped mode has no cache to fill.
var errAirgapped = errors.New("the store is in air-gapped mode, in which it connects to nothing")

// WarmError reports files that could not be fetched.
type WarmError struct {
	Failed int
	Err    error
}

func (e *WarmError) Error() string {
	return fmt.Sprintf("%s could not be fetched; the first error: %v", cli.Count(e.Failed, "file"), e.Err)
}

func (e *WarmError) Unwrap() error { return e.Err }

func (o warmOptions) warm(ctx context.Context, w io.Writer, in *instance.Instance, req exporter.Request) error {
	if in.Settings.Values().Airgap {
		return errAirgapped
	}
	store, err := online.Open(ctx, in, online.Options{ReadOnly: o.dryRun, Rate: in.Settings.Values().UpstreamRate})
	if err != nil {
		return err
	}
	err = o.fetch(ctx, w, in, store, req)
	return errors.Join(err, store.Close())
}

func (o warmOptions) fetch(ctx context.Context, w io.Writer, in *instance.Instance, store *online.Store, req exporter.Request) error {
	e, err := newExporter(in, store)
	if err != nil {
		return err
	}
	plan, err := e.Plan(ctx, req)
	if err != nil {
		return err
	}
	for _, g := range plan.Gaps {
		warn(g.String())
	}
	files, missing := list(plan, store)
	if o.dryRun {
		return o.print(w, files, missing)
	}
	dir, err := os.MkdirTemp("", "cache-warm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if e.Cache, err = exporter.OpenCache(dir); err != nil {
		return err
	}
	defer e.Cache.Close()
	if err := e.FetchAssertions(ctx, plan); err != nil {
		return err
	}
	err = fetchAll(ctx, store, files, missing)
	store.Settle()
	if serr := store.SaveReleases(context.WithoutCancel(ctx)); err == nil {
		err = serr
	}
	if err != nil {
		return err
	}
	return o.print(w, files, missing)
}

// newExporter returns an exporter that asks the edge, as devices do.
func newExporter(in *instance.Instance, store *online.Store) (*exporter.Exporter, error) {
	trust, err := in.Trust.Assertions()
	if err != nil {
		return nil, err
	}
	e := &exporter.Exporter{Trust: trust, Progress: progress{}}
	if e.Client, err = store.Client(""); err == nil {
		e.Charmhub, err = store.Client("")
	}
	return e, err
}

// list returns the files of a plan, and the number of bytes that the cache lacks.
func list(plan *exporter.Plan, store *online.Store) (files []planned, missing int64) {
	for _, f := range plan.Files() {
		d := cache.Digest("sha3-384:" + f.SHA3384)
		if f.SHA3384 == "" {
			d = cache.Digest("sha256:" + f.SHA256)
		}
		one := planned{f.Name, d, f.Size, store.Files.Has(cache.File{Digest: d, Size: f.Size}), f.URL}
		if !one.Cached {
			missing += f.Size
		}
		files = append(files, one)
	}
	return files, missing
}

// fetchAll fetches the files that the cache lacks. Each error costs one file.
func fetchAll(ctx context.Context, store *online.Store, files []planned, missing int64) error {
	bar := cli.NewProgress("Fetching", missing)
	defer bar.Done()
	client := store.HTTP()
	var failed atomic.Int64
	var first atomic.Pointer[error]
	var g errgroup.Group
	g.SetLimit(filesAtOnce)
	for i := range files {
		f := &files[i]
		if f.Cached || ctx.Err() != nil {
			continue
		}
		g.Go(func() error {
			if err := fetchOne(ctx, client, f, bar); err != nil {
				err = fmt.Errorf("%s: %w", f.Name, err)
				failed.Add(1)
				first.CompareAndSwap(nil, &err)
			}
			return nil
		})
	}
	g.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if n := failed.Load(); n > 0 {
		return &WarmError{int(n), *first.Load()}
	}
	return nil
}

// fetchOne reads a file to its end by way of the edge, which keeps it.
func fetchOne(ctx context.Context, client *http.Client, f *planned, bar *cli.Progress) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return errors.New("the store upstream names no address of it")
	}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the store upstream does not give it: status %d", resp.StatusCode)
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buf)
		bar.Add(int64(n))
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (o warmOptions) print(w io.Writer, files []planned, missing int64) error {
	if o.json {
		return cli.PrintJSON(w, map[string]any{"files": append([]planned{}, files...), "bytes": missing, "dry-run": o.dryRun})
	}
	t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
	fetched := 0
	for _, f := range files {
		state := "to fetch"
		switch {
		case f.Cached:
			state = "here"
		case !o.dryRun:
			state = "fetched"
		}
		if !f.Cached {
			fetched++
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", cli.Clean(f.Name), cli.Bytes(f.Size), state)
	}
	t.Flush()
	verb := "fetched"
	if o.dryRun {
		verb = "to fetch"
	}
	fmt.Fprintf(w, "%s, %s %s\n", cli.Count(fetched, "file"), cli.Bytes(missing), verb)
	return nil
}

// progress is an [exporter.Progress] that shows warnings alone.
type progress struct{}

// Downloading implements [exporter.Progress].
func (progress) Downloading(string) {}

// Add implements [exporter.Progress].
func (progress) Add(int64) {}

// Warn implements [exporter.Progress].
func (progress) Warn(text string) { warn(text) }

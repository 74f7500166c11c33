package exporter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"offlinestore/blob"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// remoteBlob describes a blob as its store announces it. Digests are in hex, and empty if the store doesn't announce them.
type remoteBlob struct {
	URL                     string
	Size                    int64
	SHA256, SHA384, SHA3384 string
}

func snapBlob(d snap.Download) remoteBlob {
	return remoteBlob{URL: d.URL, Size: d.Size, SHA3384: d.SHA3384}
}

// key returns the cache's key of the blob, made from the announced digest that the store itself uses.
func (a *remoteBlob) key() string {
	switch {
	case a.SHA3384 != "":
		return a.SHA3384
	case a.SHA384 != "":
		return "sha384-" + a.SHA384
	default:
		return shaKey + a.SHA256
	}
}

// shaKey begins the key of a blob of which only the address was announced.
const shaKey = "sha256-"

// cachedBlob is a blob that is in the cache and verified.
type cachedBlob struct {
	digest digest.Digest
	remoteBlob
}

// source downloads a blob from its location.
type source func(ctx context.Context, b upstream.Blob, w io.Writer) error

// fetchItem is a blob to fetch. The result goes to each element of to, because revisions may share a component.
type fetchItem struct {
	name         string
	announcement *announcement
	remoteBlob
	source source
	to     []*cachedBlob
}

// announcement is a progress message, shown when the first of a group of blobs has to be downloaded.
type announcement struct {
	once sync.Once
	what string
	from []string
}

func (s *announcement) show(p Progress) {
	s.once.Do(func() {
		if len(s.from) == 0 {
			p.Downloading(s.what)
			return
		}
		slices.Sort(s.from)
		p.Downloading(fmt.Sprintf("%s (%s)", s.what, strings.Join(slices.Compact(s.from), ", ")))
	})
}

// Fetch fetches everything that the plan names into the cache and verifies it. Assertions come first, because a blob without valid ones is
// useless. Fetch can be interrupted and called again.
func (e *Exporter) Fetch(ctx context.Context, p *Plan) error {
	f := e.newFetcher(ctx)
	if err := e.fetchAssertions(f, p); err != nil {
		return err
	}
	if err := f.withdrawals(p); err != nil {
		return err
	}
	for _, s := range p.Snaps {
		if err := f.snap(p, s); err != nil {
			return fmt.Errorf("%s: assertions: %w", s.Listing.Name, err)
		}
		if err := e.verifySnap(s); err != nil {
			return err
		}
		if err := e.fetchIcon(ctx, s); err != nil {
			return err
		}
	}
	for _, c := range p.Charms {
		if err := e.fetchCharm(ctx, f, c); err != nil {
			return err
		}
	}
	if err := e.fetchBlobs(ctx, p); err != nil {
		return err
	}
	return e.readArchives(ctx, p)
}

// Refetch fetches a blob again that was found damaged during packing, and all planned blobs that have gone from the cache.
func (e *Exporter) Refetch(ctx context.Context, p *Plan, d digest.Digest) error {
	if d != "" {
		if err := e.Cache.drop(d); err != nil {
			return err
		}
	}
	return e.fetchBlobs(ctx, p)
}

func (e *Exporter) fetchBlobs(ctx context.Context, p *Plan) error {
	all, err := e.fetchItems(p)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(e.Jobs, 4))
	for _, w := range all {
		g.Go(func() error { return e.fetchBlob(ctx, w) })
	}
	return g.Wait()
}

// fetchList holds blobs to fetch, each once.
type fetchList struct {
	list []*fetchItem
	seen map[string]*fetchItem
	err  error
}

// addItem adds w unless a blob with its key is listed already, and returns the listed one.
func (l *fetchList) addItem(w *fetchItem, to *cachedBlob) *fetchItem {
	have := l.seen[w.key()]
	if have == nil {
		l.seen[w.key()], l.list, have = w, append(l.list, w), w
	}
	if have.Size != w.Size && l.err == nil {
		l.err = storeError("%s has %d bytes, and %s with the same digest %d", have.name, have.Size, w.name, w.Size)
	}
	have.to = append(have.to, to)
	return have
}

// fetchItems returns the blobs of the plan.
func (e *Exporter) fetchItems(p *Plan) ([]*fetchItem, error) {
	l := &fetchList{seen: make(map[string]*fetchItem)}
	for _, s := range p.Snaps {
		for _, r := range s.Revisions {
			downloads := r.Downloads()
			r.blobs = make([]cachedBlob, len(downloads))
			for i, d := range downloads {
				name := blobName(s, r, i)
				w := l.addItem(&fetchItem{name: name, announcement: &announcement{what: name}, remoteBlob: snapBlob(d), source: e.Client.Fetch}, &r.blobs[i])
				w.announcement.from = append(w.announcement.from, r.From...)
			}
		}
	}
	for _, c := range p.Charms {
		e.listCharm(l, c)
	}
	return l.list, l.err
}

// blobName returns the name of a blob for messages.
func blobName(s *Snap, r *SnapRevision, i int) string {
	if i > len(r.Resources) {
		return fmt.Sprintf("integrity data of %s revision %d", s.Listing.Name, r.Revision.Number)
	}
	if i > 0 {
		return fmt.Sprintf("%s+%s revision %d", s.Listing.Name, r.Resources[i-1].Name, r.Resources[i-1].Revision)
	}
	return fmt.Sprintf("%s revision %d", s.Listing.Name, r.Revision.Number)
}

// busyWait is how long to wait before trying again while another export downloads the same blob.
const busyWait = 200 * time.Millisecond

func (e *Exporter) fetchBlob(ctx context.Context, w *fetchItem) error {
	tries := 0
	for {
		if dg, ok := e.Cache.find(&w.remoteBlob); ok {
			w.setDigest(dg)
			e.Progress.Add(w.Size)
			return nil
		}
		w.announcement.show(e.Progress)
		dg, err := e.download(ctx, w)
		switch wrong := (*blob.SumError)(nil); {
		case err == nil:
			w.setDigest(dg)
			return nil
		case errors.Is(err, errCached):
		case errors.Is(err, blob.ErrBusy):
			if err := sleep(ctx, busyWait); err != nil {
				return err
			}
		case errors.As(err, &wrong) && tries == 0:
			tries++ // damaged in transit or by an earlier run
			e.Progress.Warn(fmt.Sprintf("%s arrived damaged; downloading it again", w.name))
		default:
			return err
		}
	}
}

// errCached means that another export has just downloaded the blob.
var errCached = errors.New("it is in the cache by now")

func (w *fetchItem) setDigest(dg digest.Digest) {
	for _, to := range w.to {
		*to = cachedBlob{dg, w.remoteBlob}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// download appends to the part that an earlier run left, and commits the blob once its digests are verified.
func (e *Exporter) download(ctx context.Context, d *fetchItem) (dg digest.Digest, err error) {
	part, err := e.Cache.Blobs.Partial(d.key())
	if err != nil {
		return "", fmt.Errorf("download %s: %w", d.name, err)
	}
	defer part.Close()
	if _, ok := e.Cache.find(&d.remoteBlob); ok {
		return "", errors.Join(errCached, part.Discard())
	}
	sums := newSums(&d.remoteBlob)
	if part.Size() > d.Size {
		if err := part.Truncate(0); err != nil {
			return "", err
		}
	}
	if _, err := part.WriteTo(sums); err != nil {
		return "", fmt.Errorf("download %s: read what is there: %w", d.name, err)
	}
	w := &progressWriter{w: io.MultiWriter(part, sums), progress: e.Progress}
	w.addBytes(part.Size())
	defer func() {
		if err != nil {
			w.addBytes(-w.n) // the next try counts it again
		}
	}()
	if d.Size > 0 { // an empty blob needs no request
		err = d.source(ctx, upstream.Blob{Name: d.name, URL: d.URL, Size: d.Size, Offset: part.Size(), Restart: func() error {
			w.addBytes(-w.n)
			sums.Reset()
			return part.Truncate(0)
		}}, w)
	}
	switch {
	case w.err != nil:
		return "", fmt.Errorf("download %s: %w", d.name, w.err)
	case err != nil:
		return "", &StoreError{err}
	}
	return e.commit(part, d, sums)
}

// commit turns a complete download into a blob of the cache, if it has the digests that the store announced.
func (e *Exporter) commit(part *blob.Partial, d *fetchItem, sums *blob.Sums) (digest.Digest, error) {
	if wrong := d.verifySums(sums); wrong != nil {
		return "", storeError("download %s: %w", d.name, errors.Join(wrong, part.Truncate(0)))
	}
	dg := sums.Digest()
	// The order matters: an export that waits for this download finds both as soon as it gets the lock.
	if err := e.Cache.note(d.key(), dg); err != nil {
		return "", err
	}
	if err := part.Commit(dg); err != nil {
		return "", err
	}
	e.Cache.hashed.Store(dg, true)
	return dg, nil
}

package exporter

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

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
	name string
	// snap or charm is the one that needs the blob first.
	snap, charm string
	// image is the request for an image that the blob belongs to, if that is no charm's.
	image        string
	announcement *announcement
	remoteBlob
	source source
	to     []*cachedBlob
	// optional is called if the blob can't be fetched. It is empty for a blob that the export can't do without.
	optional []func(error)
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
// useless. Parts that the export can do without are fetched beside the rest. Fetch can be interrupted and called again.
func (e *Exporter) Fetch(ctx context.Context, p *Plan) error {
	g, gctx := errgroup.WithContext(ctx)
	icons := e.iconsOf(p)
	g.Go(func() error { return e.fetchIcons(gctx, p, icons) })
	g.Go(func() error { return e.fetchAccounts(gctx, p) })
	g.Go(func() error { return e.fetchRequired(gctx, p) })
	if err := g.Wait(); err != nil {
		return err
	}
	p.keepIcons(icons)
	p.dropReferrers()
	return nil
}

// fetchRequired fetches everything that is not optional.
func (e *Exporter) fetchRequired(ctx context.Context, p *Plan) error {
	if err := e.FetchAssertions(ctx, p); err != nil {
		return err
	}
	if err := e.fetchBlobs(ctx, p); err != nil {
		return err
	}
	return e.readArchives(ctx, p)
}

// FetchAssertions fetches the assertions that the plan needs, and verifies them. It is a part of Fetch.
func (e *Exporter) FetchAssertions(ctx context.Context, p *Plan) error {
	f := e.newFetcher(ctx)
	if len(p.views.list) > 0 {
		f.clients = nil
		for _, v := range p.views.list {
			f.clients = append(f.clients, v.client)
		}
	}
	if err := f.fetchStores(p); err != nil {
		return err
	}
	if err := e.fetchAssertions(f, p); err != nil {
		return err
	}
	f.askForSnaps(p)
	if err := f.withdrawals(p); err != nil {
		return err
	}
	for _, s := range p.Snaps {
		if err := f.snap(p, s); err != nil {
			return p.blame(s.Listing.Name, fmt.Errorf("%s: assertions: %w", s.Listing.Name, err))
		}
	}
	return e.verifySnaps(p)
}

// Refetch fetches a blob again that was found damaged during packing, and all planned blobs that have gone from the cache.
func (e *Exporter) Refetch(ctx context.Context, p *Plan, d digest.Digest) error {
	if d != "" {
		if err := e.Cache.drop(d); err != nil {
			return err
		}
	}
	e.Held = nil // the bundle has more blobs than the statement can leave out
	if err := e.fetchBlobs(ctx, p); err != nil {
		return err
	}
	p.dropReferrers()
	return nil
}

func (e *Exporter) fetchBlobs(ctx context.Context, p *Plan) error {
	all, err := e.fetchItems(p)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(e.Jobs, 4))
	wait := &patience{left: cmp.Or(e.OptionalTime, optionalTime)}
	for _, w := range all {
		g.Go(func() error {
			if len(w.optional) > 0 {
				return e.fetchOptional(ctx, w, wait)
			}
			err := e.fetchBlob(ctx, w)
			switch {
			case err != nil && w.charm != "":
				return charmError(w.charm, err)
			case err != nil && w.image != "":
				return itemError(Item{Image: w.image}, err)
			case err != nil:
				return p.blame(w.snap, err)
			}
			return nil
		})
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

// addOptional adds a blob that the export can do without. All blobs that it can't do without are listed already.
func (l *fetchList) addOptional(w *fetchItem, to *cachedBlob) {
	have := l.seen[w.key()]
	switch {
	case have == nil:
		l.addItem(w, to)
		return
	case have.Size != w.Size:
		err := storeError("%s has %d bytes, and %s with the same digest %d", have.name, have.Size, w.name, w.Size)
		for _, fail := range w.optional {
			fail(err)
		}
		return
	case len(have.optional) > 0:
		have.optional = append(have.optional, w.optional...)
	}
	have.to = append(have.to, to)
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
				w := l.addItem(&fetchItem{name: name, snap: s.Listing.Name, announcement: &announcement{what: name}, remoteBlob: snapBlob(d), source: p.clientOf(e, s).Fetch}, &r.blobs[i])
				w.announcement.from = append(w.announcement.from, r.From...)
			}
		}
	}
	for _, c := range p.Charms {
		e.listCharm(l, c)
	}
	for _, r := range p.Repositories {
		r.list(l)
	}
	for _, c := range p.Charms {
		c.listReferrers(l)
	}
	for _, r := range p.Repositories {
		r.listReferrers(l)
	}
	return l.list, l.err
}

// blobName returns the name of a blob for messages.
func blobName(s *Snap, r *SnapRevision, i int) string {
	components := r.Components()
	if i > len(components) {
		return fmt.Sprintf("integrity data of %s revision %d", s.Listing.Name, r.Revision.Number)
	}
	if i > 0 {
		return fmt.Sprintf("%s+%s revision %d", s.Listing.Name, components[i-1].Name, components[i-1].Revision)
	}
	return fmt.Sprintf("%s revision %d", s.Listing.Name, r.Revision.Number)
}

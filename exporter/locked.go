package exporter

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// LockedError reports a locked item that the cache lacks, and that the store does not offer any more.
type LockedError struct {
	// Item is the name of the item, such as "jq revision 6".
	Item   string
	Reason string
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is locked, the cache does not have it, and %s", e.Item, e.Reason)
}

// locked fetches the payload of a locked content.
type locked struct {
	e    *Exporter
	head *bundle.Head
	list *fetchList
	// payload has the blobs of the payload.
	payload map[digest.Digest]bool
}

// FetchLocked brings the payload of a locked content into the cache, and verifies its assertions. It asks the stores only about blobs that
// the cache lacks, by their revisions. The present content of channels does not matter.
func (e *Exporter) FetchLocked(ctx context.Context, h *bundle.Head) error {
	at := e.Time
	if at.IsZero() {
		at = time.Now()
	}
	if _, err := bundle.Check(h, e.Trust, at); err != nil {
		return fmt.Errorf("the locked assertions: %w", err)
	}
	l := &locked{e, h, &fetchList{seen: make(map[string]*fetchItem)}, make(map[digest.Digest]bool)}
	for _, d := range h.Payload {
		l.payload[d.Digest] = true
	}
	for _, r := range h.Revisions {
		l.addSnap(r)
	}
	for _, r := range h.CharmRevisions {
		l.addCharm(r)
	}
	for _, r := range h.CharmResources {
		l.addResource(r)
	}
	for _, r := range h.Repositories {
		l.addRepository(r)
	}
	if l.list.err != nil {
		return l.list.err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(e.Jobs, 4))
	for _, w := range l.list.list {
		g.Go(func() error { return e.fetchBlob(ctx, w) })
	}
	return g.Wait()
}

// add adds a blob. locate returns its location once it has to be downloaded.
func (l *locked) add(name string, a *announcement, b remoteBlob, fetch source, locate func(context.Context) (string, error)) {
	from := func(ctx context.Context, b upstream.Blob, w io.Writer) (err error) {
		if b.URL, err = locate(ctx); err != nil {
			return err
		}
		return fetch(ctx, b, w)
	}
	l.list.addItem(&fetchItem{name: name, announcement: a, remoteBlob: b, source: from}, new(cachedBlob))
}

// once returns a function that asks one question, once, and returns its answer each time.
func once[T any](ask func(context.Context) (T, error)) func(context.Context) (T, error) {
	var mu sync.Mutex
	var answer T
	known := false
	return func(ctx context.Context) (T, error) {
		mu.Lock()
		defer mu.Unlock()
		if known {
			return answer, nil
		}
		found, err := ask(ctx)
		if err == nil {
			answer, known = found, true
		}
		return found, err
	}
}

// addSnap adds the blobs of a revision of a snap.
func (l *locked) addSnap(r *bundle.SnapRevision) {
	name := fmt.Sprintf("%s revision %d", r.Name, r.Revision.Number)
	client := l.e.Client
	for _, s := range l.head.Snaps {
		if s.SnapID == r.SnapID && s.Store != "" {
			client = client.ForStore(s.Store)
		}
	}
	ask := once(func(ctx context.Context) (*snap.Revision, error) { return askRevision(ctx, client, r) })
	a := &announcement{what: name}
	for _, b := range slices.Concat([]bundle.Blob{r.Blob}, r.Components, r.Integrity) {
		sum := hex.EncodeToString(b.SHA3384[:])
		l.add(name, a, remoteBlob{Size: b.Size, SHA256: b.Digest.Encoded(), SHA3384: sum}, client.Fetch, func(ctx context.Context) (string, error) {
			offered, err := ask(ctx)
			if err != nil {
				return "", err
			}
			for _, d := range offered.Downloads() {
				if d.SHA3384 == sum && d.Size == b.Size {
					return d.URL, nil
				}
			}
			return "", &LockedError{name, "the store offers it with other files"}
		})
	}
}

// askRevision asks the store for a revision of a snap.
func askRevision(ctx context.Context, client *upstream.Client, r *bundle.SnapRevision) (*snap.Revision, error) {
	arch := "amd64"
	if archs := r.Revision.Architectures; len(archs) > 0 && archs[0] != snap.All {
		arch = archs[0]
	}
	results, err := client.Resolve(ctx, arch, []snap.Action{{Name: r.Name, Revision: r.Revision.Number}})
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s revision %d", r.Name, r.Revision.Number)
	found := &results[0]
	switch {
	case found.Error != nil:
		return nil, &LockedError{name, fmt.Sprintf("the store does not give it: %s (%s)", found.Error.Message, found.Error.Code)}
	case found.Snap == nil || found.Snap.SnapID != r.SnapID || found.Snap.Revision.Number != r.Revision.Number:
		return nil, &LockedError{name, "the store answers about another one"}
	}
	return &found.Snap.Revision, nil
}

// addCharm adds the archive of a charm or charm bundle, and the images that a bundle names.
func (l *locked) addCharm(r *bundle.CharmRevision) {
	name := fmt.Sprintf("%s revision %d", r.Name, r.Revision.Number)
	b := remoteBlob{Size: r.Blob.Size, SHA256: r.Blob.Digest.Encoded(), SHA384: r.Revision.Download.SHA384}
	a := &announcement{what: name}
	l.add(name, a, b, l.charmhub, func(ctx context.Context) (string, error) {
		results, err := l.e.Charmhub.CharmRefresh(ctx, []charm.Action{{Name: &r.Name, Revision: &r.Revision.Number}})
		if err != nil {
			return "", err
		}
		found := &results[0]
		switch {
		case found.Error != nil:
			return "", &LockedError{name, fmt.Sprintf("Charmhub does not give it: %s (%s)", found.Error.Message, found.Error.Code)}
		case found.Charm.ID != r.ID || found.Charm.Revision != r.Revision.Number || found.Charm.Download.SHA256 != b.SHA256:
			return "", &LockedError{name, "Charmhub offers another file"}
		}
		return found.Charm.Download.URL, nil
	})
	for i := range r.Images {
		img := &r.Images[i]
		l.addImage(name, a, img, once(func(ctx context.Context) (*upstream.Repository, error) {
			return upstream.OpenRepository(ctx, l.e.Registry, img.Source, "", "")
		}))
	}
}

// charmhub downloads from Charmhub. The client may be missing as long as nothing is downloaded.
func (l *locked) charmhub(ctx context.Context, b upstream.Blob, w io.Writer) error {
	return l.e.Charmhub.Fetch(ctx, b, w)
}

// addResource adds the file or the image of a resource.
func (l *locked) addResource(r *bundle.CharmResource) {
	name := fmt.Sprintf("resource %s revision %d of %s", r.Resource.Name, r.Resource.Revision, r.Charm)
	ask := once(func(ctx context.Context) (*charm.Resource, error) {
		all, err := l.e.Charmhub.CharmResourceRevisions(ctx, r.Charm, r.Resource.Name)
		if err != nil {
			return nil, err
		}
		for i := range all {
			if all[i].Revision == r.Resource.Revision {
				return &all[i], nil
			}
		}
		return nil, &LockedError{name, "Charmhub does not offer it any more"}
	})
	a := &announcement{what: "resources for " + r.Charm}
	if r.Blob != nil {
		b := remoteBlob{Size: r.Blob.Size, SHA256: r.Blob.Digest.Encoded(), SHA384: r.Resource.Download.SHA384}
		l.add(name, a, b, l.charmhub, func(ctx context.Context) (string, error) {
			found, err := ask(ctx)
			if err != nil {
				return "", err
			}
			if found.Download.SHA256 != b.SHA256 {
				return "", &LockedError{name, "Charmhub offers another file"}
			}
			return found.Download.URL, nil
		})
	}
	if r.Image != nil {
		l.addImage(name, a, r.Image, once(func(ctx context.Context) (*upstream.Repository, error) { return l.openImage(ctx, name, ask) }))
	}
}

// openImage opens the repository of a resource's image, with the credentials that Charmhub gives.
func (l *locked) openImage(ctx context.Context, name string, ask func(context.Context) (*charm.Resource, error)) (*upstream.Repository, error) {
	found, err := ask(ctx)
	if err != nil {
		return nil, err
	}
	p := &charmPlanner{imagePlanner: &imagePlanner{e: l.e}}
	data, err := p.fetchSmall(ctx, "where the image of "+name+" is", charmBlob(found.Download), charm.MaxImageBlob)
	if err != nil {
		return nil, err
	}
	ref, username, password, err := charm.ParseImageBlob(data)
	if err != nil {
		return nil, err
	}
	return upstream.OpenRepository(ctx, l.e.Registry, ref, username, password)
}

// addRepository adds the images of a repository.
func (l *locked) addRepository(r *bundle.Repository) {
	a := &announcement{what: "images for " + r.Name}
	for _, img := range r.Referred() {
		l.addImage("image "+img.Source, a, &img, once(func(ctx context.Context) (*upstream.Repository, error) { return l.e.openImage(ctx, img.Source) }))
	}
}

// addImage adds the blobs of an image, and of the manifests that refer to it.
func (l *locked) addImage(name string, a *announcement, img *charm.Image, open func(context.Context) (*upstream.Repository, error)) {
	for _, m := range l.head.ImageTree(img) {
		for _, b := range m.Blobs {
			if !l.payload[b.Digest] {
				continue // it is in the head
			}
			fetch := func(ctx context.Context, b upstream.Blob, w io.Writer) error {
				repo, err := open(ctx)
				if err != nil {
					return err
				}
				return repo.Fetch(ctx, b, w)
			}
			l.add(name, a, remoteBlob{Size: b.Size, SHA256: b.Digest.Encoded()}, fetch, func(ctx context.Context) (string, error) {
				repo, err := open(ctx)
				if err != nil {
					return "", err
				}
				return repo.BlobURL(b.Digest), nil
			})
		}
	}
}

// RefetchLocked fetches a blob of a locked content again that was found damaged during packing, and all that have gone from the cache.
func (e *Exporter) RefetchLocked(ctx context.Context, h *bundle.Head, d digest.Digest) error {
	if d != "" {
		if err := e.Cache.drop(d); err != nil {
			return err
		}
	}
	return e.FetchLocked(ctx, h)
}

// Package online runs the edge of an online store inside of a command, on the same folders and tables as a running server.
package online

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"

	"golang.org/x/time/rate"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/edge"
	"offlinestore/edge/cache"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/session"
	"offlinestore/upstream"
)

// origin is the beginning of the edge's URLs in its answers, and host the registry of images. Only clients of this process reach them.
const (
	host   = "edge.invalid"
	origin = "http://" + host
)

// Options are the options of Open.
type Options struct {
	// ReadOnly keeps the content of the cache as it is.
	ReadOnly bool
	// Rate is the number of bytes a second that are fetched into the cache; 0 has no limit.
	Rate int64
}

// Store is the edge of a store. Files has the cache, and Blobs the folder of it; Blobs is nil if there is none yet.
type Store struct {
	Edge  *edge.Edge
	Files *cache.Cache
	Blobs *blob.Dir

	in     *instance.Instance
	server *http.Server
	wire   *wire
	done   chan struct{}
}

// Open opens the edge of a store, with the releases that devices were given. A store that never was online has an empty one.
func Open(ctx context.Context, in *instance.Instance, o Options) (*Store, error) {
	s := &Store{in: in, wire: newWire(), done: make(chan struct{})}
	var err error
	if s.Files, s.Blobs, err = OpenCache(in.Dir, in.Settings, o.ReadOnly); err != nil {
		return nil, err
	}
	config, err := edgeSettings(in)
	if err != nil {
		return nil, errors.Join(err, s.Files.Close())
	}
	answers := in.Dir.AnswersPath()
	if o.ReadOnly {
		_, err = os.Stat(answers)
	} else {
		err = os.MkdirAll(answers, 0o700)
	}
	if err != nil { // answers are kept in memory
		answers = ""
	}
	files := &pacedCache{Cache: s.Files}
	if o.Rate > 0 {
		files.limit = rate.NewLimiter(rate.Limit(o.Rate), burst(o.Rate))
	}
	s.Edge, err = edge.New(edge.Config{Local: http.NotFoundHandler(), Origin: func(*http.Request) string { return origin }, AnswersDir: answers,
		Registry: func(*http.Request) edge.Registry { return edge.Registry{Domain: host} }, Version: cli.Version()}, files, config)
	if err == nil {
		err = s.addReleases(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Files.Close())
	}
	s.server = &http.Server{Handler: withRegistry(s.Edge), ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(s.wire) // ends with Close
	}()
	return s, nil
}

// OpenCache opens the cache of files from upstream, and its folder. The folder is nil if there is none, and then it is not made.
func OpenCache(d instance.Dir, s *settings.Settings, readOnly bool) (*cache.Cache, *blob.Dir, error) {
	var dir *blob.Dir
	_, err := os.Stat(d.EdgeCachePath())
	switch {
	case readOnly && errors.Is(err, fs.ErrNotExist):
		err = nil
	case readOnly:
		dir, err = blob.Options{Existing: true}.Open(d.EdgeCachePath())
	default:
		dir, err = blob.Open(d.EdgeCachePath())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open the cache: %w", err)
	}
	c, err := cache.Open(dir, cache.Options{Max: s.Values().CacheSize, Idle: readOnly, DirMode: 0o700, FileMode: 0o600,
		Retry: func(err error) bool { return errors.Is(err, upstream.ErrUnavailable) }})
	if err != nil {
		return nil, nil, fmt.Errorf("open the cache: %w", errors.Join(err, c.Close()))
	}
	return c, dir, nil
}

// edgeSettings returns the settings of the edge, as a server has them.
func edgeSettings(in *instance.Instance) (edge.Settings, error) {
	v := in.Settings.Values()
	roots, err := in.Dir.CACerts()
	return edge.Settings{Upstream: v.Upstream, Charmhub: v.CharmhubUpstream, Proxy: v.HTTPSProxy, Roots: roots, Secret: v.DeviceAuthSecret,
		Keys: session.NewKeys(v.DeviceAuthSecret, v.DeviceAuthPrevious), StaleIfError: v.StaleIfError}, err
}

// addReleases gives the edge the releases and overrides of the tables.
func (s *Store) addReleases(ctx context.Context) error {
	var list []edge.Release
	err := s.in.Catalog.EachEdgeRelease(ctx, time.Time{}, func(r catalog.EdgeRelease) bool {
		list = append(list, edge.Release(r))
		return true
	})
	if err != nil {
		return err
	}
	s.Edge.AddReleases(list)
	var charms []edge.Charm
	err = s.in.Catalog.EachEdgeCharm(ctx, time.Time{}, func(c catalog.EdgeCharm) bool {
		charms = append(charms, edge.Charm(c))
		return true
	})
	if err != nil {
		return err
	}
	s.Edge.AddCharms(charms)
	pinned, err := s.in.Catalog.EdgeOverrides(ctx, "")
	if err != nil {
		return err
	}
	overrides := make([]edge.Override, len(pinned))
	for i, o := range pinned {
		overrides[i] = edge.Override{SnapID: o.SnapID, Name: o.Name, Architecture: o.Architecture, Channel: o.Channel, Revision: o.Revision}
	}
	s.Edge.SetOverrides(overrides)
	return nil
}

// SaveReleases records the releases and charms that were asked for by way of the edge, as if devices and Juju had been given them.
func (s *Store) SaveReleases(ctx context.Context) error {
	taken, charms := s.Edge.TakeReleases(), s.Edge.TakeCharms()
	if len(taken)+len(charms) == 0 {
		return nil
	}
	given := make([]catalog.EdgeCharm, len(charms))
	for i, c := range charms {
		given[i] = catalog.EdgeCharm(c)
	}
	list := make([]catalog.EdgeRelease, len(taken))
	for i, r := range taken {
		list[i] = catalog.EdgeRelease(r)
	}
	reader, _, err := s.in.OpenReader(ctx)
	if err != nil {
		return err
	}
	defer reader.Close()
	return errors.Join(reader.AddEdgeReleases(ctx, list), reader.AddEdgeCharms(ctx, given))
}

// Client returns a client of the edge, whose API begins with a path.
func (s *Store) Client(path string) (*upstream.Client, error) {
	return upstream.New(upstream.Config{Origin: origin + path, UserAgent: userAgent(), HTTP: s.HTTP(), Retries: -1})
}

func userAgent() string { return "snap-store-proxy/" + cli.Version() }

// HTTP returns an HTTP client that reaches the edge alone.
func (s *Store) HTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: s.wire.dial, MaxIdleConnsPerHost: 8, DisableCompression: true}}
}

// endTime is the time for files that were read to the end, and that the cache is about to keep.
const endTime = 10 * time.Second

// Settle waits until the files that were read to their end are in the cache.
func (s *Store) Settle() {
	for end := time.Now().Add(endTime); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if u, err := s.Files.Usage(); err != nil || u.Filling == 0 {
			return
		}
	}
}

// Close ends the edge. Files that are on the way are continued by the next one.
func (s *Store) Close() error {
	err := errors.Join(s.server.Close(), s.Files.Close())
	<-s.done
	return err
}

// burst returns the number of bytes that may come at once.
func burst(perSecond int64) int { return int(min(max(perSecond/4, 16<<10), 1<<20)) }

// pacedCache is a cache that is filled at a bounded rate.
type pacedCache struct {
	*cache.Cache
	limit *rate.Limiter // nil has no bound
}

// Get opens a file, as [cache.Cache.Get] does.
func (c *pacedCache) Get(ctx context.Context, f cache.File, from cache.Source) (blob.Reader, error) {
	if c.limit == nil {
		return c.Cache.Get(ctx, f, from)
	}
	paced := func(ctx context.Context, offset int64) (io.ReadCloser, int64, bool, error) {
		body, total, resumed, err := from(ctx, offset)
		if err == nil {
			body = &pacedBody{body, ctx, c.limit}
		}
		return body, total, resumed, err
	}
	return c.Cache.Get(ctx, f, paced)
}

// pacedBody is a body that is read at a bounded rate. Files that are fetched at the same time share it.
type pacedBody struct {
	io.ReadCloser
	ctx   context.Context
	limit *rate.Limiter
}

// Read reads at most as many bytes as may come at once, and waits until they may have come.
func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.limit.Burst())])
	if n > 0 {
		if werr := b.limit.WaitN(b.ctx, n); werr != nil {
			return n, werr
		}
	}
	return n, err
}

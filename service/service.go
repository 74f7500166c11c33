// Package service runs a store for its clients: the listeners and their TLS, the servers for devices, images and administration, and
// the settings that change meanwhile.
package service

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"offlinestore/catalog"
	"offlinestore/edge"
	"offlinestore/edge/cache"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/registrar"
	"offlinestore/registry"
	"offlinestore/server"
	"offlinestore/transfer"
)

// Config is the configuration of a service.
type Config struct {
	Instance  *instance.Instance
	Listeners *Listeners
	Logger    *slog.Logger
	AccessLog *transfer.AccessLog
	// Version is the one of the program.
	Version string
	// Token has the keys that sign serials; nil if there is none.
	Token registrar.Token
	// Announce gets each listener that can be reached.
	Announce func(Announcement)
}

// Announcement is a reachable listener and the content that it serves.
type Announcement struct {
	Role Role
	URL  string
	// Snaps and Charms are their numbers.
	Snaps, Charms int
}

// Run serves until ctx ends, or until one of the servers fails. It closes the instance's writable connection: nothing that devices
// reach can write more than counts of wanted items, used nonces and serials, since the tables are up to date and the reader's role may only SELECT the others.
func Run(ctx context.Context, c Config) error {
	remote, err := c.openAdministration(ctx)
	if err != nil {
		return err
	}
	defer remote.Close()
	c.Instance.CloseCatalog()
	r, how, err := c.Instance.OpenReader(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	s, err := c.openService(r, remote)
	if err != nil {
		return err
	}
	var changes *catalog.Changes
	if err := loadQuickly(func() (err error) { changes, err = s.server.Load(ctx, s.source); return err }); err != nil {
		return err
	}
	if err := s.loadEdge(ctx); err != nil {
		return errors.Join(err, s.files.Close())
	}
	stop := s.follow(ctx)
	defer s.files.Close() // a later server fetches the rest of its files
	defer stop()
	snaps, charms := s.server.Count()
	c.Logger.Info("serving", "snaps", snaps, "charms", charms, "database", how)
	if s.domain == "" && c.Listeners.images == nil && namesImages(changes.Snapshot) {
		c.Logger.Warn("charms name images that nobody serves: give --registry-listen, or set proxy.oci-registry.domain")
	}
	if !s.front.airgapped.Load() && snaps+charms > 0 {
		c.Logger.Warn("this store is online, and gives the things that were imported only where upstream does not answer: enable-airgap-mode ends that", "snaps", snaps, "charms", charms)
	}
	all := append(s.endpoints(), remote.endpoints(c.Listeners, c.Logger)...)
	for _, e := range all {
		s.guard.Protect(e.Server)
	}
	defer tuneHeap(c.Logger)()
	return serve(ctx, all, c.Logger)
}

// service is a running service.
type service struct {
	Config
	server   *server.Server
	source   *catalogSource
	reloader *reloader
	guard    *transfer.Guard
	edge     *edge.Edge
	files    *cache.Cache
	front    *front
	// overridesVersion is the version of the overrides that the edge has.
	overridesVersion string
	// registrar is nil without a token.
	registrar *registrar.Registrar
	// domain is the domain of another registry.
	domain string
}

// makeDeviceSecret makes the secret for the sessions of devices if a store has none, as one that an older version has set up.
func (c Config) makeDeviceSecret() {
	if c.Instance.Settings.IsSet(settings.DeviceAuthSecret) {
		return
	}
	if _, err := c.Instance.Settings.SetMissing(map[string]string{settings.DeviceAuthSecret: rand.Text()}); err != nil {
		c.Logger.Warn("there is no secret for the sessions of devices: they end with this server", "setting", settings.DeviceAuthSecret, "err", err)
		return
	}
	c.Logger.Info("made the secret for the sessions of devices: give other servers of this store the same one", "setting", settings.DeviceAuthSecret)
}

// spoolDir returns the folder for the texts of the catalogue: the data folder, or none if that can't be written.
func (c Config) spoolDir() string {
	f, err := os.CreateTemp(string(c.Instance.Dir), ".catalogue-*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		c.Logger.Warn("the data folder can't be written, so the texts of the catalogue take memory", "err", err)
		return ""
	}
	return string(c.Instance.Dir)
}

func (c Config) openService(r *catalog.Reader, remote administration) (*service, error) {
	c.makeDeviceSecret()
	if err := c.Instance.ServeStorage(c.Instance.Settings); err != nil {
		return nil, err
	}
	current, err := readSettings(c.Instance.Dir, c.Instance.Settings, c.Listeners, c.Logger)
	if err != nil {
		return nil, err
	}
	s := &service{Config: c, source: &catalogSource{Reader: r}, domain: current.Registry.Domain, guard: transfer.NewGuard(), front: &front{}}
	s.guard.TrustForwarded(current.TrustForwardedProto)
	c.Listeners.bound(s.guard, c.Logger)
	metrics := prometheus.NewRegistry()
	if c.Listeners.images != nil {
		s.source.images = registry.New(registry.Config{Blobs: c.Instance.Blobs, Username: current.Registry.Username, Password: current.Registry.Password,
			Logger: c.Logger, AccessLog: c.AccessLog, Metrics: metrics, AwaitNewer: func(ctx context.Context) bool { return s.server.AwaitNewer(ctx) }, Upstream: s.front})
	}
	trust, err := c.Instance.Trust.Assertions()
	if err != nil {
		return nil, err
	}
	config := server.Config{Blobs: c.Instance.Blobs, Trust: trust, Logger: c.Logger, AccessLog: c.AccessLog, Metrics: metrics,
		SpoolDir: c.spoolDir(), Administration: remote.handler(), Nonces: r, DatabaseRestarts: c.Instance.CountRestarts()}
	if c.Token != nil {
		metrics.MustRegister(registrar.NewTokenMetrics(c.Token))
		s.registrar = registrar.New(registrar.Config{Token: c.Token, Records: r, Logger: c.Logger})
		config.Registrar = s.registrar
	}
	s.server = server.New(config)
	s.server.SetSettings(current)
	if err := s.openEdge(metrics); err != nil {
		return nil, err
	}
	if remote.overrides != nil {
		remote.overrides.online.Store(&onlineOverrides{s.front, s.edge})
	}
	s.reloader = &reloader{dir: c.Instance.Dir, listeners: c.Listeners, server: s.server, images: s.source.images, guard: s.guard,
		settings: c.Instance.Settings, storage: c.Instance.ServeStorage, edge: s.reloadEdge, log: c.Logger, administration: remote,
		announceHTTPS: func() { s.announce(RoleHTTPS, c.Listeners.scheme(), c.Listeners.https.Addr().String()) }}
	s.reloader.setShared()
	return s, nil
}

// follow takes up changes of the catalogue and of the settings, keeps a private cluster running, and keeps what clients want, until the
// returned function is called.
func (s *service) follow(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { s.server.Follow(ctx, s.source) })
	wg.Go(func() {
		settings.Watch(ctx, s.Instance.Settings, watchInterval, s.reloader.reload, s.Instance.Dir.StoreAssertionPath(), s.Instance.Dir.CACertsPath())
	})
	wg.Go(func() { s.Instance.Supervise(ctx, s.Logger) })
	wg.Go(func() { s.checkStorage(ctx) })
	wg.Go(func() { s.keepWanted(ctx) })
	wg.Go(func() { s.keepOverrides(ctx) })
	wg.Go(func() { s.keepEdge(ctx) })
	wg.Go(func() { s.forgetNonces(ctx) })
	wg.Go(func() { s.keepPresence(ctx) })
	wg.Go(func() { s.keepTrail(ctx) })
	if s.Token != nil {
		wg.Go(func() { s.watchToken(ctx) })
		wg.Go(func() { s.registrar.Keep(ctx) })
	}
	return func() {
		cancel()
		wg.Wait()
	}
}

// endpoints returns the servers for devices and images with their listeners, and announces them.
func (s *service) endpoints() []endpoint {
	l := s.Listeners
	handler := s.server.Around(s.front)
	all := []endpoint{{transfer.NewServer(l.http.Addr().String(), handler, s.Logger), l.http}}
	s.announce(RoleHTTP, "http", l.http.Addr().String())
	if l.https != nil {
		all = append(all, endpoint{transfer.NewServer(l.https.Addr().String(), handler, s.Logger), l.secure(l.https)})
	}
	if l.servesHTTPS() {
		s.announce(RoleHTTPS, l.scheme(), l.https.Addr().String())
	}
	if l.images != nil {
		all = append(all, endpoint{s.source.images.HTTPServer(l.images.Addr().String()), l.secure(l.images)})
		s.announce(RoleRegistry, l.scheme(), l.images.Addr().String())
	}
	return all
}

func (s *service) announce(role Role, scheme, address string) {
	s.Logger.Info("listening", "address", address)
	snaps, charms := s.server.Count()
	s.Announce(Announcement{role, scheme + "://" + address, snaps, charms})
}

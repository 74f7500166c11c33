package service

import (
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"offlinestore/certificate"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/registration"
	"offlinestore/registry"
	"offlinestore/server"
	"offlinestore/transfer"
)

// watchInterval is how often a running service looks for changed settings.
const watchInterval = 2 * time.Second

// reloader gives changed settings to a running service.
type reloader struct {
	dir       instance.Dir
	listeners *Listeners
	server    *server.Server
	images    *registry.Registry // nil without a built-in registry
	guard     *transfer.Guard
	settings  *settings.Settings
	// storage changes the places of the blobs.
	storage func(*settings.Settings) error
	// edge takes up settings about upstream, and the mode.
	edge func(*settings.Settings)
	log  *slog.Logger
	// shared are the digests of the settings that all servers need.
	shared atomic.Pointer[map[string]string]
	// administration is empty if there is no API for administrators.
	administration administration
	// announceHTTPS is called when the first certificate has opened its port.
	announceHTTPS func()
}

// reload takes up new settings. It refuses settings that make no sense together as a whole, and keeps the old ones.
func (r *reloader) reload(s *settings.Settings, err error) {
	var next server.Settings
	before := r.listeners.servesHTTPS()
	if err == nil {
		next, err = readSettings(r.dir, s, r.listeners, r.log)
	}
	if err != nil {
		r.log.Error("the settings were changed, and can't be taken up: those before hold", "err", err)
		return
	}
	if r.images != nil {
		r.images.SetAccess(next.Registry.Username, next.Registry.Password)
	}
	r.reloadStorage(s)
	r.edge(s)
	r.guard.TrustForwarded(next.TrustForwardedProto)
	r.server.SetSettings(next)
	r.administration.setValues(s.Values())
	for _, k := range settings.Changed(r.settings, s) {
		if k.NeedsRestart() {
			r.log.Warn("a setting was changed that is taken up when serve is started again", "setting", k.Name)
		} else {
			r.log.Info("a setting was changed", "setting", k.Name)
		}
	}
	if !before && r.listeners.servesHTTPS() {
		r.announceHTTPS()
	}
	if s.Values().TLSCert == "" && r.listeners.secured.Load() {
		r.log.Warn("HTTPS ends when serve is started again")
	}
	if s.Values().AdminOnStoreURL && r.administration.server == nil {
		r.log.Warn("administration begins when serve is started again: no address is served for it now", "setting", settings.AdminOnStoreURL)
	}
	r.settings = s
	r.setShared()
}

// reloadStorage takes up changed settings about the places of blobs.
func (r *reloader) reloadStorage(s *settings.Settings) {
	if !slices.ContainsFunc(settings.Changed(r.settings, s), settings.Key.IsStorage) {
		return
	}
	if err := r.storage(s); err != nil {
		r.log.Error("the settings of the storage can't be taken up: blobs come from where they came from", "err", err)
	}
}

// setShared notes the digests of the settings that all servers need.
func (r *reloader) setShared() {
	digests := r.settings.SharedDigests()
	r.shared.Store(&digests)
}

func (r *reloader) sharedDigests() map[string]string { return *r.shared.Load() }

// readSettings reads everything that may change while a service runs, and gives the listeners the certificate.
func readSettings(dir instance.Dir, s *settings.Settings, l *Listeners, log *slog.Logger) (server.Settings, error) {
	v := s.Values()
	out := server.Settings{Domain: v.Domain, HTTPSPort: v.HTTPSPort, Administration: v.AdminOnStoreURL,
		TrustForwardedProto: v.TrustForwardedProto, StoreID: v.StoreID,
		DeviceSecret: v.DeviceAuthSecret, PreviousDeviceSecret: v.DeviceAuthPrevious, AllowedDeviceServices: v.AllowedDeviceServiceURLs}
	access, err := instance.ReadRegistryAccess(s, addressOf(l.images))
	if err != nil {
		return out, err
	}
	out.Registry = server.Registry(access)
	if out.StoreAssertion, err = dir.StoreAssertion(); err != nil {
		return out, err
	}
	// A registration replaces the assertion first, and may be interrupted before the settings follow.
	if claim, err := registration.ParseStream(out.StoreAssertion); err == nil && claim.StoreID() != "" {
		out.StoreID = claim.StoreID()
	}
	c, err := instance.Certificate(s)
	if err != nil {
		return out, err
	}
	if c != nil {
		out.CertificateExpiry = c.Info().NotAfter
		if err := l.setCertificate(c); err != nil {
			log.Error("HTTPS can't begin: start serve again once nothing else has the port", "err", err)
		}
		warnOfCertificate(log, c, out.Domain, time.Now())
		warnOfPort(log, out.Domain, v.HTTPPort, v.HTTPSPort)
	}
	out.RedirectToHTTPS = l.servesHTTPS()
	return out, nil
}

// addressOf returns the address of a listener, or nothing for nil.
func addressOf(ln net.Listener) string {
	if ln == nil {
		return ""
	}
	return ln.Addr().String()
}

// warnOfCertificate logs the faults that devices find in a certificate, or will find soon.
func warnOfCertificate(log *slog.Logger, c *certificate.Certificate, domain string, now time.Time) {
	info := c.Info()
	if err := c.CheckDates(now); err != nil {
		log.Error("devices refuse the certificate: import another", "err", err)
	} else if days := info.DaysLeft(now); days < instance.ExpiresSoon {
		log.Warn("the certificate expires soon: import another", "days", days, "not-after", info.NotAfter)
	}
	if domain == "" {
		return
	}
	if err := c.CheckName(domain); err != nil {
		log.Warn("devices refuse the certificate under the name that proxy.domain has", "err", err)
	}
}

// warnOfPort warns if proxy.domain still has the port of plain HTTP: URLs and redirects would lead there by https.
func warnOfPort(log *slog.Logger, domain, httpPort, httpsPort string) {
	if _, port, err := net.SplitHostPort(domain); err == nil && port == httpPort && port != httpsPort {
		log.Warn("proxy.domain has the port of plain HTTP, and clients are sent there by https: set it to "+httpsPort+", or leave it out", "domain", domain)
	}
}

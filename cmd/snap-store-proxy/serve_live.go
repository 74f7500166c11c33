package main

import (
	"log/slog"
	"time"

	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/registration"
	"offlinestore/registry"
	"offlinestore/server"
)

// live is what settings and files say of what may change while serve runs.
func readLive(dir *instance.Dir, s *settings.Settings, d *doors, log *slog.Logger) (server.Settings, error) {
	v, err := values(s, settings.Domain, settings.HTTPSPort, settings.TrustForwardedProto, settings.StoreID, settings.HTTPPort)
	if err != nil {
		return server.Settings{}, err
	}
	l := server.Settings{Domain: v[settings.Domain], HTTPSPort: v[settings.HTTPSPort], RedirectToHTTPS: d.https != nil,
		TrustForwardedProto: v[settings.TrustForwardedProto] == "true", StoreID: v[settings.StoreID]}
	if l.Registry, err = registryAccess(s, d.images); err != nil {
		return l, err
	}
	if l.StoreAssertion, err = dir.StoreAssertion(); err != nil {
		return l, err
	}
	// A reregistration puts the assertion into its place first, and may be broken off before the settings follow.
	if claim, err := registration.ParseStream(l.StoreAssertion); err == nil && claim.StoreID() != "" {
		l.StoreID = claim.StoreID()
	}
	c, err := instance.Certificate(s)
	if err != nil {
		return l, err
	}
	if c != nil {
		l.CertificateExpiry = c.Info().NotAfter
		d.certificate.Set(c)
		warnOfCertificate(log, c, l.Domain, time.Now())
		warnOfPort(log, l.Domain, v[settings.HTTPPort], v[settings.HTTPSPort])
	}
	return l, nil
}

// watchInterval is how often serve looks whether the settings changed.
const watchInterval = 2 * time.Second

// liveStore is what runs, and the settings that it runs with.
type liveStore struct {
	dir      *instance.Dir
	doors    *doors
	server   *server.Server
	images   *registry.Registry // nil where there is none
	settings *settings.Settings
	log      *slog.Logger
}

// change takes up new settings. Those that make no sense together are refused as a whole, and the ones before hold.
func (r *liveStore) change(s *settings.Settings, err error) {
	var l server.Settings
	if err == nil {
		l, err = readLive(r.dir, s, r.doors, r.log)
	}
	if err != nil {
		r.log.Error("the settings were changed, and can't be taken up: those before hold", "err", err)
		return
	}
	if r.images != nil {
		r.images.SetAccess(l.Registry.Username, l.Registry.Password)
	}
	r.server.SetSettings(l)
	for _, k := range settings.Changed(r.settings, s) {
		if needsRestart(k.Name) {
			r.log.Warn("a setting was changed that is taken up when serve is started again", "setting", k.Name)
		} else {
			r.log.Info("a setting was changed", "setting", k.Name)
		}
	}
	if secured, _ := values(s, settings.TLSCert); (secured[settings.TLSCert] != "") != r.doors.tls {
		r.log.Warn("HTTPS begins, or ends, when serve is started again")
	}
	r.settings = s
}

// needsRestart says whether serve reads a setting only when it starts: ports are opened while it has the right to,
// and whoever changes the secret of logins must not believe that they ended before they did.
func needsRestart(name string) bool {
	switch name {
	case settings.IPAddress, settings.HTTPPort, settings.HTTPSPort, settings.RegistryListen, settings.RegistryBuiltin, settings.AdminListen,
		settings.DBConnection, settings.DBServerConnection, settings.AuthSecret:
		return true
	}
	return false
}

package server

import (
	"cmp"
	"time"

	"offlinestore/assertion"
	"offlinestore/session"
)

// Settings holds the values that may change while a Server runs. The zero value works.
type Settings struct {
	// Domain is the host or host:port in the URLs of answers (proxy.domain). If it is empty, answers use the host of the request.
	Domain string
	// DeviceSecret signs the sessions of devices. Without it, each Server makes one for itself. PreviousDeviceSecret only verifies.
	DeviceSecret, PreviousDeviceSecret string
	// Registry is the registry with the images of charms.
	Registry Registry
	// TrustForwardedProto trusts the header X-Forwarded-Proto, which a balancer in front of this store must then set on every
	// request, and X-Forwarded-For for the log.
	TrustForwardedProto bool
	// Administration answers administrators at the URL of the store, too, over TLS only.
	Administration bool
	// RedirectToHTTPS redirects plain requests to HTTPS, except health checks and metrics.
	RedirectToHTTPS bool
	// HTTPSPort is the port of HTTPS if Domain is empty; empty means 443.
	HTTPSPort string
	// AllowedDeviceServices are the URLs of device services for which this store answers when a gadget names one of them.
	AllowedDeviceServices []string
	// StoreAssertion is the stream of the store assertion and its prerequisites, as issued. It is empty if there is none.
	StoreAssertion []byte
	// StoreID is the ID of the store in StoreAssertion.
	StoreID string
	// CertificateExpiry is the time until which devices trust the certificate of HTTPS; zero if there is none.
	CertificateExpiry time.Time
}

// settings holds Settings in the form that requests need.
type settings struct {
	Settings
	host string // of Domain; empty if Domain is no host
	// registration has the assertions of StoreAssertion.
	registration *index
	keys         *session.Keys // of the secrets of devices
}

// SetSettings replaces the settings of all later requests. The caller must not change next.StoreAssertion afterwards.
func (s *Server) SetSettings(next Settings) {
	s.metrics.certified(next.CertificateExpiry)
	s.cfg.AccessLog.TrustForwarded(next.TrustForwardedProto)
	list, err := assertion.DecodeAll(next.StoreAssertion)
	registration, err2 := newAssertionIndex(list)
	err = cmp.Or(err, err2)
	if err != nil {
		s.cfg.Logger.Warn("the store assertion can't be served among the assertions", "err", err)
	}
	keys := session.NewKeys(cmp.Or(next.DeviceSecret, s.ownSecret), next.PreviousDeviceSecret)
	s.settings.Store(&settings{next, normalizeHost(next.Domain), registration, keys})
}

package server

import "time"

// Settings holds what may change while a Server runs. The zero value works.
type Settings struct {
	// Domain is the host or host:port in the URLs of answers (proxy.domain). Empty takes what the request was sent to.
	Domain string
	// Registry is where charms find their images.
	Registry Registry
	// TrustForwardedProto believes the header X-Forwarded-Proto, which a balancer in front of this store must set on
	// every request, and X-Forwarded-For for the log.
	TrustForwardedProto bool
	// RedirectToHTTPS sends plain requests to HTTPS, but for health checks and metrics.
	RedirectToHTTPS bool
	// HTTPSPort is the port that HTTPS is reached on while Domain is empty; empty is 443.
	HTTPSPort string
	// StoreAssertion is the store assertion and what it needs to be acknowledged, as it was issued. Empty where there is none.
	StoreAssertion []byte
	// StoreID is the store that StoreAssertion is about.
	StoreID string
	// CertificateExpiry is until when devices believe the certificate of HTTPS; zero where there is none.
	CertificateExpiry time.Time
}

// settings holds Settings in the form that requests need.
type settings struct {
	Settings
	host string // of Domain; empty if that is no host
}

// SetSettings replaces the settings of all later requests. The caller must not change next.StoreAssertion afterwards.
func (s *Server) SetSettings(next Settings) {
	s.metrics.certified(next.CertificateExpiry)
	s.cfg.AccessLog.TrustForwarded(next.TrustForwardedProto)
	s.settings.Store(&settings{next, normalizeHost(next.Domain)})
}

package server

import "time"

// Live is what may change while a Server runs. The zero value works.
type Live struct {
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

// live is Live in the form that requests need.
type live struct {
	Live
	host string // of Domain; empty if that is no host
}

// SetLive makes l what requests are answered by from now on. l.StoreAssertion must not be changed afterwards.
func (s *Server) SetLive(l Live) {
	s.metrics.certified(l.CertificateExpiry)
	s.cfg.AccessLog.TrustForwarded(l.TrustForwardedProto)
	s.live.Store(&live{l, normalizeHost(l.Domain)})
}

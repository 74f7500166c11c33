package server

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"

	"offlinestore/transfer"
)

// administrationPaths are the paths of the API for administrators. Clients of the original look for it at the store's own URL.
var administrationPaths = []string{"/v2/auth/identity", "/v2/auth/issue-store-admin", "/api/v2/tokens/", "/v2/metadata/overrides", "/v2/metadata/overrides/",
	"/publishergw/"}

// administer answers administrators over TLS, if the settings allow it.
func (s *Server) administer(w http.ResponseWriter, r *http.Request) {
	l := s.settings.Load()
	switch {
	case !s.administers():
		s.unknown(w, r)
		return
	case !l.secure(r):
		s.fail(w, r, http.StatusForbidden, codeForbidden, "this store takes administration over TLS only: ask by https")
		return
	}
	if l.TrustForwardedProto { // a balancer stands between, and its address is no client's
		r = r.Clone(r.Context())
		r.RemoteAddr = net.JoinHostPort(transfer.ForwardedClient(r), "0")
		if r.TLS == nil { // the balancer has ended TLS
			r.TLS = &tls.ConnectionState{}
		}
	}
	s.cfg.Administration.ServeHTTP(w, r)
}

// administers reports whether this server answers administrators.
func (s *Server) administers() bool {
	return s.cfg.Administration != nil && s.settings.Load().Administration
}

// isAdministration reports whether a path belongs to the API for administrators.
func isAdministration(path string) bool {
	for _, p := range administrationPaths {
		if path == p || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

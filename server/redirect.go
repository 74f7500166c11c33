package server

import (
	"net"
	"net/http"
	"strings"
)

// Around returns a handler for the listeners of this server that answers by next: with this server's headers, and its redirects to HTTPS.
func (s *Server) Around(next http.Handler) http.Handler {
	return s.commonHeaders(s.redirectToHTTPS(next))
}

// redirectToHTTPS redirects plain requests to HTTPS if Settings.RedirectToHTTPS is set. Health checks and metrics stay reachable:
// balancers and monitors know this host by an address that is in no certificate. A password in a plain request is refused, because a
// redirect would have it sent twice.
func (s *Server) redirectToHTTPS(next http.Handler) http.Handler {
	redirect := s.instrument("redirect", s.redirect)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l := s.settings.Load()
		if !l.RedirectToHTTPS || l.secure(r) || isMonitoring(r.URL.Path) || s.administers() && isAdministration(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		redirect.ServeHTTP(w, r)
	})
}

func isMonitoring(path string) bool { return path == checkPath || path == metricsPath }

func (s *Server) redirect(w http.ResponseWriter, r *http.Request) {
	host := s.settings.Load().secureHost(r)
	if host == "" || !strings.HasPrefix(r.RequestURI, "/") {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, "this store is reached by HTTPS, and the request does not say under which name")
		return
	}
	// Only 308 keeps the method and the body of a POST. Old clients know only 301, for GET.
	status := http.StatusPermanentRedirect
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		status = http.StatusMovedPermanently
	}
	// The protocol calls these statuses permanent, but an operator may go back to plain HTTP.
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Host")
	w.Header().Set("Location", "https://"+host+r.RequestURI)
	s.fail(w, r, status, codeUnsupported, "this store is reached by HTTPS")
}

// secureHost returns the host for HTTPS, with its port unless that is the usual one. It returns "" if r names no host.
func (l *settings) secureHost(r *http.Request) string {
	if l.Domain != "" {
		return l.host
	}
	host := normalizeHost(r.Host)
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	if host == "" || l.HTTPSPort == "" || l.HTTPSPort == "443" {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), l.HTTPSPort)
}

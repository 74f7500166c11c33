package server

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// maxHostname is the longest name, without a dot at its end.
const maxHostname = 253

// isHostname reports whether a name has letters, digits, dots, hyphens and underscores, and begins and ends with a letter or a digit. It may have
// one more dot at its end. Each request takes it, and a regular expression takes several times as long.
func isHostname(name string) bool {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > maxHostname || !isAlphanumeric(name[0]) || !isAlphanumeric(name[len(name)-1]) {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !isAlphanumeric(c) && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// origin returns the beginning of every URL in an answer to r: scheme and host. It needs no escaping. It is "" if the request names
// no usable host; the host is the only part that comes from the request. Of the headers of a forwarding proxy, X-Forwarded-Proto is
// trusted if the operator allows it.
func (l *settings) origin(r *http.Request) string {
	host := l.host
	if l.Domain == "" {
		host = normalizeHost(r.Host)
	}
	switch {
	case host == "":
		return ""
	case l.secure(r):
		return "https://" + host
	}
	return "http://" + host
}

// Origin returns the beginning of every URL in an answer to r, or "" if the request names no usable host.
func (s *Server) Origin(r *http.Request) string { return s.settings.Load().origin(r) }

// addVary names the headers that the origin depends on, for caches between devices and this store.
func (l *settings) addVary(h http.Header) {
	if l.Domain == "" {
		h.Add("Vary", "Host")
	}
	if l.TrustForwardedProto {
		h.Add("Vary", "X-Forwarded-Proto")
	}
}

// secure reports whether r came by HTTPS, here or to the balancer in front of this server.
func (l *settings) secure(r *http.Request) bool {
	return r.TLS != nil || l.TrustForwardedProto && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// normalizeHost returns host[:port] with an IPv6 address in brackets, or "" if s is no host.
func normalizeHost(s string) string {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		if a.Is6() {
			return "[" + s + "]"
		}
		return s
	}
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		host, port = s[:i], s[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return ""
		}
	}
	if v6, ok := strings.CutPrefix(host, "["); ok {
		v6, ok = strings.CutSuffix(v6, "]")
		a, err := netip.ParseAddr(v6)
		if !ok || err != nil || !a.Is6() || a.Zone() != "" {
			return ""
		}
		host = v6
	} else if !isHostname(host) {
		return ""
	}
	if port != "" {
		return net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

package registration

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// ErrURL means that a URL can't belong to a store.
var ErrURL = errors.New("not the URL of a store")

// URL is the address of a store in its store assertion.
type URL struct {
	// Scheme is http or https.
	Scheme string
	host   string // in lower case, an IPv6 address in brackets
	port   string // empty if it is the scheme's usual one
}

var validHost = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
})

// ParseURL parses the URL of a store: a scheme, a host and maybe a port. It refuses a path, since the URLs of downloads are made
// from the host alone.
func ParseURL(s string) (*URL, error) {
	if len(s) > 300 {
		return nil, fmt.Errorf("%w: longer than 300 bytes", ErrURL)
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, ErrURL // without the text and without url.Parse's error: both may hold a password
	}
	scheme := strings.ToLower(u.Scheme)
	switch {
	case scheme != "http" && scheme != "https":
		return nil, fmt.Errorf("%.300q: %w: it begins with https:// or http://", u.Redacted(), ErrURL)
	case u.User != nil:
		return nil, fmt.Errorf("%.300q: %w: no user or password can be in it", u.Redacted(), ErrURL)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(s, "#"):
		return nil, fmt.Errorf("%.300q: %w: no query or fragment can be in it", s, ErrURL)
	case u.Path != "" && u.Path != "/":
		return nil, fmt.Errorf("%.300q: %w: no path can be in it", s, ErrURL)
	}
	out := &URL{Scheme: scheme, host: strings.ToLower(u.Hostname()), port: u.Port()}
	if err := out.validateHost(u.Host); err != nil {
		return nil, fmt.Errorf("%.300q: %w: %w", s, ErrURL, err)
	}
	if out.port == usualPort(scheme) {
		out.port = ""
	}
	return out, nil
}

// validateHost validates the host, and the port as it stands behind it.
func (u *URL) validateHost(written string) error {
	if addr, err := netip.ParseAddr(u.host); err == nil {
		if addr.Zone() != "" {
			return errors.New("an address with a zone means something on one host only")
		}
		if u.host = addr.String(); addr.Is6() {
			u.host = "[" + u.host + "]"
		}
	} else if len(u.host) > 253 || !validHost().MatchString(u.host) || isNumber(u.host[strings.LastIndexByte(u.host, '.')+1:]) {
		return errors.New("its host is no name and no address (other alphabets are written as xn--…)")
	}
	if u.port == "" {
		if strings.HasSuffix(written, ":") {
			return errors.New("no port behind the colon")
		}
		return nil
	}
	if n, err := strconv.ParseUint(u.port, 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != u.port {
		return errors.New("the port is no number from 1 to 65535")
	}
	return nil
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func usualPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// String returns the URL in its normal form, in which two URLs can be compared.
func (u *URL) String() string { return u.Scheme + "://" + u.Domain() }

// Domain returns the host, with the port unless that is the usual one.
func (u *URL) Domain() string {
	if u.port == "" {
		return u.host
	}
	return u.host + ":" + u.port
}

// Host returns the host alone, an IPv6 address without brackets.
func (u *URL) Host() string { return strings.Trim(u.host, "[]") }

// Port returns the port, the usual one included.
func (u *URL) Port() string {
	if u.port == "" {
		return usualPort(u.Scheme)
	}
	return u.port
}

// isHost reports whether a domain of a registration is this host. Some registrations name the port, some don't.
func (u *URL) isHost(domain string) bool {
	domain = strings.ToLower(domain)
	return domain == u.Domain() || domain == u.host || domain == u.Host() || domain == net.JoinHostPort(u.Host(), u.Port())
}

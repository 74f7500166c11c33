package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"offlinestore/registrar"
)

// deviceServicePath is the path of the device service for gadgets that name this host. They may leave it out.
const deviceServicePath = "/device-service/"

// The headers of requests for serials.
const (
	// apiKeyHeader has the API key of the model.
	apiKeyHeader = "api-key"
	// serviceURLHeader names the device service of the gadget, for a store that stands between.
	serviceURLHeader = "X-Snap-Device-Service-URL"
)

var errServiceURL = errors.New("not the URL of a device service")

// isDeviceService reports whether a path belongs to the device service for gadgets that name this host.
func isDeviceService(path string) bool {
	return path == "/request-id" || path == "/serial" || strings.HasPrefix(path, deviceServicePath)
}

// behindProxy lets h answer devices that have this store as their proxy.store. A device whose gadget names a device service sends the headers
// that the gadget has for it, too: the API key is the one of the model on each way.
func (s *Server) behindProxy(h func(http.ResponseWriter, *http.Request, registrar.Knowledge)) func(http.ResponseWriter, *http.Request, registrar.Knowledge) {
	return func(w http.ResponseWriter, r *http.Request, knows registrar.Knowledge) {
		named := r.Header.Values(serviceURLHeader)
		if len(named) == 0 {
			h(w, r, knows)
			return
		}
		allowed, err := s.settings.Load().answersFor(named, r.Host)
		switch {
		case err != nil:
			s.fail(w, r, http.StatusBadRequest, codeBadRequest, shortReason(err))
		case !allowed:
			_ = discardBody(w, r, maxSessionBody)
			s.cfg.Logger.Warn("a gadget names a device service for which this store does not answer", "url", shortName(named[0]), "from", s.clientAddress(r))
			s.fail(w, r, http.StatusForbidden, codeForbidden, fmt.Sprintf(
				"this store does not answer for the device service %.200s: its operator may add it to proxy.device-auth.allowed-device-service-urls", named[0]))
		default:
			h(w, r, knows)
		}
	}
}

// IsOwnService reports whether the device service that a gadget names is this store itself.
func (s *Server) IsOwnService(service *url.URL, r *http.Request) bool {
	l := s.settings.Load()
	own := l.host
	if l.Domain == "" {
		own = normalizeHost(r.Host)
	}
	return sameHostname(service.Host, own)
}

// answersFor reports whether this store answers for the device service that a gadget names: its own, or one that the settings allow.
func (l *settings) answersFor(named []string, requestHost string) (bool, error) {
	service, err := parseServiceURL(named[0])
	if err != nil || len(named) > 1 {
		return false, fmt.Errorf("%w: %s %.200q", errServiceURL, serviceURLHeader, named)
	}
	own := l.host
	if l.Domain == "" {
		own = normalizeHost(requestHost)
	}
	if sameHostname(service.Host, own) && (service.Path == "/" || service.Path == deviceServicePath) {
		return true, nil
	}
	for _, text := range l.AllowedDeviceServices {
		allowed, err := parseServiceURL(text)
		if err == nil && allowed.Scheme == service.Scheme && strings.EqualFold(allowed.Host, service.Host) && strings.HasPrefix(service.Path, allowed.Path) {
			return true, nil
		}
	}
	return false, nil
}

// parseServiceURL parses the URL of a device service. Its path ends with a slash.
func parseServiceURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || normalizeHost(u.Host) == "" || u.User != nil {
		return nil, errServiceURL
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, nil
}

// sameHostname compares two hosts, without their ports: one host may have several.
func sameHostname(a, b string) bool {
	name := func(host string) string { return strings.ToLower((&url.URL{Host: host}).Hostname()) }
	return name(a) != "" && name(a) == name(b)
}

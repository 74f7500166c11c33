package edge

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// serviceURLHeader names the device service of a gadget, for a store that stands between.
const serviceURLHeader = "X-Snap-Device-Service-URL"

// register passes a device's request for a serial: to the device service that its gadget names, if the operator allows that, or else to the
// store upstream. endpoint is the last part of the path at the service.
func (e *Edge) register(endpoint string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		st := e.state.Load()
		named := r.Header.Values(serviceURLHeader)
		if len(named) == 0 {
			e.send(w, r, &exchange{state: st, to: st.upstream})
			return
		}
		service, err := st.deviceService(named)
		if err != nil {
			e.cfg.Logger.Warn("a gadget names a device service that is not allowed", "url", fmt.Sprintf("%.200q", named[0]))
			fail(w, http.StatusForbidden, codeForbidden, err.Error())
			return
		}
		if e.cfg.IsOwn != nil && e.cfg.IsOwn(service, r) {
			e.local(w, r)
			return
		}
		r = r.Clone(r.Context())
		r.URL.Path, r.URL.RawPath = "/"+endpoint, ""
		r.Header.Del(serviceURLHeader)
		for _, name := range identifying {
			r.Header.Del(name) // they are for the store
		}
		e.send(w, r, &exchange{state: st, to: service, noRedirect: true})
	}
}

// isClean reports whether a path leads nowhere else than it seems to.
func isClean(p string) bool {
	return p == "" || path.Clean(p) == strings.TrimSuffix(p, "/") || p == "/"
}

// deviceService returns the device service that a request names, if it is listed. Redirects are not followed, and not passed on either.
func (st *state) deviceService(named []string) (*url.URL, error) {
	refused := fmt.Errorf("this store does not pass requests to the device service %.200s: its operator may add it to proxy.device-auth.allowed-device-service-urls", named[0])
	u, err := url.Parse(named[0])
	if err != nil || len(named) > 1 || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !isClean(u.Path) {
		return nil, refused
	}
	for _, text := range st.DeviceServices {
		allowed, err := url.Parse(text)
		if err != nil || allowed.Scheme != "https" || u.Scheme != "https" || !strings.EqualFold(allowed.Host, u.Host) {
			continue
		}
		base := strings.TrimSuffix(allowed.Path, "/")
		if u.Path == base || strings.HasPrefix(u.Path, base+"/") {
			return u, nil
		}
	}
	return nil, refused
}

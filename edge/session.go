package edge

import (
	"errors"
	"net/http"
	"strings"

	"offlinestore/session"
	"offlinestore/snap"
)

// refuseOwnSession answers a device that has a session of this store, from its time in air-gapped mode: upstream would not know it, and must not
// see it. The device gets another one, from upstream, and repeats the request. It reports whether it answered.
func (e *Edge) refuseOwnSession(w http.ResponseWriter, r *http.Request, st *state) bool {
	if st.Keys == nil {
		return false
	}
	for _, name := range []string{snap.HeaderDeviceAuthorization, "X-Device-Authorization"} {
		for _, value := range r.Header.Values(name) {
			root, _ := strings.CutPrefix(value, `Macaroon root="`)
			root, _ = strings.CutSuffix(root, `"`)
			if _, err := st.Keys.Open(root, e.cfg.Now()); errors.Is(err, session.ErrForeign) {
				continue
			}
			w.Header().Set("WWW-Authenticate", "Macaroon refresh_device_session=1")
			fail(w, http.StatusUnauthorized, "device-authorization-needs-refresh", "the device's session is of the time when this store was air-gapped")
			return true
		}
	}
	return false
}

// dropOwnToken removes a token of this store from the headers of a request to upstream.
func (e *Edge) dropOwnToken(h http.Header, st *state) {
	text := h.Get("Authorization")
	for _, scheme := range []string{"Macaroon ", "Bearer "} {
		token, ok := strings.CutPrefix(text, scheme)
		if !ok || st.Keys == nil {
			continue
		}
		if _, err := st.Keys.OpenToken(token, e.cfg.Now()); !errors.Is(err, session.ErrForeign) {
			h.Del("Authorization")
		}
	}
}

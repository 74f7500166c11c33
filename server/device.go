package server

import (
	"crypto/rand"
	"net/http"
)

// maxDeviceBody holds a device session request with its serial and model.
const maxDeviceBody = 1 << 20

// nonce and session let in every device: nothing that is served here is secret, and no state is kept.
func (s *Server) nonce(w http.ResponseWriter, r *http.Request) {
	s.grant(w, r, map[string]string{"nonce": rand.Text()})
}

func (s *Server) session(w http.ResponseWriter, r *http.Request) {
	s.grant(w, r, map[string]string{"macaroon": "offlinestore-" + rand.Text() + rand.Text()})
}

func (s *Server) grant(w http.ResponseWriter, r *http.Request, v any) {
	if err := discardBody(w, r, maxDeviceBody); err != nil {
		s.failBody(w, r, err)
		return
	}
	s.writeJSON(w, r, http.StatusOK, typeJSON, v)
}

// refusal answers what this store does not do. The status is one that snapd does not try again at once.
func (s *Server) refusal(status int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// The body is not of interest; what is small of it is read so that the connection can go on.
		_ = discardBody(w, r, maxDeviceBody)
		s.fail(w, r, status, codeUnsupported, message)
	}
}

// orders says that nothing was ever bought, which is all that a device asks before it goes on.
func (s *Server) orders(w http.ResponseWriter, r *http.Request) {
	s.writeJSON(w, r, http.StatusOK, typeJSON, map[string][]string{"orders": {}})
}

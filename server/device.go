package server

import (
	"crypto/rand"
	"net/http"
)

// maxDeviceBody holds a device session request with its serial and model.
const maxDeviceBody = 1 << 20

// nonce lets every device in, as session does: nothing that is served here is secret, and no state is kept.
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

// refusal returns a handler for requests that this store does not support. snapd does not retry at once after this status.
func (s *Server) refusal(status int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// The body is ignored. Reading a small body lets the client reuse the connection.
		_ = discardBody(w, r, maxDeviceBody)
		s.fail(w, r, status, codeUnsupported, message)
	}
}

// orders answers that nothing was ever bought. A device asks nothing else before it goes on.
func (s *Server) orders(w http.ResponseWriter, r *http.Request) {
	s.writeJSON(w, r, http.StatusOK, typeJSON, map[string][]string{"orders": {}})
}

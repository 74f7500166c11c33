package server

import "net/http"

// refusal returns a handler for requests that this store does not support. snapd does not retry at once after this status.
func (s *Server) refusal(status int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// The body is ignored. Reading a small body lets the client reuse the connection.
		_ = discardBody(w, r, maxSessionBody)
		s.fail(w, r, status, codeUnsupported, message)
	}
}

// orders answers that nothing was ever bought. A device asks nothing else before it goes on.
func (s *Server) orders(w http.ResponseWriter, r *http.Request) {
	s.writeJSON(w, r, http.StatusOK, typeJSON, map[string][]string{"orders": {}})
}

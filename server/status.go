package server

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// sourceState is the state of the source of the catalogue.
type sourceState struct {
	mu      sync.Mutex
	since   time.Time // the last time that it was well
	problem string
}

func (st *sourceState) set(now time.Time, problem string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.problem = problem
	if problem == "" {
		st.since = now
	}
}

func (st *sourceState) get() (problem string, since time.Time) {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.problem, st.since
}

// Generation returns the generation of the catalogue that is served, or 0 before the first.
func (s *Server) Generation() int64 {
	if ix := s.index.Load(); ix != nil {
		return ix.generation
	}
	return 0
}

// status is the body of /_status/check.
type status struct {
	Status     string   `json:"status"`
	Generation int64    `json:"generation,omitempty"`
	Snaps      int      `json:"snaps"`
	Charms     int      `json:"charms"`
	Problems   []string `json:"problems,omitempty"`
}

// serveStatus tells a balancer whether to send devices here. A store that has lost its database still serves, so the answer stays
// positive.
func (s *Server) serveStatus(w http.ResponseWriter, r *http.Request) {
	out, code := status{Status: "ok"}, http.StatusOK
	if problem, since := s.source.get(); problem != "" {
		if !since.IsZero() {
			problem += ", last reached " + since.UTC().Format(time.RFC3339)
		}
		out.Problems = append(out.Problems, problem)
	}
	if len(out.Problems) > 0 {
		out.Status = "degraded"
	}
	if ix := s.index.Load(); ix != nil {
		out.Generation, out.Snaps, out.Charms = ix.generation, ix.shown, len(ix.charms)
	} else {
		out.Status, code = "unavailable", http.StatusServiceUnavailable
		out.Problems = append(out.Problems, "no catalogue was loaded yet")
	}
	w.Header().Set("Cache-Control", "no-store")
	s.writeJSON(w, r, code, typeJSON, out)
}

// root redirects browsers to the documentation, and tells other clients where it is. Only browsers ask for HTML.
func (s *Server) root(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, docsPath, http.StatusSeeOther)
		return
	}
	s.writeJSON(w, r, http.StatusOK, typeJSON, map[string]string{"service": "offlinestore", "documentation": docsPath})
}

package upstreamtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"offlinestore/assertion"
)

// Handler returns the handler that serves the store.
func (s *Store) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/snaps/info/{name}", s.serveInfo)
	mux.HandleFunc("POST /v2/snaps/refresh", s.serveRefresh)
	mux.HandleFunc("GET /v2/assertions/{type}/{key...}", s.serveAssertion)
	mux.HandleFunc("GET /api/v1/snaps/assertions/{type}/{key...}", s.serveAssertion) // snapd before 2.50
	mux.HandleFunc("GET /api/v1/snaps/download/{file}", s.serveRedirect)
	mux.HandleFunc("GET /download-origin/canonical-lgw01/{file}", s.serveBlob)
	mux.HandleFunc("GET /site_media/appmedia/2024/03/{file}", s.serveIcon)
	s.handleCharms(mux)
	return s.faulty(s.authorized(mux))
}

// authorized refuses requests with an invalid login.
func (s *Store) authorized(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.opts.SSO == nil || !s.opts.SSO.refuseLogin(w, s.opts.SSO.login(r.Header.Get("Authorization"))) {
			h.ServeHTTP(w, r)
		}
	})
}

func (s *Store) base(r *http.Request) string {
	switch {
	case s.opts.Origin != "":
		return strings.TrimSuffix(s.opts.Origin, "/")
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // the store's own objects can always be encoded
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Snap-Store-Version", "69")
	h.Set("X-Request-Id", "00000000000000000000FFFF7F000001")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, object{"error-list": []object{{"code": code, "message": message}}})
}

// refuse answers a request that the real store would reject. It reports whether it did.
func refuse(w http.ResponseWriter, r *http.Request, fields []string, headers ...string) bool {
	for _, h := range headers {
		if r.Header.Get(h) == "" {
			writeError(w, http.StatusBadRequest, "missing-header", h+" header is required.")
			return true
		}
	}
	for _, f := range fields {
		if !slices.Contains(knownFields, f) {
			writeError(w, http.StatusBadRequest, "api-error", fmt.Sprintf("'%s' is not one of the known fields", f))
			return true
		}
	}
	return false
}

func (s *Store) serveInfo(w http.ResponseWriter, r *http.Request) {
	var fields []string
	if q := r.URL.Query().Get("fields"); q != "" {
		fields = strings.Split(q, ",")
	}
	if refuse(w, r, fields, "Snap-Device-Series") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := r.PathValue("name")
	e := s.snaps[name]
	if e == nil || !s.sees(s.viewer(r), e) {
		writeError(w, http.StatusNotFound, "resource-not-found", fmt.Sprintf("No snap named '%s' found in series '16'.", name))
		return
	}
	writeJSON(w, http.StatusOK, e.info(fields, s.base(r)))
}

func (s *Store) serveRefresh(w http.ResponseWriter, r *http.Request) {
	var q query
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 8<<20)).Decode(&q); err != nil || q.Context == nil || len(q.Actions) == 0 {
		writeError(w, http.StatusBadRequest, "api-error", "not a refresh request")
		return
	}
	if refuse(w, r, q.Fields, "Snap-Device-Series", "Snap-Device-Architecture", "Content-Type") {
		return
	}
	for _, a := range q.Actions {
		if !slices.Contains([]string{"install", "download", "refresh"}, a.Action) || a.InstanceKey == "" {
			writeError(w, http.StatusBadRequest, "api-error", fmt.Sprintf("'%s' is not an action of the simulated store", a.Action))
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, http.StatusOK, s.refresh(&q, device{
		arch:          r.Header.Get("Snap-Device-Architecture"),
		defaultTracks: strings.Contains(r.Header.Get("Snap-Device-Capabilities"), "default-tracks"),
		base:          s.base(r),
		viewer:        s.viewer(r),
	}))
}

func (s *Store) serveAssertion(w http.ResponseWriter, r *http.Request) {
	var err error
	maxFormat := 0
	if q := r.URL.Query().Get("max-format"); q != "" {
		maxFormat, err = strconv.Atoi(q)
	}
	var best *assertion.Assertion
	typ, key := r.PathValue("type"), r.PathValue("key")
	if err == nil {
		best, err = s.findAssertion(typ, strings.Split(key, "/"), r.URL.Query(), maxFormat)
	}
	if err != nil {
		writeError(w, http.StatusBadRequest, "api-error", err.Error())
		return
	}
	if best == nil || !s.seesAssertion(s.viewer(r), best) {
		writeError(w, http.StatusNotFound, "not-found", fmt.Sprintf("Assertion '%s/%s' not found.", typ, key))
		return
	}
	w.Header().Set("Content-Type", "application/x.ubuntu.assertion")
	w.Header().Set("Etag", strconv.Quote(strconv.Itoa(best.Revision())))
	w.Write(append(bytes.Clone(best.Raw()), '\n'))
}

// serveRedirect redirects a client to the blobs, with a secret token.
func (s *Store) serveRedirect(w http.ResponseWriter, r *http.Request) {
	if s.blob(r.PathValue("file")) == nil || !s.seesFile(s.viewer(r), r.PathValue("file")) {
		writeError(w, http.StatusNotFound, "resource-not-found", "No such file.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Location", s.base(r)+"/download-origin/canonical-lgw01/"+r.PathValue("file")+"?token="+Token)
	w.WriteHeader(http.StatusFound)
}

// Token is the secret in the redirects of downloads. No message may contain it.
const Token = "1711929600_0f3b9a8c7d6e5f40"

func (s *Store) serveBlob(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Disposition", `attachment; filename="`+r.PathValue("file")+`"`)
	sendDownload(w, r, s.blob(r.PathValue("file")))
}

// sendDownload sends a blob to a redirected client.
func sendDownload(w http.ResponseWriter, r *http.Request, open Blob) {
	if open == nil || r.URL.Query().Get("token") != Token {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	sendBlob(w, r, open)
}

// blob returns the blob with a file name: SNAPID_REV.snap or SNAPID+COMPONENT_REV.comp.
func (s *Store) blob(file string) Blob {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.snaps {
		if !strings.HasPrefix(file, e.SnapID) {
			continue
		}
		for _, r := range e.revisions {
			if file == fmt.Sprintf("%s_%d.snap", e.SnapID, r.Revision) {
				return r.Blob
			}
			if r.Verity != nil && file == e.verityFile(r) {
				return r.Verity
			}
			for _, c := range r.components() {
				if file == fmt.Sprintf("%s+%s_%d.comp", e.SnapID, c.Name, c.Revision) {
					return c.Blob
				}
			}
		}
	}
	return nil
}

func (s *Store) serveIcon(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	e := s.snaps[strings.TrimSuffix(r.PathValue("file"), ".png")]
	s.mu.Unlock()
	if e == nil || e.Icon == nil {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, r.PathValue("file"), time.Time{}, bytes.NewReader(e.Icon))
}

package edge

import (
	"bytes"
	"net/http"
	"strings"

	"offlinestore/transfer"
)

// unlessMissing is the answer of the store itself, which is dropped if it says that there is nothing.
type unlessMissing struct {
	http.ResponseWriter
	header  http.Header
	missing bool
	begun   bool
	// buffer takes the body; nil sends it on.
	buffer *bytes.Buffer
	status int
}

// Header implements [http.ResponseWriter].
func (u *unlessMissing) Header() http.Header { return u.header }

// WriteHeader implements [http.ResponseWriter].
func (u *unlessMissing) WriteHeader(status int) {
	if u.begun {
		return
	}
	u.begun, u.missing, u.status = true, status >= http.StatusBadRequest, status
	if u.missing || u.buffer != nil {
		return
	}
	u.send()
}

func (u *unlessMissing) send() {
	to := u.ResponseWriter.Header()
	for k, v := range u.header {
		to[k] = v
	}
	u.ResponseWriter.WriteHeader(u.status)
}

// Write implements [http.ResponseWriter].
func (u *unlessMissing) Write(p []byte) (int, error) {
	u.WriteHeader(http.StatusOK)
	switch {
	case u.missing:
		return len(p), nil
	case u.buffer != nil:
		return u.buffer.Write(p)
	}
	return u.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the connection.
func (u *unlessMissing) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// localRequest returns a request for the store itself. The credentials in it are for upstream.
func localRequest(r *http.Request, body []byte) *http.Request {
	r = r.Clone(r.Context())
	for _, name := range identifying {
		r.Header.Del(name)
	}
	if body != nil {
		setBody(r, body)
	}
	return r
}

// fromImports answers a request with an imported file. It reports false if there is none.
func (e *Edge) fromImports(w http.ResponseWriter, r *http.Request) bool {
	u := &unlessMissing{ResponseWriter: w, header: make(http.Header)}
	e.cfg.Local.ServeHTTP(u, localRequest(r, nil))
	return !u.missing
}

// importsInstead answers a request from the things that were imported, while upstream does not answer. It reports false if they have nothing
// to say. body is the one of the request, or nil.
func (e *Edge) importsInstead(w http.ResponseWriter, r *http.Request, body []byte) bool {
	u := &unlessMissing{ResponseWriter: w, header: make(http.Header), buffer: new(bytes.Buffer)}
	e.cfg.Local.ServeHTTP(u, localRequest(r, body))
	text := u.buffer.Bytes()
	if u.missing || body != nil && !isUseful(text) {
		return false
	}
	for k, v := range u.header {
		w.Header()[k] = v
	}
	transfer.WriteText(w, u.status, u.header.Get("Content-Type"), text)
	return true
}

// isUseful reports whether the answer to a request for revisions has more than errors.
func isUseful(text []byte) bool {
	for _, part := range []string{`"snap":`, `"charm":`, `"assertion-stream-urls":["`} {
		if bytes.Contains(text, []byte(part)) {
			return true
		}
	}
	return false
}

// isDownload reports whether a path is one of a store's files.
func isDownload(path string) bool {
	return strings.HasPrefix(path, "/api/v1/snaps/download/") || strings.HasPrefix(path, "/api/v1/charms/download/") || strings.HasPrefix(path, "/api/v1/resources/download/")
}

package server

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"offlinestore/blob"
	"offlinestore/snap"
	"offlinestore/transfer"
)

// download sends a snap or a component.
func (s *Server) download(w http.ResponseWriter, r *http.Request, ix *index) {
	name := r.PathValue("file")
	f, ok := ix.file(name)
	if !ok && s.answerAgain(w, r, ix, s.forDevice(s.download)) {
		return
	}
	if !ok {
		s.fail(w, r, http.StatusNotFound, snap.CodeNotFound, "no such revision in this store")
		return
	}
	s.sendFile(w, r, f, name)
}

// setCaching lets caches keep a file for a day: the device's own for a private snap, and others for everybody.
func (f *file) setCaching(h http.Header) {
	if f.private {
		h.Set("Cache-Control", "private, max-age=86400")
		return
	}
	h.Set("Cache-Control", "max-age=86400")
	h.Del("Vary") // the file is the same with every session
}

// The times for which a URL into the object store is valid. A private snap must not be passed on.
const (
	redirectTime        = time.Hour
	privateRedirectTime = 2 * time.Minute
)

// sendElsewhere sends a client to the object store. It reports whether it did.
func (s *Server) sendElsewhere(w http.ResponseWriter, r *http.Request, f file, name string) bool {
	valid := redirectTime
	if f.private {
		valid = privateRedirectTime
	}
	u, err := s.cfg.Blobs.URL(r.Context(), r.Method, f.blob, f.size, valid, url.Values{
		"response-content-type":        {"application/octet-stream"},
		"response-content-disposition": {`attachment; filename="` + name + `"`},
	})
	if err != nil {
		s.cfg.Logger.Error("make a URL into the object store", "path", r.URL.Path, "err", err)
	}
	if u == nil {
		return false
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store") // the URL is for this method, and ends
	h.Set("Location", u.String())
	w.WriteHeader(http.StatusFound)
	return true
}

// sendFile sends f, whose length and range are exact, as name.
func (s *Server) sendFile(w http.ResponseWriter, r *http.Request, f file, name string) {
	if s.sendElsewhere(w, r, f, name) {
		return
	}
	b, ok := s.openFile(w, r, f)
	if !ok {
		return
	}
	defer b.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	f.setCaching(h)
	h.Set("ETag", `"`+f.blob.Encoded()+`"`)
	transfer.ServeContent(w, r, b)
}

// icon sends the icon of a snap. The policy keeps an SVG from running anything in a browser.
func (s *Server) icon(w http.ResponseWriter, r *http.Request, ix *index) {
	f, ok := ix.icon(r.PathValue("file"))
	if !ok {
		s.fail(w, r, http.StatusNotFound, snap.CodeNotFound, "no such icon in this store")
		return
	}
	b, ok := s.openFile(w, r, f)
	if !ok {
		return
	}
	defer b.Close()
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	f.setCaching(h)
	h.Set("ETag", `"`+f.blob.Encoded()+`"`)
	transfer.ServeContent(w, r, b)
}

// openFile opens the blob of f, or answers the request with an error.
func (s *Server) openFile(w http.ResponseWriter, r *http.Request, f file) (blob.Reader, bool) {
	b, err := s.cfg.Blobs.OpenSized(r.Context(), f.blob, f.size)
	if err == nil {
		return b, true
	}
	s.cfg.Logger.Error("open blob", "path", r.URL.Path, "blob", f.blob.String(), "err", err)
	s.metrics.blobErrors.Inc()
	if errors.Is(err, blob.ErrNotFound) {
		s.fail(w, r, http.StatusNotFound, snap.CodeNotFound, "the file is missing in this store: its operator should check the blobs")
		return nil, false
	}
	var down *blob.UnavailableError
	if errors.As(err, &down) {
		w.Header().Set("Retry-After", "5")
		s.fail(w, r, http.StatusServiceUnavailable, codeUnavailable, "the storage of this store does not answer at the moment")
		return nil, false
	}
	s.fail(w, r, http.StatusInternalServerError, codeInternal, "the file can't be read in this store: its operator should check the blobs")
	return nil, false
}

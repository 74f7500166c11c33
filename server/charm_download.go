package server

import (
	"bytes"
	"net/http"
	"time"

	"offlinestore/charm"
)

// charmDownload sends a charm or charm bundle.
func (s *Server) charmDownload(w http.ResponseWriter, r *http.Request, ix *index) {
	name := r.PathValue("file")
	f, ok := ix.charmFiles[name]
	if !ok && s.answerAgain(w, r, ix, s.withIndex(s.charmDownload)) {
		return
	}
	if !ok {
		s.fail(w, r, http.StatusNotFound, charm.CodeResourceNotFound, "no such revision of a charm in this store")
		return
	}
	s.sendFile(w, r, f, name)
}

// resourceDownload sends a resource of a charm. A resource without an upload is an empty file. The file of an image is made here.
func (s *Server) resourceDownload(w http.ResponseWriter, r *http.Request, ix *index) {
	name := r.PathValue("file")
	res := ix.resourceFiles[name]
	if res == nil && s.answerAgain(w, r, ix, s.withIndex(s.resourceDownload)) {
		return
	}
	switch {
	case res == nil:
		s.fail(w, r, http.StatusNotFound, charm.CodeResourceNotFound, "no such revision of a resource in this store")
		return
	case res.Image == nil && !res.empty:
		s.sendFile(w, r, file{blob: res.Blob, size: res.Download.Size}, name)
		return
	}
	var content []byte
	if res.Image != nil {
		origin, ok := s.requireOrigin(w, r)
		if !ok {
			return
		}
		content = s.imageBlob(s.registry(origin), res)
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	// The file changes with the settings, and may hold a password.
	h.Set("Cache-Control", "no-store")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

package registry

import (
	"errors"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/transfer"
)

const runCheck = ": its operator should check the blobs"

// manifest sends a manifest or an index unchanged, in spite of the request's Accept header: another form would have another digest.
func (r *Registry) manifest(w http.ResponseWriter, req *http.Request, ix *index, repo *repository, ref string) {
	dg, tagged := repo.tags[ref]
	if !tagged && strings.Contains(ref, ":") {
		dg = digest.Digest(ref)
		if blob.CheckDigest(dg) != nil {
			fail(w, req, http.StatusBadRequest, codeDigestInvalid, "not a sha256 digest")
			return
		}
	}
	if !repo.hasManifest(dg) {
		message := "no such manifest in this repository"
		if len(repo.trees) == 0 {
			message = "this store has the charm but not its image: it was exported without images"
		}
		fail(w, req, http.StatusNotFound, codeManifestUnknown, message)
		return
	}
	m := ix.images[dg]
	r.send(w, req, file{dg, m.Size, m.MediaType, codeManifestUnknown})
}

// blob sends a config or a layer.
func (r *Registry) blob(w http.ResponseWriter, req *http.Request, repo *repository, ref string) {
	dg := digest.Digest(ref)
	if blob.CheckDigest(dg) != nil {
		fail(w, req, http.StatusBadRequest, codeDigestInvalid, "not a sha256 digest")
		return
	}
	size, ok := repo.blobSize(dg)
	if !ok {
		fail(w, req, http.StatusNotFound, codeBlobUnknown, "no such blob in this repository")
		return
	}
	if r.redirect(w, req, dg, size) {
		return
	}
	r.send(w, req, file{dg, size, "application/octet-stream", codeBlobUnknown})
}

// redirectTime is the time for which a URL into the object store is valid.
const redirectTime = 10 * time.Minute

// redirect sends a client to the object store. It reports whether it did. Manifests are not redirected, since not all clients follow there.
func (r *Registry) redirect(w http.ResponseWriter, req *http.Request, d digest.Digest, size int64) bool {
	u, err := r.cfg.Blobs.URL(req.Context(), req.Method, d, size, redirectTime, url.Values{"response-content-type": {"application/octet-stream"}})
	if err != nil {
		r.cfg.Logger.Error("make a URL into the object store", "path", req.URL.Path, "err", err)
	}
	if u == nil {
		return false
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Docker-Content-Digest", d.String())
	h.Set("Location", u.String())
	w.WriteHeader(http.StatusTemporaryRedirect)
	return true
}

// file is a blob to send, with its media type and the error code for its absence.
type file struct {
	digest             digest.Digest
	size               int64
	mediaType, unknown string
}

// send sends a blob, or answers the request with an error.
func (r *Registry) send(w http.ResponseWriter, req *http.Request, f file) {
	b, err := r.cfg.Blobs.OpenSized(req.Context(), f.digest, f.size)
	if err != nil {
		r.failBlob(w, req, f.digest, f.unknown, err)
		return
	}
	defer b.Close()
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Docker-Content-Digest", f.digest.String())
	h.Set("ETag", `"`+f.digest.String()+`"`)
	transfer.ServeContent(w, req, b)
}

// failBlob answers a request for a blob that could not be opened. unknown is the error code for its absence.
func (r *Registry) failBlob(w http.ResponseWriter, req *http.Request, d digest.Digest, unknown string, err error) {
	r.cfg.Logger.Error("open blob", "path", req.URL.Path, "blob", d.String(), "err", err)
	r.metrics.blobErrors.Inc()
	if errors.Is(err, blob.ErrNotFound) {
		fail(w, req, http.StatusNotFound, unknown, "the file is missing in this store"+runCheck)
		return
	}
	var down *blob.UnavailableError
	if errors.As(err, &down) {
		w.Header().Set("Retry-After", "5")
		fail(w, req, http.StatusServiceUnavailable, codeUnknown, "the storage of this store does not answer at the moment")
		return
	}
	fail(w, req, http.StatusInternalServerError, codeUnknown, "the file can't be read in this store"+runCheck)
}

func (r *Registry) repositories(w http.ResponseWriter, req *http.Request, ix *index) {
	if list, ok := page(w, req, ix.names); ok {
		writeJSON(w, req, http.StatusOK, map[string][]string{"repositories": list})
	}
}

func (r *Registry) tags(w http.ResponseWriter, req *http.Request, name string, repo *repository) {
	if list, ok := page(w, req, repo.tagNames); ok {
		writeJSON(w, req, http.StatusOK, struct {
			Name string   `json:"name"`
			Tags []string `json:"tags"`
		}{name, list})
	}
}

// page returns the part of a sorted list that a client asked for. If more follows, a header names the next page.
func page(w http.ResponseWriter, req *http.Request, list []string) ([]string, bool) {
	q := req.URL.Query()
	if last := q.Get("last"); last != "" {
		list = list[sort.Search(len(list), func(i int) bool { return list[i] > last }):]
	}
	if !q.Has("n") {
		return append([]string{}, list...), true
	}
	n, err := strconv.Atoi(q.Get("n"))
	if err != nil || n < 0 {
		fail(w, req, http.StatusBadRequest, codePagination, "n is not a number of entries")
		return nil, false
	}
	if n == 0 || n >= len(list) {
		return append([]string{}, list[:min(n, len(list))]...), true
	}
	next := url.URL{Path: req.URL.Path, RawQuery: url.Values{"last": {list[n-1]}, "n": {strconv.Itoa(n)}}.Encode()}
	w.Header().Set("Link", "<"+next.String()+`>; rel="next"`)
	return list[:n], true
}

package registry

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/transfer"
)

// The kinds of paths under /v2/<name>/.
const (
	kindManifest  = "/manifests"
	kindBlob      = "/blobs"
	kindTags      = "/tags"
	kindReferrers = "/referrers"
)

// handle answers a request, counts it and logs it.
func (r *Registry) handle(w http.ResponseWriter, req *http.Request) {
	kind := kindOf(req)
	r.cfg.AccessLog.Serve(w, req, "registry "+kind, r.answer, func(rec *transfer.Recorder, took time.Duration) { r.metrics.observe(kind, rec, took) })
}

func (r *Registry) answer(w http.ResponseWriter, req *http.Request) {
	h := w.Header()
	h.Set("Docker-Distribution-Api-Version", "registry/2.0")
	h.Set("X-Content-Type-Options", "nosniff")
	path, ok := strings.CutPrefix(req.URL.Path, "/v2/")
	switch {
	case !ok && req.URL.Path != "/v2":
		fail(w, req, http.StatusNotFound, codeNotFound, "this is a registry of container images: its API is under /v2/")
	case !r.mayEnter(req):
		h.Set("WWW-Authenticate", `Basic realm="snap-store-proxy", charset="UTF-8"`)
		fail(w, req, http.StatusUnauthorized, codeUnauthorized, "username and password required")
	case req.Method != http.MethodGet && req.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		fail(w, req, http.StatusMethodNotAllowed, codeUnsupported, "this registry is read-only: images come into it by bundles")
	case !ok || path == "":
		writeJSON(w, req, http.StatusOK, struct{}{})
	default:
		r.fromCatalog(w, req, path)
	}
}

// mayEnter compares digests, so that the time does not depend on the place of the first difference.
func (r *Registry) mayEnter(req *http.Request) bool {
	want := r.access.Load()
	if *want == (access{}) {
		return true
	}
	username, password, ok := req.BasicAuth()
	return ok && equal(username, want.username)&equal(password, want.password) == 1
}

func equal(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

func (r *Registry) fromCatalog(w http.ResponseWriter, req *http.Request, path string) {
	ix := r.index.Load()
	if ix == nil {
		w.Header().Set("Retry-After", "5")
		fail(w, req, http.StatusServiceUnavailable, codeUnavailable, "this registry has not loaded its catalogue yet")
		return
	}
	if path == "_catalog" {
		r.repositories(w, req, ix)
		return
	}
	name, kind, ref := split(path)
	if ix.lacks(name, kind, ref) && r.fromUpstream(w, req, name, kind, ref) {
		return
	}
	if ix.lacks(name, kind, ref) && r.cfg.AwaitNewer != nil {
		if !r.cfg.AwaitNewer(req.Context()) {
			w.Header().Set("Retry-After", "5")
			fail(w, req, http.StatusServiceUnavailable, codeUnavailable, "this server does not know it, and can't ask the database of the store at the moment")
			return
		}
		ix = r.index.Load()
	}
	repo := ix.repositories[name]
	switch {
	case kind == "":
		fail(w, req, http.StatusNotFound, codeNotFound, "this registry has nothing under this path")
	case !isRepository(name):
		fail(w, req, http.StatusBadRequest, codeNameInvalid, "not the name of a repository")
	case repo == nil:
		fail(w, req, http.StatusNotFound, codeNameUnknown, "this store has no image in this repository")
	case kind == kindTags:
		r.tags(w, req, name, repo)
	case kind == kindReferrers:
		r.referrerList(w, req, ix, repo, ref)
	case kind == kindManifest:
		r.manifest(w, req, ix, repo, ref)
	default:
		r.blob(w, req, repo, ref)
	}
}

// fromUpstream answers for an image upstream, if the store is online.
func (r *Registry) fromUpstream(w http.ResponseWriter, req *http.Request, name, kind, ref string) bool {
	switch {
	case r.cfg.Upstream == nil:
		return false
	case kind == kindManifest:
		return r.cfg.Upstream.PullManifest(w, req, name, ref)
	}
	return r.cfg.Upstream.PullBlob(w, req, name, digest.Digest(ref))
}

// lacks reports whether a client asks for an image that is not here.
func (ix *index) lacks(name, kind, ref string) bool {
	if !isRepository(name) || kind != kindManifest && kind != kindBlob {
		return false
	}
	repo := ix.repositories[name]
	if repo == nil || kind == kindBlob {
		return repo == nil
	}
	dg, tagged := repo.tags[ref]
	return !tagged && !repo.hasManifest(digest.Digest(ref)) || tagged && !repo.hasManifest(dg)
}

// split splits the part of a path after /v2/. Names contain slashes, and may look like the rest of a path.
func split(path string) (name, kind, ref string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", "", ""
	}
	before, ref := path[:i], path[i+1:]
	for _, kind := range []string{kindManifest, kindBlob, kindTags, kindReferrers} {
		if name, ok := strings.CutSuffix(before, kind); ok && ref != "" && (kind != kindTags || ref == "list") {
			return name, kind, ref
		}
	}
	return "", "", ""
}

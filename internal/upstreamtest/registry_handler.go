package upstreamtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Handler returns the handler that serves the registry, its token server, and the blobs to which it redirects.
func (r *Registry) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/", r.serve)
	mux.HandleFunc("GET /token", r.serveToken)
	mux.HandleFunc("GET /cdn/{path...}", r.serveCDN)
	return r.faulty(mux)
}

func writeRegistryError(w http.ResponseWriter, status int, code, message string) {
	b := encode(object{"errors": []object{{"code": code, "message": message}}})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	w.Write(b)
}

// serve splits /v2/REPOSITORY/manifests/REF and /v2/REPOSITORY/blobs/DIGEST, since a repository has slashes.
func (r *Registry) serve(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	path := strings.TrimPrefix(req.URL.Path, "/v2/")
	kind, at := "", -1
	for _, k := range []string{"manifests", "blobs", "referrers"} {
		if i := strings.LastIndex(path, "/"+k+"/"); i > at {
			kind, at = k, i
		}
	}
	repository := ""
	if at >= 0 {
		repository = path[:at]
	}
	if !r.authorized(w, req, repository) {
		return
	}
	if at < 0 {
		w.WriteHeader(http.StatusOK)
		return
	}
	ref := path[at+len("/"+kind+"/"):]
	switch {
	case kind == "manifests":
		r.serveManifest(w, req, repository, ref)
	case kind == "blobs":
		r.serveBlob(w, req, repository, ref)
	case r.opts.NoReferrers:
		writeRegistryError(w, http.StatusNotFound, "UNSUPPORTED", "no such API")
	default:
		r.serveReferrers(w, repository, ref)
	}
}

func (r *Registry) serveManifest(w http.ResponseWriter, req *http.Request, repository, ref string) {
	r.mu.Lock()
	m, ok := r.manifests[repository+"@"+ref]
	r.mu.Unlock()
	accept := strings.Join(req.Header.Values("Accept"), ",")
	switch {
	case !ok:
		writeRegistryError(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	case !strings.Contains(accept, m.mediaType) && !strings.Contains(accept, "*/*"):
		writeRegistryError(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "no manifest of an accepted type")
		return
	}
	w.Header().Set("Content-Type", m.mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(m.raw)))
	w.WriteHeader(http.StatusOK)
	w.Write(m.raw)
}

func (r *Registry) serveBlob(w http.ResponseWriter, req *http.Request, repository, digest string) {
	r.mu.Lock()
	blob := r.blobs[repository+"@"+digest]
	r.mu.Unlock()
	if blob == nil {
		writeRegistryError(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
		return
	}
	if r.opts.CDN != "" {
		w.Header().Set("Location", fmt.Sprintf("%s/cdn/%s/%s?token=%s", r.opts.CDN, repository, digest, Token))
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	sendBlob(w, req, blob)
}

// serveCDN refuses requests with two kinds of authorization, as object stores do.
func (r *Registry) serveCDN(w http.ResponseWriter, req *http.Request) {
	path := req.PathValue("path")
	at := max(0, strings.LastIndex(path, "/"))
	r.mu.Lock()
	blob := r.blobs[path[:at]+"@"+strings.TrimPrefix(path[at:], "/")]
	r.mu.Unlock()
	switch {
	case req.Header.Get("Authorization") != "":
		http.Error(w, "Only one auth mechanism allowed", http.StatusBadRequest)
	case blob == nil || req.URL.Query().Get("token") != Token:
		http.Error(w, "forbidden", http.StatusForbidden)
	default:
		sendBlob(w, req, blob)
	}
}

func sendBlob(w http.ResponseWriter, req *http.Request, blob Blob) {
	b, err := blob()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer b.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, req, "", time.Date(2024, 3, 1, 9, 0, 0, 0, time.UTC), b)
}

// authorized reports whether a request may go on. If not, it has answered the client with instructions.
func (r *Registry) authorized(w http.ResponseWriter, req *http.Request, repository string) bool {
	if r.opts.Username == "" || r.opts.OpenPing && repository == "" {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opts.Basic {
		if r.knows(req) {
			return true
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="simulated registry"`)
		writeRegistryError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return false
	}
	secret := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	if t, ok := r.tokens[secret]; ok && (repository == "" || t.repository == repository) {
		if t.uses--; t.uses == 0 {
			delete(r.tokens, secret)
		} else {
			r.tokens[secret] = t
		}
		return true
	}
	scheme := "http"
	if req.TLS != nil {
		scheme = "https"
	}
	challenge := fmt.Sprintf(`Bearer realm="%s://%s/token",service="simulated registry"`, scheme, req.Host)
	if repository != "" {
		challenge += fmt.Sprintf(`,scope="repository:%s:pull"`, repository)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	writeRegistryError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	return false
}

func (r *Registry) knows(req *http.Request) bool {
	user, password, ok := req.BasicAuth()
	return ok && user == r.opts.Username && password == r.opts.Password && !r.expired
}

func (r *Registry) serveToken(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.knows(req) {
		// This token server is as careless as possible: it repeats the client's credentials.
		writeRegistryError(w, http.StatusUnauthorized, "UNAUTHORIZED", "wrong: "+req.Header.Get("Authorization"))
		return
	}
	_, scope, _ := strings.Cut(req.URL.Query().Get("scope"), "repository:")
	r.issued++
	secret := fmt.Sprintf("issued-token-%d", r.issued)
	r.tokens[secret] = token{strings.TrimSuffix(scope, ":pull"), r.opts.TokenUses}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(object{"token": secret, "expires_in": 60})
}

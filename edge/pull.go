package edge

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/edge/cache"
	"offlinestore/transfer"
	"offlinestore/upstream"
)

// tagAge is the age up to which the manifest of a tag is given without asking its registry.
const tagAge = time.Minute

// PullManifest answers a request for the manifest of an image, by its digest or a tag. It reports false if no image of that repository was
// announced to clients: then somebody else answers.
func (e *Edge) PullManifest(w http.ResponseWriter, r *http.Request, path, ref string) bool {
	st := e.state.Load()
	age := tagAge
	if strings.Contains(ref, ":") {
		age = forEver
	}
	key := "manifest " + path + " " + ref
	a := e.answers.get(key, age)
	if a == nil {
		var err error
		if a, err = e.fetchManifest(r.Context(), st, path, ref); err != nil {
			if a = e.answers.get(key, st.StaleIfError); a == nil {
				e.failPull(w, r, err)
				return true
			}
		} else if a == nil {
			return false
		}
		e.answers.put(key, a)
	}
	d := digest.FromBytes(a.body)
	h := w.Header()
	h.Set("Docker-Content-Digest", d.String())
	h.Set("ETag", `"`+d.String()+`"`)
	h.Set("Content-Type", a.Type)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // an error means that the client is gone
	}
	return true
}

// fetchManifest returns a manifest from its registry, or nil if no file has told of the repository.
func (e *Edge) fetchManifest(ctx context.Context, st *state, path, ref string) (*answer, error) {
	var a *answer
	err := e.withRepository(ctx, st, path, func(repo *upstream.Repository) error {
		raw, mediaType, _, err := repo.Manifest(ctx, ref)
		if err == nil {
			a = &answer{Status: http.StatusOK, Type: mediaType, At: e.cfg.Now(), body: raw}
		}
		return err
	})
	return a, err
}

// withRepository calls fn with a repository upstream, if a file has told of it. If its credentials have expired, the next file about the image
// brings others.
func (e *Edge) withRepository(ctx context.Context, st *state, path string, fn func(*upstream.Repository) error) error {
	repo, err := e.repository(ctx, st, path)
	if err == nil && repo != nil {
		err = fn(repo)
	}
	if !errors.Is(err, upstream.ErrCredentials) {
		return err
	}
	e.images.mu.Lock()
	delete(e.images.open, path)
	e.images.mu.Unlock()
	return err
}

// PullBlob answers a request for a config or a layer of an image. It reports false if no image of that repository was announced to clients.
func (e *Edge) PullBlob(w http.ResponseWriter, r *http.Request, path string, d digest.Digest) bool {
	st := e.state.Load()
	f := cache.File{Digest: cache.Digest(d), Size: -1, Name: path[strings.LastIndexByte(path, '/')+1:] + "-layer"}
	if f.Digest.Validate() != nil || e.answers.get(repositoryKey(path), forEver) == nil {
		return false
	}
	from := func(ctx context.Context, offset int64) (body io.ReadCloser, total int64, resumed bool, err error) {
		err = e.withRepository(ctx, st, path, func(repo *upstream.Repository) (err error) {
			body, total, resumed, err = repo.OpenBlob(ctx, d, offset)
			return err
		})
		if err == nil && body == nil {
			err = errUnavailable
		}
		return body, total, resumed, err
	}
	content, err := e.files.Get(r.Context(), f, from)
	if err != nil {
		e.failPull(w, r, err)
		return true
	}
	defer content.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Docker-Content-Digest", d.String())
	h.Set("ETag", `"`+d.String()+`"`)
	transfer.ServeContent(w, r, content)
	return true
}

// failPull answers a container runtime whose request the registry upstream does not answer.
func (e *Edge) failPull(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client is gone
	}
	status, code, level := http.StatusBadGateway, "UNAVAILABLE", slog.LevelWarn
	var missing *upstream.NotFoundError
	if errors.As(err, &missing) { // clients look for signatures that most images lack
		status, code, level = http.StatusNotFound, "MANIFEST_UNKNOWN", slog.LevelDebug
	}
	e.cfg.Logger.Log(r.Context(), level, "an image can't be had", "path", r.URL.Path, "err", safeReason(err))
	transfer.WriteText(w, status, "application/json", mustJSON(map[string]any{"errors": []map[string]string{{"code": code,
		"message": "the registry upstream does not give it, and it is not in the cache"}}}))
}

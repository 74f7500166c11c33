package edge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"offlinestore/blob"
	"offlinestore/edge/cache"
	"offlinestore/transfer"
)

// fileCache keeps the files that clients download.
type fileCache interface {
	// Get opens a file. It is read from the cache, or from its source on the way there. The reader ends with ctx.
	Get(ctx context.Context, f cache.File, from cache.Source) (blob.Reader, error)
}

// file sends a file by its link.
func (e *Edge) file(w http.ResponseWriter, r *http.Request) {
	st := e.state.Load()
	k, err := st.links.read(r.URL.Query().Get(linkParameter), e.cfg.Now())
	if err != nil {
		fail(w, http.StatusForbidden, codeForbidden, err.Error()+": ask the store for the revision again")
		return
	}
	address := st.address(k.url)
	if k.image {
		e.imageFile(w, r, st, k)
		return
	}
	if k.file.Digest == "" {
		e.icon(w, r, st, address)
		return
	}
	if k.file.Digest == emptyFile {
		transfer.WriteText(w, http.StatusOK, "application/octet-stream", nil)
		return
	}
	credentials := make(http.Header)
	if k.file.Private {
		for _, name := range identifying {
			if v := r.Header.Values(name); len(v) > 0 {
				credentials[name] = v
			}
		}
	}
	from := func(ctx context.Context, offset int64) (io.ReadCloser, int64, bool, error) {
		return st.files.DownloadAs(ctx, credentials, address, offset)
	}
	content, err := e.files.Get(r.Context(), k.file, from)
	if err != nil {
		e.failFile(w, r, err)
		return
	}
	defer content.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+k.file.Name+`"`)
	h.Set("ETag", `"`+string(k.file.Digest)+`"`)
	h.Set("Cache-Control", "max-age=86400")
	if k.file.Private {
		h.Set("Cache-Control", "private, max-age=86400")
	}
	transfer.ServeContent(w, r, content)
}

// failFile answers a request for a file that can't be had.
func (e *Edge) failFile(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client is gone
	}
	e.cfg.Logger.Warn("a file can't be had", "path", r.URL.Path, "err", safeReason(err))
	e.metrics.requests.WithLabelValues(outcomeFailed).Inc()
	var down *blob.UnavailableError
	if errors.As(err, &down) {
		w.Header().Set("Retry-After", "5")
	}
	fail(w, http.StatusBadGateway, codeUnavailable, "the file is not in the cache, and the store upstream does not give it at the moment")
}

// maxIcon is snapd's bound on an icon, in bytes.
const maxIcon = 300_000

// icon sends an icon from any host that upstream has named. It is kept for a day. Nobody verifies it, so a browser may run nothing in it.
func (e *Edge) icon(w http.ResponseWriter, r *http.Request, st *state, address string) {
	key := "icon " + address
	a := e.answers.get(key, 24*time.Hour)
	if a == nil {
		body, mediaType, err := e.fetchIcon(r.Context(), st, address)
		if err != nil {
			if a = e.answers.get(key, st.StaleIfError); a == nil {
				e.failFile(w, r, err)
				return
			}
		} else {
			a = &answer{Status: http.StatusOK, Type: mediaType, At: e.cfg.Now(), body: body}
			e.answers.put(key, a)
		}
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	h.Set("Cache-Control", "max-age=86400")
	transfer.WriteText(w, http.StatusOK, a.Type, a.body)
}

var errIcon = errors.New("upstream gave no icon of at most 300,000 bytes")

func (e *Edge) fetchIcon(ctx context.Context, st *state, address string) (body []byte, mediaType string, err error) {
	ctx, cancel := context.WithTimeout(ctx, revisionTimeout)
	defer cancel()
	from, total, _, err := st.files.DownloadAs(ctx, nil, address, 0)
	if err != nil {
		return nil, "", err
	}
	defer from.Close()
	if total > maxIcon {
		return nil, "", errIcon
	}
	body, err = io.ReadAll(io.LimitReader(from, maxIcon+1))
	if err != nil {
		return nil, "", err
	}
	mediaType = http.DetectContentType(body)
	if strings.Contains(string(body[:min(len(body), 512)]), "<svg") {
		mediaType = "image/svg+xml"
	}
	if len(body) > maxIcon || !strings.HasPrefix(mediaType, "image/") {
		return nil, "", errIcon
	}
	return body, mediaType, nil
}

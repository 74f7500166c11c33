package edge

import (
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"offlinestore/charm"
	"offlinestore/transfer"
	"offlinestore/upstream"
)

// Registry is the registry that clients are sent to for images, with the login that it wants.
type Registry struct{ Domain, Username, Password string }

// maxImageFile bounds a file that tells where an image is, in bytes.
const maxImageFile = 64 << 10

// forEver is the age of answers that do not change.
const forEver = 100 * 365 * 24 * time.Hour

// describeImage returns the description of the file that tells clients where an image is: at this store, with this store's login. It returns
// "" if upstream's file can't be had, and then its description stays.
func (e *Edge) describeImage(r *http.Request, st *state, origin string, f *foundFile) string {
	if e.cfg.Registry == nil {
		return ""
	}
	k := &link{url: f.address}
	k.file.Digest, k.file.Size = f.digest, f.size
	text, err := e.makeImageFile(r, st, k)
	if err != nil {
		e.cfg.Logger.Warn("clients are sent upstream for an image", "resource", fileName(f.address), "err", safeReason(err))
		return ""
	}
	address := e.linkURL(st, origin, f)
	if address == "" {
		return ""
	}
	sum256, sum384, sum512, sum3 := sha256.Sum256(text), sha512.Sum384(text), sha512.Sum512(text), sha3.Sum384(text)
	return string(mustJSON(charm.Download{URL: address, Size: int64(len(text)), SHA256: hex.EncodeToString(sum256[:]), SHA384: hex.EncodeToString(sum384[:]),
		SHA512: hex.EncodeToString(sum512[:]), SHA3384: hex.EncodeToString(sum3[:])}))
}

// imageFile sends the file that tells where an image is.
func (e *Edge) imageFile(w http.ResponseWriter, r *http.Request, st *state, k *link) {
	text, err := e.makeImageFile(r, st, k)
	if err != nil {
		e.failFile(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store") // it may have a password in it
	transfer.WriteText(w, http.StatusOK, "application/octet-stream", text)
}

var errImageFile = errors.New("upstream's file about an image is not the announced one")

// makeImageFile returns the file about an image for clients, and notes where upstream has the image.
func (e *Edge) makeImageFile(r *http.Request, st *state, k *link) ([]byte, error) {
	text, err := e.upstreamImageFile(r.Context(), st, k)
	if err != nil {
		return nil, err
	}
	ref, username, password, err := charm.ParseImageBlob(text)
	if err != nil {
		return nil, err
	}
	host, name, _, err := charm.SplitReference(ref)
	if err != nil {
		return nil, err
	}
	name = e.noteRepository(host, name, &imageSource{Host: host, Username: username, Password: password})
	to := e.cfg.Registry(r)
	return charm.ImageBlob(to.Domain, name, to.Username, to.Password), nil
}

// upstreamImageFile returns upstream's file about an image, which has the digest of the link.
func (e *Edge) upstreamImageFile(ctx context.Context, st *state, k *link) ([]byte, error) {
	key := "image file " + string(k.file.Digest)
	if a := e.answers.get(key, forEver); a != nil {
		return a.body, nil
	}
	ctx, cancel := context.WithTimeout(ctx, revisionTimeout)
	defer cancel()
	body, _, _, err := st.files.DownloadAs(ctx, nil, st.address(k.url), 0)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxImageFile+1))
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(text); newDigest("sha256", hex.EncodeToString(sum[:])) != k.file.Digest || len(text) > maxImageFile {
		return nil, errImageFile
	}
	e.answers.put(key, &answer{Status: http.StatusOK, At: e.cfg.Now(), body: text})
	return text, nil
}

// address returns the address of a file upstream.
func (st *state) address(url string) string {
	if strings.HasPrefix(url, "/") {
		return st.origin + url
	}
	return url
}

// imageSource is the place of images upstream.
type imageSource struct{ Host, Username, Password string }

// imageRepositories are the repositories upstream that are open.
type imageRepositories struct {
	mu   sync.Mutex
	open map[string]*upstream.Repository
}

// maxOpen bounds the repositories that are open.
const maxOpen = 1000

// hostPrefix returns the beginning of the names of images whose path another registry has.
func hostPrefix(host string) string {
	return strings.NewReplacer(":", "_", "[", "", "]", "").Replace(host) + "/"
}

func repositoryKey(path string) string { return "repository " + path }

// noteRepository keeps the place upstream of an image, and returns the name of the image here: the same path, as in air-gapped mode. A second
// registry with the same path has its host before it, so that no charm takes the place of another's images.
func (e *Edge) noteRepository(host, name string, src *imageSource) string {
	path, rest, _ := cutReference(name)
	var other imageSource
	if a := e.answers.get(repositoryKey(path), forEver); a != nil && json.Unmarshal(a.body, &other) == nil && other.Host != host {
		path = hostPrefix(host) + path
	}
	text := mustJSON(src)
	if a := e.answers.get(repositoryKey(path), time.Hour); a == nil || string(a.body) != string(text) {
		e.answers.put(repositoryKey(path), &answer{Status: http.StatusOK, At: e.cfg.Now(), body: text})
		e.images.mu.Lock()
		delete(e.images.open, path)
		e.images.mu.Unlock()
	}
	return path + rest
}

// cutReference cuts the name of an image before its tag or digest.
func cutReference(name string) (path, rest string, found bool) {
	i := strings.IndexByte(name, '@')
	if i < 0 {
		i = strings.LastIndexByte(name, ':')
	}
	if i < 0 {
		return name, "", false
	}
	return name[:i], name[i:], true
}

// repository opens a repository upstream by its path here. It returns nil without an error if no file has told of it.
func (e *Edge) repository(ctx context.Context, st *state, path string) (*upstream.Repository, error) {
	e.images.mu.Lock()
	repo := e.images.open[path]
	e.images.mu.Unlock()
	if repo != nil {
		return repo, nil
	}
	a := e.answers.get(repositoryKey(path), forEver)
	var src imageSource
	if a == nil || json.Unmarshal(a.body, &src) != nil {
		return nil, nil
	}
	there := strings.TrimPrefix(path, hostPrefix(src.Host))
	repo, err := upstream.OpenRepository(ctx, upstream.RegistryConfig{UserAgent: "offlinestore/" + e.cfg.Version, HTTP: &http.Client{Transport: st.transport}, Retries: -1},
		src.Host+"/"+there, src.Username, src.Password)
	if err != nil {
		return nil, err
	}
	e.images.mu.Lock()
	defer e.images.mu.Unlock()
	if e.images.open == nil || len(e.images.open) >= maxOpen {
		e.images.open = make(map[string]*upstream.Repository)
	}
	e.images.open[path] = repo
	return repo, nil
}

package edge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"offlinestore/edge/cache"
)

// linkParameter is the parameter with the text of a link in the query of a URL. It makes any path a download.
const linkParameter = "edge"

// The bounds of a link's text and of the URL in it, in bytes. A server's bound on headers is larger.
const (
	maxLink = 4 << 10
	maxURL  = 2 << 10
)

// privateLife is the time for which the URL of a private file is valid. A device that comes later asks again.
const privateLife = time.Hour

// link is a file upstream, as a URL of the edge names it. Whoever has the URL may read the file, as far as the store upstream lets him.
type link struct {
	// file has no digest for an icon, which nobody verifies.
	file cache.File
	// url is the file's address, or a path at the store upstream.
	url string
	// expires is the time from which the link is worth nothing; zero is never.
	expires time.Time
	// image is set if the file tells where an image is.
	image bool
}

// The flags of a link's text.
const (
	linkPrivate = 1 << iota
	linkIcon
	linkImage
)

var errLink = errors.New("this URL was not made by this store, or with another secret")

// linker makes and reads the texts of links.
type linker struct{ hashes *sync.Pool }

func newLinker(secret string) linker {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte("offlinestore edge link"))
	key := h.Sum(nil)
	return linker{&sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// macSize is the number of bytes of the proof at the end of a link's text.
const macSize = 16

// text returns the text of a link.
func (l linker) text(k *link) string {
	b := make([]byte, 0, 256)
	var flags byte
	if k.file.Private {
		flags |= linkPrivate
	}
	if k.file.Digest == "" {
		flags |= linkIcon
	}
	if k.image {
		flags |= linkImage
	}
	b = append(b, flags)
	var until uint32
	if !k.expires.IsZero() {
		until = uint32(k.expires.Unix())
	}
	b = binary.BigEndian.AppendUint32(b, until)
	b = binary.AppendVarint(b, k.file.Size)
	b = appendText(b, string(k.file.Digest))
	b = append(b, k.url...)
	return base64.RawURLEncoding.EncodeToString(append(b, l.mac(b)...))
}

func (l linker) mac(b []byte) []byte {
	h := l.hashes.Get().(hash.Hash)
	defer l.hashes.Put(h)
	h.Reset()
	h.Write(b)
	return h.Sum(nil)[:macSize]
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// read returns the link of a text, or errLink.
func (l linker) read(text string, now time.Time) (*link, error) {
	if len(text) > maxLink {
		return nil, errLink
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 1+4+1+1+macSize {
		return nil, errLink
	}
	b, mac := b[:len(b)-macSize], b[len(b)-macSize:]
	if !hmac.Equal(mac, l.mac(b)) {
		return nil, errLink
	}
	k := &link{}
	k.file.Private, k.image = b[0]&linkPrivate != 0, b[0]&linkImage != 0
	if until := binary.BigEndian.Uint32(b[1:]); until > 0 {
		k.expires = time.Unix(int64(until), 0)
		if now.After(k.expires) {
			return nil, errLink
		}
	}
	size, n := binary.Varint(b[5:])
	if n <= 0 {
		return nil, errLink
	}
	k.file.Size, b = size, b[5+n:]
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, errLink
	}
	k.file.Digest, k.url = cache.Digest(b[n:n+int(length)]), string(b[n+int(length):])
	k.file.Name = fileName(k.url)
	return k, nil
}

// fileName returns the last part of a URL's path if it can be a file's name, or a substitute.
func fileName(address string) string {
	address, _, _ = strings.Cut(address, "?")
	name := path.Base(address)
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._+-", r)
	}
	if len(name) > 200 || name == "." || name == "/" || strings.ContainsFunc(name, odd) {
		return "file"
	}
	return name
}

// linkURL returns the URL of the edge for a file at the address upstream. It returns "" for an address that the edge does not fetch from.
func (e *Edge) linkURL(st *state, origin string, f *foundFile) string {
	address := f.address
	relative, own := strings.CutPrefix(address, st.origin+"/")
	switch {
	case len(address) > maxURL:
		return ""
	case own:
		address = "/" + relative
	case !st.allows(address):
		return ""
	}
	k := link{file: cache.File{Digest: f.digest, Size: f.size, Private: f.private}, url: address, image: f.image}
	if f.private {
		// The end is the same within an hour, so that a device finds its download again.
		k.expires = e.cfg.Now().Add(2 * privateLife).Truncate(privateLife)
	}
	prefix := "/api/v1/snaps/download/"
	if f.icon {
		prefix = "/edge/icon/"
	} else if f.charm {
		prefix = "/api/v1/charms/download/"
	}
	return origin + prefix + fileName(address) + "?" + linkParameter + "=" + st.links.text(&k)
}

// allows reports whether the edge fetches files from an address. Only a store that is reached without TLS may name others of the kind.
func (st *state) allows(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && strings.HasPrefix(st.origin, "http:")
}

package bundle

import (
	"sync"

	"github.com/opencontainers/go-digest"
)

// Heads keeps the heads of divided bundles. All parts of a bundle have the same head, so that it is parsed once, and only read and hashed in the other
// parts. The zero value is empty and ready. Several goroutines may use it at once.
type Heads struct {
	mu   sync.Mutex
	sets map[digest.Digest]*Content
}

// UseHeads makes Head look into heads, and put a new head there. The caller has verified the signature before Head.
func (r *Reader) UseHeads(h *Heads) { r.heads = h }

// find returns the content of a set of parts, or nil.
func (h *Heads) find(set digest.Digest) *Content {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sets[set]
}

// put keeps the content of a set of parts, without the bytes that its head does not need.
func (h *Heads) put(set digest.Digest, c *Content) {
	if h == nil {
		return
	}
	kept := *c
	kept.data = nil
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sets == nil {
		h.sets = make(map[digest.Digest]*Content)
	}
	h.sets[set] = &kept
}

// readContent returns the content below the bundle index. A set of parts has one bundle index and one signed statement, so that
// the content of another part is the one of this part.
func (r *Reader) readContent() (*Content, error) {
	isPart := r.set != "" && r.verified && !r.keeps
	if isPart {
		if c := r.heads.find(r.set); c != nil {
			return c, r.skipSmall(c)
		}
	}
	c, err := readContent(r.raw, r.bundle.Manifests, r.format, r.expects, r.blob)
	if err == nil && isPart {
		r.heads.put(r.set, c)
	}
	return c, err
}

// skipSmall reads the small blobs of a content that is known, and verifies their digests.
func (r *Reader) skipSmall(c *Content) error {
	for _, desc := range c.tree.small {
		if _, err := r.blob(desc, MaxConfigSize); err != nil {
			return err
		}
	}
	return nil
}

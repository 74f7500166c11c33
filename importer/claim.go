package importer

import (
	"context"
	"sync"

	"offlinestore/blob"
)

// claims keeps several files from staging the same blob at once, which would need its space more than once. A Staging that waits for a
// claim holds none, so no two of them wait for each other.
type claims struct {
	mu   sync.Mutex
	held map[blob.Digest]chan struct{} // closed when the claim ends
}

// claim claims a blob, or returns a channel that is closed when the claim of another Staging ends.
func (c *claims) claim(d blob.Digest) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, ok := c.held[d]; ok {
		return other
	}
	if c.held == nil {
		c.held = make(map[blob.Digest]chan struct{})
	}
	c.held[d] = make(chan struct{})
	return nil
}

func (c *claims) release(list []blob.Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range list {
		close(c.held[d])
		delete(c.held, d)
	}
}

// claim reports whether the Staging has to stage a blob. If another file is staging it, claim commits what this one has, and waits.
func (s *Staging) claim(d blob.Digest, size int64) (bool, error) {
	for !s.im.has(s.ctx, d, size) {
		other := s.im.claims.claim(d)
		if other == nil {
			s.claimed = append(s.claimed, d)
			return true, nil
		}
		if err := s.flush(); err != nil {
			return false, err
		}
		select {
		case <-other:
		case <-s.ctx.Done():
			return false, context.Cause(s.ctx)
		}
	}
	return false, nil
}

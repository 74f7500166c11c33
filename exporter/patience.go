package exporter

import (
	"context"
	"errors"
	"sync"
	"time"
)

// patience is the time for which an export waits for all optional blobs together, beyond the time that follows from their sizes.
type patience struct {
	mu   sync.Mutex
	left time.Duration
}

// limit returns the time that a blob may take which takes usual.
func (p *patience) limit(usual time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left + usual
}

// spend records that a blob which takes usual took this long.
func (p *patience) spend(took, usual time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left -= min(max(took-usual, 0), p.left)
}

// fetchOptional fetches a blob that the export can do without, unless the export has lost its patience.
func (e *Exporter) fetchOptional(ctx context.Context, w *fetchItem, p *patience) error {
	const slow = 100_000 // bytes in a second
	usual, start := time.Duration(w.Size/slow)*time.Second, time.Now()
	short, cancel := context.WithTimeoutCause(ctx, p.limit(usual), errOptionalTime)
	defer cancel()
	err := e.fetchBlob(short, w)
	p.spend(time.Since(start), usual)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if store := (*StoreError)(nil); err != nil && (errors.As(err, &store) || short.Err() != nil) {
		for _, fail := range w.optional {
			fail(err)
		}
		return nil
	}
	return err
}

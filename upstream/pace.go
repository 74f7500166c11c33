package upstream

import (
	"context"
	"sync"
	"time"
)

// questionsAtOnce bounds the API calls of a client that are under way, and with them its connections. Downloads are bounded by
// their caller.
const questionsAtOnce = 24

// pace keeps a client polite: it bounds the calls under way, and holds up all of them when the store asks for a pause.
type pace struct {
	slots chan struct{}
	mu    sync.Mutex
	until time.Time
}

func newPace() *pace { return &pace{slots: make(chan struct{}, questionsAtOnce)} }

// enter waits for a slot. The caller calls leave afterwards, unless enter returns an error.
func (p *pace) enter(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *pace) leave() { <-p.slots }

// holdUp makes the next requests wait, as the store asked one of them to do.
func (p *pace) holdUp(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.until) {
		p.until = until
	}
}

// wait waits while the store wants a pause.
func (p *pace) wait(ctx context.Context) error {
	for {
		p.mu.Lock()
		left := time.Until(p.until)
		p.mu.Unlock()
		if left <= 0 {
			return nil
		}
		t := time.NewTimer(left)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
	}
}

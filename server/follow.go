package server

import (
	"context"
	"fmt"
	"sync"
	"time"

	"offlinestore/catalog"
)

// catalogSource is where the catalogue is loaded from: store.Reader.
type catalogSource interface {
	LoadSnapshot(ctx context.Context) (*catalog.Snapshot, error)
	Generation(ctx context.Context) (int64, error)
	// WaitForChange returns when the catalogue changed, or with an error when it can't know any more.
	WaitForChange(ctx context.Context) error
}

// How the catalogue is followed. Notifications say at once that there is a change; the polls are for those that get lost.
const (
	pollInterval    = 5 * time.Second
	pollTimeout     = 10 * time.Second
	loadTimeout     = 5 * time.Minute
	reconnectDelay  = 500 * time.Millisecond
	maxConnectDelay = 10 * time.Second
)

// Follow serves src's catalogue, and every change of it, until ctx ends. While src can't be reached, what was loaded last is served.
func (s *Server) Follow(ctx context.Context, src catalogSource) {
	changed := make(chan struct{}, 1)
	var wg sync.WaitGroup
	wg.Go(func() { s.listen(ctx, src, changed) })
	defer wg.Wait()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		s.catchUp(ctx, src)
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-poll.C:
		}
	}
}

// listen passes each notification on. After a lost connection it passes one on as well, since any may have been missed.
func (s *Server) listen(ctx context.Context, src catalogSource, changed chan<- struct{}) {
	delay := reconnectDelay
	for ctx.Err() == nil {
		started := time.Now()
		err := src.WaitForChange(ctx)
		select {
		case changed <- struct{}{}:
		default: // one is waiting already
		}
		if err == nil {
			delay = reconnectDelay
			continue
		}
		if time.Since(started) > maxConnectDelay {
			delay = reconnectDelay
		}
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
		delay = min(2*delay, maxConnectDelay)
	}
}

// catchUp loads the catalogue if it is another than the one that is served.
func (s *Server) catchUp(ctx context.Context, src catalogSource) {
	err := s.load(ctx, src)
	if ctx.Err() != nil {
		return
	}
	was, _ := s.source.get()
	if err == nil {
		s.source.set(s.cfg.Now(), "")
		s.metrics.sourceUp.Set(1)
		if was != "" {
			s.cfg.Logger.Info("the catalogue can be loaded again")
		}
		return
	}
	s.source.set(s.cfg.Now(), "the catalogue can't be loaded from the database")
	s.metrics.sourceUp.Set(0)
	s.metrics.loadErrors.Inc()
	if was == "" {
		s.cfg.Logger.Error("the catalogue can't be loaded; what was loaded before is served", "err", err)
	}
}

func (s *Server) load(ctx context.Context, src catalogSource) error {
	pollCtx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	generation, err := src.Generation(pollCtx)
	if err != nil {
		return fmt.Errorf("ask for the generation: %w", err)
	}
	// Any other generation counts, as a restored backup goes back.
	if ix := s.index.Load(); ix != nil && ix.generation == generation {
		return nil
	}
	loadCtx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	started := time.Now()
	c, err := src.LoadSnapshot(loadCtx)
	if err != nil {
		return fmt.Errorf("load catalogue: %w", err)
	}
	if err := s.SetSnapshot(c); err != nil {
		return err
	}
	s.cfg.Logger.Info("catalogue loaded", "generation", c.Generation, "snaps", len(c.Snaps), "charms", len(c.Charms), "took", time.Since(started))
	return nil
}

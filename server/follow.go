package server

import (
	"context"
	"fmt"
	"sync"
	"time"

	"offlinestore/catalog"
)

// catalogSource is the source of the catalogue: a catalog.Reader.
type catalogSource interface {
	// Load reads the changes since a position, as catalog.Reader does.
	Load(ctx context.Context, since catalog.Position, sink catalog.Sink) (*catalog.Changes, error)
	Generation(ctx context.Context) (int64, error)
	// WaitForChange returns when the catalogue has changed, or with an error if the source can't notice changes any more.
	WaitForChange(ctx context.Context) error
}

// The timing of Follow. Notifications report a change at once. Polls find the changes whose notification was lost.
const (
	pollInterval    = 5 * time.Second
	pollTimeout     = 10 * time.Second
	loadTimeout     = 5 * time.Minute
	reconnectDelay  = 500 * time.Millisecond
	maxConnectDelay = 10 * time.Second
)

// Follow serves src's catalogue and every change of it until ctx ends. If src can't be reached, it serves the last catalogue that
// it loaded.
func (s *Server) Follow(ctx context.Context, src catalogSource) {
	changed := make(chan struct{}, 1)
	var wg sync.WaitGroup
	wg.Go(func() { s.listen(ctx, src, changed) })
	defer wg.Wait()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	asked := s.looks.start()
	defer s.looks.stop()
	for {
		end := s.looks.begin()
		s.catchUp(ctx, src)
		end()
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-poll.C:
		case <-asked:
			select {
			case <-ctx.Done():
				return
			case <-changed:
			case <-time.After(lookPause):
			}
		}
	}
}

// listen passes each notification on. After a lost connection it sends one too, since it may have missed some.
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

// catchUp loads the catalogue if its generation differs from the served one, or a hold has ended.
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
	// A lower generation counts as a change too: it comes from a restored backup.
	if ix := s.index.Load(); ix != nil && ix.generation == generation && (ix.reloadAt.IsZero() || s.cfg.Now().Before(ix.reloadAt)) {
		return nil
	}
	loadCtx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	started := time.Now()
	changes, err := s.Load(loadCtx, src)
	if err != nil {
		return err
	}
	ix := s.index.Load()
	s.cfg.Logger.Info("catalogue loaded", "generation", ix.generation, "snaps", ix.shown, "charms", len(ix.charms), "whole", changes.IsWhole,
		"changed", len(changes.SnapIDs)+len(changes.CharmIDs)+len(changes.Assertions), "took", time.Since(started))
	return nil
}

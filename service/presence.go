package service

import (
	"context"
	"os"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
)

// The timing of keepPresence.
const (
	presenceInterval = catalog.ServerTimeout / 3
	presenceTimeout  = 5 * time.Second
)

// keepPresence tells the database that this server lives, with the generation that it serves, until ctx ends.
func (s *service) keepPresence(ctx context.Context) {
	here := &catalog.Server{Version: s.Version}
	here.Host, _ = os.Hostname() // an empty name is shown as such
	here.ID = digest.FromString(here.Host + "\x00" + string(s.Instance.Dir)).Encoded()
	s.removePresence(ctx, here.ID) // of an earlier run that was killed
	tick := time.NewTicker(presenceInterval)
	defer tick.Stop()
	failing := false
	for {
		here.Generation, here.Settings = s.server.Generation(), s.reloader.sharedDigests()
		short, cancel := context.WithTimeout(ctx, presenceTimeout)
		err := s.source.AnnounceServer(short, here)
		cancel()
		if err != nil && !failing && ctx.Err() == nil {
			s.Logger.Warn("status does not show this server: the role of serve needs SELECT, INSERT, UPDATE and DELETE on the table server", "err", err)
		}
		failing = err != nil
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		s.removePresence(context.WithoutCancel(ctx), here.ID)
		return
	}
}

// removePresence removes a server from the list. If that fails, status shows it for an hour.
func (s *service) removePresence(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, presenceTimeout)
	defer cancel()
	if err := s.source.RemoveServer(ctx, id); err != nil {
		s.Logger.Debug("the list of servers keeps one that has ended", "err", err)
	}
}

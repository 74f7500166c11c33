package service

import (
	"context"
	"crypto/rand"
	"os"
	"time"

	"offlinestore/catalog"
)

// The timing of keepPresence.
const (
	presenceInterval = catalog.ServerTimeout / 3
	presenceTimeout  = 5 * time.Second
)

// keepPresence tells the database that this server lives, with the generation that it serves, until ctx ends.
func (s *service) keepPresence(ctx context.Context) {
	host, _ := os.Hostname() // an empty name is shown as such
	here := &catalog.Server{ID: rand.Text(), Host: host, Version: s.Version}
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
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), presenceTimeout)
		defer cancel()
		if err := s.source.RemoveServer(last, here.ID); err != nil && !failing {
			s.Logger.Warn("status shows this server for an hour", "err", err)
		}
		return
	}
}

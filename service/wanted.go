package service

import (
	"context"
	"time"

	"offlinestore/catalog"
)

// The timing of keepWanted. Requests never wait for it.
const (
	wantedInterval = 10 * time.Second
	wantedTimeout  = 5 * time.Second
)

// keepWanted writes what clients asked for in vain to the database, in batches, until ctx ends. A batch that the database does not take
// is lost: clients ask again.
func (s *service) keepWanted(ctx context.Context) {
	tick := time.NewTicker(wantedInterval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		err := s.writeWanted(ctx, s.server.TakeWanted())
		if err != nil && !failing {
			s.Logger.Warn("requests for snaps and charms that are not here can't be kept: the role of serve may lack INSERT, UPDATE and DELETE on the table wanted", "err", err)
		}
		failing = err != nil
		if ctx.Err() != nil {
			return
		}
	}
}

func (s *service) writeWanted(ctx context.Context, list []catalog.Wanted) error {
	if len(list) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wantedTimeout)
	defer cancel()
	return s.source.AddWanted(ctx, list)
}

package service

import (
	"context"
	"time"

	"offlinestore/session"
)

// The timing of forgetNonces.
const (
	nonceInterval = 30 * time.Second
	nonceTimeout  = 20 * time.Second
)

// forgetNonces removes expired nonces from the database until ctx ends. A nonce stays for as long as the clock of a server may be slow.
func (s *service) forgetNonces(ctx context.Context) {
	tick := time.NewTicker(nonceInterval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(ctx, nonceTimeout)
		err := s.source.ForgetNonces(ctx, time.Now().Add(-session.MaxSkew))
		cancel()
		if err != nil && !failing {
			s.Logger.Warn("expired nonces of devices can't be removed: the role of serve needs SELECT, INSERT and DELETE on the table session_nonce", "err", err)
		}
		failing = err != nil
	}
}

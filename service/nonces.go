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

// forgetNonces removes expired nonces, and expired requests for serials, from the database until ctx ends. They stay for as long as the clock of
// a server may be slow.
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
		before := time.Now().Add(-session.MaxSkew)
		err := s.source.ForgetNonces(ctx, before)
		if err == nil && s.registrar != nil {
			err = s.source.ForgetSerialRequests(ctx, before)
		}
		cancel()
		if err != nil && !failing {
			s.Logger.Warn("expired nonces of devices can't be removed: the role of serve needs SELECT, INSERT and DELETE on the tables session_nonce and serial_request", "err", err)
		}
		failing = err != nil
	}
}

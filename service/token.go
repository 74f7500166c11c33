package service

import (
	"context"
	"errors"
	"time"

	"offlinestore/registrar"
)

// The timing of watchToken.
const (
	tokenInterval = 30 * time.Second
	tokenTimeout  = 10 * time.Second
)

// watchToken asks the token from time to time whether it is there, until ctx ends, so that a lost one shows before a device needs it. A token
// that is busy is there.
func (s *service) watchToken(ctx context.Context) {
	tick := time.NewTicker(tokenInterval)
	defer tick.Stop()
	failing := false
	for {
		check, cancel := context.WithTimeout(ctx, tokenTimeout)
		err := s.Token.Check(check)
		cancel()
		switch lost := err != nil && !errors.Is(err, registrar.ErrBusy); {
		case ctx.Err() != nil:
			return
		case lost && !failing:
			s.Logger.Error("the token for serials does not answer: no device gets a serial until it does", "err", err)
			failing = true
		case !lost && failing:
			s.Logger.Info("the token for serials answers again")
			failing = false
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

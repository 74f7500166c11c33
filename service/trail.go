package service

import (
	"context"
	"errors"
	"time"

	"offlinestore/audit"
	"offlinestore/instance"
)

// The timing of keepTrail.
const (
	sealInterval = time.Minute
	sealTimeout  = 20 * time.Second
	// lastSealTimeout is short: the next start signs, and the unit waits for the stop.
	lastSealTimeout = 2 * time.Second
)

// keepTrail takes acts that wait into the audit trail, and signs it, until ctx ends, and once more then.
func (s *service) keepTrail(ctx context.Context) {
	tick := time.NewTicker(sealInterval)
	defer tick.Stop()
	failing := false
	for going := true; going; {
		parent, timeout := ctx, sealTimeout
		select {
		case <-ctx.Done():
			going, parent, timeout = false, context.WithoutCancel(ctx), lastSealTimeout
		case <-tick.C:
		}
		sctx, cancel := context.WithTimeout(audit.WithActor(parent, instance.HostActor()), timeout)
		err := s.Instance.Dir.Seal(sctx, s.source.Trail())
		cancel()
		var missing *instance.NoAuditKeyError
		if errors.As(err, &missing) && !failing {
			s.Logger.Warn("the audit trail is not signed here: copy audit.key from the data folder of the store's other server", "key", missing.Key)
		} else if err != nil && !failing {
			s.Logger.Warn("the audit trail can't be signed: the role of serve needs SELECT and INSERT on the tables audit and audit_head", "err", err)
		}
		failing = err != nil
	}
}

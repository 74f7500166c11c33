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
)

// keepTrail takes acts that wait into the audit trail, and signs it, until ctx ends, and once more then.
func (s *service) keepTrail(ctx context.Context) {
	tick := time.NewTicker(sealInterval)
	defer tick.Stop()
	failing := false
	for going := true; going; {
		select {
		case <-ctx.Done():
			going = false
		case <-tick.C:
		}
		sctx, cancel := context.WithTimeout(audit.WithActor(context.WithoutCancel(ctx), instance.HostActor()), sealTimeout)
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

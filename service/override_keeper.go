package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"offlinestore/catalog"
	"offlinestore/edge"
	"offlinestore/edge/override"
	"offlinestore/server/admin"
	"offlinestore/upstream"
)

// overrideKeeper chooses the overrides that administrators see: of the catalogue while the store is air-gapped, and of upstream's channels while
// it is online.
type overrideKeeper struct {
	db  *catalog.DB
	log *slog.Logger
	// online has the edge; it is nil before the service is open.
	online atomic.Pointer[onlineOverrides]
}

type onlineOverrides struct {
	front *front
	edge  *edge.Edge
}

// present returns the overrides of the store's mode.
func (k *overrideKeeper) present() admin.Overrides {
	o := k.online.Load()
	if o == nil || o.front.airgapped.Load() {
		return k.db
	}
	return &upstreamOverrides{override.Keeper{DB: k.db, Client: o.edge.Client(), Warn: func(err error) { k.log.Warn("overrides", "err", err) }}}
}

// upstreamOverrides are the overrides of upstream's channels, with the errors of administration.
type upstreamOverrides struct{ override.Keeper }

// SetOverrides implements [admin.Overrides].
func (u *upstreamOverrides) SetOverrides(ctx context.Context, by string, changes []catalog.OverrideChange) ([]catalog.Override, error) {
	done, err := u.Keeper.SetOverrides(ctx, by, changes)
	if isUpstreamError(err) {
		err = fmt.Errorf("%w: %w", admin.ErrUpstream, err)
	}
	return done, err
}

// isUpstreamError reports whether the stores upstream are at fault.
func isUpstreamError(err error) bool {
	return errors.Is(err, upstream.ErrUnavailable) || errors.As(err, new(*upstream.StatusError))
}

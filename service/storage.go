package service

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// checkStorage tells the operator at the start if the storage does not answer. The server goes on: it answers all requests that need no blob.
func (s *service) checkStorage(ctx context.Context) {
	_, err := s.Instance.Blobs.Info(ctx, digest.FromString(""))
	if err != nil && ctx.Err() == nil && !errors.Is(err, blob.ErrNotFound) {
		s.Logger.Error("the storage of blobs does not answer: downloads fail until it does", "storage", s.Instance.StorageName(), "err", err)
	}
}

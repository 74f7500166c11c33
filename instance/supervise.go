package instance

import (
	"context"
	"log/slog"
)

// Supervise keeps the private cluster running until ctx ends. Without one, it returns at once.
func (in *Instance) Supervise(ctx context.Context, log *slog.Logger) {
	if in.Cluster != nil {
		in.Cluster.Supervise(ctx, log)
	}
}

// CountRestarts returns a function that counts how often the private cluster was started again. Without a private cluster, it returns
// nil.
func (in *Instance) CountRestarts() func() float64 {
	if in.Cluster == nil {
		return nil
	}
	return func() float64 {
		r, err := in.Cluster.Restarts()
		if err != nil {
			return 0
		}
		return float64(r.Count)
	}
}

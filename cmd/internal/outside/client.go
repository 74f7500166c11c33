// Package outside holds the ways of an online store's commands to the stores upstream.
package outside

import (
	"offlinestore/cmd/internal/cli"
	"offlinestore/edge"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/upstream"
)

// Client returns a client of the Snap Store upstream, with the settings of a store.
func Client(dir instance.Dir, s *settings.Settings) (*upstream.Client, error) {
	roots, err := dir.CACerts()
	if err != nil {
		return nil, err
	}
	v := s.Values()
	return edge.NewClient(edge.Settings{Upstream: v.Upstream, Proxy: v.HTTPSProxy, Roots: roots}, "offlinestore/"+cli.Version())
}

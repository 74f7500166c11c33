package instance

import (
	"context"
	"time"

	"offlinestore/catalog"
	"offlinestore/instance/settings"
)

// ServerState is a server of the store, as the database heard of it.
type ServerState struct {
	catalog.Server
	// Alive reports that it was heard of a moment ago, and Silent is the time since, in seconds.
	Alive  bool    `json:"alive"`
	Silent float64 `json:"silent-seconds"`
	// Differing are the settings that all servers need, and that differ from the ones here.
	Differing []string `json:"differing-settings"`
}

// Servers returns the servers that were heard of in the last hour.
func (in *Instance) Servers(ctx context.Context) ([]ServerState, error) {
	list, err := in.Catalog.Servers(ctx)
	if err != nil {
		return nil, err
	}
	here := in.Settings.SharedDigests()
	out := []ServerState{}
	for _, s := range list {
		differing := append([]string{}, settings.Differing(here, s.Settings)...)
		out = append(out, ServerState{s, s.IsAlive(), s.Age.Truncate(time.Second / 10).Seconds(), differing})
	}
	return out, nil
}

package outside

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/online"
	"offlinestore/instance"
	"offlinestore/upstream"
)

// State is the state of an online store.
type State struct {
	// Status is approved if the store has a store assertion, or else unregistered.
	Status string `json:"status"`
	// Devices is the number of devices that got a session in the last 30 days; nil if the database does not tell.
	Devices *int `json:"connected-devices"`
	// DeviceLimit is null: there is none.
	DeviceLimit *int       `json:"device-limit"`
	Upstream    Upstream   `json:"upstream"`
	Cache       CacheState `json:"cache"`
}

// Upstream is the reachability of the Snap Store.
type Upstream struct {
	URL     string `json:"url"`
	OK      bool   `json:"ok"`
	Problem string `json:"problem,omitempty"`
}

// CacheState is the use of the cache of files, in bytes.
type CacheState struct {
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
	Max     int64  `json:"max-bytes"`
	Problem string `json:"problem,omitempty"`
}

// StateOf returns the state of a store, or nil if it is air-gapped.
func StateOf(ctx context.Context, dir instance.Dir, h *instance.Health) (*State, error) {
	if h.Airgapped {
		return nil, nil
	}
	s, err := dir.Settings()
	if err != nil {
		return nil, err
	}
	out := &State{Status: "unregistered", Devices: h.ConnectedDevices}
	if h.StoreID != "" && !h.NoStoreAssertion {
		out.Status = "approved"
	}
	v := s.Values()
	out.Upstream.URL = cmp.Or(v.Upstream, upstream.DefaultOrigin)
	client, err := newProbe(dir, v)
	if err == nil {
		err = probe(ctx, client, out.Upstream.URL)
		client.CloseIdleConnections()
	}
	if out.Upstream.OK = err == nil; err != nil {
		out.Upstream.Problem = err.Error()
	}
	out.Cache.Max = v.CacheSize
	if err := out.Cache.measure(dir); err != nil {
		out.Cache.Problem = err.Error()
	}
	return out, nil
}

// measure adds the use of the cache, which a running server may be changing.
func (c *CacheState) measure(dir instance.Dir) error {
	s, err := dir.Settings()
	if err != nil {
		return err
	}
	files, _, err := online.OpenCache(dir, s, true)
	if err != nil {
		return err
	}
	defer files.Close() // it was only read
	u, err := files.Usage()
	c.Files, c.Bytes = u.Files, u.Bytes+u.Partial
	return err
}

// Print prints the lines of the original product, and then the ones about upstream and the cache.
func (s *State) Print(w io.Writer) {
	if s.Status == "approved" {
		fmt.Fprintln(w, "Status: approved")
	} else {
		fmt.Fprintln(w, "Status: unregistered ('snap-store-proxy register' tells how to get a store assertion)")
	}
	if s.Devices != nil {
		fmt.Fprintf(w, "Connected Devices (updated daily): %d\n", *s.Devices)
	}
	fmt.Fprintln(w, "Device Limit: none")
	state := "ok"
	if !s.Upstream.OK {
		state = "not reachable: " + cli.Clean(s.Upstream.Problem) + " ('snap-store-proxy check-connections' tells more)"
	}
	fmt.Fprintf(w, "Upstream: %s: %s\n", s.Upstream.URL, state)
	if s.Cache.Problem != "" {
		fmt.Fprintf(w, "Cache: not readable: %s\n", cli.Clean(s.Cache.Problem))
		return
	}
	fmt.Fprintf(w, "Cache: %s of %s, %s\n", cli.Bytes(s.Cache.Bytes), cli.Bytes(s.Cache.Max), cli.Count(s.Cache.Files, "file"))
}

package admin

import (
	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/server/admin/api"
)

// NewOverridesAnswer returns the API's answer about overrides.
func NewOverridesAnswer(list []catalog.Override) api.OverridesAnswer {
	out := api.OverridesAnswer{Overrides: []api.Override{}}
	for _, o := range list {
		out.Overrides = append(out.Overrides, api.Override{
			SnapID: o.SnapID, SnapName: o.Name, Revision: number(o.Revision), UpstreamRevision: number(o.Upstream),
			Channel: shortChannel(o.Channel), Architecture: o.Architecture, Series: api.Series,
		})
	}
	return out
}

func number(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

// shortChannel leaves the track "latest" out, as the store's answers do.
func shortChannel(s string) string {
	if c, err := channel.Parse(s); err == nil {
		return c.Name()
	}
	return s
}

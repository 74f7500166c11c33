package server_test

import (
	"testing"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/server"
)

// TestCharmInfoTimes checks rows without a time, which exports make of revisions that the operator chose, and times without a zone.
// If Juju 2.9 can't read one of them, it shows nothing of a charm. Later versions cut the time to the date without a look.
func TestCharmInfoTimes(t *testing.T) {
	t.Parallel()
	const made, released, unknown = "2024-01-17T21:09:54.005947+00:00", "2024-06-01T00:00:00+00:00", "1970-01-01T00:00:00+00:00"
	for _, test := range []struct{ releasedAt, createdAt, want string }{
		{released, made, released},
		{"", made, made},
		{"2024-06-01T00:00:00.123456", made, made},
		{"", "2024-06-01", unknown},
		{"", "", unknown},
	} {
		b := newBlobs(t)
		base := ubuntu("22.04", "amd64")
		r := charmRevision(b, 7, "7", "name: simple\n", base)
		r.CreatedAt = test.createdAt
		c := &catalog.Snapshot{Charms: []catalog.Charm{{Name: "simple", ID: "simpleid", Type: charm.TypeCharm, Revisions: []catalog.CharmRevision{r},
			ChannelMap: []charm.Release{charmRelease(base, "latest/stable", 7, test.releasedAt)}}}}
		h := serve(t, b, c, server.Config{}).Handler()
		got := decode[charm.InfoResponse](t, call(t, h, "GET", "/v2/charms/info/simple?fields=channel-map,default-release.channel", ""), 200)
		if len(got.ChannelMap) != 1 || got.DefaultRelease == nil {
			t.Fatalf("info = %+v, want one row and a default release", got)
		}
		for where, at := range map[string]string{"channel-map": got.ChannelMap[0].Channel.ReleasedAt, "default-release": got.DefaultRelease.Channel.ReleasedAt} {
			if at != test.want {
				t.Errorf("%s of a release at %q of a revision made at %q: released-at = %q, want %q", where, test.releasedAt, test.createdAt, at, test.want)
			}
		}
	}
}

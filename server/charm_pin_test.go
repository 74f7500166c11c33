package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/server"
)

// TestPinnedRevision asks for a revision that no channel has, in all the forms that Juju uses. A pin comes with the resources of the channel
// that is named beside it, and the model's daily question gets the content of the channel.
func TestPinnedRevision(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	const id = "pinnedpinnedpinnedpinnedpinnedpi"
	jammy, metadata := ubuntu("22.04", "amd64"), "name: app\nresources:\n  snap: {type: file}\n"
	c := &catalog.Snapshot{Generation: 1, Charms: []catalog.Charm{{Name: "app", ID: id, Type: charm.TypeCharm, DefaultTrack: "8",
		Revisions: []catalog.CharmRevision{charmRevision(b, 10, "10", metadata, jammy), charmRevision(b, 12, "12", metadata, jammy)},
		Resources: []catalog.CharmResource{fileResource(b, "snap", 3), fileResource(b, "snap", 4)},
		ChannelMap: []charm.Release{charmRelease(jammy, "8/stable", 12, "", charm.ResourceRef{Name: "snap", Revision: 3}),
			charmRelease(ubuntu("22.04", "arm64"), "8/stable", 12, "", charm.ResourceRef{Name: "snap", Revision: 3})},
	}}}
	h := serve(t, b, c, server.Config{}).Handler()
	const base = `{"architecture":"amd64","name":"ubuntu","channel":"22.04"}`
	for request, want := range map[string]string{
		`"actions":[{"action":"install","instance-key":"k","name":"app","revision":10,"base":null}]`:                                                                                                           "10 8/stable snap:4",
		`"actions":[{"action":"install","instance-key":"k","name":"app","revision":10,"channel":"8/stable","base":` + base + `}]`:                                                                              "10 8/stable snap:3",
		`"actions":[{"action":"install","instance-key":"k","name":"app","revision":10,"channel":"stable","base":{"architecture":"amd64","name":"NA","channel":"NA"}}]`:                                         "10 8/stable snap:3",
		`"actions":[{"action":"download","instance-key":"k","id":"` + id + `","channel":"8/stable","base":` + base + `}]`:                                                                                      "12 8/stable snap:3",
		`"actions":[{"action":"refresh","instance-key":"k","id":"` + id + `","base":null}],"context":[{"instance-key":"k","id":"` + id + `","revision":10,"tracking-channel":"8/stable","base":` + base + `}]`: "12 8/stable snap:3",
	} {
		got := decode[charm.RefreshResponse](t, call(t, h, "POST", "/v2/charms/refresh", "{"+request+"}"), 200)
		r := got.Results[0]
		if r.Error != nil {
			t.Errorf("%s: %v", request, r.Error)
			continue
		}
		var resources []string
		for _, res := range r.Charm.Resources {
			resources = append(resources, fmt.Sprint(res.Name, ":", res.Revision))
		}
		if diff := cmp.Diff(want, fmt.Sprint(r.Charm.Revision, " ", r.EffectiveChannel, " ", strings.Join(resources, " "))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", request, diff)
		}
		// Juju compares the architecture with the bases of the revision. An export for amd64 knew nothing of arm64.
		if n := len(r.Charm.Bases); n != r.Charm.Revision/12+1 {
			t.Errorf("%s: %d bases of revision %d", request, n, r.Charm.Revision)
		}
	}
}

// TestRepeatedKeys finds a charm by its endpoint, although its metadata.yaml repeats a key, which Juju overlooks.
func TestRepeatedKeys(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	base := ubuntu("22.04", "amd64")
	c := &catalog.Snapshot{Generation: 1, Charms: []catalog.Charm{{Name: "app", ID: "appappappappappappappappappappap", Type: charm.TypeCharm,
		Revisions:  []catalog.CharmRevision{charmRevision(b, 1, "1", "name: app\nsummary: one\nsummary: two\nprovides: {db: {interface: x, interface: pg}}\n", base)},
		ChannelMap: []charm.Release{charmRelease(base, "latest/stable", 1, "")}}}}
	h := serve(t, b, c, server.Config{}).Handler()
	if got := decode[map[string][]any](t, call(t, h, "GET", "/v2/charms/find?relation-provides=pg", ""), 200); len(got["results"]) != 1 {
		t.Errorf("found %v, want app", got)
	}
}

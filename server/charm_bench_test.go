package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/server"
)

// benchCharms returns a store of ordinary charms: 100 kB of YAML, a file and an image each.
func benchCharms(b *blobs, n int) *catalog.Snapshot {
	c := &catalog.Snapshot{Generation: 1}
	base := ubuntu("22.04", "amd64")
	for i := range n {
		name := fmt.Sprintf("charm-%d", i)
		r := charmRevision(b, 7, "1", "name: "+name+"\nresources:\n  config: {type: file}\n  image: {type: oci-image}\n", base)
		r.ConfigYAML, r.ActionsYAML = strings.Repeat("# an option of \"some\" length\n", 2000), strings.Repeat("# an action of \"some\" length\n", 1500)
		c.Charms = append(c.Charms, catalog.Charm{Name: name, ID: benchID(i), Type: charm.TypeCharm, Details: charmDetails(name, "One of many"), Revisions: []catalog.CharmRevision{r},
			Resources:  []catalog.CharmResource{fileResource(b, "config", 1), imageResource("image", 1, tempoImage)},
			ChannelMap: []charm.Release{charmRelease(base, "latest/stable", 7, "2024-03-03T00:00:00Z", charm.ResourceRef{Name: "config", Revision: 1}, charm.ResourceRef{Name: "image", Revision: 1})}})
	}
	return c
}

// BenchmarkCharmRefresh measures the daily request of a model of 500 applications. Juju waits ten seconds for the answer.
func BenchmarkCharmRefresh(b *testing.B) {
	const applications = 500
	bl := newBlobs(b)
	s := serve(b, bl, benchCharms(bl, applications), server.Config{})
	s.SetSettings(server.Settings{Registry: server.Registry{Port: "5000"}})
	h := s.Handler()
	var req charm.RefreshRequest
	for i := range applications {
		id := benchID(i)
		req.Context = append(req.Context, charm.Context{InstanceKey: id, ID: id, Revision: 6, Base: ubuntu("22.04", "amd64"), TrackingChannel: "latest/stable"})
		req.Actions = append(req.Actions, charm.Action{Action: charm.ActionRefresh, InstanceKey: id, ID: &id})
	}
	body, err := json.Marshal(req)
	if err != nil {
		b.Fatal(err)
	}
	answer := bodyOf(b, call(b, h, "POST", "/v2/charms/refresh", string(body)))
	if n := strings.Count(answer, `"result":"refresh"`); n != applications {
		b.Fatalf("%d results, want %d: %.300s", n, applications, answer)
	}
	b.SetBytes(int64(len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(discard{http.Header{}}, httptest.NewRequest("POST", "/v2/charms/refresh", bytes.NewReader(body)))
	}
}

// BenchmarkCharmFind lists all charms of a large store, as juju find does.
func BenchmarkCharmFind(b *testing.B) {
	bl := newBlobs(b)
	h := serve(b, bl, benchCharms(bl, 500), server.Config{}).Handler()
	const path = "/v2/charms/find?fields=result.publisher.display-name,result.summary,result.store-url,default-release.revision.bases.architecture,default-release.revision.bases.name," +
		"default-release.revision.bases.channel,default-release.revision.version"
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(discard{http.Header{}}, httptest.NewRequest("GET", path, nil))
	}
}

package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/server"
)

// TestCharmFindIsCheap bounds the time of a query that fits into a request's header, although each of its words is compared with
// many charms.
func TestCharmFindIsCheap(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := &catalog.Snapshot{}
	for i := range 1000 {
		base := ubuntu("22.04", "amd64")
		c.Charms = append(c.Charms, catalog.Charm{Name: fmt.Sprintf("charm-a%d", i), ID: fmt.Sprintf("id%030d", i), Type: charm.TypeCharm,
			Revisions: []catalog.CharmRevision{charmRevision(b, 1, "1", "name: x\n", base)}, ChannelMap: []charm.Release{charmRelease(base, "latest/stable", 1, "")}})
	}
	h := serve(t, b, c, server.Config{}).Handler()
	for _, name := range []string{"q", "category", "platforms", "publisher", "relation-provides", "relation-requires"} {
		if r := call(t, h, "GET", "/v2/charms/find?"+name+"="+strings.Repeat("jammy/", 9000), ""); r.StatusCode != 400 {
			t.Errorf("find with a long %s = %d, want 400", name, r.StatusCode)
		}
	}
	start := time.Now()
	call(t, h, "GET", "/v2/charms/find?fields=name&platforms="+strings.Repeat("jammy/", 42), "")
	call(t, h, "GET", "/v2/charms/find?fields=name&platforms="+strings.Repeat("x,", 15)+strings.Repeat("jammy/", 32)+"x", "")
	if took := time.Since(start); took > time.Second { // it takes some milliseconds
		t.Errorf("find with many platforms took %s", took)
	}
}

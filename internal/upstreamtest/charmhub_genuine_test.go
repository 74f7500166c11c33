package upstreamtest_test

import (
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
	"offlinestore/internal/upstreamtest"
	"offlinestore/upstream"
)

func TestReplayCharmhub(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(realdata(t), "api/charmhub")
	h, err := upstreamtest.ReplayCharmhub(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	defer server.Close()
	c, err := upstream.New(upstream.Config{Origin: server.URL, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	genuine, err := c.CharmInfo(t.Context(), "awesome", "")
	if err != nil {
		t.Fatal(err)
	}
	first := genuine.ChannelMap[0]
	if len(genuine.ChannelMap) != 277 || first.Revision.Download.Size != 46802303 || *first.Channel.Base != (charm.Base{Architecture: "all", Channel: "18.04", Name: "ubuntu"}) {
		t.Errorf("CharmInfo = %d rows, first %+v", len(genuine.ChannelMap), first)
	}
	if _, err := c.CharmInfo(t.Context(), "marketplace-test-charm", ""); err == nil || !strings.Contains(err.Error(), "no releases") {
		t.Errorf("CharmInfo of what was asked without fields = %v", err)
	}
	// The simulated store describes the recorded charm as the genuine one did.
	_, simulated := charmhub(t, func(s *upstreamtest.Store) error {
		return s.AddRecordedCharm(filepath.Join(dir, "charmhub-lp-tools__awesome-info.json"))
	})
	again, err := simulated.CharmInfo(t.Context(), "awesome", "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows(genuine), rows(again)); diff != "" {
		t.Errorf("channel map (-genuine +simulated):\n%s", diff)
	}
}

// rows returns the rows of the channel map, sorted and without times and digests, which differ.
func rows(info *charm.InfoResponse) []string {
	var out []string
	for _, r := range info.ChannelMap {
		name := strings.TrimPrefix(r.Channel.Name, "latest/")
		out = append(out, strings.Join([]string{r.Channel.Track, r.Channel.Risk, name, r.Channel.Base.String(), r.Revision.Version, r.Revision.CreatedAt[:2]}, " "))
	}
	slices.Sort(out)
	return out
}

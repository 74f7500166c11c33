package edge

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"offlinestore/edge/api"
	"offlinestore/internal/upstreamtest"
	"offlinestore/upstream"
)

// declaration is the path of jq's snap-declaration.
var declaration = "/v2/assertions/snap-declaration/16/" + upstreamtest.ID("jq") + "?max-format="

// giveJQ lets a device install jq 7 from stable, with a declaration, and then moves stable to 8.
func giveJQ(t *testing.T) (*rig, *upstreamtest.Store) {
	t.Helper()
	store := newStore(t)
	g := newRig(t, store.Handler())
	got := g.do("POST", "/v2/snaps/refresh", install("stable"), amd64...)
	if got.StatusCode != http.StatusOK {
		t.Fatalf("install: %d %s", got.StatusCode, got.text)
	}
	if resp := g.do("GET", string(ours.Find(got.text)), nil); resp.StatusCode != http.StatusOK {
		t.Fatalf("download: %d", resp.StatusCode)
	}
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(time.Millisecond) {
		if u, err := g.files.Usage(); err != nil || u.Filling == 0 {
			break // the cache has the file
		}
	}
	if resp := g.do("GET", declaration+"7", nil, "Accept", "application/x.ubuntu.assertion"); resp.StatusCode != http.StatusOK {
		t.Fatalf("declaration: %d %s", resp.StatusCode, resp.text)
	}
	if err := store.Release("jq", "amd64", "stable", 8); err != nil {
		t.Fatal(err)
	}
	return g, store
}

func TestReleasesAreListed(t *testing.T) {
	t.Parallel()
	g, _ := giveJQ(t)
	g.releases.add(&Release{SnapID: "x", Name: "secret", Architecture: "amd64", Channel: "latest/stable", Revision: 1, Snap: []byte(`{}`), Private: true, Seen: g.now()}, 0)
	got, err := api.List(t.Context(), http.DefaultClient, g.url, "test")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Releases) != 1 || got.Private != 1 {
		t.Fatalf("List() = %+v, want jq, and one private snap", got)
	}
	r := got.Releases[0]
	if r.Name != "jq" || r.Revision != 7 || r.Channel != "latest/stable" || r.Architecture != "amd64" || r.Version != "1.7" || r.Size != 300_007 || !r.Cached {
		t.Errorf("the release is %+v", r)
	}
	srv := newStore(t)
	other := newRig(t, srv.Handler())
	if _, err := api.List(t.Context(), http.DefaultClient, other.upstream, "test"); err == nil {
		t.Error("a store without the list has one")
	}
}

// TestGivenRevisions asks the store of given revisions, first with upstream, then without.
func TestGivenRevisions(t *testing.T) {
	t.Parallel()
	g, _ := giveJQ(t)
	for _, down := range []bool{false, true} {
		g.down.Store(down)
		var answer struct {
			Results []struct {
				Result  string          `json:"result"`
				Channel string          `json:"effective-channel"`
				Snap    json.RawMessage `json:"snap"`
			} `json:"results"`
		}
		got := g.do("POST", api.GivenPath+"/v2/snaps/refresh", install("stable"), amd64...)
		if err := json.Unmarshal(got.text, &answer); err != nil || len(answer.Results) != 1 || !strings.Contains(string(answer.Results[0].Snap), `"revision":7`) {
			t.Fatalf("down %v: refresh: %d %s", down, got.StatusCode, got.text)
		}
		if file := g.do("GET", string(ours.Find(got.text)), nil); !slices.Equal(file.text, content(t, jqBlob(7))) {
			t.Errorf("down %v: the file is another one: %d", down, file.StatusCode)
		}
		client, err := upstream.New(upstream.Config{Origin: g.url + api.GivenPath, Retries: -1})
		if err != nil {
			t.Fatal(err)
		}
		info, err := client.Info(t.Context(), "jq")
		if err != nil || len(info.ChannelMap) != 1 || info.ChannelMap[0].Number != 7 || info.ChannelMap[0].Channel.Name != "stable" {
			t.Errorf("down %v: Info() = %+v, %v, want revision 7 in stable", down, info, err)
		}
		// A client asks for each format of a declaration until there is none.
		all, err := client.SnapDeclarations(t.Context(), upstreamtest.ID("jq"))
		if err != nil || len(all) != 1 {
			t.Errorf("down %v: %d declarations, %v, want 1", down, len(all), err)
		}
	}
	taken := g.TakeReleases()
	if len(taken) != 1 || taken[0].Revision != 7 {
		t.Errorf("the releases are %+v: questions of an export are no devices", taken)
	}
}

// TestNeverGiven asks for a channel that nobody was given: upstream has it, or nobody does.
func TestNeverGiven(t *testing.T) {
	t.Parallel()
	g, _ := giveJQ(t)
	got := g.do("POST", api.GivenPath+"/v2/snaps/refresh", install("edge"), amd64...)
	if !strings.Contains(string(got.text), `"revision":8`) || !ours.Match(got.text) {
		t.Errorf("upstream's answer is %s", got.text)
	}
	g.down.Store(true)
	got = g.do("POST", api.GivenPath+"/v2/snaps/refresh", install("edge"), amd64...)
	if got.StatusCode != http.StatusOK || !strings.Contains(string(got.text), codeUnavailable) || !strings.Contains(string(got.text), "install-1") {
		t.Errorf("without upstream: %d %s", got.StatusCode, got.text)
	}
	if list := g.TakeReleases(); len(list) != 1 {
		t.Errorf("%d releases are noted, want the one of the device", len(list))
	}
	if got = g.do("POST", api.GivenPath+"/v2/snaps/refresh", []byte("[]"), amd64...); got.StatusCode != http.StatusBadRequest {
		t.Errorf("a list for a request: %d", got.StatusCode)
	}
	if got = g.do("GET", api.GivenPath+"/v2/assertions/snap-revision/nowhere?max-format=0", nil); got.StatusCode != http.StatusBadGateway {
		t.Errorf("an unknown assertion without upstream: %d", got.StatusCode)
	}
}

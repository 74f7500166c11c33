package edge

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"offlinestore/charm"
	"offlinestore/edge/api"
	"offlinestore/upstream"
)

// charmhub answers each action with revision 7 of the charm that it names.
func charmhub(w http.ResponseWriter, r *http.Request) {
	var q charm.RefreshRequest
	if json.NewDecoder(r.Body).Decode(&q) != nil {
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	results := []json.RawMessage{}
	for _, a := range q.Actions {
		name := valueOf(a.Name)
		kind, metadata := "charm", "name: "+name
		switch name {
		case "a-bundle":
			kind = "bundle"
		case "few-fields":
			metadata = ""
		}
		results = append(results, json.RawMessage(fmt.Sprintf(`{"charm":{"id":%q,"name":%[2]q,"type":%[3]q,"revision":7,"version":"1.7","summary":"It is %[2]s.",
			"metadata-yaml":%[4]q,"config-yaml":"","bases":[],"license":"","publisher":{"id":"p","username":"p","display-name":"P","validation":"unproven"},
			"resources":[],"download":{"url":"https://api.charmhub.io/api/v1/charms/download/%[2]s_7.charm","size":9,"hash-sha-256":"%064[5]d","hash-sha-384":"%096[5]d"}},
			"effective-channel":"14/stable","id":%[1]q,"instance-key":%[6]q,"name":%[2]q,"result":"install","released-at":null}`,
			charmID(name), name, kind, metadata, 1, a.InstanceKey)))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(mustJSON(map[string]any{"results": results, "error-list": []string{}}))
}

func charmID(name string) string { return strings.Repeat(name[:1], 32) }

// askCharm returns the body of Juju's request for a charm.
func askCharm(name, key string) []byte {
	return fmt.Appendf(nil, `{"context":[],"actions":[{"action":"install","instance-key":%q,"name":%q,"channel":"14/stable","base":{"name":"ubuntu","channel":"22.04","architecture":"amd64"}}]}`, key, name)
}

func TestCharmsAreNoted(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/charms/refresh", charmhub)
	g := newRig(t, mux)
	ask := func(path string, body []byte, headers ...string) *response {
		t.Helper()
		return g.do("POST", path+"/v2/charms/refresh", body, headers...)
	}
	for _, name := range []string{"postgresql", "a-bundle", "few-fields"} {
		if got := ask("", askCharm(name, "first"), "Content-Type", "application/json"); got.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", name, got.StatusCode, got.text)
		}
	}
	ask("", askCharm("secret", "x"), "Authorization", "Macaroon root=m")
	ask("", []byte(`{"context":[{"instance-key":"k","id":"`+charmID("mysql")+`","revision":6,"base":{"name":"ubuntu","channel":"24.04","architecture":"arm64"},"tracking-channel":"14/stable"}],
		"actions":[{"action":"refresh","instance-key":"k","name":"mysql","base":null},{"action":"install","instance-key":"n","name":"byno","revision":7,"base":null},
		{"action":"install","instance-key":"o","name":"postgresql","revision":7,"base":null}]}`))
	list, err := api.ListCharms(t.Context(), http.DefaultClient, g.url+"/", "test")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range list {
		got = append(got, fmt.Sprint(c.Name, " ", c.Channel, " ", c.Base, " ", c.Architecture, " ", c.Revision, " ", c.Version, " ", c.Size, " ", c.Cached))
	}
	want := []string{"byno    7 1.7 9 false", "mysql 14/stable ubuntu/24.04 arm64 7 1.7 9 false", "postgresql 14/stable ubuntu/22.04 amd64 7 1.7 9 false"}
	if !slices.Equal(got, want) {
		t.Errorf("the charms are %q, want %q", got, want)
	}
	if taken := g.TakeCharms(); len(taken) != 4 || len(g.TakeCharms()) != 0 {
		t.Errorf("TakeCharms() = %d charms, and once more", len(taken))
	}
	ask("", askCharm("postgresql", "later"))
	if taken := g.TakeCharms(); len(taken) != 0 {
		t.Errorf("the same charm was noted again: %+v", taken)
	}
	g.advance(renoteInterval + time.Second)
	ask("", askCharm("postgresql", "later"))
	if taken := g.TakeCharms(); len(taken) != 1 {
		t.Errorf("after an hour, %d charms were noted again, want 1", len(taken))
	}
}

// TestGivenCharms asks the Charmhub of given charms, with upstream away.
func TestGivenCharms(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/charms/refresh", charmhub)
	g := newRig(t, mux)
	g.do("POST", "/v2/charms/refresh", askCharm("postgresql", "k"))
	taken := g.TakeCharms()
	g.down.Store(true)
	other := newRig(t, mux)
	other.down.Store(true)
	other.AddCharms(taken)
	for _, rig := range []*rig{g, other} {
		c, err := upstream.New(upstream.Config{Origin: rig.url + api.GivenPath, Retries: -1})
		if err != nil {
			t.Fatal(err)
		}
		name, channel, otherChannel, revision, never := "postgresql", "14/stable", "14/edge", 7, 8
		base := &charm.Base{Name: "ubuntu", Channel: "22.04", Architecture: "amd64"}
		results, err := c.CharmRefresh(t.Context(), []charm.Action{{Name: &name, Channel: &channel, Base: base}, {Name: &name, Revision: &revision},
			{Name: &name, Channel: &otherChannel, Base: base}, {Name: &name, Revision: &never}})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if good := i < 2; good != (r.Error == nil) || good && (r.Charm.Revision != 7 || !strings.HasPrefix(r.Charm.Download.URL, rig.url+"/")) {
				t.Errorf("result %d is %+v", i, r)
			}
		}
		info, err := c.CharmInfo(t.Context(), name, "")
		if err != nil {
			t.Fatal(err)
		}
		if len(info.ChannelMap) != 1 || info.ChannelMap[0].Channel.Track != "14" || info.ChannelMap[0].Revision.Number != 7 || info.Result.Summary != "It is postgresql." {
			t.Errorf("info is %+v", info)
		}
		if _, err := c.CharmInfo(t.Context(), "mysql", ""); err == nil {
			t.Error("a charm is described that Juju was not given")
		}
	}
}

func TestCharmMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m, now := newCharmMemory(), time.Unix(1_800_000_000, 0)
	text := mustJSON(strings.Repeat("x", 100<<10))
	for i := range 500 {
		m.add(&Charm{ID: fmt.Sprint(i), Name: "n", Channel: "14/stable", Architecture: "amd64", Base: "ubuntu/22.04", Revision: 1, Charm: text, Seen: now.Add(time.Duration(i) * time.Second)}, true)
	}
	var held int64
	for _, c := range m.items {
		held += c.weight()
	}
	if held != m.size || held > charmsMemory || held < charmsMemory/2 {
		t.Errorf("%d charms of %d bytes are held, and %d counted; at most %d", len(m.items), held, m.size, charmsMemory)
	}
	if m.items[charmKey{"499", "amd64", "ubuntu/22.04", "14/stable", 0}] == nil || m.items[charmKey{"0", "amd64", "ubuntu/22.04", "14/stable", 0}] != nil {
		t.Error("the newest charms do not stay")
	}
	old := &Charm{ID: "499", Name: "n", Channel: "14/stable", Architecture: "amd64", Base: "ubuntu/22.04", Revision: 9, Charm: text, Seen: now}
	if m.add(old, false); m.items[old.key()].Revision != 1 {
		t.Error("an older charm took the place of a newer one")
	}
	if taken := m.take(); len(taken) != len(m.items) {
		t.Errorf("take() = %d charms, want the %d that are held", len(taken), len(m.items))
	}
}

// TestEmptyResource asks for a resource for which nothing was ever uploaded, a file and an image: both come from the edge, with no bytes.
func TestEmptyResource(t *testing.T) {
	t.Parallel()
	const download = `{"url":"https://api.charmhub.io/api/v1/resources/download/charm_x.%s_0","size":0,` +
		`"hash-sha-256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","hash-sha-384":"38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b"}`
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/charms/refresh", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"results":[{"charm":{"resources":[{"name":"a","type":"file","revision":0,"download":`+download+`},{"name":"b","type":"oci-image","revision":0,"download":`+download+`}]}}]}`, "a", "b")
	})
	g := newRig(t, mux)
	got := g.do("POST", "/v2/charms/refresh", askCharm("postgresql", "k"))
	links := ours.FindAll(got.text, -1)
	if len(links) != 2 || strings.Contains(string(got.text), "charmhub.io/api") {
		t.Fatalf("the answer is %s, want two addresses of the edge", got.text)
	}
	for _, l := range links {
		if resp := g.do("GET", string(l), nil); resp.StatusCode != http.StatusOK || len(resp.text) != 0 {
			t.Errorf("GET %s: %d %q, want no bytes", l, resp.StatusCode, resp.text)
		}
	}
}

// TestOwnAnswersAreBounded asks for the same revision so often that the answer would be large.
func TestOwnAnswersAreBounded(t *testing.T) {
	t.Parallel()
	g := newRig(t, http.NotFoundHandler())
	g.down.Store(true)
	text := mustJSON(map[string]any{"revision": 7, "summary": strings.Repeat("x", 100<<10)})
	g.releases.add(&Release{SnapID: "id", Name: "jq", Architecture: "amd64", Channel: "latest/stable", Revision: 7, Snap: text, Seen: g.now()}, 0)
	g.AddCharms([]Charm{{ID: charmID("postgresql"), Name: "postgresql", Revision: 7, Charm: text, Seen: g.now()}})
	ask := func(path, action string, n int, want int) {
		t.Helper()
		body := fmt.Sprintf(`{"context":[],"actions":[%s%s]}`, strings.Repeat(action+",", n-1), action)
		if got := g.do("POST", path, []byte(body), amd64...); got.StatusCode != want {
			t.Errorf("%d actions for %s: %d %.100s, want %d", n, path, got.StatusCode, got.text, want)
		}
	}
	const snap = `{"action":"install","instance-key":"k","snap-id":"id","channel":"latest/stable"}`
	const charm = `{"action":"install","instance-key":"k","name":"postgresql","revision":7,"base":null}`
	for path, action := range map[string]string{"/v2/snaps/refresh": snap, api.GivenPath + "/v2/snaps/refresh": snap, api.GivenPath + "/v2/charms/refresh": charm} {
		ask(path, action, 20, http.StatusOK)
		ask(path, action, 200, http.StatusRequestEntityTooLarge)
		ask(path, action, maxOwnActions+1, http.StatusRequestEntityTooLarge)
	}
	ref := `{"type":"account","primary-key":["x"]}`
	ask("/v2/snaps/refresh", `{"action":"fetch-assertions","key":"g","assertions":[`+strings.Repeat(ref+",", maxOwnAssertions/10)+ref+`]}`, 10, http.StatusRequestEntityTooLarge)
}

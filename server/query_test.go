package server_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/catalog"
	"offlinestore/server"
	"offlinestore/snap"
)

func TestInfo(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	tests := []struct {
		path string
		want []string // architecture, channel and revision of each entry
	}{
		{"jq?architecture=amd64", []string{"amd64 stable 6", "amd64 candidate 7", "amd64 1.4/stable 10"}},
		{"jq?architecture=arm64", []string{"arm64 stable 8"}},
		{"jq?architecture=s390x", nil},
		{"hello?architecture=amd64", []string{"amd64 2.0/stable 2", "amd64 stable 1"}},
		{"hello?architecture=riscv64", []string{"riscv64 2.0/stable 3", "riscv64 stable 1"}},
		{"no-such", nil},
		{"..%2f..%2fetc%2fpasswd", nil},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			r := call(t, h, "GET", "/v2/snaps/info/"+tt.path, "")
			if tt.want == nil {
				checkError(t, r.Header.Get("Content-Type"), bodyOf(t, r), 404)
				return
			}
			got := decode[snap.InfoResponse](t, r, 200)
			var rows []string
			for _, e := range got.ChannelMap {
				rows = append(rows, fmt.Sprintf("%s %s %d", e.Channel.Architecture, e.Channel.Name, e.Revision.Number))
				if e.Channel.Track == "" || e.Channel.Risk == "" || e.Channel.ReleasedAt == nil || !strings.HasPrefix(e.Download.URL, "http://example.com/api/v1/snaps/download/") {
					t.Errorf("entry %+v is not complete", e)
				}
			}
			if diff := cmp.Diff(tt.want, rows); diff != "" {
				t.Errorf("channel map (-want +got):\n%s", diff)
			}
			if got.Snap.Name != got.Name || got.Snap.SnapID != got.SnapID || got.Snap.Publisher.Username != "jo-doe" {
				t.Errorf("snap = %+v", got.Snap)
			}
		})
	}
	if got := decode[snap.InfoResponse](t, call(t, h, "GET", "/v2/snaps/info/hello", "", snap.HeaderArchitecture+": "), 200); len(got.ChannelMap) != 3 {
		t.Errorf("without an architecture there are %d entries, want 3", len(got.ChannelMap))
	}
	body := bodyOf(t, call(t, h, "GET", "/v2/snaps/info/hello?architecture=amd64&fields=channel-map", ""))
	want := `{"channel-map":[{"channel":{"architecture":"amd64","name":"2.0/stable","released-at":"2024-01-01T00:00:00Z","risk":"stable","track":"2.0"}},` +
		`{"channel":{"architecture":"amd64","name":"stable","released-at":"2022-01-01T00:00:00Z","risk":"stable","track":"latest"}}],"default-track":"2.0","name":"hello","snap":{"name":"hello","snap-id":"` + helloID + `"},"snap-id":"` + helloID + `"}`
	if body != want {
		t.Errorf("fields=channel-map: %s, want %s", body, want)
	}
}

// TestInfoHasTheGenuineShape compares the keys of an answer with the keys in an answer of the real store.
func TestInfoHasTheGenuineShape(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(realdata(t), "api", "snapstore")
	text, err := os.ReadFile(filepath.Join(dir, "snapd__mockInfoJSON.json"))
	if err != nil {
		t.Fatal(err)
	}
	var genuine snap.InfoResponse
	if err := json.Unmarshal(text, &genuine); err != nil {
		t.Fatal(err)
	}
	b := newBlobs(t)
	sn := catalog.Snap{Name: genuine.Name, SnapID: genuine.SnapID, Details: genuine.Snap.Details}
	seen := map[int]bool{}
	for _, e := range genuine.ChannelMap {
		if !seen[e.Revision.Number] {
			seen[e.Revision.Number] = true
			sn.Revisions = append(sn.Revisions, catalog.SnapRevision{Revision: e.Revision, Blob: b.put(fmt.Sprint(e.Revision.Number))})
		}
		sn.ChannelMap = append(sn.ChannelMap, snap.Release{Architecture: e.Channel.Architecture, Channel: e.Channel.Track + "/" + e.Channel.Risk,
			ReleasedAt: *e.Channel.ReleasedAt, Revision: e.Revision.Number})
	}
	h := serve(t, b, &catalog.Snapshot{Snaps: []catalog.Snap{sn}}, server.Config{}).Handler()
	got, want := flat(t, []byte(bodyOf(t, call(t, h, "GET", "https://api.snapcraft.io/v2/snaps/info/"+sn.Name+"?architecture=amd64", "")))), flat(t, text)
	for path, value := range want {
		switch {
		case strings.HasPrefix(path, "snap.media"), strings.HasPrefix(path, "snap.prices"): // see mayDiffer; our answers have no prices
		case strings.HasSuffix(path, ".snap-yaml"), strings.HasSuffix(path, "].base"): // in this file, they differ from entry to entry of one revision
		case got[path] != value && strings.Replace(got[path], `"http:`, `"https:`, 1) != value:
			t.Errorf("%s = %s, want %s", path, got[path], value)
		}
	}
}

func findNames(t *testing.T, body string) []string {
	t.Helper()
	var v struct {
		Results []struct {
			Name     string
			Revision struct{ Channel string }
		}
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("decode %q: %v", body, err)
	}
	names := []string{}
	for _, r := range v.Results {
		names = append(names, r.Name+" "+r.Revision.Channel)
	}
	return names
}

func TestFind(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	tests := []struct {
		query string
		want  []string
	}{
		{"", []string{"hello 2.0/stable", "data stable", "jq stable"}}, // featured snaps come first
		{"q=jq", []string{"jq stable", "hello 2.0/stable"}},
		{"q=JSON", []string{"jq stable"}},
		{"q=json+processor", []string{"jq stable"}},
		{"q=json+banana", []string{}},
		{"q=database", []string{"data stable"}},
		{"q=world", []string{"hello 2.0/stable"}},
		{"q=jo-doe", []string{"data stable", "hello 2.0/stable", "jq stable"}},
		{"q=about", []string{"data stable", "hello 2.0/stable", "jq stable"}},
		{"q=org.example.hello", []string{"hello 2.0/stable"}},
		{"q=dat", []string{"data stable"}},
		{"name=he", []string{"hello 2.0/stable"}},
		{"name=e", []string{}},
		{"common-id=org.example.hello", []string{"hello 2.0/stable"}},
		{"common-id=org.example", []string{}},
		{"category=art", []string{"hello 2.0/stable"}},
		{"category=featured", []string{"hello 2.0/stable"}},
		{"category=none", []string{}},
		{"q=jq&architecture=arm64&category=development", []string{"jq stable"}},
		{"q=jq&architecture=s390x", []string{"hello 2.0/stable"}},
		{"q=jq&channel=stable&category=development", []string{"jq stable"}},
		{"q=jq&channel=1.4/edge", []string{"jq 1.4/stable"}},
		{"q=jq&channel=9/edge&scope=wide&category=development", []string{"jq stable"}},
		{"q=jq&confinement=classic", []string{}},
		{"q=jq&confinement=strict,classic&category=development", []string{"jq stable"}},
		{"private=true", []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			r := call(t, h, "GET", "/v2/snaps/find?"+tt.query, "")
			if ct := r.Header.Get("Content-Type"); ct != "application/json" {
				t.Errorf("Content-Type = %q, want application/json exactly", ct)
			}
			if diff := cmp.Diff(tt.want, findNames(t, bodyOf(t, r))); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
		})
	}
	for _, query := range []string{"q=" + strings.Repeat("x", 300), "q=" + strings.Repeat("x+", 20), "channel=%2f"} {
		r := call(t, h, "GET", "/v2/snaps/find?"+query, "")
		checkError(t, r.Header.Get("Content-Type"), bodyOf(t, r), 400)
	}
	body := bodyOf(t, call(t, h, "GET", "/v2/snaps/find?q=hello&fields=title,version,media", ""))
	if !strings.Contains(body, `"revision":{"channel":"2.0/stable","version":"2.0"},"snap":{"media":[{"height":null,"type":"icon","url":"http://example.com/icons/`) {
		t.Errorf("find with fields: %s", body)
	}
}

// TestFindKeepsToItsChannel searches for a snap without a stable release.
func TestFindKeepsToItsChannel(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := benchCatalog(b, 1)
	c.Snaps[0].ChannelMap[0].Channel = "latest/beta"
	h := serve(t, b, c, server.Config{}).Handler()
	for query, want := range map[string][]string{"channel=stable": {}, "channel=beta": {"snap-0 beta"}, "channel=edge": {"snap-0 beta"}, "": {"snap-0 beta"}} {
		if diff := cmp.Diff(want, findNames(t, bodyOf(t, call(t, h, "GET", "/v2/snaps/find?"+query, "")))); diff != "" {
			t.Errorf("find %s (-want +got):\n%s", query, diff)
		}
	}
}

func TestFindIsBounded(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, benchCatalog(b, 600), server.Config{}).Handler()
	if names := findNames(t, bodyOf(t, call(t, h, "GET", "/v2/snaps/find?q=snap", ""))); len(names) != 250 {
		t.Errorf("%d results, want the 250 that the real store gives", len(names))
	}
	if names := findNames(t, bodyOf(t, call(t, h, "GET", "/v2/snaps/find?q=snap-17", ""))); names[0] != "snap-17 stable" {
		t.Errorf("first result = %q, want the exact name", names[0])
	}
}

func TestCatalogueLists(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	tests := []struct{ path, mediaType, want string }{
		{"/v2/snaps/categories", "application/json", `{"categories":[{"name":"featured"},{"name":"art"},{"name":"development"}]}`},
		{"/api/v1/snaps/sections", "application/hal+json", `{"_embedded":{"clickindex:sections":[{"name":"featured"},{"name":"art"},{"name":"development"}]}}`},
		{"/api/v1/snaps/names?confinement=classic", "application/hal+json", `{"_embedded":{"clickindex:package":[]}}`},
		{"/api/v1/snaps/purchases/orders", "application/json", `{"orders":[]}`},
	}
	for _, tt := range tests {
		r := call(t, h, "GET", tt.path, "")
		if body := bodyOf(t, r); body != tt.want || r.Header.Get("Content-Type") != tt.mediaType {
			t.Errorf("%s = %s of %s, want %s of %s", tt.path, body, r.Header.Get("Content-Type"), tt.want, tt.mediaType)
		}
	}
	for _, query := range []string{"", "?confinement=strict,classic"} {
		body := bodyOf(t, call(t, h, "GET", "/api/v1/snaps/names"+query, ""))
		if !strings.HasPrefix(body, `{"_embedded":{"clickindex:package":[{`) || strings.Count(body, `"package_name"`) != 3 ||
			!strings.Contains(body, `{"aliases":[],"apps":["jq"],"package_name":"jq","summary":"A JSON processor","title":"jq","version":"1.6"}`) {
			t.Errorf("names%s = %s", query, body)
		}
	}
}

func TestLegacyDetails(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	tests := []struct{ path, want string }{
		{"jq?channel=stable", "6 stable"}, {"jq?channel=edge", "7 candidate"}, {"jq?channel=1.4", "10 1.4/stable"}, {"jq", "6 stable"},
		{"jq?revision=5&channel=", "5 "}, {"jq?revision=5&channel=candidate", "404"}, {"jq?revision=5&channel=stable", "5 stable"}, {"jq?revision=99", "404"}, {"jq?revision=-1", "400"}, {"jq?channel=%2f", "400"},
		{"hello?channel=stable", "1 stable"}, {"hello?channel=2.0", "2 2.0/stable"}, {"none", "404"},
	}
	for _, tt := range tests {
		r := call(t, h, "GET", "/api/v1/snaps/details/"+tt.path, "", snap.HeaderArchitecture+": ", "X-Ubuntu-Architecture: amd64")
		if r.StatusCode != 200 {
			if body := bodyOf(t, r); fmt.Sprint(r.StatusCode) != tt.want {
				t.Errorf("%s = %d %s, want %s", tt.path, r.StatusCode, body, tt.want)
			}
			continue
		}
		got := decode[map[string]any](t, r, 200)
		if s := fmt.Sprint(got["revision"], " ", got["channel"]); s != tt.want {
			t.Errorf("%s = %s, want %s", tt.path, s, tt.want)
		}
	}
	got := decode[map[string]any](t, call(t, h, "GET", "http://s.example/api/v1/snaps/details/hello?channel=2.0/stable", ""), 200)
	url := "http://s.example/api/v1/snaps/download/" + helloID + "_2.snap"
	want := map[string]any{"anon_download_url": url, "download_url": url, "download_sha3_384": strings.Repeat("ab", 48), "binary_filesize": 8.0,
		"package_name": "hello", "snap_id": helloID, "epoch": "0", "content": "app", "origin": "jo-doe", "developer_id": "jo", "publisher": "Jo Doe",
		"title": "Hello World", "confinement": "strict", "prices": map[string]any{}, "version": "2.0", "deltas": []any{}}
	for k, v := range want {
		if diff := cmp.Diff(v, got[k]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", k, diff)
		}
	}
	if icon := got["icon_url"].(string); !strings.HasPrefix(icon, "http://s.example/icons/") {
		t.Errorf("icon_url = %q, want one of ours", icon)
	}
	maps, _ := json.Marshal(got["channel_maps_list"])
	if !strings.Contains(string(maps), `"track":"2.0"`) || !strings.Contains(string(maps), `"info":"specific"`) {
		t.Errorf("channel_maps_list = %s", maps)
	}
}

func TestLegacyMetadataAndSearch(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	body := `{"snaps":[{"snap_id":"` + jqID + `","channel":"candidate","revision":6,"epoch":"0","confinement":""},
		{"snap_id":"` + jqID + `","channel":"candidate","revision":6,"epoch":"0"},
		{"snap_id":"` + dataID + `","channel":"latest/stable","revision":1,"epoch":{"read":[0],"write":[0]}},
		{"snap_id":"` + strings.Repeat("x", 32) + `","channel":"stable","revision":1,"epoch":"0"},
		{"snap_id":"` + helloID + `","channel":"//","revision":1,"epoch":null}],"fields":["anon_download_url"]}`
	type answer struct {
		Embedded struct {
			Packages []struct {
				Name     string `json:"package_name"`
				Revision int
			} `json:"clickindex:package"`
		} `json:"_embedded"`
	}
	list := func(a answer) []string {
		out := []string{}
		for _, p := range a.Embedded.Packages {
			out = append(out, fmt.Sprint(p.Name, " ", p.Revision))
		}
		return out
	}
	r := call(t, h, "POST", "/api/v1/snaps/metadata", body)
	if ct := r.Header.Get("Content-Type"); ct != "application/hal+json" {
		t.Errorf("Content-Type = %q, want application/hal+json", ct)
	}
	if diff := cmp.Diff([]string{"jq 7", "data 3"}, list(decode[answer](t, r, 200))); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	for query, want := range map[string][]string{"q=json": {"jq 6"}, "name=hel": {"hello 2"}, "section=art": {"hello 2"}, "q=nothing": {}} {
		r := call(t, h, "GET", "/api/v1/snaps/search?"+query, "")
		if ct := r.Header.Get("Content-Type"); ct != "application/hal+json" {
			t.Errorf("Content-Type = %q, want application/hal+json", ct)
		}
		if diff := cmp.Diff(want, list(decode[answer](t, r, 200))); diff != "" {
			t.Errorf("search %s (-want +got):\n%s", query, diff)
		}
	}
}

package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/server"
)

// jujuInfoFields returns the fields that juju info asks for.
func jujuInfoFields() string {
	fields := []string{"result.categories.featured", "result.categories.name", "result.contains-charms.name", "result.contains-charms.package-id",
		"result.contains-charms.store-url", "result.description", "result.license", "result.publisher.display-name", "result.store-url", "result.summary"}
	for _, f := range []string{"download.size", "config-yaml", "metadata-yaml", "bundle-yaml", "bases.architecture", "bases.name", "bases.channel", "revision", "version"} {
		fields = append(fields, "default-release.revision."+f)
	}
	channel := []string{"name", "base.architecture", "base.name", "base.channel", "released-at", "risk", "track"}
	for _, f := range channel {
		fields = append(fields, "default-release.channel."+f)
	}
	for _, f := range []string{"download.size", "created-at", "bases.architecture", "bases.name", "bases.channel", "revision", "version"} {
		fields = append(fields, "channel-map.revision."+f)
	}
	for _, f := range channel {
		fields = append(fields, "channel-map.channel."+f)
	}
	return strings.Join(fields, ",")
}

func info(t *testing.T, c *catalog.Snapshot, b *blobs, query string) map[string]any {
	t.Helper()
	h := serve(t, b, c, server.Config{}).Handler()
	r := call(t, h, "GET", "http://store.example/v2/charms/info/"+query, "", "Content-Type: application/json")
	if ct := r.Header["Content-Type"]; len(ct) != 1 || ct[0] != "application/json" {
		t.Errorf("Content-Type = %q, want the bare one", ct)
	}
	return decode[map[string]any](t, r, 200)
}

// TestCharmInfoForJuju decodes the answer to juju info as Juju does.
func TestCharmInfoForJuju(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, charms(b), server.Config{}).Handler()
	type channel struct {
		Name, Track, Risk string
		ReleasedAt        string `json:"released-at"`
		Base              charm.Base
	}
	type revision struct {
		Revision     int
		Version      string
		CreatedAt    string `json:"created-at"`
		MetadataYAML string `json:"metadata-yaml"`
		ConfigYAML   string `json:"config-yaml"`
		BundleYAML   string `json:"bundle-yaml"`
		Download     map[string]int
		Bases        []map[string]string
	}
	type release struct {
		Channel  channel
		Revision revision
	}
	got := decode[struct {
		Type, ID, Name string
		Result         struct {
			Publisher  map[string]string
			Summary    string
			Categories []charm.Category
		}
		ChannelMap     []release `json:"channel-map"`
		DefaultRelease release   `json:"default-release"`
	}](t, call(t, h, "GET", "/v2/charms/info/postgresql?fields="+jujuInfoFields(), ""), 200)
	if got.Type != "charm" || got.ID != postgresqlID || got.Name != "postgresql" || got.Result.Publisher["display-name"] != "Canonical Data Platform" || len(got.Result.Publisher) != 1 ||
		got.Result.Summary != "A database" || len(got.Result.Categories) != 1 {
		t.Errorf("info = %+v", got)
	}
	d := got.DefaultRelease
	want := release{channel{"14/stable", "14", "stable", "2024-02-02T00:00:00+00:00", ubuntu("22.04", "arm64")}, revision{Revision: 337, Version: "14.9",
		MetadataYAML: postgresqlMetadata, ConfigYAML: d.Revision.ConfigYAML, BundleYAML: "{}\n", Download: map[string]int{"size": 10},
		Bases: []map[string]string{{"architecture": "arm64", "channel": "22.04", "name": "ubuntu"}}}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("default release (-want +got):\n%s", diff)
	}
	var rows []string
	for _, e := range got.ChannelMap {
		rows = append(rows, fmt.Sprintf("%s/%s %s %d", e.Channel.Track, e.Channel.Risk, e.Channel.Base, e.Revision.Revision))
		if e.Revision.MetadataYAML != "" || e.Revision.CreatedAt == "" || e.Revision.Download["size"] == 0 {
			t.Errorf("entry %+v, want a size and a time, and no files", e)
		}
	}
	if diff := cmp.Diff([]string{"14/stable ubuntu@22.04 amd64 336", "14/stable ubuntu@22.04 arm64 337", "14/candidate ubuntu@24.04 amd64 363", "14/candidate ubuntu@22.04 amd64 363",
		"16/edge ubuntu@24.04 amd64 500", "16/edge ubuntu@22.04 amd64 500", "16/edge ubuntu@24.10 amd64 500"}, rows); diff != "" {
		t.Errorf("channel map (-want +got):\n%s", diff)
	}
}

func TestCharmInfoFields(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	const always = "id name type"
	for _, tt := range []struct{ query, want string }{
		{"postgresql", always},
		{"postgresql?fields=", always},
		{"postgresql?fields=no.such,channel-map.revision.no-such,default-release.revision.version.no-such", "channel-map:[{revision:{}}] default-release:{revision:{version}} " + always},
		{"postgresql?fields=default-release.revision.subordinate", "default-release:{revision:{subordinate}} " + always},
		{"postgresql?fields=result.publisher,result.publisher.username", "id name result:{publisher:{display-name id username validation}} type"},
		{"postgresql?fields=channel-map.channel.track", "channel-map:[{channel:{track}}] " + always},
		{"postgresql?fields=channel-map.revision", "channel-map:[{revision:{bases:[{architecture channel name}] created-at download:{hash-sha-256 size url} revision subordinate version}}] " + always},
		{"postgresql?fields=default-release.resources.name", "default-release:{resources:[{name}]} " + always},
		{"postgresql?fields=default-release.channel,type", "default-release:{channel:{base:{architecture channel name} name released-at risk track}} " + always},
		{"postgresql?fields=default-release.revision", "default-release:{revision:{actions-yaml bases:[{architecture channel name}] bundle-yaml config-yaml created-at download:{hash-sha-256 size url} " +
			"metadata-yaml revision subordinate version}} " + always},
		{"cos-lite?fields=channel-map.channel.base,channel-map.revision.bases,default-release.revision.bundle-yaml,result.contains-charms.name",
			"channel-map:[{channel:{base} revision:{bases:[]}}] default-release:{revision:{bundle-yaml}} id name result:{contains-charms:[{name}]} type"},
	} {
		if got := shape(info(t, charms(b), b, tt.query)); got != "{"+tt.want+"}" {
			t.Errorf("%s: %s, want {%s}", tt.query, got, tt.want)
		}
	}
	h := serve(t, b, charms(b), server.Config{}).Handler()
	for path, status := range map[string]int{"no-such": 404, "no-such?fields=channel-map": 404, "..%2fx": 404, "postgresql?channel=a/b/c/d": 400, "postgresql?channel=99/stable": 404,
		"postgresql?fields=" + strings.Repeat("a,", 400): 400, "postgresql?fields=" + strings.Repeat("a.", 400): 400} {
		r := call(t, h, "GET", "/v2/charms/info/"+path, "")
		checkError(t, r.Header.Get("Content-Type"), bodyOf(t, r), status)
	}
}

// shape lists the names in a JSON value. If the value is a list, it lists the names in the first element.
func shape(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var out []string
		for name, member := range v {
			if s := shape(member); s != "" {
				name += ":" + s
			}
			out = append(out, name)
		}
		slices.Sort(out)
		return "{" + strings.Join(out, " ") + "}"
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		return "[" + shape(v[0]) + "]"
	}
	return ""
}

// TestCharmInfoChannel checks the default release, from which clients learn the default track.
func TestCharmInfoChannel(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	other := charms(b)
	other.Charms[1].DefaultTrack = "17"
	// Files of the original store-admin may name no default track. If all channels are in one track, that is the default.
	unknown, several := charms(b), charms(b)
	unknown.Charms[1].DefaultTrack, several.Charms[1].DefaultTrack = "", ""
	unknown.Charms[1].ChannelMap = slices.DeleteFunc(unknown.Charms[1].ChannelMap, func(r charm.Release) bool { return !strings.HasPrefix(r.Channel, "14/") })
	for _, tt := range []struct {
		c           *catalog.Snapshot
		query, want string
	}{
		{charms(b), "postgresql?", "14/stable 337"},
		{charms(b), "postgresql?channel=edge&", "14/candidate 363"},
		{charms(b), "postgresql?channel=16/edge&", "16/edge 500"},
		{charms(b), "postgresql?channel=16/edge/fix-1&", "16/edge 501"},
		{charms(b), "cos-lite?", "latest/stable 11"},
		// The default track is empty here: another release is shown, from the newest track.
		{other, "postgresql?", "16/edge 500"},
		{unknown, "postgresql?channel=stable&", "14/stable 337"},
		{several, "postgresql?", "16/edge 500"},
	} {
		d, _ := info(t, tt.c, b, tt.query+"fields=default-release")["default-release"].(map[string]any)
		c, _ := d["channel"].(map[string]any)
		rev, _ := d["revision"].(map[string]any)
		if got := fmt.Sprintf("%v/%v %v", c["track"], c["risk"], rev["revision"]); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.query, got, tt.want)
		}
	}
	empty := charms(b)
	empty.Charms[0].ChannelMap = nil
	if got := info(t, empty, b, "tempo-k8s?fields=default-release,channel-map"); got["default-release"] != nil || shape(got["channel-map"]) != "[]" {
		t.Errorf("a charm in no channel: %v", got)
	}
}

func TestCharmFind(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, charms(b), server.Config{}).Handler()
	const all = "postgresql cos-lite tempo-k8s"
	for query, want := range map[string]string{
		"":      all,
		"q=":    all,
		"q=sql": "postgresql tempo-k8s", "q=database": "postgresql", "q=COS+lite": "cos-lite", "q=no-such": "", "q=postgresql+traces": "tempo-k8s",
		"type=bundle": "cos-lite", "type=charm": "postgresql tempo-k8s", "type=x": "",
		"category=featured": "postgresql", "category=databases": "postgresql", "category=x": "", "category=x,databases": "postgresql",
		"publisher=data-platform": "postgresql", "publisher=Canonical+Data+Platform": "postgresql", "publisher=x": "",
		"platforms=kubernetes": "tempo-k8s", "platforms=ubuntu": "postgresql tempo-k8s", "platforms=noble": "postgresql", "platforms=ubuntu@24.10": "postgresql",
		"platforms=arm64/ubuntu/jammy": "postgresql", "platforms=arm64/ubuntu/noble": "", "platforms=x": "",
		"relation-provides=postgresql_client": "postgresql", "relation-provides=pgsql": "postgresql", "relation-provides=old-db": "postgresql", "relation-provides=s3": "",
		"relation-requires=s3": "tempo-k8s", "relation-requires=tls-certificates,s3": "postgresql tempo-k8s",
		"channel=16/edge": "postgresql", "channel=stable": all, "channel=9/stable": "",
	} {
		got := decode[struct {
			Results []struct{ Type, ID, Name string }
		}](t, call(t, h, "GET", "/v2/charms/find?"+query, ""), 200)
		var names []string
		for _, r := range got.Results {
			names = append(names, r.Name)
			if r.ID == "" || r.Type == "" {
				t.Errorf("find %s: %+v, want type and id always", query, r)
			}
		}
		if s := strings.Join(names, " "); got.Results == nil || s != want {
			t.Errorf("find %s = %q, want %q", query, s, want)
		}
	}
	// The fields that Juju 2.9 and 3.x ask for.
	fields := "result.publisher.display-name,result.summary,result.store-url,default-release.revision.bases.architecture,default-release.revision.bases.name," +
		"default-release.revision.bases.channel,default-release.revision.version"
	got := decode[map[string][]any](t, call(t, h, "GET", "/v2/charms/find?q=database&fields="+url.QueryEscape(fields), ""), 200)
	const want = "[{default-release:{revision:{bases:[{architecture channel name}] version}} id name result:{publisher:{display-name} store-url summary} type}]"
	if s := shape(got["results"]); s != want {
		t.Errorf("find = %s, want %s", s, want)
	}
	got = decode[map[string][]any](t, call(t, h, "GET", "/v2/charms/find?q=database&fields=channel-map,default-release.revision", ""), 200)
	if s := shape(got["results"]); s != "[{default-release:{revision:{bases:[{architecture channel name}] created-at download:{hash-sha-256 size url} revision subordinate version}} id name type}]" {
		t.Errorf("find = %s, want neither files nor channels, of which a list would be too long", s)
	}
	for _, query := range []string{"channel=a/b/c/d", "q=" + strings.Repeat("x", 300), "publisher=" + strings.Repeat("x,", 300), "fields=" + strings.Repeat("x,", 400)} {
		r := call(t, h, "GET", "/v2/charms/find?"+query, "")
		checkError(t, r.Header.Get("Content-Type"), bodyOf(t, r), 400)
	}
}

// TestNothingFeatured tries the search of Juju 4.1, which asks for featured charms if its user gives no words.
func TestNothingFeatured(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := charms(b)
	c.Charms[1].Details.Categories = nil
	h := serve(t, b, c, server.Config{}).Handler()
	if got := decode[map[string][]any](t, call(t, h, "GET", "/v2/charms/find?category=featured", ""), 200); len(got["results"]) != 3 {
		t.Errorf("find = %v, want all that there is", got)
	}
}

// TestOddCharms checks that a fault in the catalogue costs only the faulty part.
func TestOddCharms(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := charms(b)
	tempo := &c.Charms[0]
	tempo.Revisions = append(tempo.Revisions, tempo.Revisions[0], catalog.CharmRevision{Revision: charm.Revision{Number: 12}})
	tempo.Resources = append(tempo.Resources, catalog.CharmResource{Resource: charm.Resource{Name: "big", Revision: 1, Download: charm.Download{Size: 3}}},
		catalog.CharmResource{Resource: charm.Resource{Name: "unhashed", Revision: 1, Download: charm.Download{Size: 3}}, Blob: b.put("abc")})
	tempo.ChannelMap = append(tempo.ChannelMap, tempo.ChannelMap[0], charmRelease(ubuntu("NA", "amd64"), "latest/stable", 10, ""), charmRelease(ubuntu("22.04", "all"), "latest/stable", 10, ""),
		charm.Release{Channel: "latest/stable", Revision: 10}, charmRelease(ubuntu("24.04", "amd64"), "latest/edge", 99, ""), charmRelease(ubuntu("24.04", "amd64"), "latest/stable", 10, "", charm.ResourceRef{Name: "big", Revision: 1}),
		charmRelease(ubuntu("24.04", "amd64"), "a/b/c/d", 10, ""))
	c.Charms = append(c.Charms, catalog.Charm{Name: "tempo-k8s", ID: "other", Type: charm.TypeCharm})
	var log bytes.Buffer
	h := serve(t, b, c, server.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}).Handler()
	for action, want := range map[string]string{
		`"channel":"stable","base":` + jammy: "10 latest/stable config:1,tempo-image:2",
		`"channel":"edge","base":` + noble:   "10 latest/stable",
		`"revision":12,"base":null`:          "revision-not-found ubuntu@24.04 amd64 stable, ubuntu@22.04 amd64 stable, ubuntu@22.04 amd64 edge",
	} {
		if got := juju(t, h, `{"context":[],"actions":[{"action":"install","instance-key":"k","name":"tempo-k8s",`+action+`}]}`)[0].text(); got != want {
			t.Errorf("%s: %q, want %q", action, got, want)
		}
	}
	for _, want := range []string{"revision 10 is there twice", "revision 12 has no archive", "resource big is left out", "resource unhashed is left out", "is there twice", "no concrete base",
		"revision 99 is not here", "revision 1 of resource big is not here", "other"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, log.String())
		}
	}
}

// TestCharmEndpointsWhileEmpty tries a store without charms, and one without a catalogue.
func TestCharmEndpointsWhileEmpty(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, &catalog.Snapshot{}, server.Config{}).Handler()
	if got := bodyOf(t, call(t, h, "GET", "/v2/charms/find", "")); got != `{"results":[]}` {
		t.Errorf("find = %s, want no results", got)
	}
	if r := call(t, h, "GET", "/v2/charms/refresh", ""); r.StatusCode != 405 || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("GET of refresh = %d %v", r.StatusCode, r.Header)
	}
	none := server.New(server.Config{}).Handler()
	for _, path := range []string{"GET /v2/charms/find", "GET /v2/charms/info/x", "POST /v2/charms/refresh", "GET /api/v1/charms/download/x"} {
		method, path, _ := strings.Cut(path, " ")
		if r := call(t, none, method, path, "{}"); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || !json.Valid([]byte(bodyOf(t, r))) {
			t.Errorf("%s without a catalogue = %d, want 503, which Juju tries again", path, r.StatusCode)
		}
	}
}

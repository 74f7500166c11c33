package upstream_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
	"offlinestore/upstream"
)

// charmInfo is an answer in which every nullable value is null.
const charmInfo = `{"type":"charm","id":"abc","name":"pg","result":{"publisher":null,"license":null,"website":null,"bugs-url":null,
"media":[{"height":null,"type":"icon","url":"https://x/i.png","width":null}],"categories":[],"links":{},"deployable-on":[],"summary":"s",
"unknown":[{"a":1}],"used-by":["x"],"unlisted":false},"channel-map":[{"channel":{"base":null,"name":"14/stable","released-at":"2024-08-07T10:21:41",
"risk":"stable","track":"14"},"revision":{"attributes":{},"bases":[null],"created-at":"2024-08-07T10:21:41.554301","download":{"size":5,"url":"https://x/y",
"hash-sha-256":"` + sum256 + `"},"revision":3,"version":"3","relations":null}}],"default-release":{"channel":{"base":{"architecture":"all",
"channel":"22.04","name":"ubuntu"},"name":"14/stable","released-at":"x","risk":"stable","track":"14"},"resources":[{"created-at":"2024-08-07T10:21:41.554301",
"description":"","download":{"hash-sha-384":"` + sum384 + `","size":0,"url":""},"filename":"","name":"image","revision":0,"type":"oci-image"}],
"revision":{"revision":3,"metadata-yaml":"name: pg\n","subordinate":false,"relations":{"provides":{"db":{"interface":"pg"}}}}}}`

const (
	sum256 = "ac92496149eaeb43481b0b753f3cb648fce9d144e1edd340ee10eda004dee91d"
	sum384 = "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b"
)

func TestCharmInfo(t *testing.T) {
	t.Parallel()
	var query string
	c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.Path + " " + r.URL.Query().Get("channel") + " " + r.Header.Get("Accept")
		io.WriteString(w, charmInfo)
	}), upstream.Config{})
	info, err := c.CharmInfo(t.Context(), "pg", "14/stable")
	if err != nil {
		t.Fatal(err)
	}
	if want := "/v2/charms/info/pg 14/stable application/json"; query != want {
		t.Errorf("asked for %q, want %q", query, want)
	}
	if info.ID != "abc" || info.ChannelMap[0].Revision.Number != 3 || info.DefaultRelease.Channel.Track != "14" || len(info.DefaultRelease.Resources) != 1 {
		t.Errorf("CharmInfo = %+v", info)
	}
}

func TestCharmInfoRefuses(t *testing.T) {
	t.Parallel()
	swap := func(old, new string) string { return strings.Replace(charmInfo, old, new, 1) }
	resource := `{"name":"a","type":"file","revision":0}`
	for name, tt := range map[string]struct{ body, want string }{
		"another charm":   {swap(`"name":"pg"`, `"name":"yq"`), `answered about "yq"`},
		"no id":           {swap(`"id":"abc"`, `"id":""`), `charm ID ""`},
		"id of a path":    {swap(`"id":"abc"`, `"id":"../x"`), `charm ID "../x"`},
		"type":            {swap(`"type":"charm"`, `"type":"snap"`), `the type "snap"`},
		"resource type":   {swap(`"type":"oci-image"`, `"type":"socks"`), `the type "socks"`},
		"resource name":   {swap(`"name":"image"`, `"name":"a/b"`), `resource name "a/b"`},
		"resource hash":   {swap(`"revision":0,"type":"oci`, `"revision":1,"type":"oci`), "no download URL"},
		"resource rev":    {swap(`"revision":0,"type":"oci`, `"revision":-1,"type":"oci`), "revision -1"},
		"twice":           {swap(`"resources":[`, `"resources":[`+resource+`,`+resource+`,`), "twice"},
		"no JSON":         {"hotel wifi", "decode the store's answer (text/plain)"},
		"trailing":        {charmInfo + "{}", "after top-level value"},
		"rows":            {`{"type":"charm","id":"abc","name":"pg","channel-map":[{}` + strings.Repeat(",{}", 50_000) + `]}`, "over the limit of 50000"},
		"lots of nothing": {swap(`"resources":[`, `"resources":[`+strings.Repeat(resource+",", 1000)), "over the limit of 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newClient(t, text(tt.body), upstream.Config{})
			if _, err := c.CharmInfo(t.Context(), "pg", ""); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("CharmInfo = %v, want %q", err, tt.want)
			}
		})
	}
	c, _ := newClient(t, text(charmInfo), upstream.Config{})
	for _, n := range []string{"", "..", "a/b", "a?b", "-a", strings.Repeat("a", 201)} {
		if _, err := c.CharmInfo(t.Context(), n, ""); err == nil || errors.Is(err, upstream.ErrNotFound) {
			t.Errorf("CharmInfo(%.20q) = %v", n, err)
		}
		if _, err := c.CharmResourceRevisions(t.Context(), "pg", n); err == nil {
			t.Errorf("CharmResourceRevisions(%.20q) succeeded", n)
		}
	}
}

// TestTooManyValues checks that an answer is not decoded if every few bytes of it would take hundreds.
func TestTooManyValues(t *testing.T) {
	t.Parallel()
	for _, list := range []string{strings.Repeat("{},", 1<<20), strings.Repeat("null,", 1<<20), `"\"",` + strings.Repeat("[],", 1<<20)} {
		c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"name":"pg","channel-map":[`+list+`{}]}`)
		}), upstream.Config{})
		if _, err := c.CharmInfo(t.Context(), "pg", ""); err == nil || !strings.Contains(err.Error(), "values, over the limit of") {
			t.Errorf("CharmInfo = %v, want the limit", err)
		}
	}
	c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Replace(charmInfo, `"summary":"s"`, `"summary":"`+strings.Repeat(`,[{\"`, 200_000)+`"`, 1))
	}), upstream.Config{})
	if _, err := c.CharmInfo(t.Context(), "pg", ""); err != nil {
		t.Errorf("CharmInfo with much text = %v", err)
	}
}

func TestCharmNotFound(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(404)
		io.WriteString(w, `{"error-list":[{"code":"name-not-found","message":"No charm or bundle with name 'pg'."}]}`)
	}), upstream.Config{})
	var nf *upstream.NotFoundError
	if _, err := c.CharmInfo(t.Context(), "pg", ""); !errors.As(err, &nf) || nf.Subject != "charm pg" || nf.Reason != "No charm or bundle with name 'pg'." {
		t.Errorf("CharmInfo with 404 = %v", err)
	}
	if _, err := c.CharmResourceRevisions(t.Context(), "pg", "image"); !errors.Is(err, upstream.ErrNotFound) {
		t.Errorf("CharmResourceRevisions with 404 = %v", err)
	}
	c, _ = newClient(t, text(`{"type":"charm","id":"abc","name":"pg","channel-map":[],"default-release":null}`), upstream.Config{})
	if _, err := c.CharmInfo(t.Context(), "pg", ""); !errors.As(err, &nf) || nf.Reason != "it has no releases" {
		t.Errorf("CharmInfo without releases = %v", err)
	}
}

func ptr[T any](v T) *T { return &v }

// echo answers refresh requests. change may alter each result before it is sent.
func echo(t *testing.T, requests *[]charm.RefreshRequest, change func(i int, r *charm.Result)) http.Handler {
	var mu sync.Mutex // several batches are sent at once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var q charm.RefreshRequest
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		*requests = append(*requests, q)
		resp := charm.RefreshResponse{}
		for i, a := range q.Actions {
			e := charm.Entity{ID: "abc", Name: "pg", Type: "charm", Revision: 7, Download: charm.Download{SHA256: sum256, Size: 3, URL: "https://x/y"}}
			res := charm.Result{Charm: &e, ID: "abc", Name: "pg", InstanceKey: a.InstanceKey, Result: a.Action, EffectiveChannel: "14/stable"}
			change(i, &res)
			resp.Results = append([]charm.Result{res}, resp.Results...) // backwards
		}
		json.NewEncoder(w).Encode(resp)
	})
}

func TestCharmRefreshBatches(t *testing.T) {
	t.Parallel()
	var requests []charm.RefreshRequest
	c, _ := newClient(t, echo(t, &requests, func(i int, r *charm.Result) {
		r.Charm.Version = requests[len(requests)-1].Actions[i].InstanceKey
		if i == 1 {
			*r = charm.Result{Error: &charm.Error{Code: "revision-not-found", Message: "no\x1b[31m"}, InstanceKey: r.InstanceKey, Result: "error"}
		}
	}), upstream.Config{})
	base := &charm.Base{Architecture: "amd64", Channel: "NA", Name: "NA"}
	actions := make([]charm.Action, 51)
	for i := range actions {
		actions[i] = charm.Action{Name: ptr("pg"), Channel: ptr("14/stable"), Base: base, InstanceKey: "ignored"}
	}
	actions[2] = charm.Action{Action: charm.ActionDownload, ID: ptr("abc"), Revision: ptr(7)}
	results, err := c.CharmRefresh(t.Context(), actions)
	if err != nil || len(results) != 51 || len(requests) != 2 {
		t.Fatalf("CharmRefresh = %d results in %d requests, %v", len(results), len(requests), err)
	}
	slices.SortFunc(requests, func(a, b charm.RefreshRequest) int { return len(b.Actions) - len(a.Actions) })
	if e := results[1].Error; e == nil || e.Message != "no [31m" {
		t.Errorf("error %+v, want one fit for a terminal", e)
	}
	if results[2].Result != "download" || results[3].Charm.Version != requests[0].Actions[3].InstanceKey {
		t.Errorf("results are out of order")
	}
	if diff := cmp.Diff([]charm.Context{}, requests[0].Context); diff != "" {
		t.Errorf("context (-want +got):\n%s", diff)
	}
	if actions[0].InstanceKey != "ignored" {
		t.Error("CharmRefresh changed the caller's actions")
	}
	if _, err := c.CharmRefresh(t.Context(), []charm.Action{{Action: charm.ActionRefresh, ID: ptr("abc")}}); err == nil {
		t.Error("CharmRefresh took a refresh without a context")
	}
	if got, err := c.CharmRefresh(t.Context(), nil); len(got) != 0 || err != nil || len(requests) != 2 {
		t.Errorf("CharmRefresh of nothing = %v, %v", got, err)
	}
}

func TestCharmRefreshRefuses(t *testing.T) {
	t.Parallel()
	resource := charm.Resource{Name: "image", Type: "oci-image", Revision: 4, Download: charm.Download{SHA384: sum384, Size: 1, URL: "https://x/z"}}
	for name, tt := range map[string]struct {
		want   string
		change func(r *charm.Result)
	}{
		"key":               {"not asked, or twice", func(r *charm.Result) { r.InstanceKey = "other" }},
		"no key":            {"not asked, or twice", func(r *charm.Result) { r.InstanceKey = "" }},
		"verb":              {`answered "install" to "download"`, func(r *charm.Result) { r.Result = "install" }},
		"no charm":          {"without a charm", func(r *charm.Result) { r.Charm = nil }},
		"error without one": {"without saying which", func(r *charm.Result) { r.Result = "error" }},
		"another name":      {`answered about "yq"`, func(r *charm.Result) { r.Name, r.Charm.Name = "yq", "yq" }},
		"two names":         {`both "yq" and "pg"`, func(r *charm.Result) { r.Name = "yq" }},
		"two ids":           {"both", func(r *charm.Result) { r.ID = "yq" }},
		"bad id":            {`charm ID "a b"`, func(r *charm.Result) { r.ID, r.Charm.ID = "a b", "a b" }},
		"another revision":  {"revision 8", func(r *charm.Result) { r.Charm.Revision = 8 }},
		"type":              {`type "snap"`, func(r *charm.Result) { r.Charm.Type = "snap" }},
		"hash":              {"hash-sha-256 is none", func(r *charm.Result) { r.Charm.Download.SHA256 = sum384 }},
		"no hash":           {"neither", func(r *charm.Result) { r.Charm.Download.SHA256 = "" }},
		"size":              {"the size -1", func(r *charm.Result) { r.Charm.Download.Size = -1 }},
		"url":               {"no download URL", func(r *charm.Result) { r.Charm.Download.URL = "" }},
		"resource":          {"without revision 4 of the resource image", func(r *charm.Result) { r.Charm.Resources = nil }},
		"resource revision": {"without revision 4 of the resource image", func(r *charm.Result) { r.Charm.Resources[0].Revision = 5 }},
		"resource hash":     {"resource image: revision 4: the store's hash-sha-384 is none", func(r *charm.Result) { r.Charm.Resources[0].Download.SHA384 = "x" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests []charm.RefreshRequest
			c, _ := newClient(t, echo(t, &requests, func(_ int, r *charm.Result) {
				r.Charm.Resources = []charm.Resource{resource}
				tt.change(r)
			}), upstream.Config{})
			a := charm.Action{Action: "download", Name: ptr("pg"), Revision: ptr(7), ResourceRevisions: []charm.ResourceRef{{Name: "image", Revision: 4}}}
			if _, err := c.CharmRefresh(t.Context(), []charm.Action{a}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("CharmRefresh = %v, want %q", err, tt.want)
			}
		})
	}
	c, _ := newClient(t, text(`{"results":[],"error-list":[{"code":"api-error","message":"no"}]}`), upstream.Config{})
	if _, err := c.CharmRefresh(t.Context(), []charm.Action{{Name: ptr("pg"), Revision: ptr(1)}}); err == nil || !strings.Contains(err.Error(), "charm pg revision 1: the store did not answer it: no (api-error)") {
		t.Errorf("CharmRefresh without an answer = %v", err)
	}
}

func TestCharmResourceRevisions(t *testing.T) {
	t.Parallel()
	entry := func(name, rev string) string {
		return `{"name":"` + name + `","type":"file","revision":` + rev + `,"created-at":"2024-08-07T10:21:41.554301","download":{"hash-sha-256":"` + sum256 + `","size":3,"url":"https://x"}}`
	}
	c, _ := newClient(t, text(`{"revisions":[`+entry("data", "1")+`,`+entry("data", "3")+`,`+entry("data", "2")+`]}`), upstream.Config{})
	got, err := c.CharmResourceRevisions(t.Context(), "pg", "data")
	if err != nil || len(got) != 3 || got[0].Revision != 3 || got[2].Revision != 1 {
		t.Errorf("CharmResourceRevisions = %v, %v, want the newest first", got, err)
	}
	for body, want := range map[string]string{
		`{"revisions":[` + entry("other", "1") + `]}`:                           `about "other"`,
		`{"revisions":[` + entry("data", "1") + `,` + entry("data", "1") + `]}`: "revision 1 twice",
		`{"revisions":[` + entry("data", "-1") + `]}`:                           "revision -1",
	} {
		c, _ := newClient(t, text(body), upstream.Config{})
		if _, err := c.CharmResourceRevisions(t.Context(), "pg", "data"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CharmResourceRevisions = %v, want %q", err, want)
		}
	}
}

package upstreamtest_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
	"offlinestore/internal/upstreamtest"
	"offlinestore/upstream"
)

// charmhub serves a store that fill has filled, and returns a client of it.
func charmhub(t *testing.T, fill func(s *upstreamtest.Store) error) (*upstreamtest.Store, *upstream.Client) {
	t.Helper()
	s, err := upstreamtest.New(upstreamtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := fill(s); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	c, err := upstream.New(upstream.Config{Origin: server.URL, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// sample adds a charm with two bases on track 14, a closed channel and two resources, and a bundle of it.
func sample(s *upstreamtest.Store) error {
	jammy, noble, arm := upstreamtest.Ubuntu("22.04", "amd64"), upstreamtest.Ubuntu("24.04", "amd64"), upstreamtest.Ubuntu("22.04", "arm64")
	f := &filler{s: s}
	f.do(s.AddCharm(upstreamtest.Charm{Name: "pg", DefaultTrack: "14", Publisher: upstreamtest.Publisher{ID: upstreamtest.ID("dp"), Username: "dp", DisplayName: "Data", Validation: "verified"}}))
	f.do(s.AddCharmRevision("pg", upstreamtest.CharmRev{Revision: 20, CharmFiles: upstreamtest.CharmFiles{Bases: []upstreamtest.Base{jammy, arm, noble}}}))
	f.do(s.AddCharmRevision("pg", upstreamtest.CharmRev{Revision: 21, CharmFiles: upstreamtest.CharmFiles{Bases: []upstreamtest.Base{jammy}}}))
	f.do(s.AddCharmResource("pg", upstreamtest.CharmResource{Name: "image", Revision: 3, Image: &upstreamtest.ImageBlob{Ref: "registry.example/charm/x/image@sha256:00", Username: "u", Password: "p"}}))
	f.do(s.AddCharmResource("pg", upstreamtest.CharmResource{Name: "image", Revision: 4, Image: &upstreamtest.ImageBlob{Ref: "registry.example/charm/x/image@sha256:01", Username: "u", Password: "p"}}))
	f.do(s.AddCharmResource("pg", upstreamtest.CharmResource{Name: "extra", Filename: "extra.tar"}))
	with := map[string]int{"image": 3, "extra": 0}
	f.do(s.ReleaseCharm("pg", "14/stable", upstreamtest.Base{}, 20, with))
	f.do(s.ReleaseCharm("pg", "14/edge", jammy, 21, with))
	f.do(s.AddCharm(upstreamtest.Charm{Name: "stack", Type: "bundle", Contains: []string{"pg"}}))
	f.do(s.AddCharmRevision("stack", upstreamtest.CharmRev{Revision: 1}))
	f.do(s.ReleaseCharm("stack", "stable", upstreamtest.Base{}, 1, nil))
	return f.err
}

type filler struct {
	s   *upstreamtest.Store
	err error
}

func (f *filler) do(err error) {
	if f.err == nil {
		f.err = err
	}
}

func ptr[T any](v T) *T { return &v }

func TestCharmRefresh(t *testing.T) {
	t.Parallel()
	_, c := charmhub(t, sample)
	na := &charm.Base{Architecture: "amd64", Name: "NA", Channel: "NA"}
	base := func(v, arch string) *charm.Base { return &charm.Base{Architecture: arch, Name: "ubuntu", Channel: v} }
	type got struct {
		Error, Channel string
		Revision       int
		Resources      []charm.ResourceRef
		Bases          []charm.Base
	}
	both := []charm.ResourceRef{{Name: "extra"}, {Name: "image", Revision: 3}}
	tests := []struct {
		name   string
		action charm.Action
		want   got
	}{
		{"channel", charm.Action{Name: ptr("pg"), Channel: ptr("14/stable"), Base: base("22.04", "amd64")}, got{Channel: "14/stable", Revision: 20, Resources: both}},
		{"risk only", charm.Action{Name: ptr("pg"), Channel: ptr("stable"), Base: base("22.04", "amd64")}, got{Channel: "14/stable", Revision: 20, Resources: both}},
		{"edge", charm.Action{ID: ptr(upstreamtest.ID("charm pg")), Channel: ptr("14/edge"), Base: base("22.04", "amd64")}, got{Channel: "14/edge", Revision: 21, Resources: both}},
		{"edge falls back", charm.Action{Name: ptr("pg"), Channel: ptr("edge"), Base: base("24.04", "amd64")}, got{Channel: "14/stable", Revision: 20, Resources: both}},
		{"no base", charm.Action{Name: ptr("pg"), Channel: ptr("stable"), Base: na}, got{Error: "invalid-charm-base", Bases: []charm.Base{*base("24.04", "amd64"), *base("22.04", "amd64")}}},
		{"no base, no channel", charm.Action{Name: ptr("pg"), Channel: ptr("latest/stable"), Base: na}, got{Error: "revision-not-found"}},
		{"wrong base", charm.Action{Name: ptr("pg"), Channel: ptr("stable"), Base: base("20.04", "amd64")}, got{Error: "revision-not-found"}},
		{"base missing", charm.Action{Name: ptr("pg"), Channel: ptr("stable")}, got{Error: "missing-charm-base"}},
		{"revision", charm.Action{Name: ptr("pg"), Revision: ptr(20)}, got{Revision: 20}},
		{"revision and channel", charm.Action{Name: ptr("pg"), Revision: ptr(20), Channel: ptr("14/stable")}, got{Channel: "14/stable", Revision: 20, Resources: both}},
		{"resource revisions", charm.Action{Action: "download", Name: ptr("pg"), Revision: ptr(20), ResourceRevisions: []charm.ResourceRef{{Name: "image", Revision: 4}}}, got{Revision: 20, Resources: []charm.ResourceRef{{Name: "image", Revision: 4}}}},
		{"no such resource", charm.Action{Name: ptr("pg"), Revision: ptr(20), ResourceRevisions: []charm.ResourceRef{{Name: "image", Revision: 9}}}, got{Error: "charm-resource-not-found"}},
		{"no such name", charm.Action{Name: ptr("nope"), Channel: ptr("stable"), Base: na}, got{Error: "name-not-found"}},
		{"no such ID", charm.Action{ID: ptr("nope"), Channel: ptr("stable"), Base: na}, got{Error: "id-not-found"}},
		{"bundle", charm.Action{Name: ptr("stack"), Channel: ptr("stable"), Base: na}, got{Channel: "stable", Revision: 1}},
	}
	actions := []charm.Action{}
	for _, tt := range tests {
		actions = append(actions, tt.action)
	}
	results, err := c.CharmRefresh(t.Context(), actions)
	if err != nil {
		t.Fatal(err)
	}
	for i, tt := range tests {
		r := results[i]
		g := got{Channel: r.EffectiveChannel}
		if r.Error != nil {
			g.Error = r.Error.Code
			if r.Error.Extra != nil {
				g.Bases = r.Error.Extra.DefaultBases
			}
			if g.Error == "revision-not-found" && len(r.Error.Extra.Releases) != 4 {
				t.Errorf("%s: releases %v, want all four", tt.name, r.Error.Extra.Releases)
			}
		} else {
			g.Revision = r.Charm.Revision
			for _, res := range r.Charm.Resources {
				g.Resources = append(g.Resources, charm.ResourceRef{Name: res.Name, Revision: res.Revision})
			}
			if r.Charm.MetadataYAML == "" {
				t.Errorf("%s: no metadata.yaml", tt.name)
			}
		}
		if diff := cmp.Diff(tt.want, g); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestCharmInfoOfChannels(t *testing.T) {
	t.Parallel()
	s, c := charmhub(t, sample)
	all, err := c.CharmInfo(t.Context(), "pg", "")
	if err != nil || len(all.ChannelMap) != 4 || all.DefaultRelease.Channel.Name != "14/stable" || all.DefaultRelease.Channel.Base.Channel != "24.04" {
		t.Fatalf("CharmInfo = %+v, %v", all, err)
	}
	edge, err := c.CharmInfo(t.Context(), "pg", "edge")
	if err != nil || len(edge.ChannelMap) != 1 || edge.DefaultRelease.Revision.Number != 21 || edge.DefaultRelease.Revision.MetadataYAML == "" {
		t.Errorf("CharmInfo of edge = %+v, %v", edge, err)
	}
	if err := s.CloseCharm("pg", "14/edge", upstreamtest.Base{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CharmInfo(t.Context(), "pg", "edge"); !errors.Is(err, upstream.ErrNotFound) {
		t.Errorf("CharmInfo of a closed channel = %v, want ErrNotFound", err)
	}
	action := charm.Action{Name: ptr("pg"), Channel: ptr("14/edge"), Base: &charm.Base{Architecture: "amd64", Name: "ubuntu", Channel: "22.04"}}
	results, err := c.CharmRefresh(t.Context(), []charm.Action{action})
	if err != nil || results[0].Charm.Revision != 20 || results[0].EffectiveChannel != "14/stable" {
		t.Errorf("CharmRefresh of a closed channel = %+v, %v, want what is in stable", results, err)
	}
	s.AnnounceCharm("pg", 20, strings.Repeat("0", 64), 7)
	s.AnnounceCharmResource("pg", "image", 3, "", strings.Repeat("1", 96), 0)
	results, err = c.CharmRefresh(t.Context(), []charm.Action{action})
	if err != nil {
		t.Fatal(err)
	}
	e := results[0].Charm
	if e.Download.SHA256 != strings.Repeat("0", 64) || e.Download.Size != 7 || e.Resources[1].Download.SHA384 != strings.Repeat("1", 96) {
		t.Errorf("announced %+v", e)
	}
}

func TestCharmhubRefusesUnknownFields(t *testing.T) {
	t.Parallel()
	s, _ := charmhub(t, sample)
	h := s.Handler()
	for path, want := range map[string]int{
		"/v2/charms/info/pg?fields=result.summary,default-release.revision.bases.name": 200,
		"/v2/charms/info/pg?fields=result.sumary":                                      400,
		"/v2/charms/info/pg?channel=a/b/c/d":                                           400,
		"/v2/charms/info/nope":                                                         404,
		"/v2/charms/find?q=pg&fields=result.summary":                                   200,
		"/v2/charms/resources/pg/nope/revisions":                                       404,
		"/api/v1/charms/download/nope_1.charm":                                         404,
		"/charm-origin/" + upstreamtest.ID("charm pg") + "_20.charm":                   403,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("GET %s = %d %s, want %d", path, w.Code, w.Body, want)
		}
		if strings.HasPrefix(path, "/v2/charms/info/pg?fields=result.summary") && w.Body.String() !=
			`{"default-release":{"revision":{"bases":[{"name":"ubuntu"},{"name":"ubuntu"},{"name":"ubuntu"}]}},"id":"`+upstreamtest.ID("charm pg")+
				`","name":"pg","result":{"summary":"The pg charm of the simulated store"},"type":"charm"}`+"\n" {
			t.Errorf("GET %s = %s, want no more than was asked for", path, w.Body)
		}
	}
}

package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
	"offlinestore/server"
)

const (
	noBase   = `{"architecture":"amd64","name":"NA","channel":"NA"}`
	jammy    = `{"architecture":"amd64","name":"ubuntu","channel":"22.04"}`
	noble    = `{"architecture":"amd64","name":"ubuntu","channel":"24.04"}`
	jammyARM = `{"architecture":"arm64","name":"ubuntu","channel":"22.04"}`
)

// TestCharmRefresh tries the forms of Juju's requests, one by one.
func TestCharmRefresh(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, charms(b), server.Config{}).Handler()
	for _, tt := range charmActions() {
		t.Run(tt.name, func(t *testing.T) {
			body := fmt.Sprintf(`{"context":[%s],"actions":[{"instance-key":"k",%s}],"fields":["bases","download","name"]}`, tt.context, tt.action)
			got := juju(t, h, body)[0]
			if text := got.text(); text != tt.want {
				t.Errorf("result = %q, want %q", text, tt.want)
			}
		})
	}
}

type charmAction struct{ name, context, action, want string }

// charmContext returns the context that a model sends for its postgresql.
func charmContext(revision int, base, channel string) string {
	return fmt.Sprintf(`{"instance-key":"k","id":%q,"revision":%d,"base":%s,"tracking-channel":%q,"refresh-date":"2024-01-01T00:00:00Z","metrics":{"relations":"db"}}`,
		postgresqlID, revision, base, channel)
}

func charmActions() []charmAction {
	const (
		install  = `"action":"install","name":"postgresql"`
		released = " notes:0,snap:5"
		stable   = "336 14/stable" + released
		// The releases for amd64 and then for others, after a request for stable without a track.
		missing = "revision-not-found ubuntu@22.04 amd64 stable, ubuntu@24.04 amd64 candidate, ubuntu@24.04 amd64 16/edge, " +
			"ubuntu@22.04 amd64 candidate, ubuntu@22.04 amd64 16/edge, ubuntu@22.04 amd64 16/edge/fix-1, ubuntu@24.10 amd64 16/edge, ubuntu@22.04 arm64 stable"
	)
	byID := fmt.Sprintf(`"action":"download","id":%q`, postgresqlID)
	refresh := fmt.Sprintf(`"action":"refresh","id":%q,"base":null`, postgresqlID)
	return []charmAction{
		{"by channel", "", install + `,"channel":"14/stable","base":` + jammy, stable},
		{"risk only is the default track", "", install + `,"channel":"stable","base":` + jammy, stable},
		{"base with a risk", "", install + `,"channel":"stable","base":` + strings.Replace(jammy, "22.04", "22.04/stable", 1), stable},
		{"track only", "", install + `,"channel":"14","base":` + jammy, stable},
		{"other architecture", "", install + `,"channel":"stable","base":` + jammyARM, "337 14/stable" + released},
		{"other track", "", install + `,"channel":"16/edge","base":` + noble, "500 16/edge"},
		{"branch", "", install + `,"channel":"16/edge/fix-1","base":` + jammy, "501 16/edge/fix-1"},
		{"branch without a row falls back to its risk", "", install + `,"channel":"16/edge/fix-1","base":` + noble, "500 16/edge"},
		{"closed channel falls back", "", install + `,"channel":"14/edge","base":` + jammy, "363 14/candidate" + released},
		{"never within another track", "", install + `,"channel":"latest/stable","base":` + jammy, "revision-not-found ubuntu@24.04 amd64 14/candidate, ubuntu@24.04 amd64 16/edge, " +
			"ubuntu@22.04 amd64 14/stable, ubuntu@22.04 amd64 14/candidate, ubuntu@22.04 amd64 16/edge, ubuntu@22.04 amd64 16/edge/fix-1, ubuntu@24.10 amd64 16/edge, ubuntu@22.04 arm64 14/stable"},
		{"no base known", "", install + `,"channel":"candidate","base":` + noBase, "invalid-charm-base ubuntu@24.04 amd64, ubuntu@22.04 amd64"},
		{"no base known, long term first", "", install + `,"channel":"16/edge","base":` + noBase, "invalid-charm-base ubuntu@24.04 amd64, ubuntu@22.04 amd64, ubuntu@24.10 amd64"},
		{"no base known, other architecture", "", install + `,"channel":"stable","base":` + strings.Replace(noBase, "amd64", "arm64", 1), "invalid-charm-base ubuntu@22.04 arm64"},
		{"no base known and nothing for the architecture", "", `"action":"install","name":"tempo-k8s","channel":"stable","base":` + strings.Replace(noBase, "amd64", "s390x", 1),
			"revision-not-found ubuntu@22.04 amd64 stable, ubuntu@22.04 amd64 edge"},
		{"wrong base", "", install + `,"channel":"stable","base":` + noble, missing},
		{"by revision", "", install + `,"revision":336,"base":null`, stable},
		{"by an older revision", "", install + `,"revision":300,"base":null`, "300 14/stable snap:4"},
		{"by revision with an unknown base", "", install + `,"revision":336,"base":` + noBase, stable},
		{"by revision and channel", "", install + `,"revision":363,"channel":"candidate","base":` + jammy, "363 14/candidate" + released},
		{"by revision and a channel that never had it", "", install + `,"revision":500,"channel":"14/stable","base":` + jammy, "500 14/stable"},
		{"by a revision that is not here", "", install + `,"revision":1,"channel":"candidate","base":` + jammyARM, "revision-not-found ubuntu@22.04 arm64 candidate, " +
			"ubuntu@22.04 arm64 stable, ubuntu@24.04 amd64 candidate, ubuntu@22.04 amd64 candidate, ubuntu@24.04 amd64 16/edge, ubuntu@22.04 amd64 stable, ubuntu@22.04 amd64 16/edge, ubuntu@22.04 amd64 16/edge/fix-1, ubuntu@24.10 amd64 16/edge"},
		{"a model's charm", charmContext(300, jammy, "14/stable"), refresh, stable},
		{"a model's charm that is current", charmContext(336, jammy, "14/stable"), refresh, stable},
		{"a model's charm of unknown revision", charmContext(-1, jammy, "14/edge"), refresh, "363 14/candidate" + released},
		{"a model's charm without a channel", fmt.Sprintf(`{"instance-key":"k","id":%q,"revision":1,"base":%s}`, postgresqlID, jammy), refresh, stable},
		{"a model's charm to another channel", charmContext(336, jammy, "14/stable"), refresh + `,"channel":"16/edge"`, "500 16/edge"},
		{"a charm that the context does not have", "", refresh, "missing-charm-base"},
		{"resources of a channel", "", `"action":"download","name":"postgresql","channel":"stable","base":` + jammy, stable},
		{"resources by id", "", byID + `,"channel":"stable","base":` + jammy, stable},
		{"resources of a revision in a channel", "", byID + `,"channel":"stable","revision":336,"base":` + jammy, stable},
		{"one resource", "", byID + `,"revision":336,"base":null,"resource-revisions":[{"name":"snap","revision":4}]`, "336 14/stable notes:0,snap:4"},
		{"a resource of another revision", "", byID + `,"revision":500,"base":null,"resource-revisions":[{"name":"snap","revision":6},{"name":"snap","revision":6}]`, "500 16/edge snap:6"},
		{"two revisions of a resource", "", byID + `,"channel":"stable","base":` + jammy + `,"resource-revisions":[{"name":"snap","revision":6},{"name":"snap","revision":4}]`, "336 14/stable notes:0,snap:6,snap:4"},
		{"a resource that is not here", "", byID + `,"revision":336,"base":null,"resource-revisions":[{"name":"snap","revision":9}]`, "charm-resource-not-found"},
		{"a bundle, as if it were a charm", "", `"action":"install","name":"cos-lite","channel":"stable","base":` + noBase, "11 latest/stable"},
		{"a bundle for a base", "", `"action":"install","name":"cos-lite","channel":"latest/edge","base":` + jammy, "11 latest/stable"},
		{"a bundle by revision", "", `"action":"install","name":"cos-lite","revision":11,"base":null`, "11 latest/stable"},
		{"a bundle of another track", "", `"action":"install","name":"cos-lite","channel":"2/stable","base":` + noBase, "revision-not-found latest/stable"},
		{"unknown name", "", `"action":"install","name":"no-such","channel":"stable","base":` + jammy, "name-not-found"},
		{"unknown id", "", `"action":"refresh","id":"nosuch","base":null`, "id-not-found"},
		{"no name", "", `"action":"install","channel":"stable","base":` + jammy, "bad-argument"},
		{"no base", "", install + `,"channel":"stable","base":null`, "missing-charm-base"},
		{"no channel", "", install + `,"base":` + jammy, stable},
		{"invalid channel", "", install + `,"channel":"a/b/c/d","base":` + jammy, "invalid-channel"},
		{"unknown action", "", `"action":"obliterate","name":"postgresql","base":null`, "bad-argument"},
	}
}

func TestCharmRefreshBatch(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, charms(b), server.Config{}).Handler()
	if got := juju(t, h, `{"context":[],"actions":[],"metrics":{"controller":{"uuid":"u"},"model":{"cloud":"x"}}}`); len(got) != 0 {
		t.Errorf("metrics alone got %v, want an empty list of results", got)
	}
	body := `{"context":[{"instance-key":"a","id":"` + postgresqlID + `","revision":300,"base":` + jammy + `,"tracking-channel":"14/stable"},
		{"instance-key":"b","id":"gone","revision":7,"base":` + jammy + `,"tracking-channel":"stable"},
		{"instance-key":"c","id":"` + tempoID + `","revision":10,"base":` + jammy + `,"tracking-channel":"latest/edge"}],
		"actions":[{"action":"refresh","instance-key":"a","id":"` + postgresqlID + `","base":null},{"action":"refresh","instance-key":"b","id":"gone","base":null},
		{"action":"refresh","instance-key":"c","id":"` + tempoID + `","base":null},{"action":"refresh","instance-key":"c","id":"` + tempoID + `","base":null}],"unknown":{}}`
	var got []string
	for _, r := range juju(t, h, body) {
		got = append(got, r.text())
	}
	want := []string{"336 14/stable notes:0,snap:5", "id-not-found", "10 latest/edge config:1,tempo-image:2", "instance-key-not-unique"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

// TestCharmEntity compares the members that Juju reads of a charm with the catalogue.
func TestCharmEntity(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	s := serve(t, b, charms(b), server.Config{})
	s.SetSettings(server.Settings{Domain: "hub.example"})
	h := s.Handler()
	got := juju(t, h, `{"context":[],"actions":[{"action":"install","instance-key":"k","name":"postgresql","channel":"stable","base":`+jammy+`}]}`)[0]
	e := got.Entity
	base := ubuntu("22.04", "amd64")
	want := strictEntity{Type: "charm", ID: postgresqlID, Name: "postgresql", Revision: 336, Version: "14.9", CreatedAt: e.CreatedAt, License: "Apache-2.0", Summary: "A database",
		Publisher: map[string]string{"display-name": "Canonical Data Platform", "id": "dplat", "username": "data-platform", "validation": "verified"},
		Bases:     []*charm.Base{&base}, Download: strictDownload{SHA256: b.put("charm 14.9").Encoded(), Size: 10, URL: "http://hub.example/api/v1/charms/download/" + postgresqlID + "_336.charm"},
		Resources: []strictResource{
			{Name: "notes", Type: "file", Filename: "notes.txt", Description: "About notes", Download: strictDownload{SHA256: emptySHA256, SHA384: emptySHA384,
				URL: "http://hub.example/api/v1/resources/download/charm_" + postgresqlID + ".notes_0"}},
			{Name: "snap", Type: "file", Filename: "snap.txt", Description: "About snap", Revision: 5, Download: strictDownload{SHA256: b.put("snap 5").Encoded(), SHA384: strings.Repeat("0", 95) + "a",
				Size: 6, URL: "http://hub.example/api/v1/resources/download/charm_" + postgresqlID + ".snap_5"}},
		},
		MetadataYAML: postgresqlMetadata, ConfigYAML: "options: {profile: {type: string, default: \"<&>\"}}\n", ActionsYAML: "{}\n"}
	if diff := cmp.Diff(&want, e); diff != "" {
		t.Errorf("charm (-want +got):\n%s", diff)
	}
	if got.ReleasedAt.Year() != 2024 || e.CreatedAt.Year() != 2024 || got.EffectiveChannel != "14/stable" {
		t.Errorf("released at %v in %q, created at %v", got.ReleasedAt, got.EffectiveChannel, e.CreatedAt)
	}
	bundle := juju(t, h, `{"context":[],"actions":[{"action":"install","instance-key":"k","name":"cos-lite","channel":"stable","base":`+noBase+`}]}`)[0].Entity
	if bundle.Type != "bundle" || bundle.MetadataYAML != "{}\n" {
		t.Errorf("bundle = %+v, want an empty mapping as the metadata of a bundle", bundle)
	}
	if want := "http://hub.example/api/v1/charms/download/" + cosID + "_11.bundle"; bundle.Download.URL != want {
		t.Errorf("URL of the bundle = %s, want %s", bundle.Download.URL, want)
	}
	if len(bundle.Bases) != 1 || bundle.Bases[0] != nil {
		t.Errorf("bases of the bundle = %v, want one null", bundle.Bases)
	}
}

// TestCharmTimesWithoutZone checks that unreadable times in a catalogue do not cost Juju the whole answer.
func TestCharmTimesWithoutZone(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := charms(b)
	c.Charms[0].Revisions[0].CreatedAt = "2024-08-07T10:21:41.554301"
	c.Charms[0].ChannelMap[0].ReleasedAt = "2024-08-07T10:21:41"
	h := serve(t, b, c, server.Config{}).Handler()
	got := juju(t, h, `{"context":[],"actions":[{"action":"install","instance-key":"k","name":"tempo-k8s","channel":"stable","base":`+jammy+`}]}`)[0]
	if !got.ReleasedAt.IsZero() || !got.Entity.CreatedAt.IsZero() {
		t.Errorf("released at %v, created at %v, want none", got.ReleasedAt, got.Entity.CreatedAt)
	}
}

func TestCharmRefreshRefuses(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, charms(b), server.Config{}).Handler()
	many := `{"actions":[{}` + strings.Repeat(`,{}`, 1000) + `]}`
	for body, status := range map[string]int{"": 400, "[]": 400, `{"context":[],"actions":[]} x`: 400, `{"actions":[{"revision":"1"}]}`: 400, many: 400,
		`{"metrics":[` + strings.Repeat("0,", 70_000) + `0]}`: 413, `{"metrics":"` + strings.Repeat("x", 5<<20) + `"}`: 413} {
		r := call(t, h, "POST", "/v2/charms/refresh", body)
		text := bodyOf(t, r)
		var e charm.ErrorResponse
		if err := json.Unmarshal([]byte(text), &e); err != nil || r.StatusCode != status || r.Header.Get("Content-Type") != "application/json" || len(e.ErrorList) != 1 || e.ErrorList[0].Code == "" {
			t.Errorf("%.60q: status %d, %s, want %d with an error of JSON", body, r.StatusCode, text, status)
		}
	}
}

// TestCharmMessages checks the messages that an operator reads if Juju's request is refused.
func TestCharmMessages(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, charms(b), server.Config{}).Handler()
	for action, want := range map[string]string{
		`"name":"tempo-k8s","channel":"2/stable","base":` + jammy:                                                 "tempo-k8s has nothing in 2/stable for ubuntu@22.04 amd64 here; tempo-k8s is here for ubuntu@22.04 amd64 in latest/stable, latest/edge",
		`"name":"cos-lite","channel":"2/stable","base":` + jammy:                                                  "cos-lite has nothing in 2/stable here; cos-lite is here in latest/stable",
		`"name":"nginx","channel":"2/stable","base":` + jammy:                                                     `no charm or bundle named "nginx" in this store`,
		`"name":"tempo-k8s","revision":3,"base":null`:                                                             "tempo-k8s has no revision 3 here; tempo-k8s is here for ubuntu@22.04 amd64 in latest/stable, latest/edge",
		`"name":"tempo-k8s","revision":10,"base":null,"resource-revisions":[{"name":"tempo-image","revision":1}]`: `revision 1 of resource "tempo-image" of tempo-k8s is not in this store; here is revision 3, 2`,
	} {
		if got := juju(t, h, `{"context":[],"actions":[{"action":"install","instance-key":"k",`+action+`}]}`)[0]; got.Error == nil || got.Error.Message != want {
			t.Errorf("%s: error %+v, want %q", action, got.Error, want)
		}
	}
}

// TestCharmInNoChannel checks a charm that was exported by revision alone. Juju installs it all the same, with the newest resources
// that it declares, and some versions of Juju need a channel.
func TestCharmInNoChannel(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := charms(b)
	c.Charms[1].ChannelMap, c.Charms[1].History = nil, nil
	h := serve(t, b, c, server.Config{}).Handler()
	for action, want := range map[string]string{
		`"revision":336,"base":null`:                             "336 14/stable notes:0,snap:6",
		`"revision":336,"channel":"16/edge","base":` + jammy:     "336 16/edge notes:0,snap:6",
		`"channel":"stable","base":` + jammy:                     "revision-not-found",
		`"channel":"stable","base":` + noBase:                    "revision-not-found",
		`"revision":336,"resource-revisions":[{"name":"x"}]`:     "charm-resource-not-found",
		`"revision":336,"resource-revisions":[{"name":"notes"}]`: "336 14/stable notes:0,snap:6",
	} {
		got := juju(t, h, `{"context":[],"actions":[{"action":"install","instance-key":"k","name":"postgresql",`+action+`}]}`)[0]
		if got.text() != want {
			t.Errorf("%s: %q, want %q", action, got.text(), want)
		}
		if got.Error != nil && got.Error.Code == charm.CodeRevisionNotFound && !strings.Contains(got.Error.Message, "postgresql is in no channel here") {
			t.Errorf("%s: message %q, want it to say that there is no channel", action, got.Error.Message)
		}
	}
}

// TestLargeCharmBatch checks an answer that is sent in parts.
func TestLargeCharmBatch(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, benchCharms(b, 30), server.Config{}).Handler()
	var known, actions []string
	for i := range 60 {
		id := benchID(i)
		known = append(known, fmt.Sprintf(`{"instance-key":%q,"id":%q,"revision":6,"base":%s,"tracking-channel":"latest/stable"}`, id, id, jammy))
		actions = append(actions, fmt.Sprintf(`{"action":"refresh","instance-key":%q,"base":null}`, id))
	}
	for i, r := range juju(t, h, `{"context":[`+strings.Join(known, ",")+`],"actions":[`+strings.Join(actions, ",")+`]}`) {
		want := "7 latest/stable config:1,image:1"
		if i >= 30 {
			want = "id-not-found"
		}
		if r.text() != want {
			t.Errorf("result %d = %q, want %q", i, r.text(), want)
		}
	}
}

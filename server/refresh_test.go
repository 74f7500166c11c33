package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/server"
	"offlinestore/snap"
)

func TestChannelResolution(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	tests := []struct {
		name, arch, channel string
		revision            int
		// want is "revision effective-channel redirect-channel released-at" or the code of an error.
		want string
	}{
		{"jq", "amd64", "stable", 0, "6 stable - 2024-02-01T00:00:00Z"},
		{"jq", "amd64", "latest/stable", 0, "6 stable - 2024-02-01T00:00:00Z"},
		{"jq", "amd64", "", 0, "6 stable - 2024-02-01T00:00:00Z"},
		{"jq", "arm64", "stable", 0, "8 stable - 2024-02-02T00:00:00Z"},
		{"jq", "amd64", "candidate", 0, "7 candidate - 2024-03-01T00:00:00Z"},
		{"jq", "amd64", "beta", 0, "7 candidate - 2024-03-01T00:00:00Z"}, // closed
		{"jq", "amd64", "edge", 0, "7 candidate - 2024-03-01T00:00:00Z"}, // unknown here, and beta is closed
		{"jq", "arm64", "edge", 0, "8 stable - 2024-02-02T00:00:00Z"},
		{"jq", "amd64", "edge/fix-1", 0, "9 edge/fix-1 - 2024-04-01T00:00:00Z"},
		{"jq", "amd64", "edge/none", 0, "7 candidate - 2024-03-01T00:00:00Z"},
		{"jq", "amd64", "latest/edge/fix-1", 0, "9 edge/fix-1 - 2024-04-01T00:00:00Z"},
		{"jq", "amd64", "1.4", 0, "10 1.4/stable - 2020-01-01T00:00:00Z"},
		{"jq", "amd64", "1.4/edge", 0, "10 1.4/stable - 2020-01-01T00:00:00Z"},
		{"jq", "arm64", "1.4/edge", 0, "revision-not-found"},
		{"jq", "s390x", "stable", 0, "revision-not-found"},
		{"jq", "amd64", "3.0/stable", 0, "revision-not-found"},
		{"jq", "amd64", "not/a/channel/at/all", 0, "api-error"},
		{"jq", "amd64", "", 5, "5  - "}, // from the history
		{"jq", "amd64", "stable", 5, "5 stable - 2023-02-01T00:00:00Z"},
		{"jq", "amd64", "stable", 6, "6 stable - 2024-02-01T00:00:00Z"},
		{"jq", "amd64", "edge", 6, "revision-not-found"}, // edge is served from candidate
		{"jq", "amd64", "edge", 7, "7 candidate - 2024-03-01T00:00:00Z"},
		{"jq", "amd64", "candidate", 5, "revision-not-found"}, // was in stable alone
		{"jq", "arm64", "", 6, "revision-not-found"},          // for amd64 only
		{"jq", "amd64", "", 99, "revision-not-found"},
		{"hello", "amd64", "", 0, "2 2.0/stable 2.0/stable 2024-01-01T00:00:00Z"},
		{"hello", "amd64", "stable", 0, "2 2.0/stable 2.0/stable 2024-01-01T00:00:00Z"},
		{"hello", "amd64", "edge", 0, "2 2.0/stable 2.0/edge 2024-01-01T00:00:00Z"},
		{"hello", "amd64", "latest/stable", 0, "1 stable - 2022-01-01T00:00:00Z"},
		{"hello", "amd64", "2.0/stable", 0, "2 2.0/stable - 2024-01-01T00:00:00Z"},
		{"hello", "i386", "2.0/stable", 0, "3 2.0/stable - 2024-05-01T00:00:00Z"},
		// It runs on all, and the export did not ask upstream for riscv64: the latest release of another architecture.
		{"hello", "riscv64", "2.0/stable", 0, "3 2.0/stable - 2024-05-01T00:00:00Z"},
		{"hello", "riscv64", "latest/edge", 0, "1 stable - 2022-01-01T00:00:00Z"},
		{"hello", "riscv64", "", 1, "1  - "},
		{"no-such", "amd64", "", 0, "name-not-found"},
	}
	for _, tt := range tests {
		for _, action := range []string{snap.ActionInstall, snap.ActionDownload} {
			t.Run(fmt.Sprintf("%s/%s/%s/%s/%d", action, tt.name, tt.arch, tt.channel, tt.revision), func(t *testing.T) {
				got := refresh(t, h, snap.RefreshRequest{Context: []snap.Installed{}, Actions: []snap.Action{
					{Action: action, InstanceKey: "key-1", Name: tt.name, Channel: tt.channel, Revision: tt.revision}}},
					snap.HeaderArchitecture+": "+tt.arch, snap.HeaderCapabilities+": default-tracks")
				if len(got) != 1 || got[0].InstanceKey != "key-1" || got[0].Name != tt.name {
					t.Fatalf("results = %+v, want one for key-1 and %s", got, tt.name)
				}
				if s := summary(got[0]); s != tt.want {
					t.Errorf("result = %q, want %q", s, tt.want)
				}
				if got[0].Error == nil && got[0].Result != action {
					t.Errorf("result = %q, want %q", got[0].Result, action)
				}
			})
		}
	}
}

func summary(r snap.Result) string {
	if r.Error != nil {
		return r.Error.Code
	}
	if r.RedirectChannel == "" {
		r.RedirectChannel = "-"
	}
	return fmt.Sprintf("%d %s %s %s", r.Snap.Revision.Number, r.EffectiveChannel, r.RedirectChannel, r.ReleasedAt)
}

func TestMissingReleaseSaysWhatThereIs(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	got := refresh(t, h, snap.RefreshRequest{Actions: []snap.Action{{Action: "install", InstanceKey: "i", Name: "jq", Channel: "9/stable"}}})[0]
	want := []snap.AvailableRelease{{Architecture: "amd64", Channel: "stable"}, {Architecture: "arm64", Channel: "stable"},
		{Architecture: "amd64", Channel: "candidate"}, {Architecture: "amd64", Channel: "1.4/stable"}, {Architecture: "amd64", Channel: "edge/fix-1"}}
	if diff := cmp.Diff(want, got.Error.Extra.Releases); diff != "" {
		t.Errorf("releases (-want +got):\n%s", diff)
	}
	for _, part := range []string{`"jq"`, "9/stable", "amd64 (latest/stable, latest/candidate, 1.4/stable", "arm64 (latest/stable)"} {
		if !strings.Contains(got.Error.Message, part) {
			t.Errorf("message = %q, want %s in it", got.Error.Message, part)
		}
	}
}

func TestRefreshOfInstalled(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	e := func(read, write uint32) *snap.Epoch { return &snap.Epoch{Read: []uint32{read}, Write: []uint32{write}} }
	tests := []struct {
		name      string
		installed snap.Installed
		action    snap.Action
		want      string
	}{
		{"tracking channel", snap.Installed{SnapID: jqID, Revision: 6, TrackingChannel: "latest/candidate"}, snap.Action{SnapID: jqID}, "7 candidate - 2024-03-01T00:00:00Z"},
		{"nothing new", snap.Installed{SnapID: jqID, Revision: 6, TrackingChannel: "latest/stable"}, snap.Action{SnapID: jqID}, "6 stable - 2024-02-01T00:00:00Z"},
		{"to another channel", snap.Installed{SnapID: jqID, Revision: 6, TrackingChannel: "latest/stable"}, snap.Action{SnapID: jqID, Channel: "1.4/stable"}, "10 1.4/stable - 2020-01-01T00:00:00Z"},
		{"to a revision", snap.Installed{SnapID: jqID, Revision: 6, TrackingChannel: "latest/stable"}, snap.Action{SnapID: jqID, Revision: 5}, "5  - "},
		{"explicit latest stays there", snap.Installed{SnapID: helloID, Revision: 1, TrackingChannel: "latest/stable"}, snap.Action{SnapID: helloID}, "1 stable - 2022-01-01T00:00:00Z"},
		{"old client without a track", snap.Installed{SnapID: helloID, Revision: 1, TrackingChannel: "stable"}, snap.Action{SnapID: helloID}, "1 stable - 2022-01-01T00:00:00Z"},
		{"unknown", snap.Installed{SnapID: strings.Repeat("z", 32), Revision: 1}, snap.Action{SnapID: strings.Repeat("z", 32)}, "id-not-found"},
		{"by way of a revision that reads the epoch", snap.Installed{SnapID: dataID, Revision: 1, TrackingChannel: "latest/stable", Epoch: e(0, 0)}, snap.Action{SnapID: dataID}, "3 stable - 2024-03-01T00:00:00Z"},
		{"stays, nothing newer reads the epoch", snap.Installed{SnapID: dataID, Revision: 3, TrackingChannel: "latest/stable", Epoch: &snap.Epoch{Read: []uint32{0, 1}, Write: []uint32{1}}}, snap.Action{SnapID: dataID}, "3  - "},
		{"stays, what reads the epoch is older", snap.Installed{SnapID: dataID, Revision: 77, TrackingChannel: "latest/stable", Epoch: e(0, 0)}, snap.Action{SnapID: dataID}, "77  - "},
		{"reads the epoch", snap.Installed{SnapID: dataID, Revision: 3, TrackingChannel: "latest/stable", Epoch: e(2, 2)}, snap.Action{SnapID: dataID}, "4 stable - 2024-04-01T00:00:00Z"},
		{"stays, with a revision of which nothing is known", snap.Installed{SnapID: dataID, Revision: 77, TrackingChannel: "latest/stable", Epoch: e(9, 9)}, snap.Action{SnapID: dataID}, "77  - "},
		{"no context", snap.Installed{InstanceKey: "another"}, snap.Action{SnapID: jqID, Channel: "candidate"}, "7 candidate - 2024-03-01T00:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.installed.InstanceKey == "" {
				tt.installed.InstanceKey = tt.installed.SnapID + ":opaque"
			}
			tt.action.Action, tt.action.InstanceKey = "refresh", tt.installed.SnapID+":opaque"
			got := refresh(t, h, snap.RefreshRequest{Context: []snap.Installed{tt.installed}, Actions: []snap.Action{tt.action}})
			if len(got) != 1 || summary(got[0]) != tt.want || got[0].InstanceKey != tt.action.InstanceKey {
				t.Errorf("results = %+v, want %s", got, tt.want)
			}
		})
	}
}

func TestAmendAcrossEpochs(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	zero, nine := &snap.Epoch{Read: []uint32{0}, Write: []uint32{0}}, &snap.Epoch{Read: []uint32{9}, Write: []uint32{9}}
	got := refresh(t, h, snap.RefreshRequest{Actions: []snap.Action{
		{Action: "install", InstanceKey: "a", Name: "data", Epoch: zero}, {Action: "install", InstanceKey: "b", Name: "data", Epoch: nine},
		{Action: "install", InstanceKey: "c", Name: "data"}}})
	for i, want := range []string{"3 stable - 2024-03-01T00:00:00Z", "revision-not-found", "4 stable - 2024-04-01T00:00:00Z"} {
		if s := summary(got[i]); s != want {
			t.Errorf("result %d = %q, want %q", i, s, want)
		}
	}
}

func TestRefreshFields(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	tests := []struct{ fields, want string }{
		{`"fields":["revision","name","no-such-field"],`, `{"name":"jq","revision":6}`},
		{`"fields":["download"],`, `{"download":{"deltas":[],"sha3-384":"` + strings.Repeat("ab", 48) + `","size":8,"url":"http://store.example/api/v1/snaps/download/` + jqID + `_6.snap"}}`},
		{`"fields":["resources"],`, `{"resources":[{"download":{"deltas":[],"sha3-384":"` + strings.Repeat("cd", 48) + `","size":15,"url":"http://store.example/api/v1/snaps/download/` + jqID + `+docs_3.comp"},"name":"docs","revision":3,"type":"component/standard","version":"1"}]}`},
		{`"fields":["prices","media","links","contact","description"],`, `{"contact":null,"description":"About jq <b>&</b>","links":{},"media":[],"prices":{}}`},
	}
	for _, tt := range tests {
		body := bodyOf(t, call(t, h, "POST", "http://store.example/v2/snaps/refresh", `{"context":[],`+tt.fields+`"actions":[{"action":"install","instance-key":"i","name":"jq"}]}`))
		if !strings.Contains(body, `"snap":`+tt.want+`,"snap-id"`) {
			t.Errorf("with %s: %s, want %s", tt.fields, body, tt.want)
		}
	}
	body := bodyOf(t, call(t, h, "POST", "/v2/snaps/refresh", `{"actions":[{"action":"install","instance-key":"i","name":"hello"}]}`))
	var raw struct {
		Results []struct{ Snap map[string]json.RawMessage }
	}
	if err := json.Unmarshal([]byte(body), &raw); err != nil {
		t.Fatal(err)
	}
	for _, field := range benchFields {
		// The others have no value here, or this store does not hold them.
		if _, ok := raw.Results[0].Snap[field]; !ok && field != "integrity" && field != "store-url" {
			t.Errorf("without fields, %s is missing: %s", field, body)
		}
	}
}

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	evil := "\x00/x \" \\ \u2028 <script> \xff"
	for i := range c.Snaps {
		c.Snaps[i].Details.Title, c.Snaps[i].Details.Description, c.Snaps[i].Details.Publisher.Username = evil, evil, evil
		for j := range c.Snaps[i].Revisions {
			c.Snaps[i].Revisions[j].Version, c.Snaps[i].Revisions[j].SnapYAML = evil, evil
		}
	}
	h := serve(t, b, c, server.Config{}).Handler()
	got := refresh(t, h, snap.RefreshRequest{Actions: []snap.Action{{Action: "install", InstanceKey: evil, Name: "hello"}}})[0]
	want := strings.ToValidUTF8(evil, "\ufffd")
	if got.Snap.Title != want || got.Snap.Version != want || got.InstanceKey != want {
		t.Errorf("title %q, version %q, key %q, want %q", got.Snap.Title, got.Snap.Version, got.InstanceKey, want)
	}
	for _, path := range []string{"/v2/snaps/find", "/v2/snaps/info/hello", "/api/v1/snaps/names", "/api/v1/snaps/search", "/api/v1/snaps/details/hello"} {
		decode[map[string]any](t, call(t, h, "GET", path, ""), 200)
	}
}

func TestRefreshRefuses(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	many := strings.Repeat(`{"action":"install","name":"jq"},`, 1000) + `{}`
	tests := []struct {
		name, body string
		status     int
		header     string
	}{
		{"no JSON", "hello", 400, ""},
		{"two values", `{} {}`, 400, ""},
		{"nothing", ``, 400, ""},
		{"wrong types", `{"actions":3}`, 400, ""},
		{"deep", `{"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, 400, ""},
		{"too many actions", `{"actions":[` + many + `]}`, 400, ""},
		{"too many values", `{"actions":[` + strings.Repeat("0,", 70_000) + `0]}`, 413, ""},
		{"too large", `{"x":"` + strings.Repeat("x", 4<<20) + `"}`, 413, ""},
		{"no architecture", `{}`, 400, snap.HeaderArchitecture + ": "},
		{"bad architecture", `{}`, 400, snap.HeaderArchitecture + ": ../etc"},
		{"no actions", `{}`, 200, ""},
		{"null", `null`, 200, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := tt.header
			if header == "" {
				header = snap.HeaderArchitecture + ": amd64"
			}
			got := decode[map[string]any](t, call(t, h, "POST", "/v2/snaps/refresh", tt.body, header), tt.status)
			if list, _ := got["error-list"].([]any); tt.status != 200 && len(list) != 1 {
				t.Errorf("error-list = %v, want one", got["error-list"])
			}
		})
	}
	got := refresh(t, h, snap.RefreshRequest{Actions: []snap.Action{{Action: "dance", InstanceKey: "k", Name: "jq"}}})
	if len(got) != 1 || got[0].Error == nil || got[0].InstanceKey != "k" {
		t.Errorf("unknown action: %+v, want an error for k", got)
	}
}

// TestLargeAnswer checks an answer that is too long to be held back.
func TestLargeAnswer(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	c.Snaps[2].Details.Description = strings.Repeat("x", 10_000)
	h := serve(t, b, c, server.Config{}).Handler()
	var req snap.RefreshRequest
	for i := range 1000 {
		req.Actions = append(req.Actions, snap.Action{Action: "download", InstanceKey: fmt.Sprint(i), Name: "jq"})
	}
	got := refresh(t, h, req)
	if len(got) != 1000 {
		t.Fatalf("%d results, want 1000", len(got))
	}
	for i, r := range got {
		if r.InstanceKey != fmt.Sprint(i) || len(r.Snap.Description) != 10_000 {
			t.Fatalf("result %d is for %q, with a description of %d bytes", i, r.InstanceKey, len(r.Snap.Description))
		}
	}
}

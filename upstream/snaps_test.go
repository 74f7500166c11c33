package upstream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/snap"
	"offlinestore/upstream"
)

const jqID = "6mbqFd6vpkwDVRqBZKpEA7Y6zu0X8i3U"

// text returns a handler that always answers with the same text.
func text(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, s) })
}

func TestInfoRefusesWrongAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, want string }{
		"another snap": {strings.Replace(info, `"name":"jq"`, `"name":"yq"`, 1), `answered about "yq"`},
		"no id":        {strings.Replace(info, jqID, "x", 1), "snap-id"},
		"no JSON":      {"hotel wifi", "decode the store's answer (text/plain)"},
		"trailing":     {info + "{}", "after top-level value"},
		"huge":         {strings.Repeat(" ", 17<<20), "over the limit"},
		"deep":         {`{"channel-map":` + strings.Repeat("[", 20_000), "depth"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newClient(t, text(tt.body), upstream.Config{})
			if _, err := c.Info(t.Context(), "jq"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Info = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestInfoNotFound(t *testing.T) {
	t.Parallel()
	var nf *upstream.NotFoundError
	c, _ := newClient(t, text(`{"name":"jq","snap-id":"`+jqID+`","channel-map":[],"snap":{}}`), upstream.Config{})
	if _, err := c.Info(t.Context(), "jq"); !errors.As(err, &nf) || nf.Reason != "it has no releases" || !errors.Is(err, upstream.ErrNotFound) {
		t.Errorf("Info without releases = %v", err)
	}
	c, _ = newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(404)
		io.WriteString(w, `{"error-list":[{"code":"resource-not-found","message":"No snap named 'jq' found"}]}`)
	}), upstream.Config{})
	if _, err := c.Info(t.Context(), "jq"); !errors.As(err, &nf) || nf.Subject != "snap jq" || nf.Reason != "No snap named 'jq' found" {
		t.Errorf("Info with 404 = %v", err)
	}
	if _, err := c.Info(t.Context(), "../x"); err == nil || errors.Is(err, upstream.ErrNotFound) {
		t.Errorf("Info of a name that is none = %v", err)
	}
}

func TestInfoGenuine(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile(filepath.Join(realdata(t), "api/snapstore/snapd__mockInfoJSON.json"))
	if err != nil {
		t.Fatal(err)
	}
	var query string
	c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.Query().Get("fields")
		w.Write(body)
	}), upstream.Config{})
	got, err := c.Info(t.Context(), "hello-world")
	if err != nil {
		t.Fatal(err)
	}
	first := got.ChannelMap[0]
	row := []any{first.Channel.Name, first.Channel.Track, first.Channel.Architecture, first.Revision.Number, first.Download.Size, *first.Base, first.Architectures}
	if diff := cmp.Diff([]any{"stable", "latest", "amd64", 29, int64(20480), "bogus-base", []string{"all"}}, row); diff != "" {
		t.Errorf("first row of the channel map (-want +got):\n%s", diff)
	}
	if len(got.ChannelMap) != 4 || got.SnapID != "buPKUD3TKqCOgLEjjHx5kSiCpIs5cMuQ" || got.Snap.Publisher.Username != "canonical" || got.Snap.Title != "Hello World" {
		t.Errorf("Info = %+v", got)
	}
	for _, f := range []string{"channel-map", "architectures", "base", "categories", "download", "epoch", "media", "publisher", "type"} {
		if !slices.Contains(strings.Split(query, ","), f) {
			t.Errorf("did not ask for %s", f)
		}
	}
}

// wireBody returns the body of a recorded message, without its headers.
func wireBody(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(realdata(t), "wire/snapd-centos9-2022-11-29", name))
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok {
		t.Fatalf("%s: no body", name)
	}
	return body
}

func TestResolveGenuine(t *testing.T) {
	t.Parallel()
	// The recording is of installs, and an export asks for downloads. The store answers both alike.
	body := bytes.ReplaceAll(wireBody(t, "006.resp.200.application_json.http"), []byte(`install-`), []byte(`download-`))
	body = bytes.ReplaceAll(body, []byte(`"result":"install"`), []byte(`"result":"download"`))
	var req map[string]any
	c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
			t.Error(err)
		}
		sent := []string{r.Method, r.URL.Path}
		for _, name := range []string{"Content-Type", "Snap-Device-Architecture", "Snap-Device-Capabilities"} {
			sent = append(sent, r.Header.Get(name))
		}
		if diff := cmp.Diff([]string{"POST", "/v2/snaps/refresh", "application/json", "amd64", "default-tracks"}, sent); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		w.Write(body)
	}), upstream.Config{})
	actions := []snap.Action{
		{Name: "hello-world", Channel: "stable"}, {Name: "go-example-webserver", Channel: "stable", InstanceKey: "mine"}, {Name: "test-snapd-tools", Channel: "stable"},
	}
	got, err := c.Resolve(t.Context(), "amd64", actions)
	if err != nil {
		t.Fatal(err)
	}
	hello := got[0].Snap
	const sha3 = "b07bdb78e762c2e6020c75fafc92055b323a6f8da3ab42a3963da5ade386aba11f77e3c8f919b8aa23f3aa5c06c844f9"
	found := []any{hello.Name, hello.Revision.Number, hello.Download.SHA3384, *hello.Media[0].Width, hello.Media[2].Width == nil, *hello.License, hello.Base == nil, got[0].EffectiveChannel}
	if diff := cmp.Diff([]any{"hello-world", 29, sha3, 256, true, "MIT", true, "stable"}, found); diff != "" {
		t.Errorf("hello-world (-want +got):\n%s", diff)
	}
	if got[1].Name != "go-example-webserver" || got[1].Snap.Revision.Number != 25 || got[2].Snap.Revision.Number != 9 {
		t.Errorf("results: %s %s", got[1].Name, got[2].Name)
	}
	want := map[string]any{"action": "download", "instance-key": "download-2", "name": "go-example-webserver", "channel": "stable", "epoch": nil}
	if d := cmp.Diff(want, req["actions"].([]any)[1]); d != "" {
		t.Errorf("second action sent (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]any{}, req["context"]); d != "" {
		t.Errorf("context sent (-want +got):\n%s", d)
	}
	if actions[1].InstanceKey != "mine" {
		t.Error("Resolve changed the caller's actions")
	}
}

func TestResolveBatches(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var sizes []int
	c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req struct{ Actions []map[string]any }
		if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
			t.Error(err)
		}
		mu.Lock()
		sizes = append(sizes, len(req.Actions))
		mu.Unlock()
		var results []string
		for _, a := range slices.Backward(req.Actions) {
			results = append(results, result(a["instance-key"].(string), a["name"].(string), 1))
		}
		fmt.Fprintf(w, `{"results":[%s]}`, strings.Join(results, ","))
	}), upstream.Config{})
	var actions []snap.Action
	for i := range 101 {
		actions = append(actions, snap.Action{Name: "snap-" + strconv.Itoa(i)})
	}
	got, err := c.Resolve(t.Context(), "arm64", actions)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range got {
		if r.Name != actions[i].Name {
			t.Fatalf("result %d is %s, want %s", i, r.Name, actions[i].Name)
		}
	}
	slices.Sort(sizes) // the batches are sent at once
	if d := cmp.Diff([]int{1, 50, 50}, sizes); d != "" || len(got) != 101 {
		t.Errorf("%d results; sizes of the requests (-want +got):\n%s", len(got), d)
	}
	if got, err := c.Resolve(t.Context(), "arm64", nil); err != nil || len(got) != 0 {
		t.Errorf("Resolve of nothing = %v, %v", got, err)
	}
}

func result(key, name string, revision int) string {
	return fmt.Sprintf(`{"result":"download","instance-key":%q,"name":%q,"snap-id":%q,"snap":{"name":%q,"snap-id":%q,"revision":%d}}`, key, name, jqID, name, jqID, revision)
}

func TestResolveRefusesWrongAnswers(t *testing.T) {
	t.Parallel()
	good := result("download-1", "jq", 6)
	tests := map[string]struct{ results, want string }{
		"good":           {good, ""},
		"unknown key":    {good + "," + result("download-9", "jq", 6), "not asked, or twice"},
		"twice":          {good + "," + good, "not asked, or twice"},
		"missing":        {"", "jq revision 6: the store did not answer it: busy (oh)"},
		"another snap":   {result("download-1", "yq", 6), `about "yq"`},
		"other revision": {result("download-1", "jq", 7), "revision 7"},
		"other verb":     {strings.Replace(good, `"download",`, `"install",`, 1), `"install"`},
		"no snap":        {`{"result":"download","instance-key":"download-1","name":"jq"}`, "without a snap"},
		"two ids":        {strings.Replace(good, jqID, "x"+jqID[1:], 1), "snap-id"},
		"silent error":   {`{"result":"error","instance-key":"download-1","name":"jq"}`, "without saying which"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newClient(t, text(`{"results":[`+tt.results+`],"error-list":[{"code":"oh","message":"busy"}]}`), upstream.Config{})
			_, err := c.Resolve(t.Context(), "amd64", []snap.Action{{Name: "jq", Revision: 6}})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Resolve = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestResolveKeepsErrors(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, text(`{"results":[{"result":"error","instance-key":"download-1","name":"jq","error":{"code":"revision-not-found","message":"No revision",
		"extra":{"releases":[{"architecture":"amd64","channel":"edge"}]}}}]}`), upstream.Config{})
	got, err := c.Resolve(t.Context(), "amd64", []snap.Action{{Name: "jq", Channel: "stable"}})
	if err != nil || got[0].Error.Code != snap.CodeRevisionNotFound || got[0].Error.Extra.Releases[0].Channel != "edge" {
		t.Errorf("Resolve = %+v, %v", got, err)
	}
}

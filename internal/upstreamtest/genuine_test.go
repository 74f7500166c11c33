package upstreamtest_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/internal/upstreamtest"
	"offlinestore/snap"
	"offlinestore/upstream"
)

func TestReplay(t *testing.T) {
	t.Parallel()
	h, err := upstreamtest.Replay(filepath.Join(realdata(t), "wire/snapd-centos9-2022-11-29"))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	c, err := upstream.New(upstream.Config{Origin: srv.URL, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	info, err := c.Info(t.Context(), "hello-world")
	if err != nil || info.ChannelMap[0].Revision.Number != 29 || info.ChannelMap[0].Channel.Name != "stable" {
		t.Fatalf("Info = %+v, %v", info, err)
	}
	results, err := c.Resolve(t.Context(), "amd64", []snap.Action{{Name: "hello-world", Channel: "latest/stable"}, {Name: "core", Channel: "edge"}, {Name: "core", Channel: "stable"}, {Name: "none"}})
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Snap.Revision.Number != 29 || results[1].Snap.Download.Size != 122372096 || results[2].Error == nil || results[3].Error == nil {
		t.Errorf("Resolve = %+v", results)
	}
	v := assertion.Verifier{Trust: assertion.Canonical(), Source: source{t, c}}
	for _, r := range results[:2] {
		if !strings.HasPrefix(r.Snap.Download.URL, srv.URL) {
			t.Errorf("download from %s", r.Snap.Download.URL)
		}
		sum, err := hex.DecodeString(r.Snap.Download.SHA3384)
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.Assertion(t.Context(), "snap-revision", []string{assertion.DigestHeader(sum)}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(a); err != nil {
			t.Error(err)
		}
		if _, err := c.SnapDeclarations(t.Context(), r.SnapID); err != nil {
			t.Error(err)
		}
		if _, err := fetch(t.Context(), c, r.Snap.Download); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("fetch = %v, want an end where the payload begins", err)
		}
	}
}

// realdata returns the folder of genuine data.
func realdata(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("OFFLINESTORE_REALDATA"); dir != "" {
		return dir
	}
	dir := filepath.Join("..", "..", "..", "shared", "realdata")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no genuine data; OFFLINESTORE_REALDATA says where it is")
	}
	return dir
}

// shape replaces values by their types, so that two answers can be compared.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = shape(e)
		}
		return out
	case []any:
		if len(v) == 0 {
			return "list"
		}
		return []any{shape(v[0])}
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	}
	return "null"
}

func decode(t *testing.T, b []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestRefreshHasTheGenuineShape sends a recorded request for a snap that both stores have, and compares the answers without their values.
func TestRefreshHasTheGenuineShape(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(realdata(t), "wire/snapd-centos9-2022-11-29")
	b, err := os.ReadFile(filepath.Join(dir, "005.req.POST__v2_snaps_refresh.http"))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatal(err)
	}
	// hello stands for hello-world: both have an icon and no base.
	body = bytes.Replace(body, []byte(`"hello-world"`), []byte(`"hello"`), 1)
	body = bytes.Replace(body, []byte(`"stable"`), []byte(`"latest/stable"`), 1)
	ours := httptest.NewRequest("POST", "/v2/snaps/refresh", bytes.NewReader(body))
	ours.Header = req.Header
	w := httptest.NewRecorder()
	demo(t, upstreamtest.DemoOptions{Payload: 10}).Handler().ServeHTTP(w, ours)
	got := decode(t, w.Body.Bytes())

	b, err = os.ReadFile(filepath.Join(dir, "006.resp.200.application_json.http"))
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ = bytes.Cut(b, []byte("\r\n\r\n"))
	want := decode(t, body)
	if d := cmp.Diff(shape(want["results"].([]any)[0]), shape(got["results"].([]any)[0])); d != "" {
		t.Errorf("shape of the first result (-genuine +ours):\n%s", d)
	}
	if d := cmp.Diff(shape(want["error-list"]), shape(got["error-list"])); d != "" {
		t.Errorf("shape of the error list (-genuine +ours):\n%s", d)
	}
}

// TestInfoHasTheGenuineShape compares the simulated answer of /v2/snaps/info with a genuine one.
func TestInfoHasTheGenuineShape(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(realdata(t), "api/snapstore/snap-python__snap_info_response_success.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/v2/snaps/info/jq?fields=created-at,download,revision,type,version,license,description,name,prices,publisher,snap-id,store-url,summary,title", nil)
	r.Header.Set("Snap-Device-Series", "16")
	w := httptest.NewRecorder()
	demo(t, upstreamtest.DemoOptions{Payload: 10}).Handler().ServeHTTP(w, r)
	if d := cmp.Diff(shape(decode(t, b)), shape(decode(t, w.Body.Bytes()))); d != "" {
		t.Errorf("shape (-genuine +ours):\n%s", d)
	}
}

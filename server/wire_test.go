package server_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/server"
	"offlinestore/snap"
	"offlinestore/store"
)

// mayDiffer lists all that may differ between an answer of the real store and ours to the same request, and why. Anything else fails
// the test. Fields are paths in the JSON; headers are written "header X".
var mayDiffer = map[string]string{
	"results.snap.download.url":         "the recorded store is https, ours is asked by plain HTTP here; the rest of the URL is compared",
	"results.snap.media":                "screenshots and videos can't be reached offline, the icon is under our own URL",
	"nonce":                             "random, and redacted in the recording",
	"macaroon":                          "random, and redacted in the recording",
	"header Snap-Store-Version":         "a newer API than in 2022",
	"header Etag of a download":         "ours is the digest",
	"status of a download":              "the recorded store redirects to its CDN, ours sends the file itself",
	"status of a device's registration": "this store signs no serials yet",
}

// exchange is a recorded request and its answer. Downloads have one answer for the redirect and one for the file.
type exchange struct {
	name string
	req  *http.Request
	body string
	resp *http.Response
	want []byte
}

func TestRecordedTraffic(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(realdata(t), "wire", "snapd-centos9-2022-11-29")
	requests, responses := recorded(t, dir)
	b := newBlobs(t)
	h := serve(t, b, recordedCatalog(t, b, responses), server.Config{}).Handler()
	checked := map[string]int{}
	for _, x := range pair(t, requests, responses) {
		kind := kindOf(x.req)
		checked[kind]++
		t.Run(x.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			x.req.Body = io.NopCloser(strings.NewReader(x.body))
			h.ServeHTTP(w, x.req)
			compare(t, kind, w.Result(), x)
		})
	}
	want := map[string]int{"refresh": 2, "download": 3, "assertion": 12, "nonces": 1, "sessions": 1, "registration": 2}
	if diff := cmp.Diff(want, checked); diff != "" {
		t.Errorf("exchanges compared (-want +got):\n%s", diff)
	}
}

func kindOf(r *http.Request) string {
	path := r.URL.Path
	switch {
	case strings.Contains(path, "/assertions/"):
		return "assertion"
	case strings.Contains(path, "/download/"):
		return "download"
	case strings.HasSuffix(path, "/request-id"), strings.HasSuffix(path, "/devices"):
		return "registration"
	}
	return filepath.Base(path)
}

// compare checks an answer of ours against the recorded one.
func compare(t *testing.T, kind string, got *http.Response, x exchange) {
	t.Helper()
	body := []byte(bodyOf(t, got))
	if got.Header.Get("Snap-Store-Version") != "62" {
		t.Errorf("Snap-Store-Version = %q, want 62", got.Header.Get("Snap-Store-Version"))
	}
	if kind == "registration" {
		if got.StatusCode/100 != 4 || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("status = %d, type %q, want 4xx and JSON", got.StatusCode, got.Header.Get("Content-Type"))
		}
		return
	}
	headers := []string{"Content-Type"}
	switch kind {
	case "assertion":
		headers = append(headers, "Etag", "Content-Length")
	case "download":
		headers = append(headers, "Accept-Ranges", "Content-Disposition", "Cache-Control", "Content-Length")
	}
	for _, name := range headers {
		if g, w := got.Header.Get(name), x.resp.Header.Get(name); g != w {
			t.Errorf("header %s = %q, want %q", name, g, w)
		}
	}
	if got.StatusCode != x.resp.StatusCode {
		t.Errorf("status = %d, want %d", got.StatusCode, x.resp.StatusCode)
	}
	switch kind {
	case "assertion":
		if !bytes.Equal(body, x.want) {
			t.Errorf("assertion differs from the recorded one:\n%s", cmp.Diff(string(x.want), string(body)))
		}
	case "refresh", "nonces", "sessions":
		compareJSON(t, body, x.want)
	}
}

// compareJSON checks every field of two answers but those in mayDiffer.
func compareJSON(t *testing.T, got, want []byte) {
	t.Helper()
	g, w := flat(t, got), flat(t, want)
	for path := range w {
		if _, ok := g[path]; !ok && !excepted(path) {
			t.Errorf("%s is missing, want %s", path, w[path])
		}
	}
	for path, value := range g {
		if path == "" || excepted(path) && !strings.HasSuffix(path, "download.url") {
			continue
		}
		wanted := w[path]
		if strings.HasSuffix(path, "download.url") {
			wanted = strings.Replace(wanted, "https://", "http://", 1)
		}
		if value != wanted {
			t.Errorf("%s = %s, want %s", path, value, wanted)
		}
	}
}

var index = regexp.MustCompile(`\[\d+\]`)

func excepted(path string) bool {
	path = index.ReplaceAllString(path, "")
	for field := range mayDiffer {
		if path == field || strings.HasPrefix(path, field+".") {
			return true
		}
	}
	return false
}

// flat turns JSON into its leaves by path. Empty lists and objects are leaves.
func flat(t *testing.T, text []byte) map[string]string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("decode %.300q: %v", text, err)
	}
	out := map[string]string{}
	var walk func(string, any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				walk(strings.TrimPrefix(path+"."+k, "."), e)
			}
			if len(v) == 0 {
				out[path] = "{}"
			}
		case []any:
			for i, e := range v {
				walk(fmt.Sprintf("%s[%d]", path, i), e)
			}
			if len(v) == 0 {
				out[path] = "[]"
			}
		default:
			text, _ := json.Marshal(v)
			out[path] = string(text)
		}
	}
	walk("", v)
	return out
}

// recorded reads all requests, and all responses by their number.
func recorded(t *testing.T, dir string) (requests []exchange, responses map[string]exchange) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.http"))
	if err != nil || len(names) != 50 {
		t.Fatalf("%d recorded messages (%v), want 50", len(names), err)
	}
	slices.Sort(names)
	responses = map[string]exchange{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		x := exchange{name: filepath.Base(name)[:3]}
		head, body, ok := bytes.Cut(text, []byte("\r\n\r\n"))
		if !ok {
			t.Fatalf("%s: no end of the headers", name)
		}
		// The recorded lengths are of the bodies before they were redacted or dropped.
		r := bufio.NewReader(bytes.NewReader(append(head, "\r\n\r\n"...)))
		if strings.Contains(name, ".req.") {
			x.req, err = http.ReadRequest(r)
			x.body = string(body)
			requests = append(requests, x)
		} else {
			x.resp, err = http.ReadResponse(r, nil)
			x.want = body
			responses[x.name] = x
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return requests, responses
}

// pair finds each request's answer: an assertion's by what it holds, a download's by its file, the others' are the next message.
func pair(t *testing.T, requests []exchange, responses map[string]exchange) []exchange {
	t.Helper()
	var out []exchange
	for _, x := range requests {
		var n int
		if _, err := fmt.Sscanf(x.name, "%03d", &n); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(x.req.URL.Path, "/download-origin/") {
			continue // the CDN's, whose answers are compared with those of our download
		}
		answer, ok := responses[fmt.Sprintf("%03d", n+1)]
		switch kindOf(x.req) {
		case "assertion":
			answer, ok = answerWith(responses, func(r exchange) bool { return holds(r, x.req.URL.Path) })
		case "download":
			answer, ok = answerWith(responses, func(r exchange) bool {
				return strings.Contains(r.resp.Header.Get("Content-Disposition"), filepath.Base(x.req.URL.Path))
			})
		case "registration":
			ok = true
		}
		if !ok {
			t.Fatalf("request %s %s: no recorded answer", x.name, x.req.URL)
		}
		x.resp, x.want = answer.resp, answer.want
		out = append(out, x)
	}
	return out
}

func answerWith(responses map[string]exchange, match func(exchange) bool) (exchange, bool) {
	for _, r := range responses {
		if match(r) {
			return r, true
		}
	}
	return exchange{}, false
}

func holds(r exchange, path string) bool {
	a, err := assertion.Decode(r.want)
	return err == nil && "/v2/assertions/"+a.Ref().String() == path
}

// recordedCatalog makes a catalogue of what the recorded answers say.
func recordedCatalog(t *testing.T, b *blobs, responses map[string]exchange) *store.Catalog {
	t.Helper()
	c := &store.Catalog{Generation: 1}
	for _, x := range responses {
		if a, err := assertion.Decode(x.want); err == nil {
			c.Assertions = append(c.Assertions, store.Assertion{Type: a.Type(), PrimaryKey: a.Ref().PrimaryKey, Format: a.Format(),
				Revision: a.Revision(), Raw: a.Raw()})
		}
		var answer snap.RefreshResponse
		if json.Unmarshal(x.want, &answer) != nil {
			continue
		}
		for _, r := range answer.Results {
			c.Snaps = append(c.Snaps, recordedSnap(b, r))
		}
	}
	return c
}

func recordedSnap(b *blobs, r snap.Result) store.Snap {
	sn := store.Snap{Name: r.Name, SnapID: r.SnapID, Details: r.Snap.Details}
	for _, m := range r.Snap.Media {
		if m.Type == "icon" {
			sn.Icon = &store.Icon{Blob: digest.FromString(m.URL), MediaType: "image/png", Size: 1000}
		}
	}
	rev := r.Snap.Revision
	rev.Download.URL = ""
	sn.Revisions = []store.Revision{{Revision: rev, Blob: b.hole(r.Name, rev.Download.Size)}}
	sn.ChannelMap = []snap.Release{{Architecture: "amd64", Channel: "latest/" + r.EffectiveChannel, ReleasedAt: r.ReleasedAt, Revision: rev.Revision}}
	return sn
}

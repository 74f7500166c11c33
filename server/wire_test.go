package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/session"
)

// mayDiffer lists every permitted difference between an answer of the real store and ours to the same request, with the reason.
// Other differences fail the test. Fields are paths in the JSON; headers are written "header X".
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
	st := newSiteOf(t, b, recordedCatalog(t, b))
	h := st.server.Handler()
	macaroon, err := session.NewKeys(deviceSecret).New(session.Device{Brand: "generic", Model: "generic-classic", Serial: "1"}, st.now)
	if err != nil {
		t.Fatal(err)
	}
	checked := map[string]int{}
	for _, x := range pair(t, requests, responses) {
		kind := kindOf(x.req)
		checked[kind]++
		t.Run(x.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			// The sessions in the recording are redacted, and so are the requests for them.
			if x.req.Header.Get("Snap-Device-Authorization") == "REDACTED" || x.req.Header.Get("X-Device-Authorization") == "REDACTED" {
				x.req.Header.Set("Snap-Device-Authorization", `Macaroon root="`+macaroon+`"`)
				x.req.Header.Del("X-Device-Authorization")
			}
			if kind == "sessions" {
				x.body = body(t, string(st.request(st.nonce(t), nil).Raw()), string(st.serial.Raw()), string(st.model.Raw()))
			}
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

// compare compares an answer of ours with the recorded one.
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

// compareJSON compares every field of two answers except those in mayDiffer.
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

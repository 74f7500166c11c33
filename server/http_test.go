package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"offlinestore/blob"
	"offlinestore/server"
	"offlinestore/snap"
)

func TestDownload(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	const path = "/api/v1/snaps/download/"
	tests := []struct {
		method, file, ask string
		status            int
		want              string
	}{
		{"GET", jqID + "_6.snap", "", 200, "snap 1.6"},
		{"HEAD", jqID + "_6.snap", "", 200, ""},
		{"GET", jqID + "_6.snap", "Range: bytes=5-", 206, "1.6"},
		{"GET", jqID + "_6.snap", "Range: bytes=8-", 416, ""},
		{"GET", jqID + "_6.snap", "Accept-Encoding: gzip", 200, "snap 1.6"},
		{"GET", jqID + "+docs_3.comp", "", 200, "component of jq"},
		{"GET", jqID + "%2Bdocs_3.comp", "", 200, "component of jq"},
		{"GET", jqID + "_06.snap", "", 404, ""},
		{"GET", jqID + "_99.snap", "", 404, ""},
		{"GET", jqID + "_6.comp", "", 404, ""},
		{"GET", "", "", 404, ""},
		{"GET", "..%2f..%2f..%2f..%2fetc%2fpasswd", "", 404, ""},
		{"POST", jqID + "_6.snap", "", 405, ""},
	}
	for _, tt := range tests {
		t.Run(tt.method+tt.file+tt.ask, func(t *testing.T) {
			header := tt.ask
			if header == "" {
				header = "Accept: "
			}
			r := call(t, h, tt.method, path+tt.file, "", header)
			body := bodyOf(t, r)
			if r.StatusCode != tt.status || tt.want != "" && body != tt.want || r.StatusCode == 200 && tt.want == "" && body != "" {
				t.Fatalf("%d %q, want %d %q", r.StatusCode, body, tt.status, tt.want)
			}
			if r.StatusCode >= 400 && r.StatusCode != 416 && r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("error of type %q, want JSON", r.Header.Get("Content-Type"))
			}
			if r.StatusCode < 400 {
				if r.Header.Get("Content-Type") != "application/octet-stream" || r.Header.Get("Content-Encoding") != "" || r.ContentLength < 1 {
					t.Errorf("headers %v, length %d", r.Header, r.ContentLength)
				}
			}
		})
	}
}

func TestDownloadOfDamagedBlob(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	var log bytes.Buffer
	h := serve(t, b, c, server.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}).Handler()
	jq := c.Snaps[2].Revisions
	if err := os.Remove(b.path(jq[0].Blob)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.path(jq[1].Blob), []byte("snap 1.6 and more"), 0o644); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]int{jqID + "_5.snap": 404, jqID + "_6.snap": 500} {
		log.Reset()
		r := call(t, h, "GET", "/api/v1/snaps/download/"+file, "")
		if body := bodyOf(t, r); r.StatusCode != want || strings.Contains(body, "snap 1.") {
			t.Errorf("%s = %d %q, want %d and nothing of the blob", file, r.StatusCode, body, want)
		}
		if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "sha256:") {
			t.Errorf("%s: log = %q, want the blob named", file, log.String())
		}
	}
}

func TestIcon(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	h := serve(t, b, c, server.Config{}).Handler()
	path := "/icons/" + c.Snaps[1].Icon.Blob.Encoded() + ".png"
	r := call(t, h, "GET", path, "")
	if body := bodyOf(t, r); body != "\x89PNG icon" || r.Header.Get("Content-Type") != "image/png" || r.ContentLength != 9 || r.Header.Get("ETag") == "" {
		t.Fatalf("icon = %q %v, want the PNG", body, r.Header)
	}
	if again := call(t, h, "GET", path, "", "If-None-Match: "+r.Header.Get("ETag")); again.StatusCode != 304 {
		t.Errorf("with its ETag: %d, want 304", again.StatusCode)
	}
	for _, bad := range []string{"/icons/", "/icons/x", "/icons/" + c.Snaps[1].Icon.Blob.Encoded() + ".svg", "/icons/" + c.Snaps[1].Revisions[0].Blob.Encoded() + ".png"} {
		if r := call(t, h, "GET", bad, ""); r.StatusCode != 404 {
			t.Errorf("%s = %d, want 404", bad, r.StatusCode)
		}
	}
	c = catalogue(b)
	c.Snaps[1].Icon.MediaType = "text/html"
	h = serve(t, b, c, server.Config{}).Handler()
	if body := bodyOf(t, call(t, h, "GET", "/v2/snaps/info/hello", "")); strings.Contains(body, "/icons/") {
		t.Errorf("an icon that is no picture is told of: %s", body)
	}
}

func TestBaseOfURLs(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	tests := []struct{ domain, host, want string }{
		{"", "store.example", "http://store.example"},
		{"", "store.example:8080", "http://store.example:8080"},
		{"", "192.0.2.1:80", "http://192.0.2.1:80"},
		{"", "[2001:db8::1]:8080", "http://[2001:db8::1]:8080"},
		{"", "[2001:db8::1]", "http://[2001:db8::1]"},
		{"proxy.example", "evil.example", "http://proxy.example"},
		{"proxy.example:81", "evil.example", "http://proxy.example:81"},
		{"2001:db8::2", "evil.example", "http://[2001:db8::2]"},
		{"[2001:db8::2]:81", "evil.example", "http://[2001:db8::2]:81"},
		{"", `a"b`, "400"}, {"", "a b", "400"}, {"", "a/b", "400"}, {"", "", "400"}, {"", "a:b", "400"}, {"", "a:0", "400"}, {"", "a:99999", "400"}, {"", "a@b", "400"},
		{"", "[::1", "400"}, {"", "[fe80::1%25eth0]", "400"}, {"", "[1.2.3.4]", "400"}, {"", strings.Repeat("a", 300), "400"},
		{"not a host", "store.example", "500"},
	}
	for _, tt := range tests {
		t.Run(tt.domain+" "+tt.host, func(t *testing.T) {
			h := serve(t, b, c, server.Config{Domain: tt.domain}).Handler()
			r := httptest.NewRequest("GET", "/v2/snaps/info/jq?architecture=amd64&fields=download", nil)
			r.Host = tt.host
			r.Header.Set("X-Forwarded-Proto", "https")
			r.Header.Set("X-Forwarded-Host", "evil.example")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 {
				if tt.want == "200" || http.StatusText(w.Code) == "" || tt.want != strings.TrimSpace(strings.Split(w.Result().Status, " ")[0]) {
					t.Errorf("status = %d %s, want %s", w.Code, w.Body, tt.want)
				}
				return
			}
			if !strings.Contains(w.Body.String(), `"url":"`+tt.want+`/api/v1/snaps/download/`+jqID+`_6.snap"`) {
				t.Errorf("body = %s, want URLs of %s", w.Body, tt.want)
			}
		})
	}
	h := serve(t, b, c, server.Config{}).Handler()
	r := httptest.NewRequest("GET", "https://s.example/v2/snaps/info/jq", nil)
	r.TLS = &tls.ConnectionState{}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), `"https://s.example/api`) {
		t.Errorf("over TLS: %s, want https", w.Body)
	}
}

func TestCommonHeaders(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	if r := call(t, h, "HEAD", "/", ""); r.StatusCode != 200 || r.Header["Snap-Store-Version"] != nil {
		t.Errorf("HEAD / = %d with version %v, want 200 with none, or snapd sends serial requests here", r.StatusCode, r.Header["Snap-Store-Version"])
	}
	paths := []string{"GET /", "GET /none", "GET /v2/snaps/find", "POST /v2/snaps/find", "GET /v2/snaps/info/none", "GET //v2/snaps/find", "HEAD /_status/check", "GET /metrics",
		"POST /v2/snaps/refresh", "GET /v2/assertions/x/y", "POST /api/v1/snaps/auth/nonces", "GET /v2/auth/store/assertions", "PUT /v2/cohorts"}
	for _, line := range paths {
		method, path, _ := strings.Cut(line, " ")
		r := call(t, h, method, path, "{}")
		if r.Header.Get("Snap-Store-Version") != "62" || r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", line, r.Header)
		}
	}
}

func TestWhatThisStoreDoesNotDo(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	for _, line := range []string{"POST /api/v1/snaps/auth/request-id", "POST /api/v1/snaps/auth/devices", "POST /v2/cohorts", "POST /v2/messages", "POST /api/v1/snaps/purchases/buy",
		"GET /api/v1/snaps/purchases/customers/me", "GET /v2/auth/store/assertions", "GET /v2/repairs/canonical/1", "GET /nothing", "DELETE /v2/snaps/refresh"} {
		method, path, _ := strings.Cut(line, " ")
		r := call(t, h, method, path, "x")
		body := bodyOf(t, r)
		if r.StatusCode/100 != 4 || r.StatusCode == 401 {
			t.Errorf("%s = %d, want 4xx, and not the one that makes snapd log in again", line, r.StatusCode)
		}
		var v struct {
			Message   string
			ErrorList []snap.Error `json:"error-list"`
		}
		if err := json.Unmarshal([]byte(body), &v); err != nil || v.Message == "" || len(v.ErrorList) != 1 {
			t.Errorf("%s: %q (%v), want a message", line, body, err)
		}
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	seen := map[string]bool{}
	for range 3 {
		nonce := decode[map[string]string](t, call(t, h, "POST", "/api/v1/snaps/auth/nonces", ""), 200)["nonce"]
		macaroon := decode[map[string]string](t, call(t, h, "POST", "/api/v1/snaps/auth/sessions", `{"device-session-request":"x"}`), 200)["macaroon"]
		if len(nonce) < 16 || len(macaroon) < 16 || seen[nonce] || seen[macaroon] {
			t.Errorf("nonce %q, macaroon %q, want new ones", nonce, macaroon)
		}
		seen[nonce], seen[macaroon] = true, true
	}
	decode[map[string]any](t, call(t, h, "POST", "/api/v1/snaps/auth/sessions", strings.Repeat("x", 2<<20)), 413)
}

func TestNoSecretsInLogs(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	var log bytes.Buffer
	h := serve(t, b, catalogue(b), server.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}).Handler()
	call(t, h, "GET", "/v2/snaps/find?q=tulips", "", "Authorization: Macaroon root=tulips", "Snap-Device-Authorization: Macaroon root=tulips", "X-Device-Authorization: tulips")
	call(t, h, "POST", "/api/v1/snaps/auth/sessions", `{"device-session-request":"tulips"}`)
	if text := log.String(); strings.Contains(text, "tulips") || !strings.Contains(text, "path=/v2/snaps/find") {
		t.Errorf("log = %s, want the requests without what they were authorised with or asked for", text)
	}
}

func TestStatusAndMetrics(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	dir, err := blob.Open(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	var broken error
	s := server.New(server.Config{Blobs: dir, Health: func(context.Context) error { return broken }})
	h := s.Handler()
	if got := decode[map[string]any](t, call(t, h, "GET", "/_status/check", ""), 503); got["status"] != "unavailable" {
		t.Errorf("before there is a catalogue: %v", got)
	}
	r := call(t, h, "GET", "/v2/snaps/info/jq", "")
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("before there is a catalogue: info = %d, want 503, which snapd tries again", r.StatusCode)
	}
	if r := call(t, h, "HEAD", "/", ""); r.StatusCode != 200 {
		t.Errorf("before there is a catalogue: HEAD / = %d, want 200", r.StatusCode)
	}
	if err := s.SetCatalog(catalogue(b)); err != nil {
		t.Fatal(err)
	}
	if got := decode[map[string]any](t, call(t, h, "GET", "/_status/check", ""), 200); got["status"] != "ok" || got["generation"] != 7.0 || got["snaps"] != 3.0 {
		t.Errorf("status = %v, want ok", got)
	}
	broken = errors.New("secret of the database")
	if body := bodyOf(t, call(t, h, "GET", "/_status/check", "")); !strings.Contains(body, `"degraded"`) || strings.Contains(body, "secret") {
		t.Errorf("status = %s, want degraded, and no details for everyone", body)
	}
	call(t, h, "GET", "/api/v1/snaps/download/"+jqID+"_6.snap", "")
	call(t, h, "GET", "/no/such/path", "")
	text := bodyOf(t, call(t, h, "GET", "/metrics", ""))
	for _, line := range []string{"offlinestore_catalog_generation 7", `offlinestore_catalog_entries{kind="snaps"} 3`, `offlinestore_catalog_entries{kind="revisions"} 13`,
		`offlinestore_http_requests_total{code="200",route="/api/v1/snaps/download/{file}"} 1`, `offlinestore_http_response_bytes_total{route="/api/v1/snaps/download/{file}"} 8`,
		`offlinestore_http_requests_total{code="404",route="other"} 1`, `offlinestore_http_requests_total{code="503",route="/v2/snaps/info/{name}"} 1`, "offlinestore_catalog_load_timestamp_seconds"} {
		if !strings.Contains(text, line) {
			t.Errorf("metrics have no %q", line)
		}
	}
}

func TestRefusedCatalogLeavesTheLast(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	s := serve(t, b, catalogue(b), server.Config{})
	bad := catalogue(b)
	bad.Snaps[0].ChannelMap[0].Revision = 1000
	if err := s.SetCatalog(bad); err == nil || !strings.Contains(err.Error(), "data") || !strings.Contains(err.Error(), "1000") {
		t.Errorf("SetCatalog = %v, want an error that names the snap and its missing revision", err)
	}
	twice := catalogue(b)
	twice.Snaps = append(twice.Snaps, twice.Snaps[0])
	if err := s.SetCatalog(twice); err == nil {
		t.Error("SetCatalog took a snap that is there twice")
	}
	if r := call(t, s.Handler(), "GET", "/v2/snaps/info/jq", ""); r.StatusCode != 200 {
		t.Errorf("info = %d, want what was served before", r.StatusCode)
	}
}

// TestDownloadUsesSendfile checks that what handlers write to passes a file on as it is, in chunks that sendfile can take.
func TestDownloadUsesSendfile(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	const size = 5<<20 + 17
	c.Snaps[2].Revisions[1].Blob, c.Snaps[2].Revisions[1].Download.Size = b.hole("large", size), size
	h := serve(t, b, c, server.Config{}).Handler()
	w := &fileSink{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/snaps/download/"+jqID+"_6.snap", nil))
	if w.files != 6 || w.other != 0 || w.total != size {
		t.Errorf("%d chunks of a file, %d of anything else, %d bytes, want 6, 0, %d", w.files, w.other, w.total, int64(size))
	}
	if w.deadlines != w.files {
		t.Errorf("%d deadlines for %d chunks", w.deadlines, w.files)
	}
}

type fileSink struct {
	*httptest.ResponseRecorder
	files, other, deadlines int
	total                   int64
}

func (w *fileSink) SetWriteDeadline(time.Time) error { w.deadlines++; return nil }

func (w *fileSink) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if _, ok := l.R.(*os.File); ok {
			w.files++
			w.other--
		}
	}
	w.other++
	n, err := io.Copy(io.Discard, r)
	w.total += n
	return n, err
}

// TestOverTCP downloads, resumes and pipelines over a real connection.
func TestOverTCP(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	content := strings.Repeat("0123456789abcdef", 200_000)
	c.Snaps[2].Revisions[1].Blob, c.Snaps[2].Revisions[1].Download.Size = b.put(content), int64(len(content))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := serve(t, b, c, server.Config{}).HTTPServer("")
	done := make(chan error)
	go func() { done <- srv.Serve(l) }()
	base := "http://" + l.Addr().String()
	got := decode[snap.InfoResponse](t, get(t, base+"/v2/snaps/info/jq?architecture=amd64", ""), 200)
	url := got.ChannelMap[0].Download.URL
	if !strings.HasPrefix(url, base) {
		t.Fatalf("url = %q, want one of %s", url, base)
	}
	if body := bodyOf(t, get(t, url, "")); body != content {
		t.Errorf("downloaded %d bytes, want %d", len(body), len(content))
	}
	if r := get(t, url, "bytes=3000000-"); r.StatusCode != 206 {
		t.Errorf("status = %d, want 206", r.StatusCode)
	} else if body := bodyOf(t, r); body != content[3000000:] {
		t.Errorf("resumed %d bytes, want %d", len(body), len(content)-3000000)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Errorf("shut down: %v", err)
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("serve: %v", err)
	}
}

func get(t *testing.T, url, span string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if span != "" {
		req.Header.Set("Range", span)
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	return r
}

package server_test

import (
	"bytes"
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
		{"GET", jqID + "+docs_2.comp", "", 200, "older component"},
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

// TestDownloadUsesSendfile checks that the ResponseWriter of handlers passes a file on unchanged, in chunks that sendfile can take.
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

// TestSlowDownload reads more slowly than any time limit on a request would allow.
func TestSlowDownload(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	const size = 64 << 20
	c.Snaps[2].Revisions[1].Blob, c.Snaps[2].Revisions[1].Download.Size = b.hole("large", size), size
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := serve(t, b, c, server.Config{}).HTTPServer("")
	for name, bound := range map[string]time.Duration{"ReadHeaderTimeout": srv.ReadHeaderTimeout, "ReadTimeout": srv.ReadTimeout,
		"WriteTimeout": srv.WriteTimeout, "IdleTimeout": srv.IdleTimeout, "MaxHeaderBytes": time.Duration(srv.MaxHeaderBytes)} {
		if bound == 0 {
			t.Errorf("%s is 0, want a bound", name)
		}
	}
	srv.ReadTimeout, srv.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	go srv.Serve(l)
	defer srv.Close()
	r := get(t, "http://"+l.Addr().String()+"/api/v1/snaps/download/"+jqID+"_6.snap", "")
	var total int64
	for range 4 {
		n, err := io.CopyN(io.Discard, r.Body, size/4)
		if total += n; err != nil {
			t.Fatalf("after %d bytes: %v", total, err)
		}
		time.Sleep(200 * time.Millisecond)
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

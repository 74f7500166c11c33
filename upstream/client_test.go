package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"offlinestore/upstream"
)

// record collects the log of a client.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

// newClient serves h and returns a client of it that never waits.
func newClient(t *testing.T, h http.Handler, cfg upstream.Config) (*upstream.Client, string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	if cfg.Origin == "" {
		cfg.Origin = s.URL
	}
	if cfg.Backoff == nil {
		cfg.Backoff = func(int) time.Duration { return time.Millisecond }
	}
	c, err := upstream.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c, s.URL
}

// realdata returns the folder of genuine data.
func realdata(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("OFFLINESTORE_REALDATA"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	dir = filepath.Join(dir, "..", "shared", "realdata")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no genuine data; OFFLINESTORE_REALDATA says where it is")
	}
	return dir
}

func TestNewRefusesBaseURLs(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"ftp://x", "api.snapcraft.io", "http://", "http://x/?a=secret", "http://x/#f", "http://x?", "http://u:secret@x/", "http://u:secret@x:port/", "/p"} {
		_, err := upstream.New(upstream.Config{Origin: u})
		if err == nil {
			t.Errorf("New(%q) succeeded, want an error", u)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("New(%q): %v: names the secret", u, err)
		}
	}
	for _, u := range []string{"", "http://x", "https://x/", "http://[::1]:80/px/"} {
		if _, err := upstream.New(upstream.Config{Origin: u}); err != nil {
			t.Errorf("New(%q): %v", u, err)
		}
	}
}

func TestPathPrefixAndHeaders(t *testing.T) {
	t.Parallel()
	var got *http.Request
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		http.NotFound(w, r)
	})
	s := httptest.NewServer(h)
	defer s.Close()
	for _, prefix := range []string{"/px", "/px/"} {
		c, err := upstream.New(upstream.Config{Origin: s.URL + prefix, UserAgent: "test/1"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Info(t.Context(), "jq"); !errors.Is(err, upstream.ErrNotFound) {
			t.Errorf("Info = %v, want ErrNotFound", err)
		}
		if got.URL.Path != "/px/v2/snaps/info/jq" {
			t.Errorf("asked for %s", got.URL.Path)
		}
	}
	for k, want := range map[string]string{"User-Agent": "test/1", "Snap-Device-Series": "16", "Snap-Device-Capabilities": "default-tracks"} {
		if v := got.Header.Get(k); v != want {
			t.Errorf("%s = %q, want %q", k, v, want)
		}
	}
}

const info = `{"channel-map":[{"channel":{"architecture":"amd64","name":"stable","risk":"stable","track":"latest"},"revision":6}],
"name":"jq","snap-id":"6mbqFd6vpkwDVRqBZKpEA7Y6zu0X8i3U","snap":{"name":"jq"}}`

func TestRetries(t *testing.T) {
	t.Parallel()
	ok := func(w http.ResponseWriter) { fmt.Fprint(w, info) }
	status := func(code int, header ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			fmt.Fprint(w, `{"error-list":[{"code":"slow-down","message":"try \u001b[31mlater\n"}]}`)
		}
	}
	cut := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "5000")
		fmt.Fprint(w, info)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	reset := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	tests := []struct {
		name    string
		answers []func(http.ResponseWriter) // the last one repeats
		tries   int
		want    string // "" means success
	}{
		{"500 twice", []func(http.ResponseWriter){status(500), status(503), ok}, 3, ""},
		{"429", []func(http.ResponseWriter){status(429, "Retry-After", "0"), ok}, 2, ""},
		{"408", []func(http.ResponseWriter){status(408), ok}, 2, ""},
		{"cut off", []func(http.ResponseWriter){cut, ok}, 2, ""},
		{"reset", []func(http.ResponseWriter){reset, reset, ok}, 3, ""},
		{"500 for ever", []func(http.ResponseWriter){status(500, "X-Oops-Id", "OOPS-1")}, 4, "snap jq: URL/v2/snaps/info/jq: the store answered 500 Internal Server Error: try  [31mlater (slow-down) [oops OOPS-1] (gave up after 4 tries)"},
		{"cut off for ever", []func(http.ResponseWriter){cut}, 4, "unexpected EOF (gave up after 4 tries)"},
		{"403", []func(http.ResponseWriter){status(403)}, 1, "403 Forbidden: try  [31mlater (slow-down)"},
		{"far Retry-After", []func(http.ResponseWriter){status(429, "Retry-After", "86400")}, 1, "(it asks to come back in 24h0m0s)"},
		{"Retry-After with a date", []func(http.ResponseWriter){status(503, "Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))}, 1, "(it asks to come back in "},
		{"endless Retry-After", []func(http.ResponseWriter){status(503, "Retry-After", "99999999999999999999"), ok}, 2, ""},
		{"past Retry-After", []func(http.ResponseWriter){status(503, "Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT"), ok}, 2, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tries := 0
			var log record
			c, origin := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tries++
				tt.answers[min(tries, len(tt.answers))-1](w)
			}), upstream.Config{Retries: 3, Logf: log.Logf})
			_, err := c.Info(t.Context(), "jq")
			if tries != tt.tries {
				t.Errorf("tried %d times, want %d", tries, tt.tries)
			}
			if got := strings.Count(log.String(), "trying again"); got != tt.tries-1 {
				t.Errorf("logged %d repetitions, want %d:\n%s", got, tt.tries-1, &log)
			}
			want := strings.Replace(tt.want, "URL", origin, 1)
			var status *upstream.StatusError
			if err != nil && errors.Is(err, upstream.ErrUnavailable) == errors.As(err, &status) {
				t.Errorf("Info: %v: want either ErrUnavailable or a StatusError", err)
			}
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("Info: %v, want %q", err, want)
			}
		})
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	var first time.Time
	var waited time.Duration
	c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if first.IsZero() {
			first = time.Now()
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(429)
			return
		}
		waited = time.Since(first)
		fmt.Fprint(w, info)
	}), upstream.Config{})
	if _, err := c.Info(t.Context(), "jq"); err != nil {
		t.Fatal(err)
	}
	if waited < time.Second {
		t.Errorf("waited %s, want a second", waited)
	}
}

func TestCancelEndsAWait(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(500)
		cancel()
	}), upstream.Config{Backoff: func(int) time.Duration { return time.Hour }})
	if _, err := c.Info(ctx, "jq"); !errors.Is(err, context.Canceled) {
		t.Errorf("Info = %v, want context.Canceled", err)
	}
}

func TestUntrustedCertificateIsNotRetried(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	var rec record
	c, err := upstream.New(upstream.Config{Origin: s.URL, Logf: rec.Logf, Backoff: func(int) time.Duration { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Info(t.Context(), "jq"); err == nil || !strings.Contains(err.Error(), "certificate") || rec.String() != "" {
		t.Errorf("Info = %v, want one about the certificate, at once; log %q", err, &rec)
	}
}

package transfer_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/transfer"
)

func TestLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := transfer.NewAccessLog(slog.New(slog.NewJSONHandler(&out, nil)), slog.LevelInfo)
	r := httptest.NewRequest("POST", "/v2/snaps/refresh?token=s3cret", strings.NewReader("s3cret"))
	r.TLS = &tls.ConnectionState{}
	r.RemoteAddr = "192.0.2.1:4000"
	for _, name := range []string{"Authorization", "Snap-Device-Authorization", "X-Device-Authorization", "Cookie"} {
		r.Header.Set(name, `Macaroon root="s3cret"`)
	}
	r.Header.Set("User-Agent", "snapd/2.61 "+strings.Repeat("x", 1000))
	l.Write("/v2/snaps/refresh", r, &transfer.Recorder{Status: 200, Bytes: 12}, 5*time.Millisecond)
	if strings.Contains(out.String(), "s3cret") {
		t.Errorf("a secret is in %s", out.String())
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	delete(got, "time")
	want := map[string]any{"level": "INFO", "msg": "request", "kind": "/v2/snaps/refresh", "method": "POST", "path": "/v2/snaps/refresh", "status": 200.0, "bytes": 12.0,
		"took": 5e6, "client": "192.0.2.1", "tls": true, "agent": "snapd/2.61 " + strings.Repeat("x", 245) + "…"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("line (-got +want):\n%s", diff)
	}
}

func TestLevel(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	transfer.NewAccessLog(slog.New(slog.NewTextHandler(&out, nil)), slog.LevelDebug).Write("k", httptest.NewRequest("GET", "/", nil), &transfer.Recorder{}, 0)
	if out.Len() > 0 {
		t.Errorf("a line for debugging was written: %s", out.String())
	}
}

func TestClient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		trust     bool
		forwarded []string
		want      string
	}{
		{false, []string{"198.51.100.1"}, "192.0.2.1"},
		{true, nil, "192.0.2.1"},
		{true, []string{"198.51.100.1"}, "198.51.100.1"},
		{true, []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		{true, []string{"203.0.113.9", "2001:db8::1"}, "2001:db8::1"},
		{true, []string{"198.51.100.1, evil\nline"}, "192.0.2.1"},
		{true, []string{""}, "192.0.2.1"},
	} {
		var out bytes.Buffer
		l := transfer.NewAccessLog(slog.New(slog.NewTextHandler(&out, nil)), slog.LevelInfo)
		l.TrustForwarded(c.trust)
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "192.0.2.1:1"
		r.Header["X-Forwarded-For"] = c.forwarded
		l.Write("k", r, &transfer.Recorder{Status: 200}, 0)
		if !strings.Contains(out.String(), " client="+c.want+" ") {
			t.Errorf("%v, %q: %s, want client %s", c.trust, c.forwarded, out.String(), c.want)
		}
	}
}

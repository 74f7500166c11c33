package edge

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// writeCounter counts writes.
type writeCounter struct{ writes, bytes int }

func (w *writeCounter) Write(b []byte) (int, error) {
	w.writes++
	w.bytes += len(b)
	return len(b), nil
}

// TestPassBody passes a body that was read: together with the header, and again if the connection is lost.
func TestPassBody(t *testing.T) {
	t.Parallel()
	const body = `{"context":[],"actions":[]}`
	asked := 0
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: "upstream"})
			passBody(p.Out, p.In.Body)
		},
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked++
			for range 2 {
				w := &writeCounter{}
				if err := r.Write(w); err != nil || w.writes != 1 || w.bytes < len(body) {
					t.Errorf("%d writes of %d bytes, %v, want one", w.writes, w.bytes, err)
				}
				again, err := r.GetBody()
				if err != nil {
					return nil, err
				}
				r.Body = again
			}
			text, err := io.ReadAll(r.Body)
			if string(text) != body || r.ContentLength != int64(len(body)) {
				t.Errorf("the body is %q with length %d, want %q", text, r.ContentLength, body)
			}
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, err
		}),
	}
	r := httptest.NewRequest("POST", "http://edge/v2/snaps/refresh", http.NoBody)
	setBody(r, []byte(body))
	proxy.ServeHTTP(httptest.NewRecorder(), r)
	if asked != 1 {
		t.Errorf("upstream was asked %d times, want 1", asked)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

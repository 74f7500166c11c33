package edge

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
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
	g := newRig(t, http.NotFoundHandler())
	body, asked := install("stable"), 0
	g.proxy.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		asked++
		for range 2 {
			w := &writeCounter{}
			if err := r.Write(w); err != nil || w.writes != 1 || w.bytes < len(body) {
				t.Errorf("%d writes of %d bytes, %v, want one", w.writes, w.bytes, err)
			}
			if r.GetBody == nil {
				return nil, errors.New("the body cannot be sent again")
			}
			r.Body, _ = r.GetBody()
		}
		text, err := io.ReadAll(r.Body)
		if !bytes.Equal(text, body) || r.ContentLength != int64(len(body)) {
			t.Errorf("the body is %q with length %d, want %q", text, r.ContentLength, body)
		}
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, err
	})
	if got := g.do("POST", "/v2/snaps/refresh", body, amd64...); got.StatusCode != http.StatusOK || asked != 1 {
		t.Errorf("%d %s, and upstream was asked %d times, want 200 and once", got.StatusCode, got.text, asked)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

package edge

import (
	"bytes"
	"net/http"
	"testing"
)

// TestImportsInstead answers from imported things while upstream is gone, and nothing else is known.
func TestImportsInstead(t *testing.T) {
	t.Parallel()
	var answer string
	g := newRig(t, newStore(t).Handler())
	g.cfg.Local = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Snap-Device-Authorization") != "" {
			t.Error("the store itself gets a session of upstream")
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answer))
	})
	g.down.Store(true)
	fetch := []byte(`{"context":[],"actions":[{"action":"fetch-assertions","key":"g","assertions":[{"type":"validation-set","sequence-key":["16","a","b"]}]}]}`)
	headers := append([]string{"Snap-Device-Authorization", `Macaroon root="of-upstream"`}, amd64...)
	for _, tt := range []struct {
		body   []byte
		answer string
		status int
	}{
		{fetch, `{"results":[{"result":"fetch-assertions","key":"g","assertion-stream-urls":["http://store/v2/assertions/x"]}]}`, 200},
		{fetch, `{"results":[{"result":"fetch-assertions","key":"g","assertion-stream-urls":[]}]}`, 502},
		{install("stable"), `{"results":[{"result":"install","snap":{"revision":1}}]}`, 200},
		{install("stable"), `{"results":[{"result":"error"}]}`, 502},
	} {
		answer = tt.answer
		got := g.do("POST", "/v2/snaps/refresh", tt.body, headers...)
		if got.StatusCode != tt.status || tt.status == 200 && !bytes.Equal(got.text, []byte(tt.answer)) {
			t.Errorf("%s: %d %s, want %d", tt.answer, got.StatusCode, got.text, tt.status)
		}
	}
}

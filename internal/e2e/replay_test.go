//go:build linux

package e2e_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// replay serves the recorded traffic, which alter may change, and records the requests.
type replay struct {
	handler http.Handler
	alter   func(path string, body []byte) []byte

	mu   sync.Mutex
	seen []string
}

func (p *replay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.seen = append(p.seen, r.Method+" "+r.URL.Path)
	p.mu.Unlock()
	if !strings.HasPrefix(r.URL.Path, "/v2/assertions/") {
		p.handler.ServeHTTP(w, r)
		return
	}
	rec := httptest.NewRecorder()
	p.handler.ServeHTTP(rec, r)
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(p.alter(r.URL.Path, rec.Body.Bytes()))
}

func (p *replay) asked(prefix string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, s := range p.seen {
		if strings.HasPrefix(s, prefix) {
			out = append(out, strings.TrimPrefix(s, prefix))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// progress ignores all reports.
type progress struct{}

func (progress) Downloading(string) {}
func (progress) Add(int64)          {}
func (progress) Warn(string)        {}

// newReplay returns an exporter from the recorded store that trusts only Canonical's root.
func newReplay(t *testing.T, alter func(path string, body []byte) []byte) (*exporter.Exporter, *replay) {
	t.Helper()
	h, err := upstreamtest.Replay(filepath.Join(realdata(t), "wire/snapd-centos9-2022-11-29"))
	if err != nil {
		t.Fatal(err)
	}
	p := &replay{handler: h, alter: alter}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	c, err := upstream.New(upstream.Config{Origin: srv.URL, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	cache, err := exporter.OpenCache(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &exporter.Exporter{Client: c, Cache: cache, Trust: assertion.Canonical(), Jobs: 1, Progress: progress{}}, p
}

func unaltered(_ string, body []byte) []byte { return body }

// TestExportOfRecordedTraffic plans an export from recorded answers of the real store, and verifies everything that the
// recording has. It lacks only the bytes of the .snap files.
func TestExportOfRecordedTraffic(t *testing.T) {
	t.Parallel()
	e, p := newReplay(t, unaltered)
	plan, err := e.Plan(t.Context(), exporter.Request{
		Names: []string{"go-example-webserver", "hello-world"}, Channels: []string{"stable"}, Architectures: []string{"amd64"}, NoDeps: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Gaps) > 0 || plan.Size() != 20480+1851392 {
		t.Errorf("the plan has gaps %+v and %d bytes, want none and 1871872", plan.Gaps, plan.Size())
	}
	type planned struct {
		Name, ID, SHA3384, Publisher string
		Revision                     int
		ChannelMap                   []snap.Release
	}
	var got []planned
	for _, s := range plan.Snaps {
		got = append(got, planned{s.Listing.Name, s.Listing.SnapID, s.Revisions[0].Download.SHA3384, s.Listing.Snap.Publisher.ID,
			s.Revisions[0].Revision.Number, s.Listing.ChannelMap})
	}
	want := []planned{{
		"go-example-webserver", "AXQwkeqxpsWVOF2kUsgT6zJKVW8H9NIm",
		"4d473e39a1736dfb80929a5c6e26604b81d34bc6a26a39d7cbfc256e65ff8d45e51bc2afa85a966bd39aef828366501e", "canonical", 25,
		[]snap.Release{{Architecture: "amd64", Channel: "latest/stable", ReleasedAt: "2017-05-17T21:18:32.137622+00:00", Revision: 25}},
	}, {
		"hello-world", "buPKUD3TKqCOgLEjjHx5kSiCpIs5cMuQ",
		"b07bdb78e762c2e6020c75fafc92055b323a6f8da3ab42a3963da5ade386aba11f77e3c8f919b8aa23f3aa5c06c844f9", "canonical", 29,
		[]snap.Release{{Architecture: "amd64", Channel: "latest/stable", ReleasedAt: "2019-04-17T16:47:59.117114+00:00", Revision: 29}},
	}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("plan (-got +want):\n%s", diff)
	}
	err = e.Fetch(t.Context(), plan)
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "go-example-webserver revision 25") {
		t.Errorf("Fetch = %v, want an end where the payload of go-example-webserver would begin", err)
	}
	// The exporter asks for a blob only after everything signed has arrived and been verified.
	if diff := cmp.Diff(p.asked("GET /v2/assertions/"), []string{
		"account-key/BWDEoaqyr25nF5SNCvEv2v7QnM9QsfCc0PBMYD_i2NGSQ32EF2d4D0hqUel3m8ul",
		"snap-declaration/16/AXQwkeqxpsWVOF2kUsgT6zJKVW8H9NIm", "snap-declaration/16/buPKUD3TKqCOgLEjjHx5kSiCpIs5cMuQ",
		"snap-revision/TUc-OaFzbfuAkppcbiZgS4HTS8aiajnXy_wlbmX_jUXlG8KvqFqWa9Oa74KDZlAe",
		"snap-revision/sHvbeOdiwuYCDHX6_JIFWzI6b42jq0Kjlj2lreOGq6Efd-PI-Rm4qiPzqlwGyET5",
	}); diff != "" {
		t.Errorf("assertions asked for (-got +want):\n%s", diff)
	}
	if got := p.asked("GET /download-origin/"); !slices.Contains(got, "canonical-lgw01/AXQwkeqxpsWVOF2kUsgT6zJKVW8H9NIm_25.snap") {
		t.Errorf("blobs asked for: %q, want the one that the redirect led to", got)
	}
}

// TestExportOfAlteredTraffic changes one byte of one genuine assertion at a time, and checks that nothing is downloaded
// then.
func TestExportOfAlteredTraffic(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"account-key", "snap-declaration", "snap-revision"} {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			e, p := newReplay(t, func(path string, body []byte) []byte {
				if strings.HasPrefix(path, "/v2/assertions/"+typ+"/") {
					// This is a digit of the year in the timestamp, or in since.
					i := strings.LastIndex(string(body), "-0") - 1
					body = slices.Clone(body)
					body[i] ^= 1
				}
				return body
			})
			plan, err := e.Plan(t.Context(), exporter.Request{
				Names: []string{"hello-world"}, Channels: []string{"stable"}, Architectures: []string{"amd64"}, NoDeps: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			var unverified *assertion.VerifyError
			if err := e.Fetch(t.Context(), plan); !errors.As(err, &unverified) || unverified.Ref.Type != typ {
				t.Errorf("Fetch = %v, want that the %s is not verified", err, typ)
			}
			if got := p.asked("GET /download-origin/"); len(got) > 0 {
				t.Errorf("blobs asked for: %q, want none", got)
			}
		})
	}
}

package upstreamtest_test

import (
	"bytes"
	"context"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/upstreamtest"
	"offlinestore/snap"
	"offlinestore/upstream"
)

func demo(t *testing.T, opts upstreamtest.DemoOptions) *upstreamtest.Store {
	t.Helper()
	s, err := upstreamtest.Demo(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func client(t *testing.T, s *upstreamtest.Store, cfg upstream.Config) *upstream.Client {
	t.Helper()
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	cfg.Origin = srv.URL
	cfg.Backoff = func(int) time.Duration { return time.Millisecond }
	c, err := upstream.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func resolve(t *testing.T, c *upstream.Client, arch string, a snap.Action) snap.Result {
	t.Helper()
	r, err := c.Resolve(t.Context(), arch, []snap.Action{a})
	if err != nil {
		t.Fatal(err)
	}
	return r[0]
}

// fetch downloads a blob and verifies it against d.
func fetch(ctx context.Context, c *upstream.Client, d snap.Download) ([]byte, error) {
	var b bytes.Buffer
	if err := c.Fetch(ctx, upstream.Blob{Name: "blob", URL: d.URL, Size: d.Size, Restart: func() error { b.Reset(); return nil }}, &b); err != nil {
		return nil, err
	}
	if sum := sha3.Sum384(b.Bytes()); hex.EncodeToString(sum[:]) != d.SHA3384 {
		return nil, errors.New("digest differs")
	}
	return b.Bytes(), nil
}

func TestDemoChannels(t *testing.T) {
	t.Parallel()
	c := client(t, demo(t, upstreamtest.DemoOptions{Payload: 100}), upstream.Config{})
	tests := []struct {
		name, arch, channel string
		revision            int // the requested one
		got                 int
		effective, redirect string
	}{
		{"jq", "amd64", "stable", 0, 6, "stable", ""},
		{"jq", "arm64", "latest/stable", 0, 7, "stable", ""},
		{"jq", "amd64", "edge", 0, 8, "edge", ""},
		{"jq", "amd64", "beta", 0, 6, "candidate", ""},
		{"jq", "amd64", "edge/none", 0, 8, "edge", ""},
		{"jq", "amd64", "", 8, 8, "", ""},
		{"hello", "s390x", "", 0, 38, "2.0/stable", "2.0/stable"},
		{"hello", "amd64", "edge", 0, 42, "2.0/edge", "2.0/edge"},
		{"hello", "amd64", "latest/edge", 0, 20, "stable", ""},
		{"hello", "amd64", "2.0/edge/fix-greeting", 0, 43, "2.0/edge/fix-greeting", ""},
	}
	for _, tt := range tests {
		r := resolve(t, c, tt.arch, snap.Action{Name: tt.name, Channel: tt.channel, Revision: tt.revision})
		if r.Error != nil {
			t.Errorf("%s %s %q: %+v", tt.name, tt.arch, tt.channel, r.Error)
			continue
		}
		if err := r.Snap.Revision.Validate(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if r.Snap.Revision.Number != tt.got || r.EffectiveChannel != tt.effective || r.RedirectChannel != tt.redirect {
			t.Errorf("%s %s %q = revision %d, effective %q, redirect %q, want %d, %q, %q", tt.name, tt.arch, tt.channel,
				r.Snap.Revision.Number, r.EffectiveChannel, r.RedirectChannel, tt.got, tt.effective, tt.redirect)
		}
	}
	for _, a := range []snap.Action{{Name: "none"}, {Name: "jq", Channel: "3/stable"}, {Name: "jq", Revision: 7}, {Name: "jq", Revision: 99}} {
		if r := resolve(t, c, "amd64", a); r.Error == nil || r.Error.Code != snap.CodeNameNotFound && r.Error.Code != snap.CodeRevisionNotFound {
			t.Errorf("%+v = %+v, want an error", a, r)
		}
	}
}

func TestDemoInfo(t *testing.T) {
	t.Parallel()
	s := demo(t, upstreamtest.DemoOptions{Payload: 100})
	c := client(t, s, upstream.Config{})
	info, err := c.Info(t.Context(), "hello")
	if err != nil {
		t.Fatal(err)
	}
	first := info.ChannelMap[0]
	row := []any{first.Channel.Name, first.Channel.Track, first.Revision.Number, *info.DefaultTrack, first.Base == nil}
	if diff := cmp.Diff([]any{"2.0/stable", "2.0", 38, "2.0", true}, row); diff != "" {
		t.Errorf("first row (-want +got):\n%s", diff)
	}
	var tracks []string
	for _, r := range info.ChannelMap {
		if r.Channel.Architecture == "amd64" {
			tracks = append(tracks, r.Channel.Name)
		}
	}
	if d := cmp.Diff([]string{"2.0/stable", "2.0/candidate", "2.0/edge", "stable"}, tracks); d != "" {
		t.Errorf("channel map for amd64 (-want +got):\n%s", d)
	}
	if len(info.Snap.Categories) != 2 || !info.Snap.Categories[0].Featured || *info.Snap.License != "GPL-3.0" || info.Snap.StoreURL == "" {
		t.Errorf("details: %+v", info.Snap)
	}
	data, typ, err := c.Icon(t.Context(), info.Snap.Media[0].URL)
	if err != nil || typ != "image/png" || len(data) == 0 {
		t.Errorf("Icon = %d bytes, %q, %v", len(data), typ, err)
	}
	if err := s.Close("hello", "", "2.0/edge"); err != nil {
		t.Fatal(err)
	}
	if r := resolve(t, c, "amd64", snap.Action{Name: "hello", Channel: "edge"}); r.EffectiveChannel != "2.0/candidate" {
		t.Errorf("closed edge is served from %q", r.EffectiveChannel)
	}
}

// TestDemoIsVerifiable verifies the chain of a snap with a component, from another publisher.
func TestDemoIsVerifiable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := exec.LookPath("mksquashfs"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		dir = ""
	}
	s := demo(t, upstreamtest.DemoOptions{Dir: dir, Payload: 5000})
	c := client(t, s, upstream.Config{})
	r := resolve(t, c, "arm64", snap.Action{Name: "jq"})
	if len(r.Snap.Resources) != 1 || r.Snap.Resources[0].Type != "component/standard" {
		t.Fatalf("components: %+v", r.Snap.Resources)
	}
	comp := r.Snap.Resources[0]
	b, err := fetch(t.Context(), c, r.Snap.Download)
	if err != nil || string(b[:4]) != "hsqs" {
		t.Fatalf("fetched %d bytes, %v", len(b), err)
	}
	if b, err = fetch(t.Context(), c, comp.Download); err != nil || string(b[:4]) != "hsqs" {
		t.Fatalf("fetched %d bytes of the component, %v", len(b), err)
	}
	sum, _ := hex.DecodeString(r.Snap.Download.SHA3384)
	compSum, _ := hex.DecodeString(comp.Download.SHA3384)
	v := assertion.Verifier{Trust: s.Stack.Trust(), Source: source{t, c}}
	for _, ref := range []assertion.Ref{
		{Type: "snap-revision", PrimaryKey: []string{assertion.DigestHeader(sum)}},
		{Type: "snap-resource-revision", PrimaryKey: []string{r.SnapID, "docs", assertion.DigestHeader(compSum)}},
		{Type: "snap-resource-pair", PrimaryKey: []string{r.SnapID, "docs", fmt.Sprint(comp.Revision), "7"}},
	} {
		a, err := c.Assertion(t.Context(), ref.Type, ref.PrimaryKey, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(a); err != nil {
			t.Error(err)
		}
	}
	declarations, err := c.SnapDeclarations(t.Context(), r.SnapID)
	if err != nil {
		t.Fatal(err)
	}
	var formats []int
	for _, a := range declarations {
		formats = append(formats, a.Format())
		if err := v.Verify(a); err != nil {
			t.Error(err)
		}
	}
	if d := cmp.Diff([]int{5, 3, 0}, formats); d != "" {
		t.Errorf("formats of the snap-declaration (-want +got):\n%s", d)
	}
	meta, err := snap.ParseYAML(r.Snap.SnapYAML)
	if err != nil || meta.Name != "jq" || meta.Base != "core24" || !slices.Equal(meta.Architectures, []string{"arm64"}) {
		t.Errorf("snap.yaml = %+v, %v", meta, err)
	}
	calculator := resolve(t, c, "amd64", snap.Action{Name: "gnome-calculator"})
	if bases, providers := calculator.Snap.Needs(); !slices.Equal(bases, []string{"core22"}) || !slices.Equal(providers, []string{"gtk-common-themes"}) {
		t.Errorf("Needs = %v, %v", bases, providers)
	}
}

// source finds assertions in the store.
type source struct {
	t *testing.T
	c *upstream.Client
}

func (s source) Find(ref assertion.Ref) (*assertion.Assertion, error) {
	return s.c.Assertion(s.t.Context(), ref.Type, ref.PrimaryKey, 0)
}

func TestStrictness(t *testing.T) {
	t.Parallel()
	s := demo(t, upstreamtest.DemoOptions{Payload: 10})
	get := func(url string, header ...string) (int, string) {
		r := httptest.NewRequest("GET", url, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if code, body := get("/v2/snaps/info/jq?fields=name"); code != 400 || !strings.Contains(body, "missing-header") {
		t.Errorf("info without a series: %d %s", code, body)
	}
	if code, body := get("/v2/snaps/info/jq?fields=frobs", "Snap-Device-Series", "16"); code != 400 || !strings.Contains(body, "frobs") {
		t.Errorf("info with an unknown field: %d %s", code, body)
	}
	if code, body := get("/v2/snaps/info/jq?fields=summary", "Snap-Device-Series", "16"); code != 200 || strings.Contains(body, "sha3-384") || !strings.Contains(body, "lightweight") {
		t.Errorf("info with one field: %d %s", code, body)
	}
	if code, _ := get("/download-origin/canonical-lgw01/" + upstreamtest.ID("jq") + "_6.snap"); code != 403 {
		t.Errorf("download without the token: %d", code)
	}
}

func TestRootStreamIsWhatIsTrusted(t *testing.T) {
	t.Parallel()
	s := big(t)
	roots, err := assertion.DecodeAll(s.Stack.RootStream())
	if err != nil || len(roots) != 2 || roots[0].HeaderString("account-id") != assertiontest.RootID {
		t.Errorf("RootStream: %v, %v", roots, err)
	}
}

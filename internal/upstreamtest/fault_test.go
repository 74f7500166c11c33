package upstreamtest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/internal/upstreamtest"
	"offlinestore/snap"
	"offlinestore/upstream"
)

func TestForgeries(t *testing.T) {
	t.Parallel()
	verify := func(t *testing.T, falsify func(*upstreamtest.Store) error) error {
		s := demo(t, upstreamtest.DemoOptions{Payload: 100})
		if err := falsify(s); err != nil {
			t.Fatal(err)
		}
		c := client(t, s, upstream.Config{})
		ref := s.RevisionRef("jq", 6)
		a, err := c.Assertion(t.Context(), ref.Type, ref.PrimaryKey, 0)
		if err != nil {
			return err
		}
		return (&assertion.Verifier{Trust: s.Stack.Trust(), Source: source{t, c}, Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}).Verify(a)
	}
	tests := map[string]struct {
		falsify func(*upstreamtest.Store) error
		want    error // nil accepts any error
	}{
		"another root": {func(s *upstreamtest.Store) error { return s.ForgeRevision("jq", 6) }, nil},
		"expired key":  {func(s *upstreamtest.Store) error { s.ExpireKey(); return nil }, assertion.ErrExpiredKey},
		"missing": {func(s *upstreamtest.Store) error {
			if !s.Remove(assertion.Ref{Type: "snap-declaration", PrimaryKey: []string{"16", upstreamtest.ID("jq")}}) {
				return errors.New("there was none")
			}
			return nil
		}, assertion.ErrNotFound},
		"altered": {func(s *upstreamtest.Store) error {
			s.Inject(upstreamtest.Fault{Path: "/v2/assertions/snap-revision/", Do: upstreamtest.Rewrite("snap-revision: 6", "snap-revision: 9")})
			return nil
		}, assertion.ErrBadSignature},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := verify(t, tt.falsify); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
	if err := verify(t, func(*upstreamtest.Store) error { return nil }); err != nil {
		t.Errorf("Verify of what is genuine = %v", err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	const downloads = "/download-origin/"
	tests := []struct {
		name    string
		fault   upstreamtest.Fault
		count   int // downloads
		wantErr string
	}{
		{"none", upstreamtest.Fault{Path: "/none"}, 1, ""},
		{"cut once", upstreamtest.Fault{Path: downloads, Times: 1, Do: upstreamtest.Cut(2 << 20)}, 2, ""},
		{"cut always", upstreamtest.Fault{Path: downloads, Do: upstreamtest.Cut(100)}, 4, "gave up"},
		{"stalled once", upstreamtest.Fault{Path: downloads, Times: 1, Do: upstreamtest.Stall(1 << 20)}, 2, ""},
		{"no ranges", upstreamtest.Fault{Path: downloads, Do: upstreamtest.NoRange}, 1, ""},
		{"slow", upstreamtest.Fault{Path: downloads, Do: upstreamtest.Slow(time.Millisecond)}, 1, ""},
		{"corrupt", upstreamtest.Fault{Path: downloads, Do: upstreamtest.Corrupt(1 << 20)}, 1, "digest differs"},
		{"429", upstreamtest.Fault{Path: downloads, Times: 2, Do: upstreamtest.Status(429, "Retry-After", "0")}, 3, ""},
		{"third fails", upstreamtest.Fault{Path: downloads, Skip: 2, Do: upstreamtest.Status(403)}, 1, ""},
		{"403", upstreamtest.Fault{Path: downloads, Do: upstreamtest.Status(403)}, 1, "403 Forbidden: an injected fault"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := big(t)
			c := client(t, s, upstream.Config{Retries: 3, Stall: time.Second})
			s.Inject(tt.fault)
			_, err := fetch(t.Context(), c, resolve(t, c, "amd64", snap.Action{Name: "big"}).Snap.Download)
			if tt.wantErr == "" && err != nil || tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)) {
				t.Errorf("fetch = %v, want %q", err, tt.wantErr)
			}
			if err != nil && strings.Contains(err.Error(), upstreamtest.Token) {
				t.Errorf("fetch = %v: names the token", err)
			}
			if got := s.Count(downloads); got != tt.count {
				t.Errorf("%d downloads, want %d", got, tt.count)
			}
		})
	}
}

// big returns a store with one snap whose blob is not stored anywhere.
func big(t *testing.T) *upstreamtest.Store {
	t.Helper()
	s, err := upstreamtest.New(upstreamtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		s.AddSnap(upstreamtest.Snap{Name: "big", Base: "core24"}),
		s.AddRevision("big", upstreamtest.Rev{Revision: 1, Blob: upstreamtest.Random("big", 3<<20+5)}),
		s.Release("big", "", "stable", 1),
	); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnnounce(t *testing.T) {
	t.Parallel()
	s := big(t)
	c := client(t, s, upstream.Config{})
	s.Announce("big", 1, "", 77)
	d := resolve(t, c, "amd64", snap.Action{Name: "big"}).Snap.Download
	if _, err := fetch(t.Context(), c, d); err == nil || !strings.Contains(err.Error(), "the store announced 77") {
		t.Errorf("fetch with a wrong size = %v", err)
	}
	s.Announce("big", 1, strings.Repeat("ab", 48), 3<<20+5)
	d = resolve(t, c, "amd64", snap.Action{Name: "big"}).Snap.Download
	if _, err := fetch(t.Context(), c, d); err == nil || err.Error() != "digest differs" {
		t.Errorf("fetch with a wrong digest = %v", err)
	}
}

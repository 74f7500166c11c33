package exporter_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

// TestWithdrawn exports jq together with a snap that the store has withdrawn in some way. jq is exported in any case.
func TestWithdrawn(t *testing.T) {
	t.Parallel()
	hello := upstreamtest.ID("hello")
	tests := map[string]struct {
		withdraw func(*upstreamtest.Store) error
		exported map[string]string
		want     string
		warning  string
	}{
		"gone": {func(s *upstreamtest.Store) error { s.Withdraw("hello"); return nil }, map[string]string{"hello": hello},
			"gone " + hello + " 0", "hello: the store has no such snap any more, and the bundle states that it is gone"},
		"gone, and unknown here": {func(s *upstreamtest.Store) error { s.Withdraw("hello"); return nil }, nil,
			"gone  0", "hello: the store has no such snap, and the bundle states that it is gone; is the name right?"},
		"gone and revoked": {func(s *upstreamtest.Store) error { s.Withdraw("hello"); s.Revoke(hello); return nil }, map[string]string{"hello": hello},
			"revoked " + hello + " 1", "hello: the store has no such snap any more, and the bundle states that it is gone"},
		"revoked": {func(s *upstreamtest.Store) error { s.Revoke(hello); return nil }, nil,
			"revoked " + hello + " 1", "hello: its snap-declaration is revoked, and the bundle carries only that"},
		"closed": {func(s *upstreamtest.Store) error { return s.Close("hello", "amd64", "2.0/stable") }, nil,
			"amd64 2.0/stable 0", "hello stable for amd64: the store has no release; hello is only in 2.0/candidate, 2.0/edge, latest/stable"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := demo(t)
			if err := errors.Join(s.Release("hello", "amd64", "2.0/edge", 38), test.withdraw(s)); err != nil && !strings.Contains(name, "gone") {
				t.Fatal(err)
			}
			e, _ := newExporter(t, s)
			req := exporter.Request{Names: []string{"hello", "jq"}, Channels: []string{"stable"}, Architectures: []string{"amd64"}, Exported: test.exported}
			p, err := e.Plan(t.Context(), req)
			if err == nil {
				err = e.Fetch(t.Context(), p)
			}
			if err != nil {
				t.Fatal(err)
			}
			h := pack(t, e, p)
			if !slices.ContainsFunc(h.Revisions, func(r *bundle.SnapRevision) bool { return r.Name == "jq" }) {
				t.Error("jq is not in the bundle")
			}
			if slices.ContainsFunc(h.Revisions, func(r *bundle.SnapRevision) bool { return r.Name == "hello" }) {
				t.Error("a revision of hello is in the bundle")
			}
			if got := statement(t, h); got != test.want {
				t.Errorf("the bundle states %q, want %q", got, test.want)
			}
			if !slices.ContainsFunc(p.Gaps, func(g exporter.Gap) bool { return g.String() == test.warning }) {
				t.Errorf("gaps %v, want %q", p.Gaps, test.warning)
			}
			if _, err := bundle.Check(h, s.Stack.Trust(), time.Now()); err != nil {
				t.Error(err)
			}
			req.Withdrawn = exporter.WithdrawnError
			if p, err = e.Plan(t.Context(), req); err == nil {
				err = e.Fetch(t.Context(), p)
			}
			var missing *exporter.MissingError
			if !errors.As(err, &missing) || missing.Gaps[0].Snap != "hello" {
				t.Errorf("as an error: %v, want a MissingError about hello", err)
			}
		})
	}
}

// statement describes the bundle's statement about hello.
func statement(t *testing.T, h *bundle.Head) string {
	t.Helper()
	if len(h.Withdrawals) > 0 {
		w := h.Withdrawals[0]
		all, err := assertion.DecodeAll(w.Assertions)
		if err != nil {
			t.Fatal(err)
		}
		revoked := 0
		for _, a := range all {
			if a.Type() == "snap-declaration" && a.HeaderString("snap-name") == "" {
				revoked++
			}
		}
		return fmt.Sprintf("%s %s %d", w.Reason, w.ID, revoked)
	}
	for _, s := range h.Snaps {
		if s.Name == "hello" && len(s.ChannelMap) == 1 {
			r := s.ChannelMap[0]
			return fmt.Sprint(r.Architecture, " ", r.Channel, " ", r.Revision)
		}
	}
	return "nothing"
}

// TestWithdrawnAlone exports nothing but names that the store does not have. A name of an earlier export is stated to be gone. Other
// names are probably misspelled.
func TestWithdrawnAlone(t *testing.T) {
	t.Parallel()
	known := map[string]string{"gone": upstreamtest.ID("gone")}
	for _, test := range []struct {
		names    string
		mode     exporter.WithdrawnMode
		exported map[string]string
		want     int
		err      string
	}{
		{"gone", "", known, 1, ""},
		{"gone", exporter.WithdrawnError, known, 0, "gone: the store has no such snap"},
		{"gone typo", "", known, 2, ""},
		{"typo misspelled", "", nil, 0, "misspelled: the store has no such snap; typo: the store has no such snap"},
		{"typo", exporter.WithdrawnWarn, nil, 1, ""},
	} {
		e, _ := newExporter(t, demo(t))
		p, err := e.Plan(t.Context(), exporter.Request{Names: strings.Fields(test.names), Channels: []string{"stable"}, Architectures: []string{"amd64"},
			Withdrawn: test.mode, Exported: test.exported})
		if test.err != "" {
			var missing *exporter.MissingError
			if !errors.As(err, &missing) || err.Error() != test.err {
				t.Errorf("%s, mode %q: %v, want %q", test.names, test.mode, err, test.err)
			}
			continue
		}
		if err == nil {
			err = e.Fetch(t.Context(), p)
		}
		if err != nil {
			t.Errorf("%s, mode %q: %v", test.names, test.mode, err)
			continue
		}
		if h := pack(t, e, p); len(h.Withdrawals) != test.want || len(h.Snaps) != 0 {
			t.Errorf("%s, mode %q: %d withdrawals, want %d", test.names, test.mode, len(h.Withdrawals), test.want)
		}
	}
}

// TestClosedAlone exports nothing but a closed channel. Inside, the channel is closed, too.
func TestClosedAlone(t *testing.T) {
	t.Parallel()
	s := demo(t)
	if err := errors.Join(s.Release("hello", "amd64", "2.0/edge", 38), s.Close("hello", "amd64", "2.0/stable")); err != nil {
		t.Fatal(err)
	}
	e, _ := newExporter(t, s)
	p, err := e.Plan(t.Context(), exporter.Request{Names: []string{"hello"}, Channels: []string{"stable"}, Architectures: []string{"amd64"}})
	if err == nil {
		err = e.Fetch(t.Context(), p)
	}
	if err != nil {
		t.Fatal(err)
	}
	h := pack(t, e, p)
	if got := statement(t, h); got != "amd64 2.0/stable 0" || len(h.Revisions) != 0 {
		t.Errorf("the bundle states %q with %d revisions, want a closed channel alone", got, len(h.Revisions))
	}
}

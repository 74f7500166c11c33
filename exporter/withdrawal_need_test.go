package exporter_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

// TestWithdrawnNeed exports a snap that needs one which the store has withdrawn. The snap is exported in any case.
func TestWithdrawnNeed(t *testing.T) {
	t.Parallel()
	exported := map[string]string{"core22": upstreamtest.ID("core22"), "gtk-common-themes": upstreamtest.ID("gtk-common-themes")}
	for name, test := range map[string]struct {
		withdraw  func(*upstreamtest.Store) error
		exported  map[string]string
		warning   string
		stated    string // the snap that the bundle states to be gone
		tolerated bool   // also with --withdrawn error
	}{
		"base": {func(s *upstreamtest.Store) error { s.Withdraw("core22"); return nil }, exported,
			"core22 for amd64 is needed by gnome-calculator: the store has no such snap any more, and the bundle states that it is gone", "core22", false},
		"unknown base": {func(s *upstreamtest.Store) error { s.Withdraw("core22"); return nil }, nil,
			"core22 for amd64 is needed by gnome-calculator: the store has no such snap", "", false},
		"closed base": {func(s *upstreamtest.Store) error { return s.Close("core22", "amd64", "stable") }, nil,
			"core22 for amd64 is needed by gnome-calculator: the store has no release; core22 is only in candidate, edge", "", false},
		"provider": {func(s *upstreamtest.Store) error { s.Withdraw("gtk-common-themes"); return nil }, exported,
			"gtk-common-themes for amd64 is needed by gnome-calculator: the store has no such snap any more, and the bundle states that it is gone", "gtk-common-themes", false},
		"unknown provider": {func(s *upstreamtest.Store) error { s.Withdraw("gtk-common-themes"); return nil }, nil,
			"gtk-common-themes for amd64 is needed by gnome-calculator: the store has no such snap", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := demo(t)
			if err := test.withdraw(s); err != nil {
				t.Fatal(err)
			}
			e, _ := newExporter(t, s)
			req := exporter.Request{Names: []string{"gnome-calculator"}, Channels: []string{"stable"}, Architectures: []string{"amd64"}, Exported: test.exported}
			p := fetch(t, e, req)
			h := pack(t, e, p)
			if !slices.ContainsFunc(h.Revisions, func(r *bundle.SnapRevision) bool { return r.Name == "gnome-calculator" }) {
				t.Error("gnome-calculator is not in the bundle")
			}
			if !slices.ContainsFunc(p.Gaps, func(g exporter.Gap) bool { return g.String() == test.warning }) {
				t.Errorf("gaps %v, want %q", p.Gaps, test.warning)
			}
			stated := ""
			for _, w := range h.Withdrawals {
				stated += w.Name
			}
			if stated != test.stated {
				t.Errorf("the bundle states that %q is gone, want %q", stated, test.stated)
			}
			if _, err := bundle.Check(h, s.Stack.Trust(), time.Now()); err != nil {
				t.Error(err)
			}
			req.Withdrawn = exporter.WithdrawnError
			if _, err := e.Plan(t.Context(), req); (err == nil) != test.tolerated || err != nil && !errors.As(err, new(*exporter.MissingError)) {
				t.Errorf("as an error: %v", err)
			}
		})
	}
}

// TestWithdrawnAfterExport exports charms and charm bundles alone that an earlier export had, and that Charmhub does not have any more.
func TestWithdrawnAfterExport(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	e, _ := h.exporter(t)
	requests := map[string]*exporter.CharmRequest{
		"charm":  {Applications: []charm.Application{{Name: "gone", Charm: "gone"}}, Architectures: []string{"amd64"}},
		"bundle": {Bundles: []exporter.CharmBundle{{Name: "gone"}}, Architectures: []string{"amd64"}},
	}
	for name, r := range requests {
		req := exporter.Request{Charms: r}
		if _, err := e.Plan(t.Context(), req); !errors.As(err, new(*exporter.MissingError)) {
			t.Errorf("%s of an unknown name: %v, want a MissingError", name, err)
		}
		req.ExportedCharms = map[string]string{"gone": "some-id"}
		head := pack(t, e, fetch(t, e, req))
		if len(head.Withdrawals) != 1 || head.Withdrawals[0].Kind != bundle.WithdrawnCharm || head.Withdrawals[0].Name != "gone" {
			t.Errorf("%s: withdrawals %+v, want that gone is gone", name, head.Withdrawals)
		}
		req.Withdrawn = exporter.WithdrawnError
		if _, err := e.Plan(t.Context(), req); !errors.As(err, new(*exporter.MissingError)) {
			t.Errorf("%s as an error: %v, want a MissingError", name, err)
		}
	}
}

package exporter_test

import (
	"errors"
	"slices"
	"testing"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

// TestWithdrawnCharm exports a charm beside one that Charmhub does not have, and a charm of which only a closed channel is asked for.
func TestWithdrawnCharm(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	if err := h.ReleaseCharm("pgbouncer", "latest/edge", upstreamtest.Base{}, 5, nil); err != nil {
		t.Fatal(err)
	}
	e, _ := h.exporter(t)
	request := func(mode exporter.WithdrawnMode, apps ...charm.Application) exporter.Request {
		return exporter.Request{Withdrawn: mode, Charms: &exporter.CharmRequest{Applications: apps, Architectures: []string{"amd64"}, NoImages: true}}
	}
	here, gone := charm.Application{Name: "here", Charm: "postgresql-k8s"}, charm.Application{Name: "gone", Charm: "nosuch"}
	p, err := e.Plan(t.Context(), request("", here, gone))
	if err == nil {
		err = e.Fetch(t.Context(), p)
	}
	if err != nil {
		t.Fatal(err)
	}
	head := pack(t, e, p)
	if len(head.CharmRevisions) != 1 || len(head.Withdrawals) != 1 || head.Withdrawals[0].Kind != bundle.WithdrawnCharm || head.Withdrawals[0].Name != "nosuch" {
		t.Errorf("%d revisions and withdrawals %+v; want postgresql-k8s, and that nosuch is gone", len(head.CharmRevisions), head.Withdrawals)
	}
	if !slices.ContainsFunc(p.Gaps, func(g exporter.Gap) bool { return g.Charm == "nosuch" }) {
		t.Errorf("gaps %v, want one about nosuch", p.Gaps)
	}
	var missing *exporter.MissingError
	for _, req := range []exporter.Request{request("", gone), request(exporter.WithdrawnError, here, gone)} {
		if _, err := e.Plan(t.Context(), req); !errors.As(err, &missing) {
			t.Errorf("%+v: %v, want a MissingError", req, err)
		}
	}
	closed := request("", charm.Application{Name: "pool", Charm: "pgbouncer", Channel: "latest/stable"})
	if err := h.CloseCharm("pgbouncer", "latest/stable", upstreamtest.Base{}); err != nil {
		t.Logf("close: %v", err)
	}
	if p, err = e.Plan(t.Context(), closed); err == nil {
		err = e.Fetch(t.Context(), p)
	}
	if err != nil {
		t.Fatal(err)
	}
	head = pack(t, e, p)
	if len(head.CharmRevisions) != 0 || len(head.Charms) != 1 || len(head.Charms[0].ChannelMap) == 0 || head.Charms[0].ChannelMap[0].Revision != 0 {
		t.Errorf("the bundle has %d revisions and %+v, want a closed channel alone", len(head.CharmRevisions), head.Charms)
	}
	closed.Withdrawn = exporter.WithdrawnError
	if _, err := e.Plan(t.Context(), closed); !errors.As(err, &missing) {
		t.Errorf("a closed channel as an error: %v", err)
	}
}

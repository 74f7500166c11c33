package exporter_test

import (
	"testing"

	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

// TestExportIntegrity packs a revision with a component and dm-verity data.
func TestExportIntegrity(t *testing.T) {
	t.Parallel()
	s := demo(t)
	if err := s.AddSnap(upstreamtest.Snap{Name: "sealed"}); err != nil {
		t.Fatal(err)
	}
	docs := upstreamtest.Component{Name: "docs", Revision: 1, Blob: upstreamtest.Bytes([]byte("component"))}
	rev := upstreamtest.Rev{Revision: 1, Blob: upstreamtest.Bytes([]byte("snap")), Components: []upstreamtest.Component{docs}, Verity: upstreamtest.Bytes([]byte("hash tree"))}
	if err := s.AddRevision("sealed", rev); err != nil {
		t.Fatal(err)
	}
	if err := s.Release("sealed", "", "stable", 1); err != nil {
		t.Fatal(err)
	}
	e, _ := newExporter(t, s)
	p, err := e.Plan(t.Context(), exporter.Request{Names: []string{"sealed"}, Channels: []string{"stable"}, Architectures: []string{"amd64"}, NoDeps: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Fetch(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	r := pack(t, e, p).Revisions[0]
	if len(r.Revision.Integrity) != 1 || len(r.Integrity) != 1 || len(r.Components) != 1 {
		t.Fatalf("revision = %+v, want integrity data and a component with a blob each", r)
	}
	in := r.Revision.Integrity[0]
	if in.Type != "dm-verity" || in.DataBlockSize != 4096 || in.Download.URL != "" || in.Download.Size != r.Integrity[0].Size || r.Integrity[0].Size != 9 {
		t.Errorf("integrity data = %+v with the blob %+v, want the store's without a URL", in, r.Integrity[0])
	}
}

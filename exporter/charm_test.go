package exporter_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

// charmRows prints a channel map: "14/stable ubuntu@22.04 amd64 20 postgresql-image:7".
func charmRows(l *charm.Listing) []string {
	var out []string
	for _, r := range l.ChannelMap {
		s := r.Channel
		if r.Base != nil {
			s += " " + r.Base.String()
		}
		s += fmt.Sprint(" ", r.Revision)
		for _, res := range r.Resources {
			s += fmt.Sprintf(" %s:%d", res.Name, res.Revision)
		}
		out = append(out, s)
	}
	return out
}

func TestCharmWithImage(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	e, progress := h.exporter(t)
	req := wanted(t, "applications: {postgresql: {charm: postgresql-k8s, series: kubernetes, channel: 14/stable}}")
	p := fetch(t, e, req)
	head := pack(t, e, p)
	if progress.total != p.Size() || progress.top > p.Size() {
		t.Errorf("progress ended at %d and reached %d, want %d", progress.total, progress.top, p.Size())
	}
	want := []string{"14/stable ubuntu@20.04 amd64 20 postgresql-image:7", "14/stable ubuntu@22.04 amd64 20 postgresql-image:7"}
	if diff := cmp.Diff(want, charmRows(&head.Charms[0].Listing)); diff != "" {
		t.Errorf("channel map (-want +got):\n%s", diff)
	}
	c := head.Charms[0]
	if c.Icon == nil || !bytes.Contains(c.Assertions, []byte("account-id: dataplatform\n")) || c.DefaultTrack != "14" {
		t.Errorf("icon %v, assertions %q, default track %q", c.Icon, c.Assertions, c.DefaultTrack)
	}
	rev := head.CharmRevisions[0]
	if rev.Revision.ConfigYAML != "options: {}\n" || rev.Revision.ActionsYAML != "{}\n" || len(rev.Revision.Bases) != 3 {
		t.Errorf("config %q, actions %q, bases %v", rev.Revision.ConfigYAML, rev.Revision.ActionsYAML, rev.Revision.Bases)
	}
	wantImage := &charm.Image{Digest: h.index, Name: repository + "@" + h.index, Source: h.host + "/" + repository + "@" + h.index}
	if diff := cmp.Diff(wantImage, head.CharmResources[0].Image); diff != "" {
		t.Errorf("image (-want +got):\n%s", diff)
	}
	if got := digests(head); !cmp.Equal(got, map[string]bool{h.index: true, h.amd: true, h.arm: true}) {
		t.Errorf("manifests %v, want the index and both platforms", got)
	}
	if len(head.Payload) != 1+6 { // the charm, and a config and two layers of each platform
		t.Errorf("%d payload blobs, want 7", len(head.Payload))
	}
	if text, _ := json.Marshal(head); strings.Contains(string(text), registrySecret) || strings.Contains(string(text), registryUser) {
		t.Error("the registry's credentials are in the bundle")
	}
	for _, d := range []string{"postgresql-k8s revision 20 (14/stable amd64)", "resources for postgresql-k8s"} {
		if n := strings.Count(strings.Join(progress.downloads, "\n"), d); n != 1 {
			t.Errorf("%q was said %d times, want once: %q", d, n, progress.downloads)
		}
	}
}

func digests(h *bundle.Head) map[string]bool {
	out := make(map[string]bool)
	for _, m := range h.Images {
		out[m.Digest.String()] = true
	}
	return out
}

func TestCharmBundle(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	e, _ := h.exporter(t)
	req := exporter.Request{Charms: &exporter.CharmRequest{Bundles: []exporter.CharmBundle{{Name: "pg-bundle"}}, Architectures: []string{"amd64"}, ImageArchitectures: []string{"amd64"}}}
	p := fetch(t, e, req)
	head := pack(t, e, p)
	var got []string
	for _, c := range head.Charms {
		got = append(got, c.Name)
		got = append(got, charmRows(&c.Listing)...)
	}
	want := []string{
		"pg-bundle", "latest/stable 3",
		"pgbouncer", "latest/stable ubuntu@20.04 amd64 5 config:2 extra:0", "latest/stable ubuntu@22.04 amd64 0",
		"postgresql-k8s", "14/stable ubuntu@20.04 amd64 20 postgresql-image:7", "14/stable ubuntu@22.04 amd64 20 postgresql-image:7",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("charms (-want +got):\n%s", diff)
	}
	if got := digests(head); !cmp.Equal(got, map[string]bool{h.index: true, h.amd: true}) {
		t.Errorf("manifests %v, want the index and amd64", got)
	}
	hint := exporter.Hint{Charm: "pgbouncer", CharmRevision: 5, SnapHint: charm.SnapHint{Name: "hello", Revisions: map[string]int{"amd64": 38, "arm64": 38}}}
	if diff := cmp.Diff([]exporter.Hint{hint}, p.Hints); diff != "" {
		t.Errorf("hints (-want +got):\n%s", diff)
	}
	if len(p.Gaps)+len(p.Warnings) > 0 {
		t.Errorf("gaps %v, warnings %v, want none", p.Gaps, p.Warnings)
	}
}

func TestCharmPlan(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	if err := h.ReleaseCharm("postgresql-k8s", "14/edge/fix", upstreamtest.Ubuntu("22.04", "amd64"), 20, map[string]int{"postgresql-image": 7}); err != nil {
		t.Fatal(err)
	}
	e, _ := h.exporter(t)
	for _, c := range []struct {
		yaml  string
		archs []string
		want  []string // rows, resources, gaps and warnings
	}{
		{"{charm: pgbouncer}", nil, []string{"latest/stable ubuntu@20.04 amd64 5 config:2 extra:0", "latest/stable ubuntu@22.04 amd64 0", "config 2", "extra 0"}},
		{"{charm: pgbouncer, base: ubuntu@24.04}", nil, []string{"latest/stable ubuntu@20.04 amd64 5 config:2 extra:0", "latest/stable ubuntu@24.04 amd64 0", "config 2", "extra 0",
			"pgbouncer is not there for ubuntu@24.04 in latest/stable; exported for ubuntu@20.04 amd64"}},
		{"{charm: pgbouncer, base: ubuntu@20.04, channel: candidate}", []string{"amd64", "s390x"}, []string{
			"latest/candidate ubuntu@20.04 amd64 0", "latest/candidate ubuntu@20.04 s390x 0",
			"latest/stable ubuntu@20.04 amd64 5 config:2 extra:0", "latest/stable ubuntu@20.04 s390x 5 config:2 extra:0", "config 2", "extra 0"}},
		{"{charm: pgbouncer, revision: 5}", nil, []string{"config 2", "extra 0"}},
		{"{charm: pgbouncer, revision: 5, channel: beta, resources: {config: 1}}", nil, []string{"latest/beta ubuntu@20.04 amd64 5 config:1 extra:0", "config 1", "extra 0"}},
		{"{charm: pgbouncer, series: focal, resources: {config: 1, nope: 2, extra: ./x}}", nil, []string{"latest/stable ubuntu@20.04 amd64 5 config:1 extra:0", "config 1", "extra 0",
			"pgbouncer has no resource nope in latest/stable", "the resource extra of a is a local file (./x): carry it separately"}},
		{"{charm: postgresql-k8s}", []string{"amd64", "riscv64"}, []string{
			"14/stable ubuntu@20.04 amd64 20 postgresql-image:7", "14/stable ubuntu@22.04 amd64 20 postgresql-image:7", "14/stable ubuntu@22.04 riscv64 0", "postgresql-image 7",
			"postgresql-k8s 14/stable for ubuntu@22.04 riscv64: the store has no release; postgresql-k8s is only for amd64, arm64"}},
		{"{charm: postgresql-k8s, channel: 14/edge/fix}", nil, []string{"14/beta ubuntu@20.04 amd64 0", "14/candidate ubuntu@20.04 amd64 0", "14/edge ubuntu@20.04 amd64 0",
			"14/edge/fix ubuntu@20.04 amd64 0", "14/edge/fix ubuntu@22.04 amd64 20 postgresql-image:7", "14/stable ubuntu@20.04 amd64 20 postgresql-image:7", "postgresql-image 7"}},
	} {
		req := wanted(t, "applications: {a: "+c.yaml+"}")
		if c.archs != nil {
			req.Charms.Architectures = c.archs
		}
		p, err := e.Plan(t.Context(), req)
		if err != nil {
			t.Errorf("%s: %v", c.yaml, err)
			continue
		}
		got := charmRows(&p.Charms[0].Listing)
		for _, r := range p.Charms[0].Resources {
			got = append(got, fmt.Sprint(r.Resource.Name, " ", r.Resource.Revision))
		}
		for _, g := range p.Gaps {
			got = append(got, g.String())
		}
		got = append(got, p.Warnings...)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s for %v (-want +got):\n%s", c.yaml, c.archs, diff)
		}
	}
}

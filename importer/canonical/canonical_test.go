package canonical_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"offlinestore/internal/bundletest"
	"offlinestore/internal/canonicaltest"
)

func TestReadExport(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	e, err := s.read(canonicaltest.FileName, tarGz(t, member{"bundle.yaml", canonicaltest.AskFor}, member{"app.tar.gz", tarGz(t, canonicaltest.AppMembers(t)...)}))
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Warnings) != 0 || !e.Created.Equal(canonicaltest.Exported()) || len(e.Assertions) == 0 {
		t.Errorf("ReadExport = %d assertions, made at %s, with the warnings %q", len(e.Assertions), e.Created, e.Warnings)
	}
	if len(e.Charms) != 1 || e.Charms[0].ID != bundletest.CharmID("app") || len(e.Charms[0].ChannelMap) != 2 {
		t.Errorf("charms = %+v, want app with its ID and two rows", e.Charms)
	}
	if len(e.Revisions) != 1 || s.blobs[e.Revisions[0].Blob] == "" {
		t.Errorf("revisions = %+v, want one that was stored", e.Revisions)
	}
	if len(e.Resources) != 2 || s.blobs[e.Resources[0].Blob] != "some data" || e.Resources[1].Blob != "" || e.Resources[1].Resource.Name != "image" {
		t.Errorf("resources = %+v, want a file that was stored and an image", e.Resources)
	}
	s.keepsNo("s3cr3t")
}

// TestPinnedApplications checks the rows of two revisions of a charm. A revision that an application pins fills only channels that no other
// application follows, and the applications' architectures decide the rows of a charm for all.
func TestPinnedApplications(t *testing.T) {
	t.Parallel()
	const anywhere = "bases:\n- {name: ubuntu, channel: \"22.04\", architectures: [all]}\n"
	app := func(n int) member {
		return member{fmt.Sprintf("app_%d.charm", n), canonicaltest.Zip(t, member{"metadata.yaml", "name: app\n"}, member{"manifest.yaml", anywhere})}
	}
	for yaml, want := range map[string]string{
		"{a: {charm: app, channel: 8/stable, revision: 10}, b: {charm: app, channel: 8/stable}}":                                        "8/stable amd64 12",
		"{b: {charm: app, channel: 8/stable, revision: 10}, a: {charm: app, channel: 8/stable}}":                                        "8/stable amd64 12",
		"{a: {charm: app, channel: 7/stable, revision: 10}, b: {charm: app, channel: 8/stable}}":                                        "7/stable amd64 10, 8/stable amd64 12",
		"{a: {charm: app, channel: 8/stable, revision: 10}, b: {charm: app, channel: 8/stable, revision: 12}}":                          "8/stable amd64 12",
		"{a: {charm: app, channel: 8/stable, revision: 10, constraints: arch=arm64}, b: {charm: app, channel: 7/stable, revision: 12}}": "7/stable arm64 12, 8/stable arm64 10",
	} {
		e, err := newStore(t).read(canonicaltest.FileName, tarGz(t, member{"bundle.yaml", "applications: " + yaml}, member{"app.tar.gz", tarGz(t, app(10), app(12))}))
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for _, r := range e.Charms[0].ChannelMap {
			rows = append(rows, fmt.Sprint(r.Channel, " ", r.Base.Architecture, " ", r.Revision))
		}
		slices.Sort(rows)
		if got := strings.Join(rows, ", "); got != want {
			t.Errorf("%s: rows %s, want %s", yaml, got, want)
		}
	}
}

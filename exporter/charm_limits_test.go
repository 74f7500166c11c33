package exporter_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/internal/upstreamtest"
)

// TestLargeCharm exports a charm with a config.yaml of 3 MiB and 20,000 options, and with an image whose manifest is as large as registries
// accept. Charmhub and Juju accept both.
func TestLargeCharm(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	var config strings.Builder
	config.WriteString("options:\n")
	for i := range 20_000 {
		fmt.Fprintf(&config, "  option-%d:\n    type: string\n    description: One, two, three, [four], {five}, %s\n", i, strings.Repeat("and so on, ", 8))
	}
	image := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%d},"layers":[],"annotations":{"x":"`,
		"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", 2)
	image += strings.Repeat("x", bundle.MaxImageSize-len(image)-3) + `"}}`
	_, err := h.registry.AddBlob(repository, upstreamtest.Bytes([]byte("{}")))
	d := h.registry.AddManifest(repository, "application/vnd.oci.image.manifest.v1+json", []byte(image))
	err = errors.Join(err, h.AddCharm(upstreamtest.Charm{Name: "large"}),
		h.AddCharmRevision("large", upstreamtest.CharmRev{Revision: 1, CharmFiles: upstreamtest.CharmFiles{Config: config.String(),
			Metadata: "name: large\nresources: {image: {type: oci-image}}\n", Bases: []upstreamtest.Base{upstreamtest.Ubuntu("22.04", "amd64")}}}),
		h.AddCharmResource("large", upstreamtest.CharmResource{Name: "image", Revision: 1, Image: &upstreamtest.ImageBlob{
			Ref: h.host + "/" + repository + "@" + d, Username: registryUser, Password: registrySecret}}),
		h.ReleaseCharm("large", "latest/stable", upstreamtest.Base{}, 1, map[string]int{"image": 1}))
	if err != nil {
		t.Fatal(err)
	}
	e, progress := h.exporter(t)
	head := pack(t, e, fetch(t, e, wanted(t, "applications: {a: {charm: large}}")))
	if got := head.CharmRevisions[0].Revision.ConfigYAML; got != config.String() || len(got) > charm.MaxYAMLSize {
		t.Errorf("config.yaml has %d bytes, want %d", len(got), config.Len())
	}
	if len(head.Images) != 1 || string(head.Images[0].Raw) != image {
		t.Errorf("the bundle has %d manifests, want the large one", len(head.Images))
	}
	if len(progress.warnings) != 1 || !strings.Contains(progress.warnings[0], "config.yaml is too long to be checked") {
		t.Errorf("warnings %.300q", progress.warnings)
	}
}

// TestRepeatedKeys exports a charm whose files repeat keys, as Juju overlooks that, and warns once.
func TestRepeatedKeys(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	err := errors.Join(h.AddCharm(upstreamtest.Charm{Name: "twice"}),
		h.AddCharmRevision("twice", upstreamtest.CharmRev{Revision: 1, CharmFiles: upstreamtest.CharmFiles{Config: "options: {}\noptions: {}\n",
			Metadata: "name: twice\nsummary: one\nsummary: two\n", Bases: []upstreamtest.Base{upstreamtest.Ubuntu("22.04", "amd64")}}}),
		h.ReleaseCharm("twice", "latest/stable", upstreamtest.Base{}, 1, nil))
	if err != nil {
		t.Fatal(err)
	}
	e, progress := h.exporter(t)
	p := fetch(t, e, wanted(t, "applications: {a: {charm: twice}}"))
	pack(t, e, p)
	if err := e.Fetch(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if want := `[twice revision 1: metadata.yaml repeats the keys "summary" in line 3: the last value counts twice revision 1: config.yaml repeats the keys "options" in line 2: the last value counts]`; fmt.Sprint(progress.warnings) != want {
		t.Errorf("warnings %v, want %s", progress.warnings, want)
	}
}

package upstreamtest_test

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/charm"
	"offlinestore/charm/snaphint"
	"offlinestore/internal/upstreamtest"
	"offlinestore/upstream"
)

// TestDemoCharms reads the whole demonstration as an exporter does.
func TestDemoCharms(t *testing.T) {
	t.Parallel()
	registry := upstreamtest.DemoRegistry()
	server := httptest.NewServer(registry.Handler())
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	_, c := charmhub(t, func(s *upstreamtest.Store) error {
		return upstreamtest.DemoCharms(s, upstreamtest.DemoCharmsOptions{Registry: registry, Host: host, Payload: 5000})
	})
	for _, name := range []string{"postgresql-k8s", "traefik-k8s", "postgresql", "grafana-agent", "cos-lite"} {
		info, err := c.CharmInfo(t.Context(), name, "")
		if err != nil {
			t.Fatal(err)
		}
		d := info.DefaultRelease
		channel := d.Channel.Track + "/" + d.Channel.Risk
		at, err := c.CharmInfo(t.Context(), name, channel)
		if err != nil || at.DefaultRelease == nil || at.DefaultRelease.Revision.Number != d.Revision.Number {
			t.Errorf("CharmInfo(%s, %s) = %v, %v, want revision %d", name, channel, at, err, d.Revision.Number)
		}
		account, err := c.Assertion(t.Context(), "account", []string{info.Result.Publisher.ID}, 0)
		if err != nil || account.Header("account-id") != info.Result.Publisher.ID {
			t.Errorf("%s: account of the publisher: %v", name, err)
		}
		for _, m := range info.Result.Media {
			if _, kind, err := c.Icon(t.Context(), m.URL); err != nil || kind != "image/png" {
				t.Errorf("%s: icon: %s, %v", name, kind, err)
			}
		}
		checkArchive(t, info, fetchHub(t, c, name, d.Revision.Download))
		for _, r := range d.Resources {
			revisions, err := c.CharmResourceRevisions(t.Context(), name, r.Name)
			if err != nil || len(revisions) == 0 || revisions[0].Revision != r.Revision {
				t.Errorf("CharmResourceRevisions(%s, %s) = %v, %v", name, r.Name, revisions, err)
			}
			blob := fetchHub(t, c, name+" "+r.Name, r.Download)
			if r.Type == charm.ResourceImage {
				pullImage(t, blob)
			}
		}
	}
	if registry.Count("/token") == 0 {
		t.Error("the images needed no credentials")
	}
}

// checkArchive checks that an archive can be read, and that it agrees with the store's answer.
func checkArchive(t *testing.T, info *charm.InfoResponse, b []byte) {
	t.Helper()
	rev := info.DefaultRelease.Revision
	if info.Type == charm.TypeBundle {
		a, err := charm.OpenBundleArchive(bytes.NewReader(b), int64(len(b)))
		if err != nil || a.BundleYAML != rev.BundleYAML || len(a.File.Applications) != 2 {
			t.Errorf("OpenBundleArchive(%s) = %+v, %v", info.Name, a, err)
		}
		return
	}
	a, err := charm.OpenArchive(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Errorf("OpenArchive(%s): %v", info.Name, err)
		return
	}
	if a.MetadataYAML != rev.MetadataYAML || a.Metadata.Name != info.Name || len(a.Bases) == 0 {
		t.Errorf("OpenArchive(%s) = %+v", info.Name, a)
	}
	snaps, err := snaphint.Find(t.Context(), bytes.NewReader(b), int64(len(b)))
	if info.Name == "postgresql" && (err != nil || len(snaps) != 1 || snaps[0].Name != "jq" || snaps[0].Revisions["arm64"] != 7) {
		t.Errorf("postgresql installs %+v, %v, want jq", snaps, err)
	}
}

// pullImage pulls the manifest that a resource's blob names, with the credentials in the blob.
func pullImage(t *testing.T, blob []byte) {
	t.Helper()
	ref, user, password, err := charm.ParseImageBlob(blob)
	if err != nil {
		t.Fatal(err)
	}
	r, err := upstream.OpenRepository(t.Context(), upstream.RegistryConfig{}, ref, user, password)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, d, err := r.Manifest(t.Context(), r.Reference()); err != nil || !strings.HasSuffix(ref, "@"+d.String()) {
		t.Errorf("%s: %s, %v", ref, d, err)
	}
}

// fetchHub downloads a blob and verifies it against d.
func fetchHub(t *testing.T, c *upstream.Client, name string, d charm.Download) []byte {
	t.Helper()
	if d.Size == 0 {
		return nil
	}
	var b bytes.Buffer
	if err := c.Fetch(t.Context(), upstream.Blob{Name: name, URL: d.URL, Size: d.Size}, &b); err != nil {
		t.Error(err)
	}
	if got := digest.FromBytes(b.Bytes()).Encoded(); got != d.SHA256 {
		t.Errorf("%s: SHA-256 %s, want %s", name, got, d.SHA256)
	}
	if got := digest.SHA384.FromBytes(b.Bytes()).Encoded(); d.SHA384 != "" && got != d.SHA384 {
		t.Errorf("%s: SHA-384 %s, want %s", name, got, d.SHA384)
	}
	return b.Bytes()
}

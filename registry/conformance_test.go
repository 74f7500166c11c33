package registry_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/registry"
)

// TestConformance runs the conformance suite of the OCI distribution specification: its tests of pulls, of lists and of referrers. The suite
// can't push here, so it is told which content there is.
func TestConformance(t *testing.T) {
	t.Parallel()
	s := newSignedSite(t)
	index := s.index(randomIndex(t), all)
	s.resource("web", "index", "charm/db:multi", index)
	host := s.serve(registry.Config{})
	manifests, blobs := []string{s.tagged.String()}, []string{}
	for _, m := range s.cat.Images {
		if m.Digest == s.image || m.Digest == index || m.Subject != "" {
			manifests = append(manifests, m.Digest.String())
			for _, b := range m.Blobs {
				blobs = append(blobs, b.Digest.String())
			}
		}
	}
	// The suite looks for the digest header of blobs here. For manifests, it looks only at answers about content that it has pushed itself,
	// so TestAnswers does that.
	// After a run against content that it did not push, the suite can't write its files of results. It prints them before that.
	noFolder := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(noFolder, nil, 0o600))
	cmd := exec.CommandContext(t.Context(), "go", "tool", "github.com/opencontainers/distribution-spec/conformance")
	cmd.Env = append(os.Environ(), "OCI_RESULTS_DIR="+noFolder, "OCI_REGISTRY="+host, "OCI_TLS=disabled", "OCI_REPO1=charm/db", "OCI_VERSION=1.1",
		"OCI_API_PUSH=false", "OCI_API_BLOBS_DELETE=false", "OCI_API_MANIFESTS_DELETE=false", "OCI_API_TAGS_DELETE=false", "OCI_API_BLOBS_DIGEST_HEADER=true",
		"OCI_RO_DATA_TAGS=multi "+s.cat.ImageTags[0].Tag, "OCI_RO_DATA_MANIFESTS="+strings.Join(manifests, " "), "OCI_RO_DATA_BLOBS="+strings.Join(blobs, " "),
		"OCI_RO_DATA_REFERRERS="+s.image.String()+" "+s.signature.String()+" "+s.parts.String())
	out, err := cmd.CombinedOutput()
	report := string(out)
	if err != nil || !strings.Contains(report, "OCI Conformance Result: Pass") || strings.Contains(report, ": FAIL") {
		t.Fatalf("%v\n%s", err, report)
	}
	for _, part := range []string{"read-only/head", "read-only/pull", "read-only/tag-list", "read-only/referrers", "empty/referrers", "missing-manifest", "invalid-digest-format"} {
		if !strings.Contains(report, "/"+part+": Pass\n") {
			t.Errorf("%s did not pass:\n%s", part, report)
		}
	}
	t.Logf("%d tests of the suite pass", strings.Count(report, ": Pass\n"))
}

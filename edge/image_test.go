package edge

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestSamePath holds that a second registry does not take the place of the first one with the same path, whichever is asked first.
func TestSamePath(t *testing.T) {
	t.Parallel()
	g := newRig(t, newStore(t).Handler())
	manifest := func(text string) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			if strings.Contains(r.URL.Path, "/manifests/") {
				_, _ = w.Write([]byte(text))
			}
		}))
		t.Cleanup(srv.Close)
		return strings.TrimPrefix(srv.URL, "http://")
	}
	first, second := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","first":1}`, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","second":1}`
	a, b := manifest(first), manifest(second)
	nameA := g.noteRepository(a, "charm/x/image:1", &imageSource{Host: a})
	nameB := g.noteRepository(b, "charm/x/image:1", &imageSource{Host: b})
	if nameA != "charm/x/image:1" || nameA == nameB {
		t.Fatalf("the images are named %q and %q", nameA, nameB)
	}
	for _, tt := range []struct{ name, want string }{{nameB, second}, {nameA, first}} {
		path, tag, _ := cutReference(tt.name)
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/v2/x", nil)
		if !g.PullManifest(w, r, path, tag[1:]) || w.Body.String() != tt.want {
			t.Errorf("%s: %d %s, want %s", tt.name, w.Code, w.Body, tt.want)
		}
	}
}

package registry_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"offlinestore/blob"
	"offlinestore/internal/s3test"
	"offlinestore/registry"
)

// TestImagesInS3 serves images from a bucket, through the registry and by redirects, and copies them to another registry.
func TestImagesInS3(t *testing.T) {
	t.Parallel()
	need(t, "skopeo")
	server := s3test.Start(t)
	s := newPushSite(t)
	bucket := s3test.Open(t, server.URL)
	s3test.Copy(t, s.blobs, bucket)
	staging := value(blob.Open(t.TempDir()))(t)
	for name, places := range map[string]blob.Places{"content": {Backend: bucket}, "redirect": {Backend: bucket, Redirect: bucket}} {
		r := registry.New(registry.Config{Blobs: staging.StorageIn(places)})
		must(t, r.SetSnapshot(s.cat))
		host := listen(t, r)
		img := value(crane.Pull(host+"/charm/db0/image@"+s.image.String(), crane.Insecure))(t)
		if err := validate.Image(img); err != nil {
			t.Errorf("%s: crane: %v", name, err)
		}
		dir := filepath.Join(t.TempDir(), "oci")
		value(skopeo(t, "copy", "--all", "--src-tls-verify=false", "docker://"+host+"/mirror/web:14", "oci:"+dir))(t)
		held(t, dir, s.index)

		layer := s.manifest(s.image).Blobs[0]
		req := value(http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/v2/charm/db0/image/blobs/"+layer.Digest.String(), nil))(t)
		resp := value(http.DefaultTransport.RoundTrip(req))(t)
		resp.Body.Close()
		if to := resp.Header.Get("Location"); strings.HasPrefix(to, server.URL) != (name == "redirect") || resp.StatusCode == http.StatusOK != (name == "content") {
			t.Errorf("%s: status %d, sent to %q", name, resp.StatusCode, to)
		}
	}
	plan := value(registry.NewPlan(t.Context(), staging.StorageIn(blob.Places{Backend: bucket}), s.cat))(t)
	got := value(plan.Push(t.Context(), registry.PushConfig{Registry: dockerRegistry(t, ""), PlainHTTP: true}))(t)
	if got.Images != 3 || got.Sent == 0 {
		t.Errorf("Push = %+v, want 3 images", got)
	}
}

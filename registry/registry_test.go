package registry_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/registry"
)

const nobody = digest.Digest("sha256:0000000000000000000000000000000000000000000000000000000000000000")

// site is a registry with an image by digest, an index by tag, and an image that was left out.
type site struct {
	*fixture
	url          string
	image, index digest.Digest
}

func newSite(t *testing.T) site {
	t.Helper()
	f := newFixture(t)
	s := site{fixture: f, image: f.image(randomImage(t)), index: f.index(randomIndex(t), all)}
	f.resource("db", "image", "charm/db0/image@"+s.image.String(), s.image)
	f.resource("web", "image", "mirror/web:14", s.index)
	f.resource("web", "left-out", "charm/web0/left-out@"+nobody.String(), nobody)
	s.url = "http://" + f.serve(registry.Config{}) + "/v2/"
	return s
}

func (s site) manifest(dg digest.Digest) catalog.Image {
	for _, m := range s.cat.Images {
		if m.Digest == dg {
			return m
		}
	}
	s.t.Fatalf("no manifest %s", dg)
	return catalog.Image{}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	layer := s.manifest(s.image).Blobs[0].Digest
	for _, test := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "nothing", 404, "NOT_FOUND"},
		{"GET", "charm/db0/image", 404, "NOT_FOUND"},
		{"GET", "charm/db0/image/tags/other", 404, "NOT_FOUND"},
		{"GET", "charm/db0/image/manifests/", 404, "NOT_FOUND"},
		{"GET", "/manifests/latest", 400, "NAME_INVALID"},
		{"GET", "Charm/manifests/latest", 400, "NAME_INVALID"},
		{"GET", "../manifests/latest", 400, "NAME_INVALID"},
		{"GET", strings.Repeat("a", 256) + "/manifests/latest", 400, "NAME_INVALID"},
		{"GET", "other/manifests/latest", 404, "NAME_UNKNOWN"},
		{"GET", "other/tags/list", 404, "NAME_UNKNOWN"},
		{"GET", "charm/db0/image/manifests/latest", 404, "MANIFEST_UNKNOWN"},
		{"GET", "charm/db0/image/manifests/" + nobody.String(), 404, "MANIFEST_UNKNOWN"},
		{"GET", "charm/db0/image/manifests/sha256:abc", 400, "DIGEST_INVALID"},
		{"GET", "charm/db0/image/manifests/sha512:" + strings.Repeat("0", 128), 400, "DIGEST_INVALID"},
		{"GET", "charm/db0/image/manifests/" + s.index.String(), 404, "MANIFEST_UNKNOWN"}, // of another repository
		{"GET", "charm/db0/image/manifests/" + layer.String(), 404, "MANIFEST_UNKNOWN"},   // not a manifest
		{"GET", "charm/web0/left-out/manifests/" + nobody.String(), 404, "MANIFEST_UNKNOWN"},
		{"GET", "charm/db0/image/blobs/latest", 400, "DIGEST_INVALID"},
		{"GET", "charm/db0/image/blobs/" + nobody.String(), 404, "BLOB_UNKNOWN"},
		{"GET", "mirror/web/blobs/" + layer.String(), 404, "BLOB_UNKNOWN"}, // of another repository
		{"GET", "charm/db0/image/tags/list?n=x", 400, "PAGINATION_NUMBER_INVALID"},
		{"GET", "_catalog?n=-1", 400, "PAGINATION_NUMBER_INVALID"},
		{"PUT", "charm/db0/image/manifests/latest", 405, "UNSUPPORTED"},
		{"POST", "charm/db0/image/blobs/uploads/", 405, "UNSUPPORTED"},
		{"DELETE", "charm/db0/image/blobs/" + layer.String(), 405, "UNSUPPORTED"},
		{"PATCH", "", 405, "UNSUPPORTED"},
	} {
		got := do(t, test.method, s.url+test.path)
		if got.StatusCode != test.status || !strings.Contains(got.body, `{"errors":[{"code":"`+test.code+`","message":"`) {
			t.Errorf("%s %s: %d %s, want %d %s", test.method, test.path, got.StatusCode, got.body, test.status, test.code)
		}
		if got := got.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s %s: Content-Type %q", test.method, test.path, got)
		}
		if allow := got.Header.Get("Allow"); (allow == "GET, HEAD") != (test.status == 405) {
			t.Errorf("%s %s: Allow %q", test.method, test.path, allow)
		}
	}
	if got := do(t, "GET", s.url+"charm/web0/left-out/manifests/"+nobody.String()); !strings.Contains(got.body, "exported without images") {
		t.Errorf("an image that was left out: %s", got.body)
	}
	if got := do(t, "GET", strings.TrimSuffix(s.url, "v2/")); got.StatusCode != 404 {
		t.Errorf("GET /: %s", got.Status)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	image, layer := s.manifest(s.image), s.manifest(s.image).Blobs[0]
	index := s.manifest(s.index)
	child := s.manifest(index.Children[1])
	for path, want := range map[string]struct {
		catalog.ImageBlob
		mediaType string
	}{
		"charm/db0/image/manifests/" + s.image.String():      {catalog.ImageBlob{Digest: s.image, Size: image.Size}, image.MediaType},
		"charm/db0/image/blobs/" + layer.Digest.String():     {layer, "application/octet-stream"},
		"mirror/web/manifests/14":                            {catalog.ImageBlob{Digest: s.index, Size: index.Size}, index.MediaType},
		"mirror/web/manifests/" + s.index.String():           {catalog.ImageBlob{Digest: s.index, Size: index.Size}, index.MediaType},
		"mirror/web/manifests/" + child.Digest.String():      {catalog.ImageBlob{Digest: child.Digest, Size: child.Size}, child.MediaType},
		"mirror/web/blobs/" + child.Blobs[3].Digest.String(): {child.Blobs[3], "application/octet-stream"},
	} {
		for _, method := range []string{"HEAD", "GET"} {
			// Both containerd and a client that knows no indexes get the content of the digest.
			for _, accept := range []string{index.MediaType + ", */*", "application/vnd.docker.distribution.manifest.v2+json"} {
				got := do(t, method, s.url+path, "Accept", accept)
				if got.StatusCode != 200 || got.ContentLength != want.Size {
					t.Fatalf("%s %s: %s, %d bytes, want %d", method, path, got.Status, got.ContentLength, want.Size)
				}
				if method == "GET" && digest.FromString(got.body) != want.Digest {
					t.Errorf("GET %s: the body is not %s", path, want.Digest)
				}
				for name, want := range map[string]string{"Content-Type": want.mediaType, "Docker-Content-Digest": want.Digest.String(), "Accept-Ranges": "bytes",
					"Docker-Distribution-Api-Version": "registry/2.0", "Etag": `"` + want.Digest.String() + `"`, "X-Content-Type-Options": "nosniff"} {
					if got := got.Header.Get(name); got != want {
						t.Errorf("%s %s: %s: %q, want %q", method, path, name, got, want)
					}
				}
			}
		}
	}
	if got := do(t, "GET", s.url); got.StatusCode != 200 || got.body != "{}" || got.Header.Get("Docker-Distribution-Api-Version") != "registry/2.0" {
		t.Errorf("GET /v2/: %s %s %v", got.Status, got.body, got.Header)
	}
	if got := do(t, "GET", strings.TrimSuffix(s.url, "/")); got.StatusCode != 200 {
		t.Errorf("GET /v2: %s", got.Status)
	}
}

func TestPartsOfBlobs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	layer := s.manifest(s.image).Blobs[0]
	url := s.url + "charm/db0/image/blobs/" + layer.Digest.String()
	whole := do(t, "GET", url).body
	got := do(t, "GET", url, "Range", "bytes=100-")
	if got.StatusCode != 206 || got.body != whole[100:] || got.Header.Get("Content-Range") != fmt.Sprintf("bytes 100-%d/%d", len(whole)-1, len(whole)) {
		t.Errorf("from byte 100: %s, %d bytes, %v", got.Status, len(got.body), got.Header)
	}
	if got := do(t, "GET", url, "Range", "bytes="+strconv.Itoa(len(whole))+"-"); got.StatusCode != 416 {
		t.Errorf("behind the end: %s", got.Status)
	}
	if got := do(t, "GET", url, "If-None-Match", `"`+layer.Digest.String()+`"`); got.StatusCode != 304 || got.body != "" {
		t.Errorf("known already: %s, %d bytes", got.Status, len(got.body))
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dg := f.image(randomImage(t))
	for _, tag := range []string{"b", "c", "a"} {
		f.resource("db", "image", "many/tags:"+tag, dg)
	}
	f.resource("db", "image", "no/tag@"+dg.String(), dg)
	f.resource("db", "image", "tagless", dg)
	f.resource("db", "image", "left/out:1", "")
	url := "http://" + f.serve(registry.Config{}) + "/v2/"
	for path, want := range map[string][2]string{
		"_catalog":                          {`{"repositories":["many/tags","no/tag","tagless"]}`, ""},
		"_catalog?n=2":                      {`{"repositories":["many/tags","no/tag"]}`, `</v2/_catalog?last=no%2Ftag&n=2>; rel="next"`},
		"_catalog?last=no%2Ftag&n=2":        {`{"repositories":["tagless"]}`, ""},
		"many/tags/tags/list":               {`{"name":"many/tags","tags":["a","b","c"]}`, ""},
		"many/tags/tags/list?n=1&last=a":    {`{"name":"many/tags","tags":["b"]}`, `</v2/many/tags/tags/list?last=b&n=1>; rel="next"`},
		"many/tags/tags/list?n=3":           {`{"name":"many/tags","tags":["a","b","c"]}`, ""},
		"many/tags/tags/list?n=0":           {`{"name":"many/tags","tags":[]}`, ""},
		"many/tags/tags/list?last=x&n=9":    {`{"name":"many/tags","tags":[]}`, ""},
		"many/tags/tags/list?n=99999999999": {`{"name":"many/tags","tags":["a","b","c"]}`, ""},
		"no/tag/tags/list":                  {`{"name":"no/tag","tags":[]}`, ""},
		"tagless/tags/list":                 {`{"name":"tagless","tags":["latest"]}`, ""},
	} {
		got := do(t, "GET", url+path)
		if diff := cmp.Diff([2]string{got.body, got.Header.Get("Link")}, want); diff != "" || got.StatusCode != 200 {
			t.Errorf("%s: %s (-got +want):\n%s", path, got.Status, diff)
		}
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dg := f.image(randomImage(t))
	f.resource("db", "image", "a:1", dg)
	url := "http://juju:s3cret@" + f.serve(registry.Config{Username: "juju", Password: "s3cret"}) + "/v2/"
	for user, want := range map[string]int{"juju:s3cret@": 200, "juju:@": 401, "juju:s3cre@": 401, "juju:s3crett@": 401, "Juju:s3cret@": 401, "": 401, ":@": 401} {
		for _, path := range []string{"", "_catalog", "a/manifests/1", "a/blobs/" + f.cat.Images[0].Blobs[0].Digest.String()} {
			got := do(t, "GET", strings.Replace(url, "juju:s3cret@", user, 1)+path)
			if got.StatusCode != want {
				t.Errorf("%q: GET /v2/%s: %s, want %d", user, path, got.Status, want)
			}
			challenge := got.Header.Get("WWW-Authenticate")
			if want == 401 && (!strings.HasPrefix(challenge, `Basic realm="`) || !strings.Contains(got.body, `"UNAUTHORIZED"`)) {
				t.Errorf("%q: WWW-Authenticate: %s; %s", user, challenge, got.body)
			}
		}
	}
	// A client without access learns nothing of the content, and can't write.
	if got := do(t, "PUT", strings.Replace(url, "juju:s3cret@", "", 1)+"a/manifests/1"); got.StatusCode != 401 {
		t.Errorf("PUT without password: %s", got.Status)
	}
}

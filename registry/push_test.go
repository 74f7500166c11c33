package registry_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/blob"
	"offlinestore/registry"
)

// newPushSite returns a site to push: an image by digest, an index by tag, and the image once more under another name.
func newPushSite(t *testing.T) site {
	t.Helper()
	s := newSite(t)
	s.resource("web", "other", "mirror/other:1", s.image)
	return s
}

func (s site) plan(charms ...string) *registry.Plan {
	s.t.Helper()
	return value(registry.NewPlan(s.t.Context(), s.blobs.Storage(), s.cat, charms...))(s.t)
}

func TestPlan(t *testing.T) {
	t.Parallel()
	s := newPushSite(t)
	sparse := s.fixture.index(randomIndex(t), onlyAMD64)
	s.resource("web", "again", "mirror/other:1", s.image)
	s.resource("web", "sparse", "mirror/sparse:1", sparse)
	type row struct {
		charm, resource, name string
		missing               string
		absent                bool
	}
	rows := func(p *registry.Plan) (list []row) {
		for _, i := range p.Images {
			list = append(list, row{i.Charm, i.Resource, i.Name, strings.Join(i.Missing, " "), i.Absent})
		}
		return list
	}
	plan := s.plan()
	want := []row{
		{"db", "image", "charm/db0/image@" + s.image.String(), "", false},
		{"web", "image", "mirror/web:14", "", false},
		{"web", "left-out", "charm/web0/left-out@" + nobody.String(), "", true},
		{"web", "again", "mirror/other:1", "", false},
		{"web", "sparse", "mirror/sparse:1", "linux/arm64 linux/arm/v7", false},
	}
	if diff := cmp.Diff(rows(plan), want, cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("images (-got +want):\n%s", diff)
	}
	// An image whose tag another one has is pulled by its digest.
	s.resource("web", "second", "mirror/web:14", s.image)
	clash := rows(s.plan())
	if clash[1].name != "mirror/web@"+s.index.String() || clash[len(clash)-1].name != "mirror/web:14" {
		t.Errorf("two images of mirror/web:14: %v", clash)
	}
	var size int64
	for _, i := range plan.Images {
		size += i.Size
	}
	if plan.Size != size || size == 0 {
		t.Errorf("size = %d, want %d", plan.Size, size)
	}
	if got := rows(s.plan("db")); len(got) != 1 || got[0] != want[0] {
		t.Errorf("of db alone: %v", got)
	}
	var unknown *registry.UnknownCharmError
	if _, err := registry.NewPlan(t.Context(), s.blobs.Storage(), s.cat, "db", "dbb"); !errors.As(err, &unknown) || unknown.Name != "dbb" {
		t.Errorf("NewPlan of an unknown charm: %v", err)
	}
}

func TestPush(t *testing.T) {
	t.Parallel()
	need(t, "skopeo")
	host := dockerRegistry(t, "")
	s := newPushSite(t)
	plan := s.plan()
	var done atomic.Int64
	cfg := registry.PushConfig{Registry: host, PlainHTTP: true, Progress: func(n int64) { done.Add(n) }}
	got := value(plan.Push(t.Context(), cfg))(t)
	web := plan.Images[1].Size
	// The blobs of mirror/other are taken from charm/db0/image, inside the registry.
	want := registry.PushSummary{Images: 3, Sent: plan.Images[0].Size + web, Present: plan.Images[0].Size}
	if got != want {
		t.Errorf("Push = %+v, want %+v", got, want)
	}
	if done.Load() != plan.Size {
		t.Errorf("progress says %d bytes, want %d", done.Load(), plan.Size)
	}
	done.Store(0)
	if got, want := value(plan.Push(t.Context(), cfg))(t), (registry.PushSummary{Images: 3, Present: plan.Size}); got != want {
		t.Errorf("the second Push = %+v, want %+v", got, want)
	}
	if done.Load() != plan.Size {
		t.Errorf("progress of the second says %d bytes, want %d", done.Load(), plan.Size)
	}
	for _, p := range plan.Images {
		if p.Absent {
			continue
		}
		if got := digestOf(t, host+"/"+p.Name); got != p.Digest {
			t.Errorf("%s = %s, want %s", p.Name, got, p.Digest)
		}
		dir := filepath.Join(t.TempDir(), "oci")
		flag := "--preserve-digests"
		if p.Digest == s.index {
			flag = "--all" // old versions refuse the other flag together with it
		}
		value(skopeo(t, "copy", flag, "--src-tls-verify=false", "docker://"+host+"/"+p.Name, "oci:"+dir))(t)
		held(t, dir, p.Digest)
	}
}

// TestPushMovesTags gives a tag to another image, as a new revision does.
func TestPushMovesTags(t *testing.T) {
	t.Parallel()
	need(t, "skopeo")
	host := dockerRegistry(t, "")
	s := newSite(t)
	cfg := registry.PushConfig{Registry: host, PlainHTTP: true}
	value(s.plan().Push(t.Context(), cfg))(t)
	s.resource("web", "image", "mirror/web:14", s.image)
	value(s.plan().Push(t.Context(), cfg))(t)
	if got := digestOf(t, host+"/mirror/web:14"); got != s.image {
		t.Errorf("mirror/web:14 = %s, want %s", got, s.image)
	}
}

func TestPushWithPassword(t *testing.T) {
	t.Parallel()
	passwords := filepath.Join(t.TempDir(), "htpasswd")
	// The hash of "s3cret".
	must(t, os.WriteFile(passwords, []byte("juju:$2a$04$ONGRfLiDRDbEDteu9UupdeSDLDehweAhXqW5g3foROsLRvLnI2EVW\n"), 0o600))
	host := dockerRegistry(t, "auth: {htpasswd: {realm: test, path: "+passwords+"}}\n")
	s := newPushSite(t)
	for _, password := range []string{"", "wrong"} {
		cfg := registry.PushConfig{Registry: host, PlainHTTP: true, Password: password}
		if password != "" {
			cfg.Username = "juju"
		}
		_, err := s.plan().Push(t.Context(), cfg)
		var access *registry.AccessError
		if !errors.As(err, &access) || !access.Refused || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("Push with password %q: %v, want one AccessError that says refused", password, err)
		}
	}
	value(s.plan().Push(t.Context(), registry.PushConfig{Registry: host, PlainHTTP: true, Username: "juju", Password: "s3cret"}))(t)
	need(t, "skopeo")
	if got := digestOf(t, host+"/mirror/web:14", "--creds=juju:s3cret"); got != s.index {
		t.Errorf("mirror/web:14 = %s, want %s", got, s.index)
	}
}

// TestPushSparse pushes an index of which one platform is here. The registry refuses it, the error names the missing platforms, and
// the other images are copied.
func TestPushSparse(t *testing.T) {
	t.Parallel()
	host := dockerRegistry(t, "")
	f := newFixture(t)
	idx := randomIndex(t)
	sparse := f.index(idx, onlyAMD64)
	f.resource("db", "image", "sparse:1", sparse)
	f.resource("web", "image", "whole:1", f.image(randomImage(t)))
	cfg := registry.PushConfig{Registry: host, PlainHTTP: true}
	got, err := value(registry.NewPlan(t.Context(), f.blobs.Storage(), f.cat))(t).Push(t.Context(), cfg)
	var refused *registry.SparseError
	if !errors.As(err, &refused) || strings.Join(refused.Missing, " ") != "linux/arm64 linux/arm/v7" || !strings.Contains(err.Error(), "sparse:1") {
		t.Fatalf("Push: %v, want a SparseError about linux/arm64 and linux/arm/v7", err)
	}
	if got.Images != 1 {
		t.Errorf("%d images were pushed, want 1", got.Images)
	}
	// With all platforms, blobs that were copied before are not copied again.
	f.cat.Images = nil
	f.index(idx, all)
	f.cat.Charms = f.cat.Charms[:1]
	plan := value(registry.NewPlan(t.Context(), f.blobs.Storage(), f.cat))(t)
	if got = value(plan.Push(t.Context(), cfg))(t); got.Present == 0 || got.Sent == 0 || got.Present+got.Sent != plan.Size {
		t.Errorf("Push of the whole index = %+v, want part of %d sent", got, plan.Size)
	}
}

func TestPushNeedsTLS(t *testing.T) {
	t.Parallel()
	var asked atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
	defer srv.Close()
	s := newSite(t)
	_, err := s.plan().Push(t.Context(), registry.PushConfig{Registry: srv.Listener.Addr().String(), Username: "juju", Password: "s3cret"})
	var access *registry.AccessError
	if !errors.As(err, &access) || access.Refused || asked.Load() {
		t.Errorf("Push to a registry without TLS: %v; asked in plain: %v", err, asked.Load())
	}
	if _, err := s.plan().Push(t.Context(), registry.PushConfig{Registry: "no/host"}); err == nil {
		t.Error("Push to a registry with a path succeeds")
	}
}

// TestPushInterrupted breaks the connection in the middle of a layer, and checks that another push continues.
func TestPushInterrupted(t *testing.T) {
	t.Parallel()
	host := dockerRegistry(t, "")
	s := newPushSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	uploads := 0
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			mu.Lock()
			uploads++
			if uploads == 3 {
				cancel()
			}
			mu.Unlock()
		}
		proxy.ServeHTTP(w, r)
	}))
	defer srv.Close()
	cfg := registry.PushConfig{Registry: srv.Listener.Addr().String(), PlainHTTP: true, Jobs: 1}
	if got, err := s.plan().Push(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Fatalf("Push that is cancelled = %+v, %v", got, err)
	}
	plan := s.plan()
	cfg.Registry = host
	if got := value(plan.Push(t.Context(), cfg))(t); got.Images != 3 || got.Sent >= plan.Images[0].Size+plan.Images[1].Size {
		t.Errorf("the second Push = %+v, want fewer than %d bytes sent", got, plan.Images[0].Size+plan.Images[1].Size)
	}
}

// TestPushOfDamage checks that a damaged layer is noticed while it is sent.
func TestPushOfDamage(t *testing.T) {
	t.Parallel()
	host := dockerRegistry(t, "")
	s := newSite(t)
	path := value(s.blobs.Path(s.manifest(s.image).Blobs[0].Digest))(t)
	content := value(os.ReadFile(path))(t)
	content[len(content)/2] ^= 1
	must(t, os.Chmod(path, 0o600))
	must(t, os.WriteFile(path, content, 0o600))
	_, err := s.plan("db").Push(t.Context(), registry.PushConfig{Registry: host, PlainHTTP: true})
	var corrupt *blob.CorruptError
	if !errors.As(err, &corrupt) {
		t.Errorf("Push of a damaged layer: %v, want a CorruptError", err)
	}
}

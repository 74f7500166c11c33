package upstream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/internal/upstreamtest"
	"offlinestore/upstream"
)

const repo = "charm/abc/pg-image"

// password is the secret that no output may contain.
const password = "MDAxc2VjcmV0"

// newRegistry serves a registry with one image, and returns its host and the digest of the image.
func newRegistry(t *testing.T, opts upstreamtest.RegistryOptions) (r *upstreamtest.Registry, host, image string) {
	t.Helper()
	r = upstreamtest.NewRegistry(opts)
	image, err := r.AddImage(repo, upstreamtest.Image{})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(r.Handler())
	t.Cleanup(s.Close)
	return r, strings.TrimPrefix(s.URL, "http://"), image
}

func registryConfig(log *record) upstream.RegistryConfig {
	return upstream.RegistryConfig{UserAgent: "test/1", Backoff: func(int) time.Duration { return time.Millisecond }, Logf: log.Logf}
}

// pull fetches the manifest of ref and all blobs that it names, several at once, and verifies their digests.
func pull(ctx context.Context, r *upstream.Repository, ref string) (digest.Digest, error) {
	raw, _, d, err := r.Manifest(ctx, ref)
	if err != nil {
		return "", err
	}
	type descriptor struct {
		Digest digest.Digest
		Size   int64
	}
	var m struct {
		Config descriptor
		Layers []descriptor
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", err
	}
	var wg sync.WaitGroup
	errs := make([]error, len(m.Layers)+1)
	for i, l := range append(m.Layers, m.Config) {
		wg.Go(func() {
			var b bytes.Buffer
			errs[i] = r.Fetch(ctx, upstream.Blob{Name: "layer", URL: r.BlobURL(l.Digest), Size: l.Size, Restart: func() error { b.Reset(); return nil }}, &b)
			if errs[i] == nil && digest.FromBytes(b.Bytes()) != l.Digest {
				errs[i] = errors.New("another blob")
			}
		})
	}
	wg.Wait()
	return d, errors.Join(errs...)
}

func TestPull(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]upstreamtest.RegistryOptions{
		"open":                {},
		"basic":               {Username: "docker-registry", Password: password, Basic: true},
		"token":               {Username: "docker-registry", Password: password},
		"tokens for one":      {Username: "docker-registry", Password: password, TokenUses: 1},
		"without a user name": {},

		"basic for content alone": {Username: "docker-registry", Password: password, Basic: true, OpenPing: true},
		"token for content alone": {Username: "docker-registry", Password: password, OpenPing: true},
		"tokens for one content":  {Username: "docker-registry", Password: password, TokenUses: 1, OpenPing: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, host, image := newRegistry(t, opts)
			if err := r.Tag(repo, "v1", image); err != nil {
				t.Fatal(err)
			}
			var log record
			open, err := upstream.OpenRepository(t.Context(), registryConfig(&log), host+"/"+repo+":v1", opts.Username, opts.Password)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := open.String(), host+"/"+repo; got != want {
				t.Errorf("String = %s, want %s", got, want)
			}
			for _, ref := range []string{open.Reference(), image} {
				if d, err := pull(t.Context(), open, ref); err != nil || d.String() != image {
					t.Errorf("pull %s = %s, %v, want %s", ref, d, err, image)
				}
			}
			for _, q := range r.Requests() {
				if ua := q.Header.Get("User-Agent"); ua != "test/1" {
					t.Errorf("%s: User-Agent %q", q.Path, ua)
				}
			}
			if log.String() != "" {
				t.Errorf("logged: %s", &log)
			}
		})
	}
}

// TestContentRefused asks a registry that demands a login for content alone, without the right credentials.
func TestContentRefused(t *testing.T) {
	t.Parallel()
	for _, basic := range []bool{true, false} {
		_, host, image := newRegistry(t, upstreamtest.RegistryOptions{Username: "u", Password: password, Basic: basic, OpenPing: true})
		for _, login := range [][2]string{{"", ""}, {"u", "wrong"}} {
			var log record
			open, err := upstream.OpenRepository(t.Context(), registryConfig(&log), host+"/"+repo+"@"+image, login[0], login[1])
			if err != nil {
				t.Fatal(err)
			}
			if _, _, _, err := open.Manifest(t.Context(), image); !errors.Is(err, upstream.ErrCredentials) {
				t.Errorf("basic %v, login %q: %v, want ErrCredentials", basic, login, err)
			}
			if log.String() != "" {
				t.Errorf("basic %v: logged: %s", basic, &log)
			}
		}
	}
}

func TestBlobsResume(t *testing.T) {
	t.Parallel()
	r, host, image := newRegistry(t, upstreamtest.RegistryOptions{Username: "u", Password: password, TokenUses: 1})
	r.Inject(upstreamtest.Fault{Path: "/v2/" + repo + "/blobs/", Skip: 1, Times: 3, Do: upstreamtest.Cut(100)})
	var log record
	open, err := upstream.OpenRepository(t.Context(), registryConfig(&log), host+"/"+repo+"@"+image, "u", password)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pull(t.Context(), open, open.Reference()); err != nil {
		t.Error(err)
	}
	ranges := 0
	for _, q := range r.Requests() {
		if q.Header.Get("Range") != "" {
			ranges++
		}
	}
	if ranges == 0 {
		t.Error("nothing was resumed")
	}
}

func TestCredentialsStayAtHome(t *testing.T) {
	t.Parallel()
	for _, basic := range []bool{true, false} {
		opts := upstreamtest.RegistryOptions{Username: "u", Password: password, Basic: basic}
		var r *upstreamtest.Registry
		cdn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.Handler().ServeHTTP(w, q) }))
		defer cdn.Close()
		opts.CDN = cdn.URL // its handler refuses requests with an Authorization
		r, host, image := newRegistry(t, opts)
		var log record
		open, err := upstream.OpenRepository(t.Context(), registryConfig(&log), host+"/"+repo+"@"+image, "u", password)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pull(t.Context(), open, image); err != nil {
			t.Errorf("basic %v: %v", basic, err)
		}
	}
}

func TestExpiredCredentials(t *testing.T) {
	t.Parallel()
	for _, basic := range []bool{true, false} {
		r, host, image := newRegistry(t, upstreamtest.RegistryOptions{Username: "u", Password: password, Basic: basic})
		var log record
		open, err := upstream.OpenRepository(t.Context(), registryConfig(&log), host+"/"+repo+"@"+image, "u", password)
		if err != nil {
			t.Fatal(err)
		}
		r.Expire()
		check := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, upstream.ErrCredentials) {
				t.Errorf("basic %v: %s = %v, want ErrCredentials", basic, what, err)
			}
			for _, text := range []string{errors.Join(err).Error(), log.String()} {
				if strings.Contains(text, password) || strings.Contains(text, "Basic ") || strings.Contains(text, "issued-token") {
					t.Errorf("basic %v: %s shows a secret: %s", basic, what, text)
				}
			}
		}
		_, _, _, err = open.Manifest(t.Context(), image)
		check("Manifest", err)
		check("Fetch", open.Fetch(t.Context(), upstream.Blob{Name: "layer", URL: open.BlobURL(digest.FromString("x")), Size: 1}, &bytes.Buffer{}))
		open, err = upstream.OpenRepository(t.Context(), registryConfig(&log), host+"/"+repo+"@"+image, "u", password)
		if err == nil { // opening a repository doesn't send basic credentials
			_, _, _, err = open.Manifest(t.Context(), image)
		}
		check("OpenRepository", err)
	}
}

func TestPullByTLS(t *testing.T) {
	t.Parallel()
	for _, basic := range []bool{true, false} {
		r, _, image := newRegistry(t, upstreamtest.RegistryOptions{Username: "u", Password: password, Basic: basic})
		s := httptest.NewUnstartedServer(r.Handler())
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		defer s.Close()
		var logged record
		cfg := registryConfig(&logged)
		cfg.HTTP = s.Client()
		cfg.PlainHTTP = func(string) bool { return false }
		open, err := upstream.OpenRepository(t.Context(), cfg, strings.TrimPrefix(s.URL, "https://")+"/"+repo, "u", password)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(open.BlobURL(digest.Digest(image)), "https://") {
			t.Errorf("BlobURL = %s, want https", open.BlobURL(digest.Digest(image)))
		}
		if _, err := pull(t.Context(), open, image); err != nil {
			t.Errorf("basic %v: %v", basic, err)
		}
		// Without the server's certificate there is no trust, and no second try without TLS.
		if _, err := upstream.OpenRepository(t.Context(), registryConfig(&logged), strings.TrimPrefix(s.URL, "https://")+"/"+repo, "u", password); err == nil || logged.String() != "" {
			t.Errorf("basic %v: OpenRepository of an unknown certificate = %v, want an error at once\n%s", basic, err, &logged)
		}
	}
}

package upstream_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/internal/upstreamtest"
	"offlinestore/upstream"
)

func TestManifestLies(t *testing.T) {
	t.Parallel()
	r, host, image := newRegistry(t, upstreamtest.RegistryOptions{})
	var log record
	open, err := upstream.OpenRepository(t.Context(), registryConfig(&log), host+"/"+repo+"@"+image, "", "")
	if err != nil {
		t.Fatal(err)
	}
	const index = "application/vnd.oci.image.index.v1+json"
	raw := r.Manifest(repo, image)
	other := digest.FromString("other").String()
	r.Lie(repo, other, "application/vnd.oci.image.manifest.v1+json", raw)
	r.Lie(repo, "index", index, raw)
	r.Lie(repo, "huge", index, bytes.Repeat([]byte(" "), 4<<20+1))
	r.Lie(repo, "text", index, []byte("hotel wifi"))
	r.Lie(repo, "schema1", "application/json", []byte(`{"schemaVersion":1}`))
	r.Lie(repo, "generic", "text/plain", raw)
	r.Inject(upstreamtest.Fault{Path: "/v2/" + repo + "/manifests/generic", Do: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			q.Header.Set("Accept", "*/*")
			h.ServeHTTP(w, q)
		})
	}})
	for ref, want := range map[string]string{
		other:                    "answered with another manifest, " + image,
		"index":                  "the manifest says",
		"huge":                   "over the limit of 4194304 bytes",
		"text":                   "decode manifest",
		"schema1":                "not found in the registry: no manifest of an accepted type",
		"nope":                   "not found in the registry: manifest unknown",
		"sha256:abc":             "not a SHA-256 digest",
		"sha512:" + other[7:]:    "not a SHA-256 digest",
		"a/../b":                 "not a tag",
		"":                       "not a tag",
		"nope?a=b":               "not a tag",
		strings.Repeat("a", 129): "not a tag",
	} {
		if _, _, _, err := open.Manifest(t.Context(), ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Manifest(%.80q) = %v, want %q", ref, err, want)
		}
	}
	if _, _, _, err := open.Manifest(t.Context(), "nope"); !errors.Is(err, upstream.ErrNotFound) {
		t.Errorf("Manifest = %v, want ErrNotFound", err)
	}
	if _, mediaType, d, err := open.Manifest(t.Context(), "generic"); err != nil || mediaType != "application/vnd.oci.image.manifest.v1+json" || d.String() != image {
		t.Errorf("Manifest of no type = %s, %s, %v", mediaType, d, err)
	}
	err = open.Fetch(t.Context(), upstream.Blob{Name: "layer 1", URL: open.BlobURL(digest.Digest(other)), Size: 5}, &bytes.Buffer{})
	if !errors.Is(err, upstream.ErrNotFound) || !strings.Contains(err.Error(), "layer 1: not found in the registry: blob unknown") {
		t.Errorf("Fetch = %v, want ErrNotFound", err)
	}
	if err := open.Fetch(t.Context(), upstream.Blob{Name: "x", URL: "http://" + host + "/v2/other/blobs/" + other, Size: 5}, &bytes.Buffer{}); err == nil {
		t.Error("Fetch got a blob of another repository")
	}
}

func TestOpenRepositoryRefuses(t *testing.T) {
	t.Parallel()
	_, host, image := newRegistry(t, upstreamtest.RegistryOptions{})
	for _, ref := range []string{"", "http://" + host + "/" + repo, host, host + "/UPPER", host + "/" + repo + "@sha256:abc", "u:p@" + host + "/x", "a b"} {
		var log record
		if r, err := upstream.OpenRepository(t.Context(), registryConfig(&log), ref, "", ""); err == nil {
			t.Errorf("OpenRepository(%q) = %s, want an error", ref, r)
		}
	}
	var log record
	cfg := registryConfig(&log)
	cfg.PlainHTTP = func(string) bool { return false }
	cfg.Retries = 1
	_, err := upstream.OpenRepository(t.Context(), cfg, host+"/"+repo+"@"+image, "u", password)
	if err == nil || errors.Is(err, upstream.ErrCredentials) {
		t.Errorf("OpenRepository without TLS = %v, want an error", err)
	}
}

// TestTokenServers tries registries that send their client to token servers that must get no credentials, or that are useless.
func TestTokenServers(t *testing.T) {
	t.Parallel()
	var asked sync.Map
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked.Store(q.Host, q.Header.Get("Authorization"))
		w.Write([]byte(`{"refresh_token":"` + password + `"}`))
	}))
	defer plain.Close()
	for name, tt := range map[string]struct{ realm, want string }{
		"another host without TLS": {"http://127.0.0.2" + plain.URL[strings.LastIndex(plain.URL, ":"):] + "/token", "private"},
		"no token":                 {plain.URL + "/token", ""},
		"no URL":                   {"ftp://x/", "realm"},
		"none":                     {"", "realm"},
	} {
		mux := http.NewServeMux()
		s := httptest.NewServer(mux)
		defer s.Close()
		if name == "no token" {
			tt.realm, tt.want = s.URL+"/token", "without a token"
		}
		mux.HandleFunc("/v2/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+tt.realm+`"`)
			w.WriteHeader(http.StatusUnauthorized)
		})
		mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"refresh_token":"` + password + `"}`)) })
		var log record
		cfg := registryConfig(&log)
		_, err := upstream.OpenRepository(t.Context(), cfg, strings.TrimPrefix(s.URL, "http://")+"/x", "u", password)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error()+log.String(), password) {
			t.Errorf("%s: OpenRepository = %v, want %q and no secret\n%s", name, err, tt.want, &log)
		}
	}
	asked.Range(func(host, auth any) bool {
		t.Errorf("%s was asked with %q", host, auth)
		return true
	})
}

// TestRegistryEchoes checks that neither errors nor the log contain credentials that a registry repeats, in any place.
func TestRegistryEchoes(t *testing.T) {
	t.Parallel()
	long := password + strings.Repeat("0123456789", 200) // as long as Charmhub's, and cut off in messages
	json := func(w http.ResponseWriter, status int, message string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write([]byte(`{"errors":[{"code":"DENIED","message":"` + message + `"}]}`))
	}
	for name, say := range map[string]func(w http.ResponseWriter, q *http.Request, pass string){
		"as it was sent":  func(w http.ResponseWriter, q *http.Request, _ string) { json(w, 418, q.Header.Get("Authorization")) },
		"again and again": func(w http.ResponseWriter, q *http.Request, _ string) { json(w, 500, q.Header.Get("Authorization")) },
		"oops": func(w http.ResponseWriter, _ *http.Request, pass string) {
			w.Header().Set("X-Oops-Id", pass)
			w.WriteHeader(500)
		},
		"redirect": func(w http.ResponseWriter, q *http.Request, pass string) {
			http.Redirect(w, q, "http://127.0.0.1:1/"+pass, http.StatusFound)
		},
		"host": func(w http.ResponseWriter, q *http.Request, pass string) {
			http.Redirect(w, q, "https://"+pass[:40]+".invalid/", http.StatusFound)
		},
		"type": func(w http.ResponseWriter, _ *http.Request, pass string) {
			w.Header().Set("Content-Type", "text/"+pass)
			w.Write([]byte("{}"))
		},
		"manifest": func(w http.ResponseWriter, _ *http.Request, pass string) {
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			w.Write([]byte(`{"mediaType":"` + pass + `"}`))
		},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path == "/v2/" {
				w.Header().Set("WWW-Authenticate", "Basic")
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, pass, _ := q.BasicAuth()
			say(w, q, pass)
		}))
		defer s.Close()
		var log record
		cfg := registryConfig(&log)
		cfg.Retries = 1
		open, err := upstream.OpenRepository(t.Context(), cfg, strings.TrimPrefix(s.URL, "http://")+"/x", "u", long)
		if err != nil {
			t.Fatal(err)
		}
		_, _, _, err = open.Manifest(t.Context(), "latest")
		basic := base64.StdEncoding.EncodeToString([]byte("u:" + password))[:12]
		for _, secret := range []string{password, basic} {
			if text := strings.ToLower(err.Error() + log.String()); strings.Contains(text, strings.ToLower(secret)) {
				t.Errorf("%s: %q is in %s", name, secret, text)
			}
		}
	}
}

func TestRegistryErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/v2/" {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, pass, _ := q.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTeapot)
		w.Write([]byte(`{"errors":[{"code":"DENIED","message":"not with ` + pass + `"}]}`))
	}))
	defer s.Close()
	var log record
	open, err := upstream.OpenRepository(t.Context(), registryConfig(&log), strings.TrimPrefix(s.URL, "http://")+"/x", "u", password)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := open.Manifest(t.Context(), "latest"); err == nil || strings.Contains(err.Error(), password) || !strings.Contains(err.Error(), "the registry answered 418 I'm a teapot: not with … (DENIED)") {
		t.Errorf("Manifest = %v, want the registry's words without the password", err)
	}
}

package server_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"offlinestore/charm"
	"offlinestore/server"
)

const (
	emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	emptySHA384 = "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b"
)

func TestCharmDownloads(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	s := serve(t, b, charms(b), server.Config{})
	s.SetSettings(server.Settings{Domain: "store.example"})
	h := s.Handler()
	srv := httptest.NewServer(h)
	defer srv.Close()
	const charmsPath, resourcesPath = "/api/v1/charms/download/", "/api/v1/resources/download/charm_"
	for path, want := range map[string]string{
		charmsPath + postgresqlID + "_336.charm": "charm 14.9", charmsPath + cosID + "_11.bundle": "charm 11",
		resourcesPath + postgresqlID + ".snap_5": "snap 5", resourcesPath + postgresqlID + ".notes_0": "",
		resourcesPath + tempoID + ".tempo-image_2": `{"ImageName":"store.example/` + tempoImage + `"}`,
	} {
		// Juju 4 compares the bytes that it read with the announced length.
		r, err := srv.Client().Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		got := bodyOf(t, r)
		r.Body.Close()
		if r.StatusCode != 200 || got != want {
			t.Errorf("%s: %d %q, want 200 %q", path, r.StatusCode, got, want)
		}
		if r.ContentLength != int64(len(want)) {
			t.Errorf("%s: length %d, want %d", path, r.ContentLength, len(want))
		}
		if r.Uncompressed || r.TransferEncoding != nil || r.Header["Content-Encoding"] != nil {
			t.Errorf("%s: %v, want no encoding", path, r.Header)
		}
		if r := call(t, h, "GET", path, "", "Range: bytes=1-2"); want != "" && (r.StatusCode != 206 || bodyOf(t, r) != want[1:3]) {
			t.Errorf("%s: a range got %d", path, r.StatusCode)
		}
	}
	for _, path := range []string{charmsPath + postgresqlID + "_1.charm", charmsPath + postgresqlID + "_336.snap", charmsPath + "%2e%2e%2fx", resourcesPath + postgresqlID + ".snap_1", resourcesPath + "x"} {
		r := call(t, h, "GET", path, "")
		checkError(t, r.Header.Get("Content-Type"), bodyOf(t, r), 404)
	}
}

// TestImageResource follows a resource of an image from its advertised download to the file, for several ways to name the registry.
func TestImageResource(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := charms(b)
	for _, tt := range []struct {
		domain, host string
		registry     server.Registry
		want         string
	}{
		{"", "store.example:8080", server.Registry{}, `{"ImageName":"store.example/` + tempoImage + `"}`},
		{"", "store.example:8080", server.Registry{Port: "5000"}, `{"ImageName":"store.example:5000/` + tempoImage + `"}`},
		{"", "[2001:db8::1]:80", server.Registry{Port: "5000"}, `{"ImageName":"[2001:db8::1]:5000/` + tempoImage + `"}`},
		{"", "store.example.:8080", server.Registry{Port: "5000"}, `{"ImageName":"store.example:5000/` + tempoImage + `"}`},
		{"hub.example", "other.example", server.Registry{Port: "5000"}, `{"ImageName":"hub.example:5000/` + tempoImage + `"}`},
		{"", "store.example", server.Registry{Domain: "registry.example:443", Port: "5000", Username: "juju", Password: `s<e"cret`},
			`{"ImageName":"registry.example:443/` + tempoImage + `","Username":"juju","Password":"s<e\"cret"}`},
	} {
		s := serve(t, b, c, server.Config{})
		s.SetSettings(server.Settings{Domain: tt.domain, Registry: tt.registry})
		h := s.Handler()
		get := func(method, path, body string) string {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Host = tt.host
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 {
				t.Fatalf("%s %s = %d %s", method, path, w.Code, w.Body)
			}
			return w.Body.String()
		}
		blob := get("GET", "/api/v1/resources/download/charm_"+tempoID+".tempo-image_2", "")
		if blob != tt.want {
			t.Errorf("blob = %s, want %s", blob, tt.want)
		}
		advertised := fmt.Sprintf(`"hash-sha-256":"%x","hash-sha-384":"%x","hash-sha-512":"%x"`, sha256.Sum256([]byte(blob)), sha512.Sum384([]byte(blob)), sha512.Sum512([]byte(blob)))
		size := fmt.Sprintf(`"size":%d,`, len(blob))
		for what, text := range map[string]string{
			"refresh":   get("POST", "/v2/charms/refresh", `{"actions":[{"action":"install","instance-key":"k","name":"tempo-k8s","revision":10}]}`),
			"revisions": get("GET", "/v2/charms/resources/tempo-k8s/tempo-image/revisions", ""),
			"info":      get("GET", "/v2/charms/info/tempo-k8s?fields=default-release.resources", ""),
		} {
			if !strings.Contains(text, advertised) || !strings.Contains(text, size) {
				t.Errorf("%s = %s, want %s and %s in it", what, text, advertised, size)
			}
		}
	}
}

func TestResourceRevisions(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, charms(b), server.Config{}).Handler()
	got := decode[charm.ResourceRevisionsResponse](t, call(t, h, "GET", "/v2/charms/resources/postgresql/snap/revisions", ""), 200)
	var revisions []int
	for _, r := range got.Revisions {
		revisions = append(revisions, r.Revision)
		if r.Download.URL == "" || !hex96.MatchString(r.Download.SHA384) || r.Type != "file" || r.Filename != "snap.txt" {
			t.Errorf("resource %+v, want it complete", r)
		}
	}
	if !slices.Equal(revisions, []int{6, 5, 4}) {
		t.Errorf("revisions = %v, want the newest first", revisions)
	}
	for _, path := range []string{"postgresql/no-such", "no-such/snap", "tempo-k8s/snap"} {
		r := call(t, h, "GET", "/v2/charms/resources/"+path+"/revisions", "")
		checkError(t, r.Header.Get("Content-Type"), bodyOf(t, r), 404)
	}
}

func TestCharmIcon(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, charms(b), server.Config{}).Handler()
	got := decode[charm.InfoResponse](t, call(t, h, "GET", "/v2/charms/info/postgresql?fields=result.media", ""), 200)
	if len(got.Result.Media) != 1 || got.Result.Media[0].Type != "icon" {
		t.Fatalf("media = %+v, want the icon", got.Result.Media)
	}
	if r := call(t, h, "GET", got.Result.Media[0].URL, ""); r.StatusCode != 200 || r.Header.Get("Content-Type") != "image/png" {
		t.Errorf("icon = %d %v", r.StatusCode, r.Header)
	}
}

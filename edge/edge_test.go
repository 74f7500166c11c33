package edge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"offlinestore/edge/cache"
	"offlinestore/internal/upstreamtest"
)

// downloadURL returns the URL of the file in an answer.
func downloadURL(t *testing.T, text []byte) string {
	t.Helper()
	m := regexp.MustCompile(`"url":"([^"]*/download/[^"]*)"`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("no download in %s", text)
	}
	return string(m[1])
}

// TestInstall passes a refresh and downloads by the edge's own URL. When upstream is gone, the same works again, and nothing is asked twice.
func TestInstall(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	g := newRig(t, store.Handler())
	direct := g.do("POST", g.upstream+"/v2/snaps/refresh", install("stable"), amd64...)
	through := g.do("POST", "/v2/snaps/refresh", install("stable"), amd64...)
	if through.StatusCode != 200 || !bytes.Equal(g.restore(through.text), direct.text) {
		t.Fatalf("through the edge (%d):\n%s\ndirect:\n%s", through.StatusCode, through.text, direct.text)
	}
	if bytes.Contains(through.text, []byte(g.upstream)) {
		t.Errorf("upstream is named in %s", through.text)
	}
	url := downloadURL(t, through.text)
	want := content(t, jqBlob(7))
	for range 2 {
		got := g.do("GET", url, nil)
		if got.StatusCode != 200 || !bytes.Equal(got.text, want) {
			t.Fatalf("download: %d, %d bytes, want %d", got.StatusCode, len(got.text), len(want))
		}
	}
	if n := store.Count("/api/v1/snaps/download/"); n != 1 {
		t.Errorf("upstream was asked %d times for the file, want once", n)
	}
	if got := g.do("GET", url, nil, "Range", "bytes=1000-1999"); got.StatusCode != 206 || !bytes.Equal(got.text, want[1000:2000]) {
		t.Errorf("range: %d, %d bytes", got.StatusCode, len(got.text))
	}
	g.down.Store(true)
	again := g.do("POST", "/v2/snaps/refresh", install("stable"), amd64...)
	if again.StatusCode != 200 || downloadURL(t, again.text) != url || again.Header.Get("Warning") == "" {
		t.Errorf("with upstream gone: %d %s", again.StatusCode, again.text)
	}
	if got := g.do("GET", url, nil); !bytes.Equal(got.text, want) {
		t.Error("the file is gone with upstream")
	}
	if got := g.do("POST", "/v2/snaps/refresh", install("beta"), amd64...); !bytes.Contains(got.text, []byte(`"revision":7`)) {
		t.Errorf("a riskier channel: %s, want the revision of stable", got.text)
	}
	if got := g.do("POST", "/v2/snaps/refresh", install("3.0/stable"), amd64...); got.StatusCode != 502 {
		t.Errorf("a track that no device was given: %d %s, want 502", got.StatusCode, got.text)
	}
	g.advance(25 * time.Hour)
	if got := g.do("POST", "/v2/snaps/refresh", install("stable"), amd64...); got.StatusCode != 502 {
		t.Errorf("after more than proxy.stale-if-error: %d, want 502", got.StatusCode)
	}
}

// TestDefaultTrack gives devices that name no track the default track again, while upstream is gone.
func TestDefaultTrack(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	if err := errors.Join(store.AddSnap(upstreamtest.Snap{Name: "tracked", DefaultTrack: "2.0"}),
		store.AddRevision("tracked", upstreamtest.Rev{Revision: 4, Blob: jqBlob(4)}), store.Release("tracked", "", "2.0/stable", 4)); err != nil {
		t.Fatal(err)
	}
	g := newRig(t, store.Handler())
	body := bytes.ReplaceAll(install("stable"), []byte(`"jq"`), []byte(`"tracked"`))
	headers := append([]string{"Snap-Device-Capabilities", "default-tracks"}, amd64...)
	for _, down := range []bool{false, true} {
		g.down.Store(down)
		if got := g.do("POST", "/v2/snaps/refresh", body, headers...); !bytes.Contains(got.text, []byte(`"revision":4`)) {
			t.Errorf("upstream down: %v: %d %s", down, got.StatusCode, got.text)
		}
	}
}

// TestKeptAnswers asks for short answers again while upstream is there, and after it is gone, also in another process.
func TestKeptAnswers(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	g := newRig(t, store.Handler())
	id := upstreamtest.ID("jq")
	paths := []string{"/v2/assertions/snap-declaration/16/" + id + "?max-format=5", "/v2/snaps/info/jq?architecture=amd64&fields=revision,download"}
	first := make(map[string][]byte)
	for _, path := range paths {
		got := g.do("GET", path, nil, amd64...)
		if got.StatusCode != 200 {
			t.Fatalf("%s: %d %s", path, got.StatusCode, got.text)
		}
		if direct := g.do("GET", g.upstream+path, nil, amd64...); !bytes.Equal(g.restore(got.text), direct.text) {
			t.Errorf("%s:\n%s\ndirect:\n%s", path, got.text, direct.text)
		}
		first[path] = got.text
	}
	asked := g.asked.Load()
	for _, path := range paths {
		if got := g.do("GET", path, nil, amd64...); !bytes.Equal(got.text, first[path]) || got.Header.Get("Age") == "" {
			t.Errorf("%s: another answer at once", path)
		}
	}
	if g.asked.Load() != asked {
		t.Error("fresh answers were asked for again")
	}
	g.advance(time.Hour)
	g.down.Store(true)
	g.answers = newAnswerMemory(g.now, g.cfg.AnswersDir) // as after a restart
	for _, path := range paths {
		if got := g.do("GET", path, nil, amd64...); got.StatusCode != 200 || !bytes.Equal(got.text, first[path]) || got.Header.Get("Warning") == "" {
			t.Errorf("%s with upstream gone: %d %s", path, got.StatusCode, got.text)
		}
	}
	g.advance(24 * time.Hour)
	for _, path := range paths {
		if got := g.do("GET", path, nil, amd64...); got.StatusCode != 502 {
			t.Errorf("%s a day later: %d, want 502", path, got.StatusCode)
		}
	}
}

// TestOverride gives a device the revision that an operator has pinned, and back again.
func TestOverride(t *testing.T) {
	t.Parallel()
	g := newRig(t, newStore(t).Handler())
	id := upstreamtest.ID("jq")
	if got := g.do("POST", "/v2/snaps/refresh", install("stable"), amd64...); !bytes.Contains(got.text, []byte(`"revision":7`)) {
		t.Fatalf("before the override: %s", got.text)
	}
	g.SetOverrides([]Override{{SnapID: id, Name: "jq", Architecture: "amd64", Channel: "latest/stable", Revision: 6}})
	refresh := []byte(`{"context":[{"snap-id":"` + id + `","instance-key":"` + id + `","revision":7,"tracking-channel":"latest/stable"}],
		"actions":[{"action":"refresh","instance-key":"` + id + `","snap-id":"` + id + `"}],"fields":` + fields + `}`)
	for _, body := range [][]byte{install("stable"), refresh} {
		if got := g.do("POST", g.upstream+"/v2/snaps/refresh", body, amd64...); !bytes.Contains(got.text, []byte(`"revision":7`)) {
			t.Errorf("upstream itself: %s", got.text)
		}
		got := g.do("POST", "/v2/snaps/refresh", body, amd64...)
		var q struct {
			Results []struct {
				Channel string `json:"effective-channel"`
				Snap    struct {
					Revision int
					Version  string
				}
			}
		}
		if err := json.Unmarshal(got.text, &q); err != nil || len(q.Results) != 1 {
			t.Fatalf("%s: %v", got.text, err)
		}
		if r := q.Results[0]; r.Snap.Revision != 6 || r.Snap.Version != "1.6" || r.Channel != "stable" {
			t.Errorf("got %+v, want revision 6 of stable", r)
		}
		if file := g.do("GET", downloadURL(t, got.text), nil); !bytes.Equal(file.text, content(t, jqBlob(6))) {
			t.Error("the file is not the one of revision 6")
		}
	}
	info := g.do("GET", "/v2/snaps/info/jq?architecture=amd64&fields=revision,version,download", nil, amd64...)
	if s := string(info.text); !strings.Contains(s, `"revision":6`) || strings.Contains(s, `"revision":7`) || !strings.Contains(s, `"revision":8`) || !strings.Contains(s, "jq"+"") || !strings.Contains(s, "_6.snap") {
		t.Errorf("info: %s", s)
	}
	if got := g.do("POST", "/v2/snaps/refresh", install("edge"), amd64...); !bytes.Contains(got.text, []byte(`"revision":8`)) {
		t.Errorf("another channel: %s", got.text)
	}
	g.SetOverrides(nil)
	if got := g.do("POST", "/v2/snaps/refresh", refresh, amd64...); !bytes.Contains(got.text, []byte(`"revision":7`)) {
		t.Errorf("without the override: %s", got.text)
	}
	g.down.Store(true)
	if got := g.do("POST", "/v2/snaps/refresh", refresh, amd64...); !bytes.Contains(got.text, []byte(`"revision":7`)) {
		t.Errorf("without the override, and with upstream gone: %s", got.text)
	}
}

// TestOldClient gives snapd before 2.34 the edge's own addresses.
func TestOldClient(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("ab", 48)
	g := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/hal+json")
		at := "http://" + r.Host + "/api/v1/snaps/download/x_1.snap"
		fmt.Fprintf(w, `{"_embedded":{"clickindex:package":[{"anon_download_url":%q,"download_url":%q,"download_sha3_384":%q,"binary_filesize":5,"icon_url":%q}]}}`, at, at, sum, at)
	}))
	for _, got := range []*response{g.do("POST", "/api/v1/snaps/metadata", []byte(`{}`)), g.do("GET", "/api/v1/snaps/details/x", nil)} {
		if got.StatusCode != 200 || bytes.Contains(got.text, []byte(g.upstream)) || len(ours.FindAll(got.text, -1)) != 3 || got.Header.Get("Content-Type") != "application/hal+json" {
			t.Errorf("got %d %v %s", got.StatusCode, got.Header, got.text)
		}
	}
}

// TestOtherHosts holds that clients can't make the edge fetch other files.
func TestOtherHosts(t *testing.T) {
	t.Parallel()
	g := newRig(t, newStore(t).Handler())
	text := g.do("POST", "/v2/snaps/refresh", install("stable"), amd64...).text
	good := downloadURL(t, text)
	asked := g.asked.Load()
	token := good[strings.Index(good, "edge=")+5:]
	other := newLinker("another secret").text(&link{url: "/api/v1/snaps/download/x.snap", file: g.fileOf(token)})
	for _, bad := range []string{"", "AAAA", token[:len(token)-1], token[:10] + "x" + token[11:], other, strings.Repeat("A", 5000), token + "=="} {
		if got := g.do("GET", "/api/v1/snaps/download/x.snap?edge="+bad, nil); got.StatusCode != 403 && got.StatusCode != 431 {
			t.Errorf("link %.30s: %d, want 403", bad, got.StatusCode)
		}
	}
	r, err := http.NewRequest("GET", g.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = "http://example.com/x" // the form that a forward proxy gets
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a request to another host: %d, want 421", resp.StatusCode)
	}
	if g.asked.Load() != asked {
		t.Error("upstream was asked")
	}
}

func (g *rig) fileOf(token string) (f cache.File) {
	k, err := g.state.Load().links.read(token, g.now())
	if err != nil {
		g.t.Fatal(err)
	}
	return k.file
}

// TestLyingUpstream gives devices neither wrong bytes nor pages of portals.
func TestLyingUpstream(t *testing.T) {
	t.Parallel()
	download := "/api/v1/snaps/download/"
	for _, tt := range []struct {
		name  string
		fault upstreamtest.Fault
	}{
		{"wrong bytes", upstreamtest.Fault{Path: "/", Do: upstreamtest.Corrupt(1000)}},
		{"a page", upstreamtest.Fault{Path: download, Do: upstreamtest.Page(200)}},
		{"an error", upstreamtest.Fault{Path: download, Do: upstreamtest.Status(500)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := newStore(t)
			g := newRig(t, store.Handler())
			url := downloadURL(t, g.do("POST", "/v2/snaps/refresh", install("stable"), amd64...).text)
			store.Inject(tt.fault)
			want := content(t, jqBlob(7))
			if got := g.do("GET", url, nil); got.StatusCode == 200 && len(got.text) >= len(want) && !bytes.Contains(got.text, []byte("(cut:")) {
				t.Errorf("got %d bytes with status 200", len(got.text))
			}
			store.Heal()
			if got := g.do("GET", url, nil); !bytes.Equal(got.text, want) {
				t.Errorf("afterwards: %d, %d bytes", got.StatusCode, len(got.text))
			}
		})
	}
	for _, path := range []string{"/v2/snaps/info/jq", "/v2/assertions/snap-declaration/16/" + upstreamtest.ID("jq"), "/v2/snaps/find?q=jq"} {
		store := newStore(t)
		g := newRig(t, store.Handler())
		store.Inject(upstreamtest.Fault{Path: "/", Do: upstreamtest.Page(200)})
		if got := g.do("GET", path, nil, amd64...); got.StatusCode != 502 || !json.Valid(got.text) {
			t.Errorf("%s of a portal: %d %.80s, want 502", path, got.StatusCode, got.text)
		}
	}
}

// TestUnknownPath lets everything else pass, without the headers that are for this host.
func TestUnknownPath(t *testing.T) {
	t.Parallel()
	var seen *http.Request
	g := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		w.Header().Set("X-Of-The-Store", "yes")
		w.Header().Set("Connection", "X-Hop")
		w.Header().Set("X-Hop", "1")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s", r.Method, r.URL)
	}))
	got := g.do("PUT", "/v9/some%2Fthing/new?x=%20y", []byte("body"), "Cookie", "a=b", "X-Forwarded-For", "10.0.0.1", "Connection", "X-Mine", "X-Mine", "1", "X-Kept", "1",
		"User-Agent", "snapd/2.63")
	if got.StatusCode != http.StatusTeapot || string(got.text) != "PUT /v9/some%2Fthing/new?x=%20y" || got.Header.Get("X-Of-The-Store") == "" || got.Header.Get("X-Hop") != "" {
		t.Errorf("got %d %s %v", got.StatusCode, got.text, got.Header)
	}
	for _, name := range []string{"Cookie", "X-Forwarded-For", "X-Mine", "Forwarded", "Via"} {
		if seen.Header.Get(name) != "" {
			t.Errorf("upstream got the header %s", name)
		}
	}
	if seen.Header.Get("X-Kept") != "1" || seen.UserAgent() != "snapd/2.63" || "http://"+seen.Host != g.upstream {
		t.Errorf("upstream got %v for %s", seen.Header, seen.Host)
	}
}

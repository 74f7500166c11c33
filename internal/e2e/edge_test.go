//go:build linux

package e2e_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"offlinestore/internal/upstreamtest"
)

// line is a line to a store upstream that can be cut.
type line struct {
	url string
	cut atomic.Bool
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{}
	pass := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		p.Out.Host = p.In.Host
	}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.cut.Load() {
			panic(http.ErrAbortHandler)
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	l.url = srv.URL
	return l
}

// newEdge makes an online store before a store upstream.
func newEdge(t *testing.T, o *outside, upstream string) (*inside, *line) {
	t.Helper()
	l := newLine(t, upstream)
	in := newInside(t, o)
	in.proxy("config", "proxy.airgap=false", "proxy.upstream="+l.url, "proxy.charmhub.upstream="+l.url)
	return in, l
}

// TestSnapdAtTheEdge lets snapd's own code install and refresh by way of an online store. When the line upstream is cut, it gets the same again.
func TestSnapdAtTheEdge(t *testing.T) {
	t.Parallel()
	up := newOrigin(t)
	up.addSnap("greeter")
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	in, l := newEdge(t, newOutside(t, up.url, up.Stack.RootStream()), up.url)
	o := newOutside(t, up.url, up.Stack.RootStream())
	in.serve()
	c := &client{in.url, o.root, up}
	t.Run("queries", func(t *testing.T) {
		t.Run("install", func(t *testing.T) {
			got := c.fetch(t, "jq")
			if got.Name != "jq" || got.Revision != 6 || got.EffectiveChannel != "stable" {
				t.Errorf("got %s revision %d from %q, want jq 6 from stable", got.Name, got.Revision, got.EffectiveChannel)
			}
			sameFile(t, got.Path, filepath.Join(up.dir, "jq_6.snap"))
		})
	})
	if got := c.fetch(t, "greeter"); got.Revision != 1 {
		t.Errorf("install: revision %d, want 1", got.Revision)
	}
	up.upload("greeter", upstreamtest.Rev{Revision: 2}, "stable")
	if got := c.offered(t, "greeter", 1); got != 2 {
		t.Errorf("after the release upstream, revision %d is offered, want 2", got)
	}
	c.fetch(t, "--action", "refresh", "--installed", installed("greeter", 1, "latest/stable"), "greeter")
	before := up.Count("/")
	l.cut.Store(true)
	for name, revision := range map[string]int{"jq": 6, "greeter": 2} {
		if got := c.fetch(t, name); got.Revision != revision || got.EffectiveChannel != "stable" {
			t.Errorf("with the line cut, %s is revision %d from %q, want %d from stable", name, got.Revision, got.EffectiveChannel, revision)
		}
	}
	if n := up.Count("/"); n != before {
		t.Errorf("upstream was asked %d times by a line that is cut", n-before)
	}
}

// TestJujuAtTheEdge deploys a bundle as Juju does, and pulls its images with skopeo, by way of an online store, and again with the line cut.
func TestJujuAtTheEdge(t *testing.T) {
	t.Parallel()
	need(t, "skopeo")
	s, url := newCharmhub(t)
	in, l := newEdge(t, newCharmOutside(t, s, url), url)
	addresses, _ := in.serveOn(2, "--registry-listen", "127.0.0.1:0")
	j := juju{t, "http://" + addresses[0]}
	for _, cut := range []bool{false, true} {
		l.cut.Store(cut)
		images := j.deployBundle("cos-lite", "amd64")
		if len(images) == 0 {
			t.Fatal("the bundle has no images")
		}
		for _, i := range images {
			if !strings.HasPrefix(i.ref, addresses[1]+"/charm/") || i.user != "" || i.password == upstreamtest.DemoRegistryPassword {
				t.Errorf("image %q for %q, want it from the edge, on %s", i.ref, i.user, addresses[1])
			}
			pull(t, i.ref, i.user, i.password)
		}
	}
}

// TestWarmCharms fetches a charm ahead. Juju then gets its files although the line is cut after its question.
func TestWarmCharms(t *testing.T) {
	t.Parallel()
	s, url := newCharmhub(t)
	in, l := newEdge(t, newCharmOutside(t, s, url), url)
	in.serve()
	wanted := filepath.Join(t.TempDir(), "wanted.yaml")
	if err := os.WriteFile(wanted, []byte("charms:\n- name: postgresql\n  channels: [14/stable]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := in.proxy("cache", "warm", wanted, "--dry-run"); !strings.Contains(got, "postgresql") {
		t.Errorf("cache warm --dry-run prints %s", got)
	}
	in.proxy("cache", "warm", wanted)
	j := juju{t, in.url}
	c := j.resolve("postgresql", "14/stable", "amd64")
	l.cut.Store(true)
	j.download(c.Download) // compares the digests
	for _, r := range c.Resources {
		if r.Type == "file" && r.Download.Size > 0 {
			j.download(r.Download)
		}
	}
	l.cut.Store(false)
	other := j.resolve("traefik-k8s", "latest/stable", "amd64")
	l.cut.Store(true)
	resp, err := http.Get(other.Download.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		t.Error("the cache has a charm that was not fetched")
	}
}

// TestForwardProxy reaches upstream by Debian's tinyproxy, which wants a password, and believes only the authority that use-ca-certs names. The
// password is shown nowhere.
func TestForwardProxy(t *testing.T) {
	t.Parallel()
	need(t, "tinyproxy")
	up := newOrigin(t)
	secure := httptest.NewTLSServer(up.Handler())
	t.Cleanup(secure.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(secure.URL, "https://"), ":")
	address := freeAddress(t)
	_, proxyPort, _ := strings.Cut(address, ":")
	dir := newDir(t)
	conf, proxyLog := filepath.Join(dir, "tinyproxy.conf"), filepath.Join(dir, "tinyproxy.log")
	text := fmt.Sprintf("Port %s\nListen 127.0.0.1\nTimeout 60\nLogFile %q\nLogLevel Connect\nMaxClients 50\nBasicAuth jo s3cret-of-the-proxy\nConnectPort %s\n", proxyPort, proxyLog, port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := exec.CommandContext(t.Context(), "tinyproxy", "-d", "-c", conf)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Wait() })
	o := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, o)
	in.proxy("config", "proxy.airgap=false", "proxy.upstream="+secure.URL, "proxy.https.proxy=http://jo:s3cret-of-the-proxy@"+address)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	o.write(filepath.Join(dir, "ca.pem"), authority)
	run(t, nil, "sh", "-c", `"$1" --data-dir "$2" use-ca-certs < "$3"`, "sh", program(t, "snap-store-proxy"), in.data, filepath.Join(dir, "ca.pem"))
	in.serve()
	c := &client{in.url, o.root, up}
	if got := c.fetch(t, "jq"); got.Revision != 6 {
		t.Errorf("jq is revision %d, want 6", got.Revision)
	}
	log, err := os.ReadFile(proxyLog)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(log, []byte("CONNECT 127.0.0.1:"+port)) {
		t.Errorf("the proxy connected nobody to the store: %s", log)
	}
	for _, args := range [][]string{{"config"}, {"status"}, {"config", "--json"}} {
		if out := in.proxy(args...); strings.Contains(out, "s3cret-of-the-proxy") {
			t.Errorf("%v prints the password of the proxy", args)
		}
	}
	in.proxy("config", "proxy.https.proxy=http://jo:a-wrong-password@"+address)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		resp, err := http.Get(in.url + "/v2/snaps/info/hello?fields=revision&now=" + fmt.Sprint(time.Now().UnixNano()))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusBadGateway {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("with a wrong password: %d, want 502", resp.StatusCode)
		}
	}
}

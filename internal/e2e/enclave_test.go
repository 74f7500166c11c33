//go:build linux

package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"offlinestore/internal/bundletest"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/snapdaemon"
	"offlinestore/internal/upstreamtest"
	"offlinestore/snap"
)

// origin is a simulated Snap Store with a server.
type origin struct {
	*upstreamtest.Store
	t   *testing.T
	sso *upstreamtest.SSO
	dir string
	url string
}

// newOrigin serves the demonstration's catalogue, with real squashfs files, and the snaps of the tests.
func newOrigin(t *testing.T) *origin {
	t.Helper()
	needTools(t)
	dir := t.TempDir()
	sso := upstreamtest.NewSSO()
	s, err := upstreamtest.Demo(upstreamtest.DemoOptions{Dir: dir, Payload: 4 << 10, SSO: sso})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return &origin{s, t, sso, dir, srv.URL}
}

// addSnap registers a snap that depends on no other snap.
func (u *origin) addSnap(name string) {
	u.t.Helper()
	if err := u.AddSnap(upstreamtest.Snap{Name: name, Base: "none"}); err != nil {
		u.t.Fatal(err)
	}
}

// upload makes a revision, whose file names the revision, and releases it.
func (u *origin) upload(name string, rev upstreamtest.Rev, channel string) {
	u.t.Helper()
	u.uploadSnap(upstreamtest.Snap{Name: name, Base: "none", Summary: "A snap of the tests"}, rev, channel)
}

func (u *origin) uploadSnap(s upstreamtest.Snap, rev upstreamtest.Rev, channel string) {
	u.t.Helper()
	if rev.Version == "" {
		rev.Version = fmt.Sprintf("1.%d", rev.Revision)
	}
	rev.YAML = upstreamtest.YAML(s, rev)
	rev.Blob = upstreamtest.File(snapdaemon.MakeSnap(u.t, u.dir, rev.YAML, map[string]string{"share/version": rev.Version}))
	if err := u.AddRevision(s.Name, rev); err != nil {
		u.t.Fatal(err)
	}
	if err := u.Release(s.Name, "", channel, rev.Revision); err != nil {
		u.t.Fatal(err)
	}
}

// outside is a connected host, with a key, a cache and the store that it exports from.
type outside struct {
	t         *testing.T
	dir       string
	env       []string
	root, key string // files with the test root's assertions and the signer's public key
}

func newOutside(t *testing.T, storeURL string, root []byte) *outside {
	t.Helper()
	dir := newDir(t)
	o := &outside{t: t, dir: dir, root: filepath.Join(dir, "root.assert"), key: filepath.Join(dir, "exporter.pem"), env: []string{
		"STORE_ADMIN_CONFIG_DIR=" + filepath.Join(dir, "config"), "STORE_ADMIN_SNAP_STORE_URL=" + storeURL, "HOME=" + dir, "XDG_CACHE_HOME=",
	}}
	o.write(o.root, root)
	o.admin("key", "generate")
	o.write(o.key, []byte(o.admin("key", "export")))
	return o
}

func (o *outside) write(path string, text []byte) {
	o.t.Helper()
	if err := os.WriteFile(path, text, 0o644); err != nil {
		o.t.Fatal(err)
	}
}

func (o *outside) admin(args ...string) string {
	o.t.Helper()
	return run(o.t, o.env, program(o.t, "store-admin"), args...)
}

// export exports each snap into a bundle of its own, and returns the bundles.
func (o *outside) export(args ...string) []string {
	o.t.Helper()
	// Each export has a folder of its own, because two exports within a second would make the same names.
	dir, err := os.MkdirTemp(o.dir, "disk-")
	if err != nil {
		o.t.Fatal(err)
	}
	o.admin(append([]string{"export", "snaps", "--export-dir", dir, "--trusted-root", o.root}, args...)...)
	files, err := filepath.Glob(filepath.Join(dir, "*.tar.gz"))
	if err != nil || len(files) == 0 {
		o.t.Fatalf("the export of %q made no bundles (%v)", args, err)
	}
	return files
}

// inside is an air-gapped host: its data folder, its private PostgreSQL and, once it serves, its URL.
type inside struct {
	t    *testing.T
	data string
	url  string
}

// newInside makes a store that trusts the key and the root of o.
func newInside(t *testing.T, o *outside) *inside {
	t.Helper()
	in := &inside{t: t, data: filepath.Join(newDir(t), "data")}
	in.proxy("config", "proxy.airgap=true")
	if testing.Short() { // making a cluster takes longer than most tests
		in.proxy("config", "proxy.db.connection="+pgtest.NewFrom(t, bundletest.Migrate))
	}
	in.proxy("trust", "add", o.key)
	in.proxy("trust", "root", "add", o.root)
	return in
}

func (in *inside) proxy(args ...string) string {
	in.t.Helper()
	return run(in.t, nil, program(in.t, "snap-store-proxy"), append([]string{"--data-dir", in.data}, args...)...)
}

func (in *inside) push(files ...string) string {
	in.t.Helper()
	return in.proxy(append([]string{"push-snap"}, files...)...)
}

func (in *inside) pushStore(file string) string {
	in.t.Helper()
	return in.proxy("push-store", file)
}

// serverScript runs a server until its standard input ends. So even a killed test process leaves no server behind.
const serverScript = `"$@" & pid=$!; exec >/dev/null; cat; kill "$pid"; wait "$pid"`

// serve starts the server. The end of the test stops it, and checks that it stops without an error.
func (in *inside) serve() {
	in.t.Helper()
	addresses, _ := in.serveOn(1)
	in.url = "http://" + addresses[0]
}

// serveOn starts the server with more flags, and returns the n addresses that it prints. The server runs until stop is
// called, at the end of the test at the latest.
func (in *inside) serveOn(n int, flags ...string) (addresses []string, stop func()) {
	in.t.Helper()
	cmd := exec.Command("sh", append([]string{"-c", serverScript, "sh",
		program(in.t, "snap-store-proxy"), "--data-dir", in.data, "serve", "--listen", "127.0.0.1:0", "--log-level", "warn"}, flags...)...)
	var log strings.Builder
	cmd.Stderr = &log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		in.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		in.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	r := bufio.NewReader(out)
	stop = sync.OnceFunc(func() {
		stdin.Close()
		_, _ = io.Copy(io.Discard, r)
		if err := cmd.Wait(); err != nil {
			in.t.Errorf("the server ends with %v", err)
		}
		if in.t.Failed() {
			in.t.Logf("the server's log:\n%s", log.String())
		}
	})
	in.t.Cleanup(stop)
	for range n {
		line, err := r.ReadString('\n')
		_, address, ok := strings.Cut(strings.TrimSpace(line), "://")
		if !ok {
			in.t.Fatalf("the server says %q, %v", line, err)
		}
		addresses = append(addresses, address)
	}
	return addresses, stop
}

// await waits until devices of amd64 find a revision in a channel, or any revision if revision is 0. A push notifies the
// server, which takes a moment.
func (in *inside) await(name, channel string, revision int) {
	in.t.Helper()
	var got snap.InfoResponse
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		get(in.t, in.url+"/v2/snaps/info/"+name+"?architecture=amd64&fields=channel-map,revision", &got)
		for _, row := range got.ChannelMap {
			if row.Channel.Name == channel && (revision == 0 || row.Revision.Number == revision) {
				return
			}
		}
	}
	in.t.Fatalf("%s has not arrived in %s at revision %d: %+v", name, channel, revision, got.ChannelMap)
}

// awaitNone waits until the server does not know a snap any more.
func (in *inside) awaitNone(name string) {
	in.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var got snap.InfoResponse
		if get(in.t, in.url+"/v2/snaps/info/"+name+"?architecture=amd64&fields=revision", &got).StatusCode == http.StatusNotFound {
			return
		}
	}
	in.t.Fatalf("%s is still served", name)
}

// get reads an answer in JSON.
func get(t *testing.T, url string, v any) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(snap.HeaderSeries, snap.Series)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatalf("GET %s: status %d, %v, %.300s", url, resp.StatusCode, err, text)
	}
	return resp
}

// awaitRefusal waits until the server refuses the session of a device. It looks for changed settings every two seconds.
func (in *inside) awaitRefusal(root string) {
	in.t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(200 * time.Millisecond) {
		req, err := http.NewRequestWithContext(in.t.Context(), http.MethodGet, in.url+"/v2/snaps/info/greeter", nil)
		if err != nil {
			in.t.Fatal(err)
		}
		req.Header.Set("Snap-Device-Authorization", `Macaroon root="`+root+`"`)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			in.t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusUnauthorized {
			return
		}
	}
	in.t.Fatal("the server takes the old session for a minute")
}

// awaitAssertion waits until devices find an assertion.
func (in *inside) awaitAssertion(path string) {
	in.t.Helper()
	status := 0
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(in.url + "/v2/assertions/" + path)
		if err != nil {
			in.t.Fatal(err)
		}
		resp.Body.Close()
		if status = resp.StatusCode; status == http.StatusOK {
			return
		}
	}
	in.t.Fatalf("%s has not arrived: status %d", path, status)
}

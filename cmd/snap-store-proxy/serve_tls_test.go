//go:build linux

package main_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runningServer is a running server and its addresses: HTTP, HTTPS and images.
type runningServer struct {
	s              *site
	http, tls, oci string
	stop           func()
	log            string // the file of the log
}

// serveTLS starts a server on free ports.
func (s *site) serveTLS() *runningServer {
	s.t.Helper()
	run := &runningServer{s: s, log: s.file("serve.log", nil)}
	cmd := s.command(s.t.Context(), "serve", "--listen", "127.0.0.1:0", "--https-listen", "127.0.0.1:0", "--registry-listen", "127.0.0.1:0")
	log, err := os.Create(run.log)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, to := range []*string{&run.http, &run.tls, &run.oci} {
		lines.Scan()
		_, address, ok := strings.Cut(lines.Text(), " on ")
		if !ok {
			s.t.Fatalf("the server says %q", lines.Text())
		}
		*to = address
	}
	run.stop = func() {
		s.t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			s.t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			s.t.Errorf("the server ends with %v: %s", err, run.logged())
		}
	}
	return run
}

func (run *runningServer) logged() string {
	run.s.t.Helper()
	text, err := os.ReadFile(run.log)
	if err != nil {
		run.s.t.Fatal(err)
	}
	return string(text)
}

// awaitLog waits until the log contains want.
func (run *runningServer) awaitLog(want string) {
	run.s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if strings.Contains(run.logged(), want) {
			return
		}
	}
	run.s.t.Errorf("the log lacks %q: %s", want, run.logged())
}

// trusting returns a client that trusts one authority, follows no redirect and opens a connection for each request.
func trusting(ca string) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(ca))
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ask returns the status and the body of an answer, or the error.
func ask(c *http.Client, url string) string {
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Snap-Device-Series", "16")
	resp, err := c.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %s %s %v", resp.StatusCode, resp.Header.Get("Location"), body, err)
}

// await repeats a request until the answer contains want.
func await(t *testing.T, c *http.Client, url, want string) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if got = ask(c, url); strings.Contains(got, want) {
			return
		}
	}
	t.Errorf("%s says %q, want %q", url, got, want)
}

// TestServeHTTPS checks that a running server loads a new certificate and other settings while a connection stays open.
func TestServeHTTPS(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if r := s.run("serve", "--listen", "127.0.0.1:0", "--https-listen", "127.0.0.1:0"); r.code == 0 || !strings.Contains(r.stderr, "import-certificate") {
		t.Errorf("HTTPS without a certificate: %d %s", r.code, r.stderr)
	}
	ca := s.mustRun("import-certificate", "--selfsigned", "--name", "127.0.0.1").stdout
	run := s.serveTLS()
	client := trusting(ca)
	const info = "/v2/snaps/info/first?architecture=amd64&fields=download"
	address := strings.TrimPrefix(run.tls, "https://")
	for url, want := range map[string]string{
		run.tls + info:              `"url":"https://` + address + `/`,
		run.http + info:             "301 https://127.0.0.1/v2/snaps/info/first?",
		run.http + "/_status/check": `"status":"ok"`,
		run.oci + "/v2/":            "200 ",
	} {
		if got := ask(client, url); !strings.Contains(got, want) {
			t.Errorf("%s says %q, want %q", url, got, want)
		}
	}
	if !strings.HasPrefix(run.oci, "https://") {
		t.Errorf("images are served on %s, want https", run.oci)
	}
	kept := trusting(ca)
	kept.Transport.(*http.Transport).DisableKeepAlives = false
	if got := ask(kept, run.tls+info); !strings.HasPrefix(got, "200 ") {
		t.Fatal(got)
	}

	replaced := s.mustRun("import-certificate", "--selfsigned", "--name", "127.0.0.1")
	if !strings.Contains(replaced.stderr, "refuse this store until they trust the new one") {
		t.Errorf("a certificate that devices trust is replaced without a word: %s", replaced.stderr)
	}
	other := replaced.stdout
	await(t, trusting(other), run.tls+info, "200 ")
	if got := ask(client, run.tls+info); !strings.Contains(got, "certificate") {
		t.Errorf("the old certificate is still there: %s", got)
	}
	if got := ask(kept, run.tls+info); !strings.HasPrefix(got, "200 ") {
		t.Errorf("the connection that was open: %s", got)
	}
	client = trusting(other)
	s.mustRun("config", "proxy.domain=snaps.example:8080", "proxy.port.http=8080")
	run.awaitLog("proxy.domain has the port of plain HTTP")
	s.mustRun("config", "proxy.domain=snaps.example:8443", "proxy.oci-registry.username=juju", "proxy.oci-registry.password=hunter2")
	await(t, client, run.tls+info, `"url":"https://snaps.example:8443/`)
	await(t, client, run.oci+"/v2/", "401 ")
	await(t, client, run.http+info, "301 https://snaps.example:8443/v2/snaps/info/first?")

	s.appendSettings("proxy.domain: twice.example\n")
	run.awaitLog("can't be taken up: those before hold")
	if got := ask(client, run.tls+info); !strings.Contains(got, "https://snaps.example:8443/") {
		t.Errorf("with spoilt settings: %s", got)
	}
	for _, want := range []string{"setting=proxy.tls.cert", "when serve is started again", "under the name that proxy.domain has"} {
		run.awaitLog(want)
	}
	if strings.Contains(run.logged(), "hunter2") {
		t.Error("the log has a password")
	}
	run.stop()
}

// TestServeWithSpoiltCertificate checks that a server with a damaged certificate refuses to start, instead of serving
// plain HTTP.
func TestServeWithSpoiltCertificate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	good, other := newPair(t, ecdsaKey(t), nil), newPair(t, ecdsaKey(t), nil)
	s.mustRun("config", "proxy.tls.cert="+good.cert)
	s.runWith(strings.NewReader(other.key), "config", "proxy.tls.key=-")
	r := s.run("serve", "--listen", "127.0.0.1:0")
	if r.code != 1 || !strings.Contains(r.stderr, "belongs to none") || !strings.Contains(r.stderr, "import-certificate") {
		t.Errorf("serve with another's key: %d %s", r.code, r.stderr)
	}
}

// TestFirstCertificate checks that the first certificate opens the port of HTTPS while a server runs: devices are redirected, images come by
// TLS, and a connection that was open stays open.
func TestFirstCertificate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ports := freePorts(t, 3)
	s.mustRun("config", "proxy.ipaddress=127.0.0.1", "proxy.port.http="+ports[0], "proxy.port.https="+ports[1], "proxy.oci-registry.listen=127.0.0.1:"+ports[2],
		"proxy.oci-registry.builtin=true", "proxy.admin.listen=127.0.0.1:0")
	cmd := s.command(s.t.Context(), "serve")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	plain, secure := "http://127.0.0.1:"+ports[0], "https://127.0.0.1:"+ports[1]
	await(t, http.DefaultClient, plain+"/_status/check", "200 ")
	if got := ask(http.DefaultClient, secure+"/"); !strings.Contains(got, "connection refused") {
		t.Errorf("HTTPS without a certificate says %q, want a closed port", got)
	}
	await(t, http.DefaultClient, "http://127.0.0.1:"+ports[2]+"/v2/", "200 ")
	open := &http.Client{Timeout: 20 * time.Second}
	if got := ask(open, plain+"/_status/check"); !strings.HasPrefix(got, "200 ") {
		t.Fatal(got)
	}
	ca := s.mustRun("import-certificate", "--selfsigned", "--name", "127.0.0.1").stdout
	client := trusting(ca)
	await(t, client, secure+"/_status/check", "200 ")
	await(t, client, plain+"/v2/snaps/info/x", "301 https://127.0.0.1:"+ports[1]+"/v2/snaps/info/x")
	await(t, client, "https://127.0.0.1:"+ports[2]+"/v2/", "200 ")
	if got := ask(open, plain+"/_status/check"); !strings.HasPrefix(got, "200 ") {
		t.Errorf("the open connection says %q", got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server ends with %v", err)
	}
}

// freePorts returns free ports of the loopback address.
func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	for range n {
		ports = append(ports, freePort(t))
	}
	return ports
}

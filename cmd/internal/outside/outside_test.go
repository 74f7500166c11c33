package outside_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"offlinestore/cmd/internal/outside"
	"offlinestore/instance"
)

// internet is a server for all hosts upstream, and a forward proxy with a password in front of it.
type internet struct {
	proxy, authority string
	down             atomic.Bool
	seen             atomic.Int64
}

const credentials = "jo:hunter2"

func newInternet(t *testing.T) *internet {
	t.Helper()
	in := &internet{}
	cert, authority := certificateFor(t, "dashboard.snapcraft.io", "login.ubuntu.com", "api.snapcraft.io", "api.charmhub.io")
	in.authority = authority
	quiet := slog.NewLogLogger(slog.DiscardHandler, 0)
	hosts := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if in.down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	hosts.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	hosts.Config.ErrorLog = quiet
	hosts.StartTLS()
	t.Cleanup(hosts.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(credentials)) {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		in.seen.Add(1)
		far, err := net.Dial("tcp", hosts.Listener.Addr().String())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer far.Close()
		near, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer near.Close()
		io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go io.Copy(far, near)
		io.Copy(near, far)
	}))
	t.Cleanup(proxy.Close)
	in.proxy = proxy.Listener.Addr().String()
	return in
}

// certificateFor returns a certificate for names, which is its own authority.
func certificateFor(t *testing.T, names ...string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// hosts returns the lines of the connections, with their hints, for a setting of the forward proxy.
func hosts(t *testing.T, dir instance.Dir, proxy string) (lines []string, failed bool) {
	t.Helper()
	s, err := dir.Settings()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Set(map[string]string{"proxy.https.proxy": proxy}); err != nil {
		t.Fatal(err)
	}
	list, err := outside.Hosts(t.Context(), dir, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range list {
		line := fmt.Sprintf("%s %v %s; %s", h.Target, h.OK, h.Detail, h.Hint())
		if strings.Contains(line, "hunter2") {
			t.Errorf("the password of the proxy is in %q", line)
		}
		lines, failed = append(lines, line), failed || !h.OK
	}
	return lines, failed
}

func TestHosts(t *testing.T) {
	t.Parallel()
	in := newInternet(t)
	dir := instance.Dir(t.TempDir())
	has := func(what string, lines []string, want string) {
		t.Helper()
		for _, line := range lines {
			if !strings.Contains(line, want) {
				t.Errorf("%s: %q, want in it %q", what, line, want)
			}
		}
	}
	good := "http://" + credentials + "@" + in.proxy
	lines, _ := hosts(t, dir, good)
	has("an unknown authority", lines, "use-ca-certs")
	if _, err := dir.SetCACerts([]byte(in.authority)); err != nil {
		t.Fatal(err)
	}
	before := in.seen.Load()
	if lines, failed := hosts(t, dir, good); failed || len(lines) != 4 || !strings.HasPrefix(lines[2], "https://api.snapcraft.io true ") {
		t.Errorf("through the proxy: %q", lines)
	}
	if n := in.seen.Load() - before; n != 4 {
		t.Errorf("the proxy saw %d connections, want 4", n)
	}
	lines, _ = hosts(t, dir, "http://jo:hunter2222@"+in.proxy)
	has("a wrong password", lines, "give the forward proxy's user and password")
	lines, _ = hosts(t, dir, "http://jo:hunter2@127.0.0.1:1")
	has("no proxy there", lines, "see that the forward proxy")
	in.down.Store(true)
	lines, _ = hosts(t, dir, good)
	has("a host that is down", lines, "the answer is 503 Service Unavailable; try again later")
	has("a host that devices do without", lines[:2], "devices and this store do without this host")
}

package certificate_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/certificate"
)

func TestChecks(t *testing.T) {
	t.Parallel()
	root := newAuthority(t, "root", nil)
	short := newAuthority(t, "short", nil)
	shortLower := &authority{tb: t, key: newKey(t)}
	shortLower.cert = short.issue(shortLower.key.Public(), func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = "lower", true, true, x509.KeyUsageCertSign, nil
		c.NotAfter = now.Add(-time.Hour)
	})
	read := func(a *authority, change func(*x509.Certificate)) *certificate.Certificate {
		t.Helper()
		key := newKey(t)
		c, err := certificate.Parse([]byte(certPEM(a.issue(key.Public(), change)) + certPEM(a.cert) + keyPEM(t, key)))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	good := read(root, func(c *x509.Certificate) { c.DNSNames = []string{"store.example", "*.wild.example"} })
	for _, host := range []string{"store.example", "store.example:8443", "STORE.example", "a.wild.example"} {
		if err := good.CheckName(host); err != nil {
			t.Errorf("CheckName(%q) = %v", host, err)
		}
	}
	var wrong *certificate.NameError
	for _, host := range []string{"other.example", "a.b.wild.example", "192.0.2.1", "[2001:db8::1]:443"} {
		if err := good.CheckName(host); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "store.example, *.wild.example") {
			t.Errorf("CheckName(%q) = %v, want a NameError with the names", host, err)
		}
	}
	if err := read(root, func(c *x509.Certificate) { c.DNSNames = nil }).CheckName("store.example"); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "alternative names") {
		t.Errorf("a common name alone: %v, want a NameError", err)
	}
	if err := errors.Join(good.CheckDates(now), good.CheckUse()); err != nil {
		t.Errorf("a good certificate: %v", err)
	}
	for name, tt := range map[string]struct {
		c       *certificate.Certificate
		expired bool
	}{
		"expired":                 {read(root, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) }), true},
		"not yet valid":           {read(root, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) }), false},
		"an expired intermediate": {read(shortLower, nil), true},
	} {
		var date *certificate.DateError
		if err := tt.c.CheckDates(now); !errors.As(err, &date) || date.Expired != tt.expired {
			t.Errorf("%s: CheckDates = %v", name, err)
		}
	}
	client := read(root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	if err := client.CheckUse(); err == nil || !strings.Contains(err.Error(), "not for servers") {
		t.Errorf("a client's certificate: %v", err)
	}
	info := good.Info()
	if got, want := info.DaysLeft(info.NotAfter.Add(-49*time.Hour)), 2; got != want {
		t.Errorf("DaysLeft = %d, want %d", got, want)
	}
	if got, want := info.DaysLeft(info.NotAfter.Add(time.Hour)), -1; got != want {
		t.Errorf("DaysLeft of an expired one = %d, want %d", got, want)
	}
}

func TestSelfSigned(t *testing.T) {
	t.Parallel()
	c, err := certificate.SelfSigned([]string{"Store.example:8443", "192.0.2.1", "[2001:db8::1]", "localhost"}, now)
	if err != nil {
		t.Fatal(err)
	}
	info := c.Info()
	if diff := cmp.Diff(info.Names, []string{"store.example", "localhost", "192.0.2.1", "2001:db8::1"}); diff != "" {
		t.Errorf("names (-got +want):\n%s", diff)
	}
	if got, want := info.NotAfter, now.AddDate(10, 0, 0); !got.Equal(want) {
		t.Errorf("valid until %v, want %v", got, want)
	}
	if err := errors.Join(c.CheckUse(), c.CheckDates(now), c.CheckName("store.example"), c.CheckName("[2001:db8::1]:443")); err != nil {
		t.Error(err)
	}
	if !info.PrivateRoot || strings.Count(string(c.ChainPEM()), "BEGIN") != 2 {
		t.Errorf("%+v: want a server's certificate and its root", info)
	}
	for _, names := range [][]string{nil, {""}, {"a b"}, {"ok.example", "-bad"}, {"http://x"}, {"fe80::1%eth0"}, {strings.Repeat("a.", 200) + "b"}} {
		if _, err := certificate.SelfSigned(names, now); err == nil {
			t.Errorf("SelfSigned(%q) is taken", names)
		}
	}
}

// TestReload checks that a connection stays open through a change of the certificate, and that the next connection gets the new
// one.
func TestReload(t *testing.T) {
	t.Parallel()
	var r certificate.Reloader
	first, second := made(t), made(t)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	srv.Listener = tls.NewListener(srv.Listener, r.Config())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Start()
	defer srv.Close()
	address := srv.Listener.Addr().String()
	if _, err := dial(address, first, tls.VersionTLS13); err == nil {
		t.Error("connected to a server without a certificate")
	}
	r.Set(first)
	old, err := dial(address, first, tls.VersionTLS13)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	ask(t, old)
	r.Set(second)
	ask(t, old)
	if _, err := dial(address, first, tls.VersionTLS13); err == nil {
		t.Error("the old certificate is still presented")
	}
	fresh, err := dial(address, second, tls.VersionTLS12)
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	ask(t, fresh)
	if got, want := len(fresh.ConnectionState().PeerCertificates), 1; got != want {
		t.Errorf("%d certificates were presented, want %d: the root is known or no use", got, want)
	}
	if _, err := dial(address, second, tls.VersionTLS11); err == nil {
		t.Error("TLS 1.1 is taken")
	}
}

func made(t *testing.T) *certificate.Certificate {
	t.Helper()
	c, err := certificate.SelfSigned([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// dial connects as an ordinary client, which offers HTTP/2.
func dial(address string, trusted *certificate.Certificate, most uint16) (*tls.Conn, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted.RootPEM())
	return tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", address,
		&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: most, NextProtos: []string{"h2", "http/1.1"}})
}

func ask(t *testing.T, conn *tls.Conn) {
	t.Helper()
	if got, want := conn.ConnectionState().NegotiatedProtocol, "http/1.1"; got != want {
		t.Errorf("protocol = %q, want %q", got, want)
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "HTTP/1.1" {
		t.Errorf("answer = %q, %v", body, err)
	}
}

package transfer_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"offlinestore/transfer"
)

// remoteConn is a connection from an address of the test's choice.
type remoteConn struct {
	net.Conn
	remote *net.TCPAddr
}

func (c remoteConn) RemoteAddr() net.Addr { return c.remote }

// remoteListener accepts connections that dial makes.
type remoteListener struct{ conns chan net.Conn }

func (l remoteListener) Accept() (net.Conn, error) {
	if c, ok := <-l.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l remoteListener) Close() error   { return nil }
func (l remoteListener) Addr() net.Addr { return &net.TCPAddr{} }

// limitedServer is a server whose listener takes 128 connections, 16 of one client. It answers /hold only when release is closed.
type limitedServer struct {
	t       *testing.T
	ln      remoteListener
	guard   *transfer.Guard
	release chan struct{}
}

func newLimitedServer(t *testing.T) *limitedServer {
	t.Helper()
	s := &limitedServer{t, remoteListener{make(chan net.Conn)}, transfer.NewGuard(), make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/hold", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-s.release
	})
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	srv := &http.Server{Handler: mux}
	s.guard.Protect(srv)
	go srv.Serve(s.guard.Listen(s.ln, 128))
	t.Cleanup(func() {
		close(s.release)
		close(s.ln.conns)
		srv.Close() // waits for Accept
	})
	return s
}

// ask connects from an address and sends a request. It returns the status of the answer, or 0 if the connection was closed.
func (s *limitedServer) ask(from, path, forwarded string) (status int, c net.Conn) {
	s.t.Helper()
	client, server := net.Pipe()
	s.t.Cleanup(func() { client.Close() })
	s.ln.conns <- remoteConn{server, &net.TCPAddr{IP: net.ParseIP(from), Port: 1234}}
	client.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(client, "GET %s HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: %s\r\n\r\n", path, forwarded); err != nil {
		return 0, client
	}
	resp, err := http.ReadResponse(bufio.NewReader(client), nil)
	if err != nil {
		return 0, client
	}
	if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
		s.t.Error("a refused client is not told when to come back")
	}
	return resp.StatusCode, client
}

// TestConnectionsOfOneAddress takes all connections that one client may have. Another one of the client is closed, from any address in
// the network, and other clients are answered.
func TestConnectionsOfOneAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ mine, other string }{
		"IPv4":           {"192.0.2.7", "192.0.2.8"},
		"IPv6":           {"2001:db8:0:1::%x", "2001:db8:0:2::1"},
		"IPv4 in IPv6":   {"::ffff:192.0.2.7", "::ffff:192.0.2.8"},
		"forged address": {"192.0.2.9", "192.0.2.10"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newLimitedServer(t)
			address := func(i int) string {
				if strings.Contains(c.mine, "%") {
					return fmt.Sprintf(c.mine, i+1)
				}
				return c.mine
			}
			for i := range 16 {
				if status, _ := s.ask(address(i), "/hold", fmt.Sprintf("203.0.113.%d", i)); status != http.StatusOK {
					t.Fatalf("connection %d: status %d, want 200", i, status)
				}
			}
			if status, _ := s.ask(address(99), "/", "203.0.113.99"); status != 0 {
				t.Errorf("connection 17 of the client: status %d, want it closed", status)
			}
			if status, _ := s.ask(c.other, "/", ""); status != http.StatusOK {
				t.Errorf("another client: status %d, want 200", status)
			}
		})
	}
}

// TestIdleConnectionsMakeRoom opens more connections than a client may have. The ones that have been idle for longest are closed.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	t.Parallel()
	s := newLimitedServer(t)
	var conns []net.Conn
	for i := range 17 {
		status, c := s.ask("192.0.2.7", "/", "")
		if status != http.StatusOK {
			t.Fatalf("connection %d: status %d, want 200", i, status)
		}
		conns = append(conns, c)
		time.Sleep(5 * time.Millisecond) // until the server sees that it is idle
	}
	if _, err := conns[0].Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the oldest connection: %v, want it closed", err)
	}
	if _, err := io.WriteString(conns[16], "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Errorf("the newest connection: %v, want it open", err)
	}
}

// TestRequestsBehindBalancer sends the requests of two clients through one trusted balancer. The last address in X-Forwarded-For, which the
// balancer added, is the client's; the ones before are the client's own words.
func TestRequestsBehindBalancer(t *testing.T) {
	t.Parallel()
	s := newLimitedServer(t)
	s.guard.TrustForwarded(true)
	for i := range 16 {
		if status, _ := s.ask("10.0.0.1", "/hold", fmt.Sprintf("198.51.100.%d, 203.0.113.7", i)); status != http.StatusOK {
			t.Fatalf("request %d: status %d, want 200", i, status)
		}
	}
	if status, _ := s.ask("10.0.0.1", "/", "198.51.100.99, 203.0.113.7"); status != http.StatusServiceUnavailable {
		t.Errorf("request 17 of the client: status %d, want 503", status)
	}
	for _, other := range []string{"203.0.113.8", "203.0.113.7, 203.0.113.9", "2001:db8::1"} {
		if status, _ := s.ask("10.0.0.1", "/", other); status != http.StatusOK {
			t.Errorf("client %s behind the same balancer: status %d, want 200", other, status)
		}
	}
	for i := range 16 {
		s.ask("10.0.0.1", "/hold", fmt.Sprintf("2001:db8:0:7::%x", i+1))
	}
	if status, _ := s.ask("10.0.0.1", "/", "2001:db8:0:7::ffff"); status != http.StatusServiceUnavailable {
		t.Errorf("request 17 of an IPv6 network: status %d, want 503", status)
	}
}

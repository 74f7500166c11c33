package transfer_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"offlinestore/transfer"
)

// guardedServer is a server that a Guard protects, with the log of its errors. Its handler answers with the body of the request.
type guardedServer struct {
	*httptest.Server
	mu  sync.Mutex
	log strings.Builder
}

func (s *guardedServer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(b)
}

// logged reports whether a text is in the log, or comes soon.
func (s *guardedServer) logged(text string) bool {
	for range 200 {
		s.mu.Lock()
		got := s.log.String()
		s.mu.Unlock()
		if strings.Contains(got, text) {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// secureListener makes connections speak TLS that counts headers.
type secureListener struct {
	net.Listener
	config *tls.Config
}

func (l secureListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return transfer.Secure(c, l.config), nil
}

// newGuardedServer starts a server for "http", for "https", or for "net/http", which ends TLS by itself.
func newGuardedServer(t *testing.T, kind string) *guardedServer {
	t.Helper()
	s := &guardedServer{}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	})
	s.Server = httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(s, "", 0)
	g := transfer.NewGuard()
	s.Listener = g.Listen(s.Listener, 100)
	g.Protect(s.Config)
	switch kind {
	case "http":
		s.Start()
	case "net/http":
		s.StartTLS()
	default:
		other := httptest.NewTLSServer(nil) // has a certificate
		other.Close()
		s.Listener = secureListener{s.Listener, &tls.Config{Certificates: other.TLS.Certificates}}
		s.Start()
		s.URL = strings.Replace(s.URL, "http:", "https:", 1)
	}
	t.Cleanup(s.Close)
	return s
}

func (s *guardedServer) client() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: time.Minute}
}

// TestHeaderFields sends headers with the most fields and with one more, in the clear and in TLS, where they are not parsed, and in TLS that
// net/http ends. The client itself adds four.
func TestHeaderFields(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind   string
		fields int
		want   int
	}{
		"most":                 {"http", 96, http.StatusOK},
		"more":                 {"http", 97, http.StatusRequestHeaderFieldsTooLarge},
		"most in TLS":          {"https", 96, http.StatusOK},
		"more in TLS":          {"https", 97, http.StatusRequestHeaderFieldsTooLarge},
		"most in net/http TLS": {"net/http", 96, http.StatusOK},
		"more in net/http TLS": {"net/http", 98, http.StatusRequestHeaderFieldsTooLarge}, // Host is no field there
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newGuardedServer(t, c.kind)
			client := s.client()
			for range 2 { // the second over the same connection
				body := strings.Repeat("\n", 200) // no lines of the header
				req, err := http.NewRequest(http.MethodPost, s.URL, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				for i := range c.fields {
					req.Header.Set(fmt.Sprint("X-", i), "1")
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != c.want || c.want == http.StatusOK && string(got) != body {
					t.Errorf("status %d with %d bytes, %v, want %d", resp.StatusCode, len(got), err, c.want)
				}
			}
		})
	}
}

// TestLargeRequest sends a header of nearly 16 KiB in few fields, and a body of a megabyte.
func TestLargeRequest(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"http", "https"} {
		s := newGuardedServer(t, kind)
		body := strings.Repeat("a\n", 500_000)
		req, err := http.NewRequest(http.MethodPost, s.URL, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", strings.Repeat("x", 11_000))
		resp, err := s.client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if got, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || string(got) != body {
			t.Errorf("%s: %s with %d bytes, %v", kind, resp.Status, len(got), err)
		}
	}
}

// TestHeaderBehindRequest sends a part of the next header in one piece with a request, where it can't be counted. The answer ends the
// connection. An empty line that some clients send after a body does not.
func TestHeaderBehindRequest(t *testing.T) {
	t.Parallel()
	const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"
	next := "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("a: b\r\n", 150)
	for name, c := range map[string]struct {
		pieces []string
		isLast bool
	}{
		"request":               {[]string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n"}, false},
		"header behind":         {[]string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + next}, true},
		"body":                  {[]string{post + "a\nb\n"}, false},
		"header behind a body":  {[]string{post + "a\nb\n" + next}, true},
		"empty line":            {[]string{post + "a\nb\n\r\n"}, false},
		"body in pieces":        {[]string{post + "a\n", "b\n"}, false},
		"header behind a piece": {[]string{post + "a\n", "b\n" + next}, false}, // it is counted
		"chunks":                {[]string{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}, true},
	} {
		for _, kind := range []string{"http", "https"} {
			t.Run(name+" in "+kind, func(t *testing.T) {
				t.Parallel()
				s := newGuardedServer(t, kind)
				conn, err := net.Dial("tcp", s.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(time.Minute))
				if kind == "https" {
					conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
				}
				for _, p := range c.pieces {
					if _, err := io.WriteString(conn, p); err != nil {
						t.Fatal(err)
					}
					time.Sleep(20 * time.Millisecond) // until the server has read it
				}
				answers := bufio.NewReader(conn)
				resp, err := http.ReadResponse(answers, nil)
				if err != nil || resp.StatusCode != http.StatusOK || resp.Close != c.isLast {
					t.Fatalf("answer %+v, %v, want close: %v", resp, err, c.isLast)
				}
				io.Copy(io.Discard, resp.Body)
				if !strings.HasSuffix(c.pieces[len(c.pieces)-1], next) || c.isLast {
					return
				}
				if resp, err := http.ReadResponse(answers, nil); err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
					t.Errorf("the next answer: %+v, %v, want 431", resp, err)
				}
			})
		}
	}
}

// TestAfterOptions sends a header with many fields over a connection on which net/http itself has answered OPTIONS *.
func TestAfterOptions(t *testing.T) {
	t.Parallel()
	s := newLimitedServer(t)
	_, c := s.ask("192.0.2.7", "/", "")
	send := func(request string) (*http.Response, error) {
		time.Sleep(20 * time.Millisecond) // until the server sees that the connection is idle
		go io.WriteString(c, request)
		return http.ReadResponse(bufio.NewReader(c), nil)
	}
	if resp, err := send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("OPTIONS *: %v, %v", resp, err)
	}
	const want = http.StatusRequestHeaderFieldsTooLarge
	if resp, err := send("GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("a: b\r\n", 150) + "\r\n"); err != nil || resp.StatusCode != want {
		t.Errorf("150 fields after OPTIONS *: %+v, %v, want %d", resp, err, want)
	}
}

// TestPlainRequestInTLS sends HTTP in the clear to a port of HTTPS, and something that is neither.
func TestPlainRequestInTLS(t *testing.T) {
	t.Parallel()
	s := newGuardedServer(t, "https")
	for request, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n": "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
		"SSH-2.0-OpenSSH_9.6\r\n":           "",
	} {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(3 * time.Second)) // it ends before the connection stops lingering
		io.WriteString(c, request)
		if got, err := io.ReadAll(c); string(got) != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", request, got, err, want)
		}
	}
	for _, want := range []string{
		"TLS handshake error from 127.0.0.1:", "client sent an HTTP request to an HTTPS server", "first record does not look like a TLS handshake",
	} {
		if !s.logged(want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

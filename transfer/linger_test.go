package transfer

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// halfConn is a connection that can be closed for writing.
type halfConn struct {
	net.Conn
	isHalf bool
}

func (c *halfConn) CloseWrite() error {
	c.isHalf = true
	return nil
}

// TestLinger closes connections after requests of several kinds, and measures how long they stay.
func TestLinger(t *testing.T) {
	t.Parallel()
	refuse := func(c *conn) {
		c.begin(new(http.Request))
		r := httptest.NewRequest("GET", "/", nil)
		Refuse(httptest.NewRecorder(), r.WithContext(contextOf(r.Context(), c)))
		c.end()
	}
	later := func(end func(c *conn)) func(*conn) {
		return func(c *conn) {
			refuse(c)
			time.AfterFunc(time.Second, func() { end(c) })
		}
	}
	for name, c := range map[string]struct {
		before func(c *conn)
		want   time.Duration
	}{
		"refused":    {refuse, lingerTime},
		"no HTTP":    {func(*conn) {}, lingerTime},
		"answered":   {func(c *conn) { c.begin(new(http.Request)); c.end(); c.rest() }, 0},
		"gone":       {func(c *conn) { c.isBroken.Store(true) }, 0},
		"balancer":   {func(c *conn) { c.turn = nil; refuse(c) }, 0},
		"no room":    {later(func(c *conn) { c.l.perClient = 1; c.l.makeRoom(c.client, false) }), time.Second},
		"server end": {later(func(c *conn) { c.l.Close() }), time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				defer theirs.Close()
				half := &halfConn{Conn: ours}
				l := NewGuard().Listen(closable{}, 100).(*listener)
				gc := l.admit(half)
				gc.startReading()
				c.before(gc)
				began := time.Now()
				gc.Close()
				if took := time.Since(began); took != c.want {
					t.Errorf("the connection stays for %v, want %v", took, c.want)
				}
				if want := c.want > 0; half.isHalf != want {
					t.Errorf("closed for writing before: %v, want %v", half.isHalf, want)
				}
				if len(l.conns)+len(l.clients) != 0 || l.reading.Load() != 0 {
					t.Errorf("%d connections and %d headers are left", len(l.conns), l.reading.Load())
				}
			})
		})
	}
}

// TestLingerAfterBody refuses a request whose body was read. While its handler ran, net/http read on, and ended that by a deadline.
func TestLingerAfterBody(t *testing.T) {
	t.Parallel()
	g := NewGuard()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		refuse(w, r, http.StatusServiceUnavailable, "busy")
	}))
	l := g.Listen(srv.Listener, 100).(*listener)
	srv.Listener = l
	g.Protect(srv.Config)
	srv.Start()
	defer srv.Close()
	resp, err := http.Post(srv.URL, "text/plain", strings.NewReader("a body"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		states := map[state]int{}
		for c := range l.conns {
			states[c.state.Load()]++
		}
		l.mu.Unlock()
		if states[lingering] == 1 {
			return
		}
		if len(states) == 0 || time.Now().After(end) {
			t.Fatalf("connections by state: %v, want one that lingers", states)
		}
	}
}

// closable is a listener that can only be closed.
type closable struct{ net.Listener }

func (closable) Close() error { return nil }

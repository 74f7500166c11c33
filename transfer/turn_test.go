package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurnIsFair lets one client wait with many large requests, and another one with one.
func TestTurnIsFair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &listener{guard: &Guard{turns: make(chan struct{}, 1)}}
		greedy, modest := make(chan struct{}, 1), make(chan struct{}, 1)
		ended := make(chan string, 200)
		ask := func(name string, large chan struct{}) {
			ctx := context.WithValue(t.Context(), connKey{}, &conn{l: l, large: large})
			done := Turn(new(http.Request).WithContext(ctx))
			time.Sleep(time.Millisecond)
			ended <- name
			done()
		}
		for range 100 {
			go ask("greedy", greedy)
		}
		synctest.Wait()
		go ask("modest", modest)
		synctest.Wait()
		if n := len(l.guard.turns); n != 1 {
			t.Errorf("%d turns at once, want 1", n)
		}
		time.Sleep(time.Second)
		if first, second := <-ended, <-ended; first != "greedy" || second != "modest" {
			t.Errorf("the first to end are %s and %s, want the modest client as the second", first, second)
		}
		if len(ended) != 99 || len(greedy)+len(modest)+len(l.guard.turns) != 0 {
			t.Errorf("%d more have ended, want 99 and no turn taken", len(ended))
		}
	})
}

// TestHandshakeTurn lets one connection of a client compute a part of a handshake while another one has more of its own.
func TestHandshakeTurn(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(c *conn){
		"read":       func(c *conn) { go c.Read(make([]byte, 10)) },
		"write":      func(c *conn) { go c.Write([]byte("HTTP/1.1 400 Bad Request\r\n")) },
		"closeWrite": func(c *conn) { c.CloseWrite() },
		"close":      func(c *conn) { c.Close() },
		"begin":      func(c *conn) { c.begin(new(http.Request)); c.end() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := NewGuard().Listen(nil, 100).(*listener)
				var conns [2]*conn
				read := make(chan int, 2)
				for i := range conns {
					ours, theirs := net.Pipe() // all have the same address
					conns[i] = l.admit(ours)
					defer theirs.Close()
					defer conns[i].Close()
					go theirs.Write([]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03"))
					go func() {
						conns[i].Read(make([]byte, 10))
						read <- i
					}()
					synctest.Wait()
				}
				if len(read) != 1 || <-read != 0 {
					t.Fatal("both connections have a part of a handshake at once")
				}
				end(conns[0])
				synctest.Wait()
				if len(read) != 1 {
					t.Error("the second connection still waits")
				}
			})
		})
	}
}

// TestHandshakesTakeTurns lets clients begin connections in TLS, and a client ask again that has asked before.
func TestHandshakesTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &Guard{handshakes: make(chan struct{}, 1)}
		take := func(c *conn) error {
			ours, theirs := net.Pipe()
			t.Cleanup(func() { theirs.Close() })
			go theirs.Write([]byte("\x16\x03"))
			c.Conn, c.peers, c.l, c.turn = ours, new(client), &listener{guard: g}, make(chan struct{}, 1)
			_, err := c.Read(make([]byte, 2))
			return err
		}
		first, second, plain, known := &conn{}, &conn{}, &conn{isPlain: true}, &conn{isKnown: true}
		if err := take(first); err != nil {
			t.Fatal(err)
		}
		if err := take(second); err != errNoTurn {
			t.Errorf("a handshake beside another: %v, want %v", err, errNoTurn)
		}
		for _, c := range []*conn{plain, known} {
			if err := take(c); err != nil || c.hasTurn.Load() {
				t.Errorf("plain: %v, known: %v: %v, it has a turn: %v", c.isPlain, c.isKnown, err, c.hasTurn.Load())
			}
		}
		if n := len(g.handshakes); n != 1 {
			t.Errorf("%d handshakes, want 1", n)
		}
		first.endTurn()
		if n := len(g.handshakes); n != 0 {
			t.Errorf("%d handshakes after all, want 0", n)
		}
	})
}

// TestHandshakeTurnEnds lets a connection wait for a turn that does not come, or that comes after the connection was closed to make room.
func TestHandshakeTurnEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile func(l *listener, waiting *conn)
		want      error
	}{
		"no turn": {func(*listener, *conn) { time.Sleep(headerTimeout) }, errNoTurn},
		"closed": {func(l *listener, waiting *conn) {
			waiting.change(reading, dropped)
			<-waiting.turn
		}, net.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := NewGuard().Listen(nil, 100).(*listener)
				ours, theirs := net.Pipe()
				defer theirs.Close()
				waiting := l.admit(ours)
				defer ours.Close()
				waiting.turn <- struct{}{}
				go theirs.Write([]byte("GET / HTTP/1.1\r\n"))
				ended := make(chan error, 1)
				go func() {
					_, err := waiting.Read(make([]byte, 100))
					ended <- err
				}()
				synctest.Wait()
				c.meanwhile(l, waiting)
				if err := <-ended; !errors.Is(err, c.want) {
					t.Errorf("Read: %v, want %v", err, c.want)
				}
				if waiting.hasTurn.Load() {
					t.Error("the connection keeps the turn")
				}
			})
		})
	}
}

// TestPlainHeadersNeedNoTurn sends a plain request, and begins a handshake, while another connection of the same client keeps the turn. The
// handshake ends without an answer, because an answer would blame the request.
func TestPlainHeadersNeedNoTurn(t *testing.T) {
	t.Parallel()
	for scheme, want := range map[string]string{"http": "HTTP/1.1 404 Not Found\r\n", "https": ""} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			g := NewGuard()
			srv := httptest.NewUnstartedServer(http.NotFoundHandler())
			l := g.Listen(srv.Listener, 100).(*listener)
			srv.Listener = l
			g.Protect(srv.Config)
			if scheme == "https" {
				srv.StartTLS()
			} else {
				srv.Start()
			}
			defer srv.Close()
			c, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for turn := (chan struct{})(nil); turn == nil; time.Sleep(time.Millisecond) {
				l.mu.Lock()
				for _, cl := range l.clients {
					turn = cl.turn
					turn <- struct{}{}
				}
				l.mu.Unlock()
			}
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(c)
			if line := text[:bytes.IndexByte(text, '\n')+1]; string(line) != want || err != nil {
				t.Errorf("the answer begins with %q, %v, want %q", line, err, want)
			}
		})
	}
}

// TestCountLines counts the lines of headers that come in parts of each size. Lines after the header, which are a body's, do not count.
func TestCountLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"GET / HTTP/1.1\r\nA: b\r\n\r\n{\n\n\n":             2,
		"GET / HTTP/1.1\nA: b\n\n{\n\n\n":                   2,
		"GET / HTTP/1.1\r\nA: b\r\nB: c":                    2,
		"\r\n\n\rGET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\ne\n": 3,
		"GET / HTTP/1.1\n" + strings.Repeat("a:\n", 500):    maxFields + 2, // the rest is not looked at
	} {
		for size := 1; size <= len(text); size++ {
			var l headerCounter
			for part := range slices.Chunk([]byte(text), size) {
				l.count(part)
			}
			if l.lines != want {
				t.Errorf("%.40q in parts of %d bytes: %d lines, want %d", text, size, l.lines, want)
			}
		}
	}
}

// fromAddress is a connection from an address.
type fromAddress struct {
	net.Conn
	address string
}

func (c fromAddress) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.address))
}

// TestMaxReading lets a client begin more headers than a listener takes, then one with two. The oldest of the greedy client are closed, and
// the others' stay, which are older.
func TestMaxReading(t *testing.T) {
	t.Parallel()
	l := NewGuard().Listen(nil, 10*maxReading).(*listener)
	begin := func(address string) *conn {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		c := l.admit(fromAddress{ours, address})
		c.startReading()
		return c
	}
	kept := []*conn{begin("192.0.2.1:1")}
	greedy := make([]*conn, maxReading)
	for i := range greedy {
		greedy[i] = begin("192.0.2.2:1")
	}
	kept = append(kept, begin("192.0.2.3:1"), begin("192.0.2.3:2"), greedy[3])
	for i, c := range greedy[:3] {
		if !c.is(dropped) {
			t.Errorf("connection %d of the greedy client is in state %d, want %d", i, c.state.Load(), dropped)
		}
	}
	for _, c := range kept {
		if !c.is(reading) {
			t.Errorf("the connection of %s is in state %d, want %d", c.client, c.state.Load(), reading)
		}
	}
	if n := l.reading.Load(); n != maxReading {
		t.Errorf("%d headers at once, want %d", n, maxReading)
	}
	for c := range maps.Clone(l.conns) {
		c.Close()
	}
	if len(l.conns)+len(l.clients) != 0 || l.reading.Load() != 0 {
		t.Errorf("%d connections, %d clients and %d headers are left, want none", len(l.conns), len(l.clients), l.reading.Load())
	}
}

package transfer

import (
	"context"
	"net"
	"net/http"
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

// TestHeaderTurn lets one connection of a client parse a part of a header while another one has more of its own.
func TestHeaderTurn(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(c *conn){
		"read":       func(c *conn) { go c.Read(make([]byte, 10)) },
		"write":      func(c *conn) { go c.Write([]byte("HTTP/1.1 400 Bad Request\r\n")) },
		"closeWrite": func(c *conn) { c.CloseWrite() },
		"close":      func(c *conn) { c.Close() },
		"begin":      func(c *conn) { c.begin(new(http.Request)); c.end() },
		"time":       func(*conn) { time.Sleep(maxTurn) },
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
					go theirs.Write([]byte("GET / HTTP/1.1\r\nA: "))
					go func() {
						conns[i].Read(make([]byte, 10))
						read <- i
					}()
					synctest.Wait()
				}
				if len(read) != 1 || <-read != 0 {
					t.Fatal("both connections have a part of a header at once")
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

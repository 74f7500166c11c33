package transfer_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"offlinestore/transfer"
)

// TestManyConnections opens more connections than a listener takes, of which nearly all are idle and some send half a header. Each client that
// asks is answered, and the memory of both ends stays within bounds.
func TestManyConnections(t *testing.T) {
	all, asking := 20_000, 1_000
	if testing.Short() {
		all, asking = 2_000, 100
	}
	ln := remoteListener{make(chan net.Conn)}
	g := transfer.NewGuard()
	srv := transfer.NewServer("", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "an answer") }), slog.New(slog.DiscardHandler))
	g.Protect(srv)
	go srv.Serve(g.Listen(ln, all))
	t.Cleanup(func() {
		close(ln.conns)
		srv.Close()
	})
	connect := func(i int) net.Conn {
		client, server := net.Pipe()
		ln.conns <- remoteConn{server, &net.TCPAddr{IP: net.IPv4(10, byte(i>>16), byte(i>>8), byte(i)), Port: 1234}}
		client.SetDeadline(time.Now().Add(time.Minute))
		return client
	}
	ask := func(c net.Conn) error {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			return err
		}
		resp, err := http.ReadResponse(bufio.NewReaderSize(c, 256), nil)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		if err == nil && string(body) != "an answer" {
			err = fmt.Errorf("%s: %q", resp.Status, body)
		}
		return err
	}
	before := memory()
	idle := make([]net.Conn, all-asking)
	for i := range idle {
		idle[i] = connect(i)
		if i%100 == 0 {
			go io.WriteString(idle[i], "GET / HTTP/1.1\r\nHost: ")
			continue
		}
		if err := ask(idle[i]); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	if used := memory() - before; used > 1<<30*all/20_000 {
		t.Errorf("%d connections take %d MiB", len(idle), used>>20)
	} else {
		t.Logf("%d connections take %d MiB", len(idle), used>>20)
	}
	var wg sync.WaitGroup
	for i := range 2 * asking { // half of them find room only in place of idle ones
		wg.Go(func() {
			c := connect(all + i)
			defer c.Close()
			for range 3 {
				if err := ask(c); err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, c := range idle {
		c.Close()
	}
}

// memory returns the bytes of the heap and of the stacks.
func memory() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}

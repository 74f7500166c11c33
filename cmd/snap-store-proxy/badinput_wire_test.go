//go:build linux

package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// wire stands between the program and PostgreSQL. It sees each statement, and can interrupt any of them.
type wire struct {
	t      *testing.T
	dir    string // the folder of its socket
	server string // PostgreSQL's socket
	wg     sync.WaitGroup

	mu    sync.Mutex
	open  bool
	seen  []string
	conns map[net.Conn]bool
	// at gets each statement before PostgreSQL does, and returns its fate.
	at func(n int, statement string) fate
}

// fate decides how the wire treats a statement.
type fate int

const (
	pass    fate = iota
	drop         // the statement and the connection are lost
	deliver      // the statement arrives, and the connection is lost before the answer
	hold         // the wire stops
)

const socketName = ".s.PGSQL.5432"

func newWire(t *testing.T, dsn string) *wire {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Query().Get("host")
	if !strings.HasPrefix(server, "/") {
		t.Skip("PostgreSQL is not on a Unix socket")
	}
	w := &wire{t: t, dir: tempDir(t), server: filepath.Join(server, socketName), open: true, conns: map[net.Conn]bool{}}
	l, err := net.Listen("unix", filepath.Join(w.dir, socketName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(w.dir, socketName), 0o777); err != nil {
		t.Fatal(err)
	}
	w.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.wg.Go(func() { w.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		w.cut()
		w.wg.Wait()
	})
	return w
}

// dsn returns the connection string of the database through the wire.
func (w *wire) dsn(direct string) string {
	u, err := url.Parse(direct)
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf("postgresql://postgres@/%s?host=%s&sslmode=disable", strings.TrimPrefix(u.Path, "/"), url.QueryEscape(w.dir))
}

// reset forgets the statements so far, and uses at from now on.
func (w *wire) reset(at func(int, string) fate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open, w.seen, w.at = true, nil, at
}

func (w *wire) statements() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.seen...)
}

// cut breaks all connections, and refuses new ones until reset.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = false
	for c := range w.conns {
		c.Close()
	}
}

func (w *wire) track(c net.Conn, on bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if on {
		w.conns[c] = true
	} else {
		delete(w.conns, c)
	}
	return w.open
}

func (w *wire) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", w.server)
	if err != nil {
		w.t.Errorf("connect to PostgreSQL: %v", err)
		return
	}
	defer server.Close()
	for _, c := range []net.Conn{client, server} {
		defer w.track(c, false)
		if !w.track(c, true) {
			return
		}
	}
	var mute atomic.Bool
	w.wg.Go(func() {
		io.Copy(answers{client, &mute}, server) // ends with one of the connections
		client.Close()
	})
	w.relay(client, server, &mute)
}

// answers forwards PostgreSQL's answers until it is muted.
type answers struct {
	client net.Conn
	mute   *atomic.Bool
}

func (a answers) Write(p []byte) (int, error) {
	if a.mute.Load() {
		return len(p), nil
	}
	return a.client.Write(p)
}

// relay forwards the client's messages one by one.
func (w *wire) relay(client io.Reader, server io.Writer, mute *atomic.Bool) {
	prepared := map[string]string{}
	for first := true; ; first = false {
		kind, raw, body, err := readMessage(client, first)
		if err != nil {
			return
		}
		f := pass
		if statement, ok := statementOf(kind, body, prepared); ok {
			f = w.decide(statement)
		}
		if f == drop {
			w.cut()
			return
		}
		if f == hold {
			io.Copy(io.Discard, client) // until the client is killed
			return
		}
		mute.Store(f == deliver)
		if _, err := server.Write(raw); err != nil {
			return
		}
		if f == deliver {
			time.Sleep(20 * time.Millisecond) // gives PostgreSQL time to read it
			w.cut()
			return
		}
	}
}

func readMessage(r io.Reader, first bool) (kind byte, raw, body []byte, err error) {
	head := make([]byte, 5)
	if first {
		head = head[:4] // the startup message has no kind
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, nil, err
	}
	n := binary.BigEndian.Uint32(head[len(head)-4:])
	if n < 4 || n > 64<<20 {
		return 0, nil, nil, fmt.Errorf("message of %d bytes", n)
	}
	body = make([]byte, n-4)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, nil, err
	}
	if !first {
		kind = head[0]
	}
	return kind, append(head, body...), body, nil
}

// statementOf returns the SQL that a message executes.
func statementOf(kind byte, body []byte, prepared map[string]string) (string, bool) {
	part := func() string {
		s, rest, _ := bytes.Cut(body, []byte{0})
		body = rest
		return string(s)
	}
	switch kind {
	case 'Q':
		return part(), true
	case 'P':
		name := part()
		prepared[name] = part()
	case 'B':
		part()
		return prepared[part()], true
	}
	return "", false
}

func (w *wire) decide(statement string) fate {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.open {
		return drop
	}
	w.seen = append(w.seen, strings.Join(strings.Fields(statement), " "))
	if w.at == nil {
		return pass
	}
	return w.at(len(w.seen)-1, w.seen[len(w.seen)-1])
}

package pgtest

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy is a TCP address in front of a database. It can hang, like a host whose processes are stopped: connections are accepted and
// stay open, and nothing is answered.
type Proxy struct {
	ln      net.Listener
	backend string
	tls     *tls.Config

	mu    sync.Mutex
	hangs chan struct{} // closed while the proxy forwards
	conns []net.Conn
}

// NewProxy returns a proxy in front of the database of a connection string of New.
func NewProxy(tb testing.TB, dsn string) *Proxy {
	tb.Helper()
	return NewTLSProxy(tb, dsn, nil)
}

// NewTLSProxy returns a proxy that speaks TLS with clients that ask for it, unless conf is nil.
func NewTLSProxy(tb testing.TB, dsn string, conf *tls.Config) *Proxy {
	tb.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{ln: ln, tls: conf, backend: fmt.Sprintf("%s/.s.PGSQL.%s", u.Query().Get("host"), u.Query().Get("port"))}
	p.Resume()
	go p.accept()
	tb.Cleanup(p.close)
	return p
}

// Port returns the TCP port of the proxy, on 127.0.0.1.
func (p *Proxy) Port() string {
	_, port, err := net.SplitHostPort(p.ln.Addr().String())
	if err != nil {
		panic(err) // a listener has a port
	}
	return port
}

// DSN returns the connection string that leads through the proxy.
func (p *Proxy) DSN(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		panic(err) // NewProxy has parsed it
	}
	q := u.Query()
	q.Set("host", "127.0.0.1")
	q.Set("port", p.Port())
	u.RawQuery = q.Encode()
	return u.String()
}

// Hang stops all answers.
func (p *Proxy) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hangs = make(chan struct{})
}

// Resume lets the answers through again.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hangs == nil {
		p.hangs = make(chan struct{})
	}
	select {
	case <-p.hangs:
	default:
		close(p.hangs)
	}
}

func (p *Proxy) gate() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hangs
}

func (p *Proxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, c)
}

func (p *Proxy) close() {
	p.ln.Close()
	p.Resume()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.keep(client)
		go func() {
			<-p.gate()
			server, err := net.Dial("unix", p.backend)
			if err != nil {
				client.Close()
				return
			}
			p.keep(server)
			if client, err = p.secure(client, server); err != nil {
				client.Close()
				server.Close()
				return
			}
			go p.forward(server, client)
			p.forward(client, server)
		}()
	}
}

// forward copies what from sends to to, while the proxy does not hang.
func (p *Proxy) forward(to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		<-p.gate()
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// The first messages of a client that wants encryption.
const (
	messageSize   = 8
	sslRequest    = 80877103
	gssEncRequest = 80877104
)

// secure answers a client's wish for encryption, and passes its first message on.
func (p *Proxy) secure(client, server net.Conn) (net.Conn, error) {
	if p.tls == nil {
		return client, nil
	}
	var head [messageSize]byte
	for {
		if _, err := io.ReadFull(client, head[:]); err != nil {
			return client, err
		}
		switch binary.BigEndian.Uint32(head[4:]) {
		case sslRequest:
			if _, err := client.Write([]byte("S")); err != nil {
				return client, err
			}
			return tls.Server(client, p.tls), nil
		case gssEncRequest:
			if _, err := client.Write([]byte("N")); err != nil {
				return client, err
			}
		default:
			_, err := server.Write(head[:])
			return client, err
		}
	}
}

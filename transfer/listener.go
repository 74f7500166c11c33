package transfer

import (
	"container/list"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// maxReading is the number of connections of a listener that may be in the middle of a header, or of a TLS handshake. Honest clients
// send theirs at once, so the oldest of too many is not one of them. Each may hold half a megabyte in names of fields.
const maxReading = 256

// minPerClient is the number of connections that a client may have on the smallest of listeners.
const minPerClient = 16

// maxTurn bounds the wait for a client's turn.
const maxTurn = time.Second

// client is the connections of a client to a listener. turn holds the one of them that parses a part of a header, and large the one that
// computes a large request or waits for that.
type client struct {
	conns       int
	turn, large chan struct{}
}

// listener bounds the connections of clients. If there are too many, it closes the one that has been idle for longest, of the same
// client first.
type listener struct {
	net.Listener
	guard          *Guard
	max, perClient int

	mu      sync.Mutex
	conns   int
	clients map[string]*client
	idle    list.List // of *conn
	reading list.List // of *conn, with a part of a request
}

// Listen bounds the connections that ln accepts to limit. One client may have an eighth of them.
func (g *Guard) Listen(ln net.Listener, limit int) net.Listener {
	return &listener{Listener: ln, guard: g, max: limit, perClient: max(minPerClient, limit/8), clients: make(map[string]*client)}
}

// Accept returns the next connection that is within the bounds, and closes others.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if gc := l.admit(c); gc != nil {
			return gc, nil
		}
		c.Close()
	}
}

// admit takes up a connection, or returns nil if there is no place for it.
func (l *listener) admit(nc net.Conn) *conn {
	c := &conn{Conn: nc, l: l, client: network(nc.RemoteAddr().String())}
	forwarded := l.guard.forwarded.Load()
	l.mu.Lock()
	defer l.mu.Unlock()
	if cl := l.clients[c.client]; !forwarded && cl != nil && cl.conns >= l.perClient && !l.closeOldest(c.client) {
		return nil
	}
	if l.conns >= l.max && !l.closeOldest("") {
		return nil
	}
	if l.clients[c.client] == nil {
		l.clients[c.client] = &client{turn: make(chan struct{}, 1), large: make(chan struct{}, 1)}
	}
	l.conns++
	l.clients[c.client].conns++
	if !forwarded {
		c.turn, c.large = l.clients[c.client].turn, l.clients[c.client].large
	}
	c.moveTo(&l.idle)
	return c
}

// closeOldest closes the connection that has waited for longest, of one client or of any, unless all are busy.
func (l *listener) closeOldest(client string) bool {
	return l.closeFirst(client, &l.idle, &l.reading)
}

// closeFirst closes the first connection of a client, or of any, in some lists.
func (l *listener) closeFirst(client string, lists ...*list.List) bool {
	for _, waiting := range lists {
		for e := waiting.Front(); e != nil; e = e.Next() {
			if c := e.Value.(*conn); client == "" || c.client == client {
				l.drop(c)
				c.Conn.Close()
				return true
			}
		}
	}
	return false
}

// drop forgets a connection.
func (l *listener) drop(c *conn) {
	if c.dropped {
		return
	}
	c.dropped = true
	c.moveTo(nil)
	l.conns--
	if cl := l.clients[c.client]; cl.conns > 1 {
		cl.conns--
	} else {
		delete(l.clients, c.client)
	}
}

// conn is a connection of a listener.
type conn struct {
	net.Conn
	l      *listener
	client string
	// isIdle is set while no part of a request has come, and isReading while its header comes.
	isIdle, isReading atomic.Bool
	// turn and large are the client's, and nil behind a balancer. hasTurn is set while this connection has the turn.
	turn, large chan struct{}
	hasTurn     atomic.Bool

	// The listener's lock protects these. in is nil while a request is answered.
	in      *list.List
	place   *list.Element
	dropped bool

	// holder is the client of the present request, and held its memory. Only one request is answered at a time, since no
	// listener offers HTTP/2.
	holder  string
	held    int64
	counted bool
}

// moveTo moves c into a list of waiting connections, or out of them. The caller has the listener's lock.
func (c *conn) moveTo(to *list.List) {
	if c.in != nil {
		c.in.Remove(c.place)
	}
	if c.in = to; to != nil {
		c.place = to.PushBack(c)
	}
	c.isIdle.Store(to == &c.l.idle)
	c.isReading.Store(to == &c.l.reading)
}

// Read implements [io.Reader]. The first bytes of a request end the idle time.
func (c *conn) Read(b []byte) (int, error) {
	c.endTurn()
	n, err := c.Conn.Read(b)
	if n > 0 && c.isIdle.Load() {
		c.startReading()
	}
	if n > 0 && c.isReading.Load() {
		c.takeTurn()
	}
	return n, err
}

// Write implements [io.Writer].
func (c *conn) Write(b []byte) (int, error) {
	c.endTurn()
	return c.Conn.Write(b)
}

func (c *conn) startReading() {
	l := c.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.dropped || c.in != &l.idle {
		return
	}
	if l.reading.Len() >= maxReading && !l.closeFirst(c.client, &l.reading) {
		l.closeFirst("", &l.reading)
	}
	c.moveTo(&l.reading)
}

// begin begins the answer to a request whose header is complete. It returns false if the client has too many at once.
func (c *conn) begin(r *http.Request) bool {
	c.endTurn()
	c.l.mu.Lock()
	if !c.dropped {
		c.moveTo(nil)
	}
	c.l.mu.Unlock()
	g := c.l.guard
	forwarded := g.forwarded.Load()
	if c.holder = c.client; forwarded {
		c.holder = network(clientOf(r, true))
	}
	return !forwarded || g.count(c, c.l.perClient)
}

// end ends the answer.
func (c *conn) end() { c.l.guard.release(c) }

// rest waits for the next request.
func (c *conn) rest() {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	if !c.dropped {
		c.moveTo(&c.l.idle)
	}
}

// Close closes the connection.
func (c *conn) Close() error {
	c.endTurn()
	c.l.mu.Lock()
	c.l.drop(c)
	c.l.mu.Unlock()
	return c.Conn.Close()
}

// ReadFrom sends src, by sendfile if it is a file.
func (c *conn) ReadFrom(src io.Reader) (int64, error) {
	if direct, ok := c.Conn.(io.ReaderFrom); ok {
		return direct.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, src)
}

// CloseWrite tells the client that nothing follows.
func (c *conn) CloseWrite() error {
	c.endTurn()
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// takeTurn waits until no other connection of the client parses a part of a header. A thousand connections with hostile headers from one
// address then keep one processor busy, and other clients find the others. endTurn ends the turn at the next read or write, so that no turn
// waits for the client.
func (c *conn) takeTurn() {
	if c.turn == nil {
		return
	}
	select {
	case c.turn <- struct{}{}:
		c.hasTurn.Store(true)
	case <-time.After(maxTurn): // the client's other connections do not stop this one
	}
}

func (c *conn) endTurn() {
	if c.hasTurn.CompareAndSwap(true, false) {
		<-c.turn
	}
}

// guarded returns the connection of a Guard that a server has, perhaps inside TLS, or nil.
func guarded(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	gc, _ := c.(*conn)
	return gc
}

// network returns the network that surely belongs to one client: its address, or the /64 of an IPv6 address.
func network(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

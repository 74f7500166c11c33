package transfer

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// maxReading is the number of connections of a listener that may be in the middle of a header, or of a TLS handshake. Honest clients
// send theirs at once, so the oldest of too many is not one of them. Each may hold 64 KiB.
const maxReading = 1024

// minPerClient is the number of connections that a client may have on the smallest of listeners.
const minPerClient = 16

// receiveBuffer bounds the bytes that the kernel keeps for a connection until they are read. Without it, a thousand clients fill the
// kernel's memory for all connections, and packets of others are lost. Requests are small, so it does not slow them down.
const receiveBuffer = 64 << 10

// client is the connections of a client to a listener. turn holds the one of them that computes a part of a handshake, and large the one that
// computes a large request or waits for that. reading counts its connections with a part of a request.
type client struct {
	conns       map[*conn]struct{}
	reading     atomic.Int64
	turn, large chan struct{}
}

// listener bounds the connections of clients. If one has too many, it closes the one that has been idle for longest. If all of them
// have, it takes one from the client with the most, so that no client loses its connections to another one that has more.
type listener struct {
	net.Listener
	guard          *Guard
	max, perClient int

	// events orders the changes of connections, and reading counts the connections with a part of a request. A request changes only
	// these, since clients that are closed all the time keep the lock busy.
	events, reading atomic.Int64

	// closed is closed with the listener.
	closed    chan struct{}
	closeOnce sync.Once

	mu      sync.Mutex
	conns   map[*conn]struct{}
	clients map[string]*client
}

// Listen bounds the connections that ln accepts to limit. One client may have an eighth of them.
func (g *Guard) Listen(ln net.Listener, limit int) net.Listener {
	return &listener{
		Listener: ln, guard: g, max: limit, perClient: max(minPerClient, limit/8), closed: make(chan struct{}),
		conns: make(map[*conn]struct{}), clients: make(map[string]*client),
	}
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

// Close implements [net.Listener]. It ends the wait of lingering connections.
func (l *listener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// admit takes up a connection, or returns nil if there is no place for it.
func (l *listener) admit(nc net.Conn) *conn {
	if t, ok := nc.(*net.TCPConn); ok {
		_ = t.SetReadBuffer(receiveBuffer) // otherwise the kernel's own bound stays
	}
	c, forwarded := &conn{Conn: nc, l: l, client: network(nc.RemoteAddr().String()), gone: make(chan struct{})}, l.guard.forwarded.Load()
	c.since.Store(l.events.Add(1))
	if !l.makeRoom(c.client, forwarded) {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	cl := l.clients[c.client]
	if cl == nil {
		cl = &client{conns: make(map[*conn]struct{}), turn: make(chan struct{}, 1), large: make(chan struct{}, 1)}
		l.clients[c.client] = cl
	}
	l.conns[c], cl.conns[c], c.peers = struct{}{}, struct{}{}, cl
	if !forwarded {
		c.turn, c.large = cl.turn, cl.large
	}
	return c
}

// makeRoom closes a connection if there is no place for another one of a client. It returns false if all are busy. Only Accept adds
// connections, so the room stays.
func (l *listener) makeRoom(name string, forwarded bool) bool {
	l.mu.Lock()
	var c *conn
	hasRoom := false
	switch cl := l.clients[name]; {
	case cl != nil && !forwarded && len(cl.conns) >= l.perClient:
		c = l.dropOldest(cl.conns, lingering, idle, reading)
	case len(l.conns) >= l.max:
		if c = l.dropOldest(l.greediest(func(cl *client) int { return len(cl.conns) }), lingering, idle, reading); c == nil {
			c = l.dropOldest(l.conns, lingering, idle, reading)
		}
	default:
		hasRoom = true
	}
	l.mu.Unlock()
	if c != nil {
		c.Conn.Close()
	}
	return hasRoom || c != nil
}

// greediest returns the connections of the client with the most, by a way to count them. Of several such clients it looks at some, and takes
// the one that has waited for longest. The caller has the lock.
func (l *listener) greediest(count func(*client) int) (conns map[*conn]struct{}) {
	most, equal := -1, 0
	for _, cl := range l.clients {
		switch n := count(cl); {
		case n > most:
			most, equal, conns = n, 0, cl.conns
		case n == most && equal < maxEqual:
			if equal++; age(cl.conns) < age(conns) {
				conns = cl.conns
			}
		}
	}
	return conns
}

// maxEqual is the number of clients with equally many connections that are compared.
const maxEqual = 32

// age returns the event that began the state of one of some connections.
func age(conns map[*conn]struct{}) int64 {
	for c := range conns {
		return c.since.Load()
	}
	return 0
}

// dropOldest forgets the connection that has been in the first of some states for longest, or else in the next state. It returns nil if
// none is in these states. The caller has the lock, and closes the connection after it: closing takes long if the client has sent much.
func (l *listener) dropOldest(among map[*conn]struct{}, states ...state) *conn {
	for _, s := range states {
		for {
			var oldest *conn
			for c := range among {
				if c.is(s) && (oldest == nil || c.since.Load() < oldest.since.Load()) {
					oldest = c
				}
			}
			if oldest == nil {
				break
			}
			if oldest.change(s, dropped) { // otherwise its client went on
				l.forget(oldest)
				return oldest
			}
		}
	}
	return nil
}

// forget removes a connection that was dropped. The caller has the lock.
func (l *listener) forget(c *conn) {
	delete(l.conns, c)
	if cl := l.clients[c.client]; len(cl.conns) > 1 {
		delete(cl.conns, c)
	} else {
		delete(l.clients, c.client)
	}
	close(c.gone)
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

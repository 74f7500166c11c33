package transfer

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// errNoTurn is of a kind that makes net/http close the connection without an answer. Its other answer would blame the request (400),
// and clients would not try again.
var errNoTurn error = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("this client has too many handshakes at once")}

// state is the part of a request that a connection waits for.
type state = int32

// The states of a connection. A part of a header has come when it is reading, and it is busy while a request is answered. It is lingering
// when its last request was refused.
const (
	idle state = iota
	reading
	busy
	lingering
	dropped
)

// conn is a connection of a listener.
type conn struct {
	net.Conn
	l      *listener
	client string
	peers  *client // the connections of the same client
	// state changes without a lock. since is the event that began it.
	state atomic.Int32
	since atomic.Int64
	// turn and large are the client's, and nil behind a balancer. hasTurn is set while this connection has the turn.
	turn, large chan struct{}
	hasTurn     atomic.Bool
	// isKnown is set when the first request has begun.
	isKnown bool

	// isPlain is set if the connection is not inside TLS. errors is the log of its server, or nil.
	isPlain bool
	errors  *log.Logger
	// header counts the present header. Only the reader uses it. body is the part of the present request's body that has not been read.
	header headerCounter
	body   atomic.Int64

	// isRefused is set if the connection lingers when it is closed, isBroken when the client can send no more. gone is closed when the
	// connection is dropped.
	isRefused, isBroken atomic.Bool
	gone                chan struct{}

	// holder is the client of the present request, and held its memory. Only one request is answered at a time, since no
	// listener offers HTTP/2.
	holder  string
	held    int64
	counted bool
}

func (c *conn) is(s state) bool { return c.state.Load() == s }

// change moves c from one state to another. It returns false if c is not in the first.
func (c *conn) change(from, to state) bool {
	if !c.state.CompareAndSwap(from, to) {
		return false
	}
	c.since.Store(c.l.events.Add(1))
	if from == reading {
		c.l.reading.Add(-1)
		c.peers.reading.Add(-1)
	}
	if to == reading {
		c.l.reading.Add(1)
		c.peers.reading.Add(1)
	}
	return true
}

// Read implements [io.Reader]. The first bytes of a request end the idle time.
func (c *conn) Read(b []byte) (int, error) {
	c.endTurn()
	if c.isPlain {
		b = c.limit(b)
	}
	n, err := c.Conn.Read(b)
	// net/http ends its reading beside a handler by a deadline in the past.
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.isBroken.Store(true)
	}
	if n == 0 {
		return n, err
	}
	if c.isPlain {
		if err := c.receive(b[:n], c.Conn); err != nil {
			return 0, err
		}
	} else if c.is(idle) {
		c.startReading()
	}
	if !c.isPlain && !c.isKnown && c.is(reading) {
		if err := c.takeTurn(); err != nil {
			return 0, err
		}
	}
	return n, err
}

// Write implements [io.Writer].
func (c *conn) Write(b []byte) (int, error) {
	c.endTurn()
	return c.Conn.Write(b)
}

// startReading begins a header, or a handshake. Of too many, it closes the oldest of the client that has the most.
func (c *conn) startReading() {
	if l := c.l; l.reading.Load() >= maxReading {
		l.mu.Lock()
		oldest := l.dropOldest(l.greediest(func(cl *client) int { return int(cl.reading.Load()) }), reading)
		l.mu.Unlock()
		if oldest != nil {
			oldest.Conn.Close()
		}
	}
	c.header = headerCounter{}
	c.change(idle, reading)
}

// begin begins the answer to a request whose header is complete. It returns false if the client has too many at once.
func (c *conn) begin(r *http.Request) bool {
	c.endTurn()
	c.isKnown = true
	c.body.Store(max(0, r.ContentLength-int64(c.header.excess)))
	c.change(reading, busy)
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
	if c.change(busy, idle) {
		return
	}
	c.change(reading, idle) // net/http itself has answered, as it does to OPTIONS *
	if c.header.excess > maxExcess {
		c.Conn.Close()
	}
}

// Close closes the connection.
func (c *conn) Close() error {
	c.endTurn()
	c.linger()
	for {
		s := c.state.Load()
		if s == dropped {
			break
		}
		if c.change(s, dropped) {
			c.l.mu.Lock()
			c.l.forget(c)
			c.l.mu.Unlock()
			break
		}
	}
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
	return errors.ErrUnsupported
}

// takeTurn waits until no other connection of the client computes a part of a handshake, nor more of other clients than the Guard allows,
// because a handshake takes as long as a hundred requests. endTurn ends the turn at the next read or write, so that no turn waits for the
// client. Plain headers need no turn: the counted ones cost little to parse. The wait is as long as the one for a header, since many devices
// may have the same address, and their turns take long on a busy machine. Connections that were closed meanwhile do not go on.
func (c *conn) takeTurn() error {
	if c.turn == nil {
		return nil
	}
	end := time.Now().Add(headerTimeout)
	if !take(c.turn, end) {
		return errNoTurn
	}
	if !take(c.l.guard.handshakes, end) {
		<-c.turn
		return errNoTurn
	}
	c.hasTurn.Store(true)
	if c.is(dropped) {
		c.endTurn()
		return net.ErrClosed
	}
	return nil
}

// take waits for a turn until end. Most turns are free, and need no timer.
func take(turn chan<- struct{}, end time.Time) bool {
	select {
	case turn <- struct{}{}:
		return true
	default:
	}
	select {
	case turn <- struct{}{}:
		return true
	case <-time.After(time.Until(end)):
		return false
	}
}

func (c *conn) endTurn() {
	if c.hasTurn.CompareAndSwap(true, false) {
		<-c.turn
		<-c.l.guard.handshakes
	}
}

// guarded returns the connection of a Guard that a server has, perhaps inside TLS, or nil.
func guarded(c net.Conn) *conn {
	switch t := c.(type) {
	case *conn:
		return t
	case *secureConn:
		return t.conn
	case *tls.Conn:
		gc, _ := t.NetConn().(*conn)
		return gc
	}
	return nil
}

package service

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"

	"offlinestore/transfer"
)

// lateListener is a listener whose port is opened later: HTTPS begins with the first certificate. Until then Accept waits, and clients
// find the port closed.
type lateListener struct {
	address string
	// reserved holds the port since the start, when the process may still open low ports. It is nil if that is not possible.
	reserved *reservation

	opened, closed chan struct{}
	mu             sync.Mutex
	ln             net.Listener
}

// newLateListener reserves the port of an address, if it can. Another program may have it, for instance a balancer that ends TLS here.
func newLateListener(address string) *lateListener {
	reserved, _ := reserve(address) // open tries again, and then an error counts
	return &lateListener{address: address, reserved: reserved, opened: make(chan struct{}), closed: make(chan struct{})}
}

// open opens the port. It does nothing if the port is open.
func (l *lateListener) open() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ln != nil {
		return nil
	}
	var ln net.Listener
	var err error
	if l.reserved != nil {
		ln, err = l.reserved.listen()
	}
	if ln == nil {
		ln, err = net.Listen("tcp", l.address)
	}
	if err != nil {
		return err
	}
	l.ln = ln
	close(l.opened)
	return nil
}

// Accept waits until the port is open, and then for a connection.
func (l *lateListener) Accept() (net.Conn, error) {
	select {
	case <-l.opened:
		return l.ln.Accept()
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (l *lateListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.closed:
		return nil
	default:
	}
	close(l.closed)
	var errs []error
	if l.ln != nil {
		errs = append(errs, l.ln.Close())
	}
	if l.reserved != nil {
		errs = append(errs, l.reserved.Close())
	}
	return errors.Join(errs...)
}

// Addr returns the address of the open port, or the one to be opened.
func (l *lateListener) Addr() net.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ln != nil {
		return l.ln.Addr()
	}
	return lateAddr(l.address)
}

// lateAddr is the address of a port that is not open.
type lateAddr string

// Network implements [net.Addr].
func (lateAddr) Network() string { return "tcp" }

// String implements [net.Addr].
func (a lateAddr) String() string { return string(a) }

// secureListener makes the connections of a listener speak TLS from the first certificate on.
type secureListener struct {
	net.Listener
	config    *tls.Config
	isSecured func() bool
}

// Accept implements [net.Listener].
func (l *secureListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil || !l.isSecured() {
		return c, err
	}
	return transfer.Secure(c, l.config), nil
}

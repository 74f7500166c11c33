package online

import (
	"context"
	"net"
	"sync"
)

// wire connects clients and a server within a process. It is a [net.Listener] that no other process reaches.
type wire struct {
	conns chan net.Conn
	end   chan struct{}
	once  sync.Once
}

func newWire() *wire { return &wire{conns: make(chan net.Conn), end: make(chan struct{})} }

// Accept implements [net.Listener].
func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.end:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (w *wire) Close() error {
	w.once.Do(func() { close(w.end) })
	return nil
}

// Addr implements [net.Listener].
func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "edge", Net: "unix"} }

// dial connects to the server. There is no other address.
func (w *wire) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case w.conns <- server:
		return client, nil
	case <-w.end:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

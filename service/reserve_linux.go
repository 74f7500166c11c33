package service

import (
	"net"
	"os"
	"syscall"
)

// backlog is the number of connections that may wait to be accepted. The kernel lowers it to its own limit.
const backlog = 4096

// reservation holds a port without listening on it, so that the kernel refuses connections.
type reservation struct{ socket *os.File }

// reserve binds a socket to an address. Once it may listen there, it stops listening, which keeps the socket bound.
func reserve(address string) (*reservation, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	if err := syscall.Shutdown(int(f.Fd()), syscall.SHUT_RDWR); err != nil {
		f.Close()
		return nil, err
	}
	return &reservation{f}, nil
}

// listen listens on the port.
func (r *reservation) listen() (net.Listener, error) {
	if err := syscall.Listen(int(r.socket.Fd()), backlog); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	return net.FileListener(r.socket)
}

// Close gives the port up. It does not close the listener.
func (r *reservation) Close() error { return r.socket.Close() }

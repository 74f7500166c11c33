//go:build linux

package snapdaemon

import (
	"io"
	"net"
	"sync"
)

// pipe copies the bytes of each connection to the server at target, so that a server outside of the namespaces speaks TLS
// itself. It ends with the namespaces.
func (d *Daemon) pipe(l net.Listener, target string) {
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { join(conn, target) })
		}
	})
	stop := d.ns.stop
	d.ns.stop = func() error {
		// Stop the client first, so that no connection is left to wait for.
		err := stop()
		l.Close()
		open.Wait()
		return err
	}
}

// join copies both ways until one side ends.
func join(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	for _, c := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = io.Copy(c[0], c[1])
			c[0].Close()
			c[1].Close()
		})
	}
	both.Wait()
}

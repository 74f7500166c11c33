package service

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"offlinestore/server/admin/api"
)

// errNoSocketFolder means that this user has no folder for sockets.
var errNoSocketFolder = errors.New("there is no folder for it: neither RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set")

// listenSocket listens on the socket beside a listener on a loopback address. Any local user could listen on such an address before us.
// Nobody else can make this socket, so the administration's client on this host uses it.
func listenSocket(address string) (net.Listener, error) {
	dir := api.SocketFolder()
	if dir == "" {
		return nil, errNoSocketFolder
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	path := filepath.Join(dir, api.SocketName(address))
	if err := removeStale(path); err != nil {
		return nil, err
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	// Every user may log in, with a password.
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// removeStale removes the socket of a service that was killed.
func removeStale(path string) error {
	conn, err := net.Dial("unix", path)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("%s: another service listens on it", path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	}
	return err
}

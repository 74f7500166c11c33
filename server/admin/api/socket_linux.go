package api

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// PeerUser returns the user at the other end of a connection through a socket.
func PeerUser(conn *net.UnixConn) (uid uint32, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	if cerr := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); cerr != nil {
		return 0, cerr
	}
	if err != nil {
		return 0, fmt.Errorf("read the user of a socket: %w", err)
	}
	return cred.Uid, nil
}

// dialSocket connects to a socket. Only root or the owner of the folder, in which nobody else may write, can have made it.
func dialSocket(ctx context.Context, path string) (net.Conn, error) {
	info, err := os.Lstat(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if !info.IsDir() || info.Mode()&0o022 != 0 {
		return nil, &SocketError{path, "others can write in its folder"}
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	uid, err := PeerUser(conn.(*net.UnixConn))
	if err == nil && uid != 0 && uid != owner {
		err = &SocketError{path, fmt.Sprintf("user %d listens on it, and the folder belongs to user %d", uid, owner)}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

//go:build !linux

package api

import (
	"context"
	"errors"
	"net"
)

// PeerUser fails, because stores run on Linux only.
func PeerUser(*net.UnixConn) (uid uint32, err error) { return 0, errors.ErrUnsupported }

// dialSocket fails, because stores run on Linux only.
func dialSocket(context.Context, string) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}

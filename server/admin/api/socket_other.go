//go:build !linux

package api

import (
	"context"
	"errors"
	"net"
)

// dialSocket fails, because stores run on Linux only.
func dialSocket(context.Context, string) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}

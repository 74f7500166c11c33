//go:build !linux

package service

import (
	"errors"
	"net"
)

// reservation is not implemented on this system.
type reservation struct{}

// reserve returns an error: a port is opened when it is needed.
func reserve(string) (*reservation, error) { return nil, errors.ErrUnsupported }

func (*reservation) listen() (net.Listener, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (*reservation) Close() error { return nil }

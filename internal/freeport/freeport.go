// Package freeport finds ports for servers that can't choose their own, in tests and beside them.
package freeport

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// The ports lie below the ones that systems choose themselves, so that no other server gets one before it is used.
const (
	first  = 10_000
	number = 20_000
)

var given struct {
	sync.Mutex
	ports map[int]bool
}

// Port returns a port of 127.0.0.1 at which nobody listens. Each call in a process returns another one.
func Port() (string, error) {
	given.Lock()
	defer given.Unlock()
	if given.ports == nil {
		given.ports = make(map[int]bool)
	}
	err := errors.New("no port is free")
	for range 100 {
		n := first + rand.IntN(number)
		if given.ports[n] {
			continue
		}
		port := strconv.Itoa(n)
		var ln net.Listener
		if ln, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			given.ports[n] = true
			return port, ln.Close()
		}
	}
	return "", err
}

// Address returns 127.0.0.1 with a port of Port.
func Address() (string, error) {
	port, err := Port()
	return net.JoinHostPort("127.0.0.1", port), err
}

// Package session knows the sessions of devices: the nonces that a store gives out, the requests that devices sign with them, and the
// macaroons that devices send afterwards. It keeps no state. All servers with the same secret understand each other.
package session

import (
	"errors"
	"time"
)

// The times of sessions. A request takes seconds, and a device whose session has ended gets another one by itself.
const (
	// NonceLife is the time in which a device must send its nonce back.
	NonceLife = 5 * time.Minute
	// MaxSkew is the difference that the clocks of servers, and of devices, may have.
	MaxSkew = 5 * time.Minute
	// Life is the life of a session of a proven device.
	Life = 24 * time.Hour
	// GlobalLife is the life of a session without a device. It is shorter, because the reason may be gone soon.
	GlobalLife = time.Hour
)

var (
	// ErrForeign reports a nonce or a session that this store has not made: another store has, or somebody altered it.
	ErrForeign = errors.New("not made by this store, or altered")
	// ErrExpired reports a nonce or a session whose time is over.
	ErrExpired = errors.New("expired")
	// ErrUsed reports a nonce that was used before.
	ErrUsed = errors.New("used before")
	// ErrForm reports a request that is not made of the three assertions.
	ErrForm = errors.New("not a session request")
	// ErrContradiction reports assertions in a request that do not belong together.
	ErrContradiction = errors.New("the assertions do not belong together")
	// ErrClock reports a device whose clock is wrong.
	ErrClock = errors.New("the device's clock is wrong")
)

// Device is a device that has proven its identity. The zero Device has not. It gets what everybody gets.
type Device struct {
	Brand, Model, Serial string
	// Store is the store that the device's model names. It is empty for the global store.
	Store string
}

// IsProven reports whether the device has proven its identity.
func (d Device) IsProven() bool { return d.Brand != "" }

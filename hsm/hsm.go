// Package hsm signs with RSA keys on PKCS#11 tokens: hardware security modules, smart cards, SoftHSM, and what p11-kit passes on.
//
// A token may be slow, may be pulled out, and locks itself after a few wrong PINs. So each call has a context, a lost token is opened
// again by the next call, and a wrong PIN is tried once. All other packages see [crypto.Signer].
//
// The standard is PKCS #11 v2.40. Programs that are built without cgo cannot load its modules. For them, [Open] returns [ErrNoCgo].
package hsm

import (
	"errors"
	"time"
)

var (
	// ErrNoCgo reports that the program was built without cgo, so it cannot load modules.
	ErrNoCgo = errors.New("this program was built without cgo (CGO_ENABLED=0), and can't use PKCS#11 tokens")
	// ErrNoModule reports that the module cannot be loaded.
	ErrNoModule = errors.New("the PKCS#11 module can't be loaded")
	// ErrNoToken reports that no token fits, or that it was pulled out.
	ErrNoToken = errors.New("no such token")
	// ErrUnreachable reports a token that fails, and failed again after it was opened again.
	ErrUnreachable = errors.New("the token does not answer as it should")
	// ErrTokens reports that several tokens fit.
	ErrTokens = errors.New("several tokens fit")
	// ErrNoPIN reports that the token wants a PIN, and none was given.
	ErrNoPIN = errors.New("the token wants a PIN")
	// ErrWrongPIN reports a PIN that the token refused. It is not tried again.
	ErrWrongPIN = errors.New("the token refuses the PIN")
	// ErrFewTries reports that the token has seen wrong PINs. Another one might lock it, so none is tried.
	ErrFewTries = errors.New("the token has seen wrong PINs, so none is tried here")
	// ErrLocked reports that the token has locked itself after wrong PINs.
	ErrLocked = errors.New("the token is locked after wrong PINs")
	// ErrBusy reports that the token did not answer in the time of the caller. What it does goes on.
	ErrBusy = errors.New("the token is busy")
	// ErrNoKey reports that there is no key of that name.
	ErrNoKey = errors.New("no such key on the token")
	// ErrKeys reports that several keys have the name.
	ErrKeys = errors.New("several keys on the token have that name")
	// ErrKeyExists reports that there is a key of that name.
	ErrKeyExists = errors.New("there is a key of that name on the token")
	// ErrName reports a name that no key can have.
	ErrName = errors.New("the name of a key has 1 to 64 letters, digits, dots, dashes and underscores")
	// ErrClosed reports a token that was closed.
	ErrClosed = errors.New("the token is closed")
)

// The lengths of keys that a token makes here, in bits. Devices and snapd want 4096. Some tokens have only 2048.
const (
	DefaultBits = 4096
	SmallBits   = 2048
)

// Options tell which token to use, and how.
type Options struct {
	// Module is the path of the PKCS#11 module.
	Module string
	// Token describes the token. Its attributes of keys are not used.
	Token URI
	// PIN returns the PIN of the user. It is called for each login, so that a changed PIN is seen. It may be nil, and then the
	// PIN of Token counts.
	PIN func() (string, error)
	// TryPIN tries the PIN even if the token has seen wrong ones, because a person has just entered it.
	TryPIN bool
	// Socket is the socket of a p11-kit server, for p11-kit's client module. The module knows one for each process.
	Socket string
	// Sessions bounds the calls at the same time. 0 means 4.
	Sessions int
}

// Info describes a token.
type Info struct {
	Label, Manufacturer, Model, Serial string
	// Module is the path of the module.
	Module string
}

// Health is the state of a token.
type Health struct {
	// Err is nil if the last call reached the token.
	Err error
	// Since is the time from which on Err holds, zero if nothing was tried.
	Since time.Time
	// Opened is the number of times that the token was opened.
	Opened int
	// Busy is the number of calls that run.
	Busy int
}

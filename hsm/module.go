//go:build cgo

package hsm

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/pkcs11"
)

// module is a loaded PKCS#11 module. A process initializes a module once for all of its tokens.
//
// A module whose server is gone, or whose token was pulled out, may have to be initialized again, which ends all its sessions. So calls
// hold the lock for reading, and initialization holds it for writing.
type module struct {
	path string
	ctx  *pkcs11.Ctx

	mu sync.RWMutex
	// epoch grows with each initialization. Handles of an earlier epoch mean nothing.
	epoch int
	users int
	ready bool
	// looked is the last time when the module was initialized again to look for a missing token.
	looked time.Time
}

// lookAgain is the time between two searches for a missing token that initialize the module again, because they disturb its other tokens.
var lookAgain = 5 * time.Second

// modules are all modules that were loaded. They are never unloaded: a module may have threads of its own.
var modules = struct {
	sync.Mutex
	byPath map[string]*module
}{byPath: make(map[string]*module)}

// loadModule returns the module of a path. Each call needs one of release.
func loadModule(path string) (*module, error) {
	modules.Lock()
	defer modules.Unlock()
	m := modules.byPath[path]
	if m == nil {
		if path == "" {
			return nil, fmt.Errorf("%w: none is named", ErrNoModule)
		}
		if err := checkFunctionList(path); err != nil {
			return nil, err
		}
		ctx := pkcs11.New(path)
		if ctx == nil {
			return nil, fmt.Errorf("%w: %s is missing, or is no module for this processor", ErrNoModule, path)
		}
		m = &module{path: path, ctx: ctx}
		modules.byPath[path] = m
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users++
	return m, nil
}

// release gives the module back. The last user finalizes it.
func (m *module) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.users--; m.users == 0 {
		m.finalize()
	}
}

// start initializes the module if it is not, and returns its epoch.
func (m *module) start() (int, error) {
	m.mu.RLock()
	epoch, ready := m.epoch, m.ready
	m.mu.RUnlock()
	if ready { // no call waits for the slow ones that run
		return epoch, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ready {
		return m.epoch, nil
	}
	err := m.ctx.Initialize()
	if errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		err = nil // by a module below a proxy
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %s: %w", ErrNoModule, m.path, err)
	}
	m.ready = true
	m.epoch++
	return m.epoch, nil
}

// mayLook reports whether the module may be initialized again to look for a missing token.
func (m *module) mayLook() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.looked) < lookAgain {
		return false
	}
	m.looked = time.Now()
	return true
}

// restart makes the next start initialize the module again, unless somebody did so after epoch.
func (m *module) restart(epoch int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.epoch == epoch {
		m.finalize()
	}
}

func (m *module) finalize() {
	if m.ready {
		m.ctx.Finalize() // a module whose server is gone may fail, and is finalized all the same
		m.ready = false
	}
}

// use calls f while nobody initializes the module. It fails with errStale if the module was initialized after epoch.
func (m *module) use(epoch int, f func(*pkcs11.Ctx) error) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if !m.ready || m.epoch != epoch {
		return errStale
	}
	return f(m.ctx)
}

// errStale reports handles of an earlier epoch.
var errStale = errors.New("the module was initialized again")

// errUnseen reports a key that was there before. Some modules do not notice that a token was pulled out, and show an empty one, until they are
// initialized again.
var errUnseen = fmt.Errorf("%w any more", ErrNoKey)

// isLost reports whether an error means that the handles of a token are worth nothing any more, so that the token has to be opened again.
func isLost(err error) bool {
	if errors.Is(err, errStale) {
		return true
	}
	var code pkcs11.Error
	if !errors.As(err, &code) {
		return false
	}
	switch code {
	case pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_TOKEN_NOT_RECOGNIZED, pkcs11.CKR_SLOT_ID_INVALID,
		pkcs11.CKR_SESSION_HANDLE_INVALID, pkcs11.CKR_SESSION_CLOSED, pkcs11.CKR_OBJECT_HANDLE_INVALID, pkcs11.CKR_KEY_HANDLE_INVALID,
		pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED, pkcs11.CKR_USER_NOT_LOGGED_IN, pkcs11.CKR_GENERAL_ERROR, pkcs11.CKR_FUNCTION_FAILED:
		return true
	}
	return false
}

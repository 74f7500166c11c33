package token

import (
	"context"
	"errors"
	"time"

	"offlinestore/hsm"
	"offlinestore/instance"
	"offlinestore/registrar"
)

// tokenTime bounds the time that status waits for a token.
const tokenTime = 5 * time.Second

// State is the state of the token of a store.
type State struct {
	instance.ServiceState
	// Warning is a sentence for the operator, with the next step. It is empty if all is well.
	Warning string
}

// StateOf opens the token that signs serials, if the settings name one, and returns its state. A token that is busy runs.
func StateOf(ctx context.Context, dir instance.Dir) (*State, error) {
	settings, err := dir.Settings()
	if err != nil {
		return nil, err
	}
	t := New(dir, settings)
	if t == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTime)
	defer cancel()
	err = t.Check(ctx)
	s := &State{ServiceState: instance.ServiceState{Name: "token", Running: err == nil || errors.Is(err, registrar.ErrBusy)}}
	if err != nil {
		s.Problem = err.Error()
		s.Warning = "no device gets a serial: " + err.Error() + "; " + step(err)
	}
	return s, nil
}

// step returns the next step after an error of the token.
func step(err error) string {
	for _, known := range []struct {
		err  error
		step string
	}{
		{hsm.ErrNoCgo, "install a build with cgo"},
		{hsm.ErrURI, "correct proxy.hsm.token-label"},
		{hsm.ErrNoModule, "set proxy.hsm.module to the path of the module of the token's maker"},
		{hsm.ErrTokens, "set proxy.hsm.token-label to a URI with the token's serial; 'p11tool --list-token-urls' prints it"},
		{hsm.ErrNoPIN, "set proxy.hsm.token-pin"},
		{hsm.ErrWrongPIN, "set proxy.hsm.token-pin to the right PIN: the token locks itself after a few wrong ones"},
		{hsm.ErrFewTries, "log in by hand once, which sets the token's counter back: p11tool --login --list-all 'pkcs11:token=LABEL'"},
		{hsm.ErrLocked, "the token's security officer sets another PIN, with the program of the token's maker"},
		{registrar.ErrBusy, "wait, or look what the token does"},
	} {
		if errors.Is(err, known.err) {
			return known.step
		}
	}
	return "connect the token that proxy.hsm.token-label names, or start its p11-kit server; 'p11tool --list-token-urls' prints the tokens"
}

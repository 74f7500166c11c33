package session

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"offlinestore/assertion"
)

// Request is a device's request for a session, as it is sent: three assertions.
type Request struct {
	Request string `json:"device-session-request"`
	Serial  string `json:"serial-assertion"`
	Model   string `json:"model-assertion"`
}

// Proof is the result of a good request.
type Proof struct {
	// Device is the device that the request claims to be.
	Device Device
	// Nonce must not have been used before.
	Nonce Nonce
	// Doubt is the reason why the device is not proven, although it has its own key and its assertions are consistent. It is nil if the
	// device is proven. This store may not have its brand's keys, for example.
	Doubt error
}

// Verifier verifies requests. It is for one request.
type Verifier struct {
	Keys *Keys
	// Trust has the roots.
	Trust *assertion.Trust
	// Source has the accounts and keys of brands.
	Source assertion.Source
	Now    time.Time
}

// Verify verifies a request completely. The error wraps ErrForm if the request is not one, ErrForeign or ErrExpired if its nonce is not good,
// ErrContradiction if its assertions are not of the same device, or an error of package assertion.
func (v *Verifier) Verify(r Request) (Proof, error) {
	request, err := decode("device-session-request", r.Request)
	if err != nil {
		return Proof{}, err
	}
	serial, err := decode("serial", r.Serial)
	if err != nil {
		return Proof{}, err
	}
	model, err := decode("model", r.Model)
	if err != nil {
		return Proof{}, err
	}
	p := Proof{Device: Device{
		Brand: serial.HeaderString("brand-id"), Model: serial.HeaderString("model"), Serial: serial.HeaderString("serial"), Store: model.HeaderString("store"),
	}}
	if p.Nonce, err = v.Keys.Nonce(request.HeaderString("nonce"), v.Now); err != nil {
		return p, fmt.Errorf("nonce: %w", err)
	}
	if err := compare(request, serial, model); err != nil {
		return p, err
	}
	key, err := assertion.DeviceKey(serial)
	if err != nil {
		return p, err
	}
	if err := assertion.VerifyDeviceSignature(request, key); err != nil {
		return p, err
	}
	err = v.verifyChains(serial, model)
	if err == nil {
		err = v.verifyClock(request)
	}
	if isDoubt(err) {
		p.Doubt, err = err, nil
	}
	return p, err
}

// decode decodes an assertion of a type.
func decode(typ, text string) (*assertion.Assertion, error) {
	if text == "" {
		return nil, fmt.Errorf("%w: no %s", ErrForm, typ)
	}
	a, err := assertion.Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrForm, typ, err)
	}
	if a.Type() != typ {
		return nil, fmt.Errorf("%w: %.60q in place of a %s", ErrForm, a.Type(), typ)
	}
	return a, nil
}

// compare compares the devices that the three assertions name.
func compare(request, serial, model *assertion.Assertion) error {
	for _, name := range []string{"brand-id", "model", "serial"} {
		if got, want := request.HeaderString(name), serial.HeaderString(name); got != want {
			return fmt.Errorf("%w: %s is %.60q in the request and %.60q in the serial", ErrContradiction, name, got, want)
		}
		if got, want := model.HeaderString(name), serial.HeaderString(name); got != want && name != "serial" {
			return fmt.Errorf("%w: %s is %.60q in the model and %.60q in the serial", ErrContradiction, name, got, want)
		}
	}
	store, ok := model.Header("store").(string)
	id := serial.Ref()
	switch {
	case model.HeaderString("series") != assertion.Series:
		return fmt.Errorf("%w: the model is of series %.60q", ErrContradiction, model.HeaderString("series"))
	case model.Header("store") != nil && !ok || strings.ContainsAny(store, "/\n"):
		return fmt.Errorf("%w: the model names no valid store", ErrForm)
	case len(id.Key())+len(store) > maxDevice:
		return fmt.Errorf("%w: the names of the device have more than %d bytes", ErrForm, maxDevice)
	}
	return nil
}

// verifyChains verifies model and serial up to a root. The model may allow another account than the brand to sign the serial.
func (v *Verifier) verifyChains(serial, model *assertion.Assertion) error {
	chain := assertion.Verifier{Trust: v.Trust, Source: source{v.Source, model}, Time: v.Now}
	if err := chain.Verify(model); err != nil {
		return err
	}
	return chain.Verify(serial)
}

// verifyClock compares the device's clock with the server's. The nonce proves that the request is new, so this is about the device alone.
func (v *Verifier) verifyClock(request *assertion.Assertion) error {
	switch ahead := request.Timestamp().Sub(v.Now).Round(time.Second); {
	case ahead > MaxSkew:
		return fmt.Errorf("%w: %v ahead of this store's", ErrClock, ahead)
	case ahead < -MaxSkew:
		return fmt.Errorf("%w: %v behind this store's", ErrClock, -ahead)
	}
	return nil
}

// isDoubt reports whether an error is about the knowledge of this store, or about time, and not about a request that was forged.
func isDoubt(err error) bool {
	for _, doubt := range []error{assertion.ErrNotFound, assertion.ErrUntrustedRoot, assertion.ErrExpiredKey, assertion.ErrKeyNotYetValid, assertion.ErrUnsupported, ErrClock} {
		if errors.Is(err, doubt) {
			return true
		}
	}
	return false
}

// source finds the accounts and keys of a store, and the model of a request.
type source struct {
	assertion.Source
	model *assertion.Assertion
}

// Find returns the model of the request rather than another revision of it, because the device has this one.
func (s source) Find(ref assertion.Ref) (*assertion.Assertion, error) {
	if ref.Key() == s.model.Ref().Key() {
		return s.model, nil
	}
	if s.Source == nil {
		return nil, assertion.ErrNotFound
	}
	return s.Source.Find(ref)
}

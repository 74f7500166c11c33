package registrar

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"offlinestore/assertion"
)

const (
	// MaxBody bounds the body of a request, in bytes. Its model is the largest part.
	MaxBody = 256 << 10
	// maxRequest bounds the serial-request in it, in bytes. The log keeps one for each serial.
	maxRequest = 16 << 10
	// maxName bounds a serial that a device proposes, in bytes.
	maxName = 128
)

// request holds the assertions of a request.
type request struct {
	// serial is the serial-request, and old the serial of a device that becomes another model, otherwise nil.
	serial, model, old *assertion.Assertion
	sum                [sha256.Size]byte
}

// parseRequest parses the body of a request. The error wraps ErrForm.
func parseRequest(body []byte) (r request, err error) {
	if len(body) > MaxBody {
		return r, fmt.Errorf("%w: more than %d bytes", ErrForm, MaxBody)
	}
	r.sum = sha256.Sum256(body)
	d := assertion.NewDecoder(bytes.NewReader(body))
	for _, part := range []struct {
		name string
		to   **assertion.Assertion
	}{{"serial-request", &r.serial}, {"model", &r.model}, {"serial", &r.old}} {
		a, err := d.Decode()
		switch {
		case errors.Is(err, io.EOF) && part.to == &r.old:
			return r, r.validate()
		case errors.Is(err, io.EOF):
			return r, fmt.Errorf("%w: no %s", ErrForm, part.name)
		case err != nil:
			return r, fmt.Errorf("%w: %s: %w", ErrForm, part.name, err)
		case a.Type() != part.name:
			return r, fmt.Errorf("%w: %.60q in place of a %s", ErrForm, a.Type(), part.name)
		}
		*part.to = a
	}
	if _, err := d.Decode(); !errors.Is(err, io.EOF) {
		return r, fmt.Errorf("%w: data after the serial", ErrForm)
	}
	return r, r.validate()
}

// validate validates the headers on which the serial depends, and compares the assertions.
func (r *request) validate() error {
	if n := len(r.serial.Raw()); n > maxRequest {
		return fmt.Errorf("%w: a serial-request of more than %d bytes", ErrForm, maxRequest)
	}
	if bytes.IndexByte(r.serial.Raw(), 0) >= 0 {
		return fmt.Errorf("%w: a zero byte in the serial-request", ErrForm)
	}
	for _, name := range []string{"serial", "original-brand-id", "original-model", "original-serial"} {
		if err := r.validateName(name); err != nil {
			return err
		}
	}
	for _, name := range []string{"brand-id", "model"} {
		if err := same(r.serial, name, r.model, name); err != nil {
			return err
		}
	}
	if r.model.HeaderString("series") != assertion.Series {
		return fmt.Errorf("%w: the model is of series %.60q", ErrContradiction, r.model.HeaderString("series"))
	}
	return r.validateOld()
}

func (r *request) validateName(name string) error {
	v := r.serial.Header(name)
	s, ok := v.(string)
	if v != nil && (!ok || s == "" || len(s) > maxName || strings.ContainsFunc(s, func(c rune) bool { return c == '/' || !unicode.IsPrint(c) })) {
		return fmt.Errorf("%w: %s %.60q in the serial-request", ErrForm, name, fmt.Sprint(v))
	}
	return nil
}

// validateOld compares the old serial with the headers of the serial-request.
func (r *request) validateOld() error {
	asks := r.serial.HeaderString("original-serial") + r.serial.HeaderString("original-model") + r.serial.HeaderString("original-brand-id")
	switch {
	case r.old == nil && asks == "":
		return nil
	case r.old == nil:
		return fmt.Errorf("%w: no serial of the original model", ErrForm)
	case asks == "":
		return fmt.Errorf("%w: a serial, but no original-serial in the serial-request", ErrForm)
	}
	for _, name := range []string{"brand-id", "model", "serial"} {
		if err := same(r.serial, "original-"+name, r.old, name); err != nil {
			return err
		}
	}
	if err := same(r.serial, "device-key", r.old, "device-key"); err != nil {
		return fmt.Errorf("%w: the device-key is not the one of the old serial", ErrContradiction)
	}
	return nil
}

// same compares a header of two assertions.
func same(a *assertion.Assertion, of string, b *assertion.Assertion, with string) error {
	if got, want := a.HeaderString(of), b.HeaderString(with); got != want {
		return fmt.Errorf("%w: %s is %.60q in the %s and %.60q in the %s", ErrContradiction, of, got, a.Type(), want, b.Type())
	}
	return nil
}

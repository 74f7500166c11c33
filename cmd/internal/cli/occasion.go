package cli

import "errors"

// Occasion is the step of a command at which an error arose. For some errors, the hint depends on the step and not on the kind: a
// wrong text on standard input may be a password or a certificate.
type Occasion string

type occasionError struct {
	error
	at Occasion
}

func (e *occasionError) Unwrap() error { return e.error }

// At returns err as an error that arose at o, with the same text. It returns nil for nil.
func At(o Occasion, err error) error {
	if err == nil {
		return nil
	}
	return &occasionError{err, o}
}

// Arose matches the errors that arose at o.
func Arose(o Occasion) Match {
	return func(err error) bool {
		e, ok := errors.AsType[*occasionError](err)
		return ok && e.at == o
	}
}

// Package assertion decodes, verifies and signs snap assertions.
//
// An assertion is a signed text: headers, an optional body and an OpenPGP signature over both. Its type and primary key identify
// it (a Ref). It needs other assertions, its prerequisites: the signing key, and the accounts and declarations that it refers to.
// It is trusted if the chain of prerequisites ends in a trusted root (a Trust). The bytes of an assertion are kept as they were
// received, because the signature covers them.
package assertion

import (
	"slices"
	"time"
)

// Assertion is one decoded assertion. It is immutable.
type Assertion struct {
	typ       Type
	known     bool
	headers   map[string]any
	raw       []byte
	content   []byte // the signed part: raw up to the blank line before the signature
	body      []byte
	signature []byte
	ref       Ref
	format    int
	revision  int
	timestamp time.Time
}

// Type returns the name of the assertion's type.
func (a *Assertion) Type() string { return a.ref.Type }

// Ref returns the reference that identifies the assertion. The primary key is nil for an unknown type.
func (a *Assertion) Ref() Ref {
	return Ref{Type: a.ref.Type, PrimaryKey: slices.Clone(a.ref.PrimaryKey)}
}

// Header returns the value of a header: a string, []any or map[string]any, or nil if there is none.
func (a *Assertion) Header(name string) any { return cloneValue(a.headers[name]) }

// HeaderString returns the value of a string header, or "".
func (a *Assertion) HeaderString(name string) string {
	s, _ := a.headers[name].(string)
	return s
}

// Headers returns a copy of all headers.
func (a *Assertion) Headers() map[string]any { return cloneValue(a.headers).(map[string]any) }

// Body returns the body, nil if there is none. It must not be modified.
func (a *Assertion) Body() []byte { return a.body }

// Format returns the version of the type's format, 0 if the assertion has none.
func (a *Assertion) Format() int { return a.format }

// Revision returns the revision of the assertion, which is 0 at first and grows each time it is issued anew.
func (a *Assertion) Revision() int { return a.revision }

// AuthorityID returns the account that the assertion speaks for, "" for the types without authority.
func (a *Assertion) AuthorityID() string { return a.HeaderString("authority-id") }

// SignKeyID returns the identifier of the signing key according to the assertion.
func (a *Assertion) SignKeyID() string { return a.HeaderString("sign-key-sha3-384") }

// Timestamp returns the time at which the assertion was issued according to itself, zero if it has none.
func (a *Assertion) Timestamp() time.Time { return a.timestamp }

// Raw returns the received bytes of the assertion, without the newlines that separate assertions in a stream. They must not be
// modified.
func (a *Assertion) Raw() []byte { return a.raw }

// Sequence returns the position of the assertion in its sequence, 0 for a type without sequences.
func (a *Assertion) Sequence() int {
	if !a.typ.Sequence {
		return 0
	}
	n, _ := parseDecimal(a.ref.PrimaryKey[len(a.ref.PrimaryKey)-1])
	return int(n)
}

// SequenceKey returns the primary key without the position in the sequence, nil for a type without sequences.
func (a *Assertion) SequenceKey() []string {
	if !a.typ.Sequence {
		return nil
	}
	return slices.Clone(a.ref.PrimaryKey[:len(a.ref.PrimaryKey)-1])
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = cloneValue(item)
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, item := range v {
			m[k] = cloneValue(item)
		}
		return m
	}
	return v
}

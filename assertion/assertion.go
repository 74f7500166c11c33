// Package assertion decodes, verifies and signs snap assertions.
//
// An assertion is a signed text: headers, an optional body and an OpenPGP signature over both. It is named by its type and
// primary key (a Ref), needs others (its prerequisites: the key it was signed with, the accounts and declarations it speaks of), and is
// believed when the chain of them ends in a trusted root (a Trust). The bytes of an assertion are kept as they were received,
// because they are what was signed.
package assertion

import (
	"slices"
	"time"
)

// Assertion is one decoded assertion. It does not change after it was decoded.
type Assertion struct {
	typ       Type
	known     bool
	headers   map[string]any
	raw       []byte
	content   []byte // what the signature is over: raw up to the blank line before the signature
	body      []byte
	signature []byte
	ref       Ref
	format    int
	revision  int
	timestamp time.Time
}

// Type returns the name of the assertion's type.
func (a *Assertion) Type() string { return a.ref.Type }

// Ref returns what identifies the assertion. The primary key is nil for a type that this program does not know.
func (a *Assertion) Ref() Ref {
	return Ref{Type: a.ref.Type, PrimaryKey: slices.Clone(a.ref.PrimaryKey)}
}

// Header returns the value of a header: a string, []any or map[string]any, or nil when there is none.
func (a *Assertion) Header(name string) any { return cloneValue(a.headers[name]) }

// HeaderString returns the value of a header that is a string, or "".
func (a *Assertion) HeaderString(name string) string {
	s, _ := a.headers[name].(string)
	return s
}

// Headers returns a copy of all headers.
func (a *Assertion) Headers() map[string]any { return cloneValue(a.headers).(map[string]any) }

// Body returns the body, nil when there is none. It must not be modified.
func (a *Assertion) Body() []byte { return a.body }

// Format returns the version of the type's format, 0 unless stated.
func (a *Assertion) Format() int { return a.format }

// Revision returns how often the assertion was issued anew, 0 for the first time.
func (a *Assertion) Revision() int { return a.revision }

// AuthorityID returns the account that the assertion speaks for, "" for the types without authority.
func (a *Assertion) AuthorityID() string { return a.HeaderString("authority-id") }

// SignKeyID returns the identifier of the key that the assertion says it was signed with.
func (a *Assertion) SignKeyID() string { return a.HeaderString("sign-key-sha3-384") }

// Timestamp returns the time the assertion says it was issued at, zero when it doesn't say.
func (a *Assertion) Timestamp() time.Time { return a.timestamp }

// Raw returns the bytes of the assertion as received, without the newlines that separate assertions in a stream. They must not
// be modified.
func (a *Assertion) Raw() []byte { return a.raw }

// Sequence returns the place of the assertion in its sequence, 0 for a type that forms none.
func (a *Assertion) Sequence() int {
	if !a.typ.Sequence {
		return 0
	}
	n, _ := parseDecimal(a.ref.PrimaryKey[len(a.ref.PrimaryKey)-1])
	return int(n)
}

// SequenceKey returns the primary key without the place in the sequence, nil for a type that forms none.
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

package assertion

import (
	_ "embed"
	"fmt"
	"maps"
)

//go:embed canonical.assert
var canonicalRoots []byte

// predefinedAssertions are not roots. Every snapd has them built in, so no bundle holds them.
//
//go:embed predefined.assert
var predefinedAssertions []byte

// Trust holds the trusted roots: accounts and their keys, which sign themselves. It is immutable, but for a memory of the signatures that
// it has verified.
type Trust struct {
	accounts   map[string]*Assertion // by account-id
	keys       map[string]*Assertion // by key identifier
	predefined *Set
	carried    *Set
	signatures *signatureMemory
}

// Canonical returns the trust of production devices: the root of the Snap Store. A test has verified the compiled-in roots. At each start of
// a program, their signatures would take milliseconds.
func Canonical() *Trust {
	t, err := (&Trust{predefined: compiledIn(predefinedAssertions), carried: compiledIn(carriedAssertions)}).add(compiledIn(canonicalRoots).All()...)
	if err != nil {
		panic("assertion: compiled-in data: " + err.Error())
	}
	return t
}

func compiledIn(stream []byte) *Set {
	list, err := DecodeAll(stream)
	if err != nil {
		panic("assertion: compiled-in data: " + err.Error())
	}
	return NewSet(list...)
}

// With returns a Trust with further roots: account assertions, and account-key assertions that are signed with their own key.
// Each account needs a key that signed it, and each key needs its account.
func (t *Trust) With(extra ...*Assertion) (*Trust, error) {
	more, err := t.add(extra...)
	if err != nil {
		return nil, err
	}
	for _, a := range extra {
		if err := more.checkRoot(a); err != nil {
			return nil, fmt.Errorf("trusted root %s: %w", a.ref, err)
		}
	}
	return more, nil
}

// add returns a Trust with further roots, which it does not check.
func (t *Trust) add(extra ...*Assertion) (*Trust, error) {
	more := &Trust{
		accounts: make(map[string]*Assertion), keys: make(map[string]*Assertion), predefined: t.predefined, carried: t.carried,
		signatures: new(signatureMemory),
	}
	maps.Copy(more.accounts, t.accounts)
	maps.Copy(more.keys, t.keys)
	for _, a := range extra {
		switch a.Type() {
		case "account":
			more.accounts[a.HeaderString("account-id")] = a
		case "account-key":
			more.keys[a.HeaderString("public-key-sha3-384")] = a
		default:
			return nil, fmt.Errorf("trusted root %s: only accounts and account-keys can be roots", a.ref)
		}
	}
	return more, nil
}

func (t *Trust) checkRoot(a *Assertion) error {
	id := a.HeaderString("account-id")
	if a.AuthorityID() != id {
		return fmt.Errorf("%w: authority-id is %q, account-id is %q", ErrWrongAuthority, a.AuthorityID(), id)
	}
	if a.Type() == "account-key" {
		if a.SignKeyID() != a.HeaderString("public-key-sha3-384") {
			return fmt.Errorf("%w: not signed with its own key", ErrMismatch)
		}
		if _, ok := t.accounts[id]; !ok {
			return &MissingError{Ref: accountRef(id), NeededBy: a.Ref()}
		}
	}
	if a.format > a.typ.maxFormat {
		return fmt.Errorf("format %d: %w", a.format, ErrUnsupported)
	}
	key, ok := t.keys[a.SignKeyID()]
	if !ok {
		return &MissingError{Ref: accountKeyRef(a.SignKeyID()), NeededBy: a.Ref()}
	}
	if key.HeaderString("account-id") != id {
		return fmt.Errorf("%w: signed with a key of %q", ErrWrongAuthority, key.HeaderString("account-id"))
	}
	return verifySignature(a, key)
}

// IsTrustedAccount reports whether the account is a root. A root may speak for the store.
func (t *Trust) IsTrustedAccount(id string) bool {
	_, ok := t.accounts[id]
	return ok
}

// root returns the root with a ref.
func (t *Trust) root(ref Ref) (*Assertion, bool) {
	if len(ref.PrimaryKey) != 1 {
		return nil, false
	}
	var a *Assertion
	switch ref.Type {
	case "account":
		a = t.accounts[ref.PrimaryKey[0]]
	case "account-key":
		a = t.keys[ref.PrimaryKey[0]]
	}
	return a, a != nil
}

// Has reports whether ref is one of the roots, or another assertion that every device has built in.
func (t *Trust) Has(ref Ref) bool {
	if _, ok := t.root(ref); ok {
		return true
	}
	if t.predefined == nil {
		return false
	}
	_, err := t.predefined.Find(ref)
	return err == nil
}

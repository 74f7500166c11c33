package assertion

import (
	"fmt"
	"slices"
	"strings"
)

// Ref identifies an assertion.
type Ref struct {
	Type string
	// PrimaryKey holds the values of all headers of the type's primary key, including the optional ones.
	PrimaryKey []string
}

// RefFromPath returns the Ref for a primary key in the form of the store's URLs, where optional values at the end may be left
// out.
func RefFromPath(typ string, pk []string) (Ref, error) {
	t, ok := TypeByName(typ)
	if !ok {
		return Ref{}, fmt.Errorf("assertion type %.60q: %w", typ, ErrUnsupported)
	}
	if len(pk) > len(t.PrimaryKey) {
		return Ref{}, fmt.Errorf("%s: primary key has %d values, want %d", typ, len(pk), len(t.PrimaryKey))
	}
	full := slices.Clone(pk)
	for _, name := range t.PrimaryKey[len(pk):] {
		value, ok := t.Optional[name]
		if !ok {
			return Ref{}, fmt.Errorf("%s: primary key has no %s", typ, name)
		}
		full = append(full, value)
	}
	for i, value := range full {
		if err := validateKeyValue(value); err != nil {
			return Ref{}, fmt.Errorf("%s: %s: %w", typ, t.PrimaryKey[i], err)
		}
	}
	if t.Sequence {
		if err := validateSequence(full[len(full)-1]); err != nil {
			return Ref{}, fmt.Errorf("%s: %w", typ, err)
		}
	}
	return Ref{Type: typ, PrimaryKey: full}, nil
}

// validateKeyValue refuses values that would make Key, Path and URLs ambiguous.
func validateKeyValue(s string) error {
	if s == "" || strings.ContainsAny(s, "/\n\x00") {
		return fmt.Errorf("%.60q can't be part of a primary key", s)
	}
	return nil
}

func validateSequence(s string) error {
	if n, err := parseDecimal(s); err != nil || n < 1 || n > 1<<31-1 {
		return fmt.Errorf("sequence %.60q: not a positive number", s)
	}
	return nil
}

// Path returns the primary key in the form of the store's URLs: without default values at its end.
func (r Ref) Path() []string {
	t, _ := TypeByName(r.Type)
	n := len(r.PrimaryKey)
	if n != len(t.PrimaryKey) {
		return slices.Clone(r.PrimaryKey)
	}
	for n > 0 {
		value, optional := t.Optional[t.PrimaryKey[n-1]]
		if !optional || r.PrimaryKey[n-1] != value {
			break
		}
		n--
	}
	return slices.Clone(r.PrimaryKey[:n])
}

// String returns the type and the primary key in the form of the store's URLs: "snap-revision/DIGEST".
func (r Ref) String() string {
	if len(r.PrimaryKey) == 0 {
		return r.Type
	}
	return r.Type + "/" + strings.Join(r.Path(), "/")
}

// Name returns the name of the assertion for people: "account-key KEYID", "validation-set ACCOUNT/NAME=SEQUENCE".
func (r Ref) Name() string {
	if key := r.PrimaryKey; r.Type == "validation-set" && len(key) == 4 {
		return fmt.Sprintf("validation-set %s/%s=%s", key[1], key[2], key[3])
	}
	return r.Type + " " + strings.Join(r.Path(), "/")
}

// Key returns a string that is equal only for equal refs.
func (r Ref) Key() string { return r.Type + "/" + strings.Join(r.PrimaryKey, "/") }

func accountRef(id string) Ref    { return Ref{Type: "account", PrimaryKey: []string{id}} }
func accountKeyRef(id string) Ref { return Ref{Type: "account-key", PrimaryKey: []string{id}} }
func declarationRef(snapID string) Ref {
	return Ref{Type: "snap-declaration", PrimaryKey: []string{Series, snapID}}
}
func modelRef(brandID, model string) Ref {
	return Ref{Type: "model", PrimaryKey: []string{Series, brandID, model}}
}

// Prerequisites returns the references that must be verified before the assertion can be trusted, the signing key first. An
// unknown type has none, nor has a type that devices sign.
func (a *Assertion) Prerequisites() []Ref {
	if !a.known || a.typ.NoAuthority {
		return nil
	}
	refs := []Ref{accountKeyRef(a.SignKeyID())}
	switch a.Type() {
	case "account-key":
		refs = append(refs, accountRef(a.HeaderString("account-id")))
	case "snap-declaration":
		refs = append(refs, accountRef(a.HeaderString("publisher-id")))
	case "snap-revision", "snap-resource-revision", "snap-resource-pair":
		refs = append(refs, declarationRef(a.HeaderString("snap-id")), accountRef(a.HeaderString("developer-id")))
	case "store":
		refs = append(refs, accountRef(a.HeaderString("operator-id")))
	case "serial":
		if a.AuthorityID() != a.HeaderString("brand-id") {
			refs = append(refs, modelRef(a.HeaderString("brand-id"), a.HeaderString("model")))
		}
	case "validation":
		refs = append(refs, declarationRef(a.HeaderString("snap-id")), declarationRef(a.HeaderString("approved-snap-id")))
	}
	return refs
}

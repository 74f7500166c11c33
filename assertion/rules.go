package assertion

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// verifyAuthority verifies the part of a type's authority rule that needs no other assertion.
func verifyAuthority(a *Assertion, t *Trust) error {
	id := a.AuthorityID()
	switch a.typ.authority {
	case trustedAuthority:
		if !t.IsTrustedAccount(id) {
			return fmt.Errorf("%w: %q does not speak for the store", ErrWrongAuthority, id)
		}
	case delegatedAuthority:
		if a.provenance() == defaultProvenance && !t.IsTrustedAccount(id) {
			return fmt.Errorf("%w: %q does not speak for the store, and provenance is %s", ErrWrongAuthority, id, defaultProvenance)
		}
	case brandAuthority:
		return a.sameAsAuthority("brand-id")
	case accountAuthority:
		return a.sameAsAuthority("account-id")
	}
	return nil
}

// verifyContent compares an assertion with its verified prerequisites, which are given by type.
func verifyContent(a *Assertion, found map[string]*Assertion) error {
	switch a.typ.authority {
	case delegatedAuthority:
		if a.provenance() != defaultProvenance {
			return verifyDelegation(a, found["snap-declaration"])
		}
	case serialAuthority:
		if model := found["model"]; model != nil {
			return verifySerialAuthority(a, model)
		}
	case gatingAuthority:
		if publisher := found["snap-declaration"].HeaderString("publisher-id"); publisher != a.AuthorityID() {
			return fmt.Errorf("%w: authority-id is %.60q, the publisher of the snap is %.60q", ErrWrongAuthority, a.AuthorityID(), publisher)
		}
	}
	return nil
}

func (a *Assertion) provenance() string {
	if s, ok := a.headers["provenance"].(string); ok {
		return s
	}
	return defaultProvenance
}

// verifyDelegation verifies that the snap-declaration lets the authority sign with the provenance. It ignores the entry's stores,
// brands and models. The device verifies them, since it has one of each.
func verifyDelegation(a, declaration *Assertion) error {
	delegations, err := declaration.revisionAuthorities()
	if err != nil {
		return err
	}
	name := "snap-revision"
	if a.Type() == "snap-resource-revision" {
		name = "resource-revision"
	}
	revision, err := decimalHeader(a.headers, name, 0)
	if err != nil {
		return err
	}
	for _, d := range delegations {
		if d.account == a.AuthorityID() && slices.Contains(d.provenances, a.provenance()) && revision >= d.min && revision <= d.max {
			return nil
		}
	}
	return fmt.Errorf("%w: %s lets nobody sign provenance %q, revision %d as %q", ErrWrongAuthority, declaration.ref, a.provenance(), revision, a.AuthorityID())
}

func verifySerialAuthority(a, model *Assertion) error {
	if allowed, _ := model.headers["serial-authority"].([]any); slices.Contains(allowed, any(a.AuthorityID())) {
		return nil
	}
	return fmt.Errorf("%w: %s lets %q sign no serials", ErrWrongAuthority, model.ref, a.AuthorityID())
}

// delegation is an entry of revision-authority in a snap-declaration.
type delegation struct {
	account     string
	provenances []string
	min, max    int64
}

func (a *Assertion) revisionAuthorities() ([]delegation, error) {
	v, ok := a.headers["revision-authority"]
	if !ok {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, errors.New("revision-authority: not a list")
	}
	all := make([]delegation, len(list))
	for i, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("revision-authority: item %d: not a map", i+1)
		}
		var err error
		if all[i], err = parseDelegation(m); err != nil {
			return nil, fmt.Errorf("revision-authority: item %d: %w", i+1, err)
		}
	}
	return all, nil
}

func parseDelegation(m map[string]any) (d delegation, err error) {
	if d.account, _ = m["account-id"].(string); d.account == "" {
		return d, errors.New("account-id: missing")
	}
	list, ok := m["provenance"].([]any)
	if !ok {
		return d, errors.New("provenance: not a list")
	}
	for _, item := range list {
		s, _ := item.(string)
		if !validProvenance.MatchString(s) {
			return d, fmt.Errorf("provenance %.60q: not valid", s)
		}
		d.provenances = append(d.provenances, s)
	}
	if d.min, err = decimalHeader(m, "min-revision", 1); err != nil {
		return d, err
	}
	if d.max, err = decimalHeader(m, "max-revision", math.MaxInt64); err != nil {
		return d, err
	}
	if d.min < 1 || d.max < d.min {
		return d, fmt.Errorf("revisions %d to %d: not a range", d.min, d.max)
	}
	return d, nil
}

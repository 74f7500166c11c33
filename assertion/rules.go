package assertion

import (
	"fmt"
	"slices"
	"time"
)

// checkAuthority checks the part of a type's authority rule that needs no other assertion.
func checkAuthority(a *Assertion, t *Trust) error {
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

// checkContent checks an assertion against its verified prerequisites, which are given by type.
func checkContent(a *Assertion, found map[string]*Assertion) error {
	switch a.typ.authority {
	case delegatedAuthority:
		if a.provenance() != defaultProvenance {
			return checkDelegation(a, found["snap-declaration"])
		}
	case serialAuthority:
		if model := found["model"]; model != nil {
			return checkSerialAuthority(a, model)
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

// checkDelegation checks that the snap-declaration lets the authority sign with the provenance. What it says of stores, brands and
// models is for the device to judge, which has one of each.
func checkDelegation(a, declaration *Assertion) error {
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
		if slices.Contains(d.accounts, a.AuthorityID()) && slices.Contains(d.provenances, a.provenance()) &&
			revision >= d.min && revision <= d.max && within(a.timestamp, d.since, d.until) == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %s lets nobody sign provenance %q, revision %d as %q", ErrWrongAuthority, declaration.ref, a.provenance(), revision, a.AuthorityID())
}

func checkSerialAuthority(a, model *Assertion) error {
	switch allowed := model.headers["serial-authority"].(type) {
	case []any:
		if slices.Contains(allowed, any(a.AuthorityID())) {
			return nil
		}
	}
	return fmt.Errorf("%w: %s lets %q sign no serials", ErrWrongAuthority, model.ref, a.AuthorityID())
}

// delegation is an entry of revision-authority in a snap-declaration.
type delegation struct {
	accounts, provenances []string
	min, max              int64
	since, until          time.Time
}

func (a *Assertion) revisionAuthorities() ([]delegation, error) {
	v, ok := a.headers["revision-authority"]
	if !ok {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("revision-authority: not a list")
	}
	var all []delegation
	for i, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("revision-authority: item %d: not a map", i+1)
		}
		d, err := parseDelegation(&Assertion{headers: m})
		if err != nil {
			return nil, fmt.Errorf("revision-authority: item %d: %w", i+1, err)
		}
		all = append(all, d)
	}
	return all, nil
}

// parseDelegation reads a map as if it were the headers of an assertion.
func parseDelegation(m *Assertion) (d delegation, err error) {
	if d.accounts, err = m.stringList("account-id"); err != nil {
		return d, err
	}
	if d.provenances, err = m.stringList("provenance"); err != nil {
		return d, err
	}
	if d.min, err = decimalHeader(m.headers, "min-revision", 1); err != nil {
		return d, err
	}
	if d.max, err = decimalHeader(m.headers, "max-revision", 1<<63-1); err != nil {
		return d, err
	}
	if d.since, err = m.timeHeader("since", false); err != nil {
		return d, err
	}
	d.until, err = m.timeHeader("until", false)
	return d, err
}

// stringList returns a header that is a list of strings, or one string.
func (a *Assertion) stringList(name string) ([]string, error) {
	switch v := a.headers[name].(type) {
	case string:
		return []string{v}, nil
	case []any:
		list := make([]string, len(v))
		for i, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("header %q: not a list of strings", name)
			}
			list[i] = s
		}
		return list, nil
	}
	return nil, fmt.Errorf("header %q: missing", name)
}

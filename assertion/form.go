package assertion

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

var (
	validKeyName    = regexp.MustCompile(`^(?:[a-z0-9]+-?)*[a-z](?:-?[a-z0-9])*$`)
	validProvenance = regexp.MustCompile(`^[a-zA-Z0-9](?:-?[a-zA-Z0-9])*$`)
)

// checkForm validates the headers of an assertion of a known type, and derives its ref and timestamp from them.
func (a *Assertion) checkForm() error {
	if err := a.checkSigner(); err != nil {
		return err
	}
	for _, name := range a.typ.PrimaryKey {
		value, present := a.headers[name]
		s, ok := value.(string)
		if def, optional := a.typ.Optional[name]; optional && !present {
			s, ok = def, true
		}
		if !ok {
			return fmt.Errorf("header %q: missing", name)
		}
		if err := validateKeyValue(s); err != nil {
			return fmt.Errorf("header %q: %w", name, err)
		}
		a.ref.PrimaryKey = append(a.ref.PrimaryKey, s)
	}
	if a.typ.Sequence {
		if err := validateSequence(a.ref.PrimaryKey[len(a.ref.PrimaryKey)-1]); err != nil {
			return err
		}
	}
	var err error
	if a.timestamp, err = a.timeHeader("timestamp", false); err != nil {
		return err
	}
	return a.checkType()
}

func (a *Assertion) checkSigner() error {
	if _, err := a.digest("sign-key-sha3-384"); err != nil {
		return err
	}
	if a.typ.NoAuthority {
		if _, ok := a.headers["authority-id"]; ok {
			return errors.New("authority-id: the type has none")
		}
		return nil
	}
	return a.nonEmpty("authority-id")
}

func (a *Assertion) checkType() error {
	switch a.Type() {
	case "account":
		return firstError(a.mustHave("display-name", "validation"), a.mustHaveTimestamp())
	case "account-key":
		return a.checkAccountKey()
	case "snap-declaration":
		_, err := a.revisionAuthorities()
		return firstError(err, a.mustHave("publisher-id"), a.mustBeString("snap-name"), a.mustHaveTimestamp())
	case "snap-revision":
		_, err := a.digest("snap-sha3-384")
		return firstError(err, a.mustHave("snap-id", "developer-id"), a.mustHaveNumbers(0, "snap-size"), a.mustHaveNumbers(1, "snap-revision"),
			a.checkProvenance(), a.mustHaveTimestamp())
	case "snap-resource-revision":
		_, err := a.digest("resource-sha3-384")
		return firstError(err, a.mustHave("developer-id"), a.checkResourceName(), a.mustHaveNumbers(0, "resource-size"),
			a.mustHaveNumbers(1, "resource-revision"), a.checkProvenance(), a.mustHaveTimestamp())
	case "snap-resource-pair":
		return firstError(a.mustHave("developer-id"), a.checkResourceName(), a.mustHaveNumbers(1, "resource-revision", "snap-revision"), a.checkProvenance(), a.mustHaveTimestamp())
	case "store":
		return firstError(a.mustHave("operator-id"), a.mustHaveTimestamp())
	case "model":
		return firstError(a.sameAsAuthority("brand-id"), a.mustHaveTimestamp())
	case "serial":
		return firstError(a.checkDeviceKey(), a.mustHaveTimestamp())
	case "validation-set":
		return firstError(a.sameAsAuthority("account-id"), a.mustHaveTimestamp())
	case "validation":
		return firstError(a.mustHaveNumbers(1, "approved-snap-revision"), a.mustHaveTimestamp())
	case "device-session-request":
		return firstError(a.mustHave("nonce"), a.mustHaveTimestamp())
	case "serial-request":
		return firstError(a.mustHave("brand-id", "model", "request-id"), a.checkRequestKey())
	}
	return nil
}

// firstError returns the first error that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *Assertion) nonEmpty(name string) error {
	if a.HeaderString(name) == "" {
		return fmt.Errorf("header %q: missing or empty", name)
	}
	return nil
}

func (a *Assertion) mustHave(names ...string) error {
	for _, name := range names {
		if err := a.nonEmpty(name); err != nil {
			return err
		}
	}
	return nil
}

func (a *Assertion) mustBeString(name string) error {
	if _, ok := a.headers[name].(string); !ok {
		return fmt.Errorf("header %q: missing", name)
	}
	return nil
}

func (a *Assertion) mustHaveTimestamp() error {
	if a.timestamp.IsZero() {
		return errors.New(`header "timestamp": missing`)
	}
	return nil
}

func (a *Assertion) mustHaveNumbers(least int64, names ...string) error {
	for _, name := range names {
		n, err := decimalHeader(a.headers, name, -1)
		if err != nil {
			return err
		}
		if n < least {
			return fmt.Errorf("header %q: missing or less than %d", name, least)
		}
	}
	return nil
}

func (a *Assertion) sameAsAuthority(name string) error {
	if a.HeaderString(name) != a.AuthorityID() {
		return fmt.Errorf("%w: authority-id is %.60q, %s is %.60q", ErrWrongAuthority, a.AuthorityID(), name, a.HeaderString(name))
	}
	return nil
}

func (a *Assertion) checkResourceName() error {
	if s := a.HeaderString("resource-name"); !validName.MatchString(s) {
		return fmt.Errorf("resource-name %.60q: not valid", s)
	}
	return nil
}

func (a *Assertion) checkProvenance() error {
	if s, ok := a.headers["provenance"]; ok && !validProvenance.MatchString(fmt.Sprint(s)) {
		return fmt.Errorf("provenance %.60q: not valid", s)
	}
	return nil
}

func (a *Assertion) digest(name string) ([]byte, error) {
	sum, err := ParseDigestHeader(a.HeaderString(name))
	if err != nil {
		return nil, fmt.Errorf("header %q: %w", name, err)
	}
	return sum, nil
}

func (a *Assertion) timeHeader(name string, required bool) (time.Time, error) {
	v, ok := a.headers[name]
	if !ok && !required {
		return time.Time{}, nil
	}
	s, _ := v.(string)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.IsZero() {
		return time.Time{}, fmt.Errorf("header %q: %.60q is not a time of RFC 3339", name, s)
	}
	return t, nil
}

func (a *Assertion) checkAccountKey() error {
	since, until, err := a.validity()
	if err != nil {
		return err
	}
	if !until.IsZero() && until.Before(since) {
		return errors.New("until is before since")
	}
	if name, ok := a.headers["name"]; ok && !validKeyName.MatchString(fmt.Sprint(name)) {
		return fmt.Errorf("name %.60q: not valid", name)
	}
	if _, ok := a.headers["constraints"]; ok && a.format < 1 {
		return errors.New("constraints: need format 1")
	}
	key, err := parsePublicKey(a.body)
	if err != nil {
		return fmt.Errorf("public key: %w", err)
	}
	if key.id != a.HeaderString("public-key-sha3-384") {
		return fmt.Errorf("%w: public-key-sha3-384 is not of the public key in the body", ErrMismatch)
	}
	return a.mustHave("account-id")
}

// validity returns the period in which a key may sign. A zero until means that the key never expires.
func (a *Assertion) validity() (since, until time.Time, err error) {
	if since, err = a.timeHeader("since", true); err != nil {
		return since, until, err
	}
	until, err = a.timeHeader("until", false)
	return since, until, err
}

func (a *Assertion) checkDeviceKey() error {
	key, err := parsePublicKey([]byte(a.HeaderString("device-key")))
	if err != nil {
		return fmt.Errorf("device-key: %w", err)
	}
	if key.id != a.HeaderString("device-key-sha3-384") {
		return fmt.Errorf("%w: device-key-sha3-384 is not of device-key", ErrMismatch)
	}
	return nil
}

func (a *Assertion) checkRequestKey() error {
	key, err := parsePublicKey([]byte(a.HeaderString("device-key")))
	if err != nil {
		return fmt.Errorf("device-key: %w", err)
	}
	if key.id != a.SignKeyID() {
		return fmt.Errorf("%w: device-key is not the key that the request was signed with", ErrMismatch)
	}
	return nil
}

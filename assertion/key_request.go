package assertion

import (
	"fmt"
	"time"
)

// typeKeyRequest is the type of requests for account-keys.
const typeKeyRequest = "account-key-request"

// KeyRequest is the content of an account-key-request. With it, an account asks the store for an account-key.
type KeyRequest struct {
	AccountID, Name string
	// KeyID is the SHA3-384 by which assertions name the key.
	KeyID string
	// Since is the time from which the key may sign.
	Since time.Time
}

// ReadKeyRequest returns the content of an account-key-request. It must be signed with the key that it is about, which proves that
// the account has it.
func ReadKeyRequest(a *Assertion) (*KeyRequest, error) {
	if a.Type() != typeKeyRequest {
		return nil, fmt.Errorf("%.60q: %w: want an %s", a.Type(), ErrUnsupported, typeKeyRequest)
	}
	fail := func(err error) (*KeyRequest, error) { return nil, &VerifyError{Ref: a.Ref(), Err: err} }
	if err := firstError(a.checkAccountKey(), a.mustHave("name")); err != nil {
		return fail(err)
	}
	key, err := parsePublicKey(a.body)
	if err != nil {
		return fail(err)
	}
	if key.id != a.SignKeyID() {
		return fail(fmt.Errorf("%w: another key signed it", ErrMismatch))
	}
	if err := key.verifySignature(a.content, a.signature); err != nil {
		return fail(err)
	}
	since, _, err := a.validity()
	if err != nil {
		return fail(err)
	}
	return &KeyRequest{AccountID: a.HeaderString("account-id"), Name: a.HeaderString("name"), KeyID: key.id, Since: since}, nil
}

// ValidateKeyName returns an error if no account-key can have a name.
func ValidateKeyName(name string) error {
	if !validKeyName.MatchString(name) {
		return fmt.Errorf("%.60q: want lower-case letters and digits, with single dashes between them and at least one letter", name)
	}
	return nil
}

package instance

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"filippo.io/age"

	"offlinestore/audit"
	"offlinestore/blob"
	"offlinestore/bundle"
)

// identityFile holds the private keys that open encrypted bundles, in the form of age. The first one is the store's identity.
const identityFile = "identity.key"

// maxIdentity bounds that file, in bytes.
const maxIdentity = 64 << 10

// IdentityError reports that the file with the store's identity cannot be used.
type IdentityError struct{ Err error }

func (e *IdentityError) Error() string { return fmt.Sprintf("%s: %v", identityFile, e.Err) }

func (e *IdentityError) Unwrap() error { return e.Err }

// errNoIdentity reports a file without keys. It does not repeat the file's content, which may be secret.
var errNoIdentity = errors.New("it holds no identity of age")

// IdentityPath returns the path of the file with the store's identity.
func (d Dir) IdentityPath() string { return d.path(identityFile) }

// Identities returns the identities that open bundles for this store. There are none before MakeIdentity.
func (d Dir) Identities() ([]age.Identity, error) {
	text, err := blob.ReadFile(d.IdentityPath(), maxIdentity)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil || bundle.RecipientOf(list[0]) == "" {
		return nil, &IdentityError{errNoIdentity}
	}
	return list, nil
}

// Recipient returns the public part of the store's identity, or "" if it has none yet.
func (d Dir) Recipient() (string, error) {
	list, err := d.Identities()
	if err != nil || len(list) == 0 {
		return "", err
	}
	return bundle.RecipientOf(list[0]), nil
}

// MakeIdentity makes the store's identity unless there is one, and returns its public part.
func (d Dir) MakeIdentity() (recipient string, made bool, err error) {
	if recipient, err = d.Recipient(); err != nil || recipient != "" {
		return recipient, false, err
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return "", false, err
	}
	recipient = key.Recipient().String()
	text := fmt.Sprintf("# created: %s\n# public key: %s\n%s\n", time.Now().UTC().Format(time.RFC3339), recipient, key)
	err = d.record(&audit.Act{What: "make-identity", Subject: recipient}, func() error {
		return blob.WriteFile(d.IdentityPath(), []byte(text), blob.WriteOptions{Mode: 0o600, NoReplace: true})
	})
	if errors.Is(err, fs.ErrExist) { // another process was faster
		recipient, err = d.Recipient()
		return recipient, false, err
	}
	return recipient, err == nil, err
}

// IdentityState is the public part of the store's identity.
type IdentityState struct {
	// Recipient is empty if the file cannot be used.
	Recipient string `json:"recipient"`
	// File holds the private key.
	File string `json:"file"`
}

// identityState returns nil if the store has no identity.
func (d Dir) identityState() *IdentityState {
	recipient, err := d.Recipient()
	if recipient == "" && err == nil {
		return nil
	}
	return &IdentityState{recipient, d.IdentityPath()}
}

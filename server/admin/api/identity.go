package api

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
)

// IdentityPath is the path at which a store proves its identity.
const IdentityPath = "/v2/auth/identity"

// maxNonce bounds the random text of a request, in bytes.
const maxNonce = 64

// IdentityRequest asks a store to prove that it has its key. The client chooses Nonce at random.
type IdentityRequest struct {
	Nonce string `json:"nonce"`
}

// IdentityAnswer holds the public key of a store, and its signature of the request.
type IdentityAnswer struct {
	Key       string `json:"key"`
	Signature string `json:"signature"`
}

// Identity is the key by which clients recognise a store.
type Identity struct{ key ed25519.PrivateKey }

// NewIdentity derives the key from the secret of a store's logins: a new secret is a new identity.
func NewIdentity(secret string) Identity {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte("offlinestore admin identity"))
	return Identity{ed25519.NewKeyFromSeed(h.Sum(nil))}
}

// Fingerprint returns a short text by which people compare keys.
func (i Identity) Fingerprint() string { return fingerprint(i.key.Public().(ed25519.PublicKey)) }

func fingerprint(key []byte) string {
	sum := sha256.Sum256(key)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// ErrNonce reports a request for a proof without a usable nonce.
var ErrNonce = errors.New("want a nonce of 1 to 64 characters")

// Prove answers a request that reached the store at location, a URL. The proof names the location, so a program that listens elsewhere
// and passes requests on as they are is noticed. One that also knows the store's own address, and asks for it, is not.
func (i Identity) Prove(location string, r IdentityRequest) (*IdentityAnswer, error) {
	if r.Nonce == "" || len(r.Nonce) > maxNonce {
		return nil, ErrNonce
	}
	return &IdentityAnswer{
		Key:       base64.StdEncoding.EncodeToString(i.key.Public().(ed25519.PublicKey)),
		Signature: base64.StdEncoding.EncodeToString(ed25519.Sign(i.key, proof(location, r.Nonce))),
	}, nil
}

func proof(location, nonce string) []byte {
	return fmt.Appendf(nil, "offlinestore administration\n%s\n%s", location, nonce)
}

// ImpostorError reports that a program at a store's URL has not proved to be that store.
type ImpostorError struct {
	URL string
	// Want is the fingerprint of the expected key, and Got the one of the key that was proved. Either may be empty.
	Want, Got string
}

// Error names the URL and the keys.
func (e *ImpostorError) Error() string {
	switch {
	case e.Got == "":
		return fmt.Sprintf("the program at %s does not prove to be a store", e.URL)
	case e.Want == "":
		return fmt.Sprintf("the store at %s has a key that is not known here, %s", e.URL, e.Got)
	}
	return fmt.Sprintf("the store at %s has the key %s; want %s", e.URL, e.Got, e.Want)
}

func newNonce() string { return base64.RawURLEncoding.EncodeToString(randomBytes(24)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// verify returns the fingerprint of the key in a, which must have signed the nonce at location. Any key will do if want is empty.
func (a *IdentityAnswer) verify(location, nonce, want string) (string, error) {
	key, err := base64.StdEncoding.DecodeString(a.Key)
	signature, serr := base64.StdEncoding.DecodeString(a.Signature)
	if err != nil || serr != nil || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, proof(location, nonce), signature) {
		return "", &ImpostorError{URL: location, Want: want}
	}
	got := fingerprint(key)
	if want != "" && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 0 {
		return "", &ImpostorError{URL: location, Want: want, Got: got}
	}
	return got, nil
}

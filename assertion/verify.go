package assertion

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// maxChain is the longest permitted chain of prerequisites. Genuine chains have about six.
const maxChain = 32

// Verifier verifies assertions up to trusted roots. It remembers verified assertions, so its fields must not change after the
// first use. It is not safe for concurrent use.
type Verifier struct {
	// Trust holds the roots.
	Trust *Trust
	// Source finds prerequisites. It may be nil and it may grow. Its assertions are not trusted before they are verified.
	Source Source
	// Time is the time at which keys must be valid. Zero means now.
	Time time.Time

	state map[[sha256.Size]byte]state
}

type state int

const (
	unknown state = iota
	verifying
	verified
)

// Verify verifies an assertion and, through the source, all its direct and indirect prerequisites. The error is a *MissingError
// if one of them is not there, otherwise a *VerifyError with the assertion at fault.
func (v *Verifier) Verify(a *Assertion) error {
	if v.Time.IsZero() {
		v.Time = time.Now()
	}
	if v.state == nil {
		v.state = make(map[[sha256.Size]byte]state)
	}
	err := v.verifyChain(a, 0)
	if at, ok := errors.AsType[*VerifyError](err); ok && at.Ref.Key() != a.ref.Key() {
		return fmt.Errorf("verify %s: %w", a.ref, err)
	}
	if at, ok := errors.AsType[*MissingError](err); ok && at.NeededBy.Key() != a.ref.Key() {
		return fmt.Errorf("verify %s: %w", a.ref, err)
	}
	return err
}

// verifyBatch is the number of assertions whose signatures are checked at once. It bounds the work that a bad assertion wastes.
const verifyBatch = 64

// VerifyAll verifies assertions in their order, as Verify does, and returns the first error. It uses all processors.
func (v *Verifier) VerifyAll(list []*Assertion) error {
	for batch := range slices.Chunk(list, verifyBatch) {
		v.checkSignatures(batch)
		for _, a := range batch {
			if err := v.Verify(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkSignatures lets the trust remember the good signatures of assertions by keys that are verified already. All other signatures are left to
// Verify, because a key that isn't verified may be made to take long.
func (v *Verifier) checkSignatures(batch []*Assertion) {
	if v.Trust.signatures == nil {
		return
	}
	var checks errgroup.Group
	checks.SetLimit(runtime.GOMAXPROCS(0))
	for _, a := range batch {
		if key := v.verifiedKey(a); key != nil {
			checks.Go(func() error {
				_ = v.Trust.verifySignature(a, key) // Verify finds the error again
				return nil
			})
		}
	}
	_ = checks.Wait() // returns nil
}

// verifiedKey returns the key that signed an assertion, or nil if it is not verified.
func (v *Verifier) verifiedKey(a *Assertion) *Assertion {
	refs := a.Prerequisites()
	if len(refs) == 0 {
		return nil
	}
	key, err := v.find(refs[0], a) // the key is always the first
	if err != nil || !v.isRoot(key) && v.state[sha256.Sum256(key.raw)] != verified {
		return nil
	}
	return key
}

func (v *Verifier) verifyChain(a *Assertion, depth int) error {
	sum := sha256.Sum256(a.raw)
	switch {
	case v.isRoot(a) || v.state[sum] == verified:
		return nil
	case v.state[sum] == verifying:
		return &VerifyError{Ref: a.Ref(), Err: ErrUntrustedRoot}
	case depth > maxChain:
		return &VerifyError{Ref: a.Ref(), Err: fmt.Errorf("chain of more than %d assertions: %w", maxChain, ErrUnsupported)}
	}
	v.state[sum] = verifying
	err := v.verifyNew(a, depth)
	if err != nil {
		delete(v.state, sum)
		_, missing := errors.AsType[*MissingError](err)
		if _, known := errors.AsType[*VerifyError](err); !known && !missing {
			err = &VerifyError{Ref: a.Ref(), Err: err}
		}
		return err
	}
	v.state[sum] = verified
	return nil
}

func (v *Verifier) isRoot(a *Assertion) bool {
	root, ok := v.Trust.root(a.ref)
	return ok && bytes.Equal(root.raw, a.raw)
}

func (v *Verifier) verifyNew(a *Assertion, depth int) error {
	switch {
	case !a.known:
		return fmt.Errorf("type: %w", ErrUnsupported)
	case a.typ.NoAuthority:
		return fmt.Errorf("signed by a device, not by an account: %w", ErrUnsupported)
	case a.typ.modelled && a.typ.maxFormat >= 0 && a.format > a.typ.maxFormat:
		return fmt.Errorf("format %d: %w", a.format, ErrUnsupported)
	}
	found := make(map[string]*Assertion)
	for i, ref := range a.Prerequisites() {
		p, err := v.find(ref, a)
		if err != nil {
			return err
		}
		if err := v.verifyChain(p, depth+1); err != nil {
			return err
		}
		if found[ref.Type] == nil { // of the two declarations that a validation needs, the first is of the snap that controls
			found[ref.Type] = p
		}
		// The signature comes before the other prerequisites: unsigned content must not decide which assertions are looked up.
		if i == 0 {
			if err := v.checkSigned(a, p); err != nil {
				return err
			}
		}
	}
	return verifyContent(a, found)
}

func (v *Verifier) find(ref Ref, neededBy *Assertion) (*Assertion, error) {
	if root, ok := v.Trust.root(ref); ok {
		return root, nil
	}
	var sources []Source
	if v.Source != nil {
		sources = append(sources, v.Source)
	}
	if v.Trust.predefined != nil {
		sources = append(sources, v.Trust.predefined)
	}
	for _, source := range sources {
		a, err := source.Find(ref)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", ref, err)
		}
		if a.ref.Key() != ref.Key() {
			return nil, fmt.Errorf("find %s: the source answers with %s: %w", ref, a.ref, ErrMismatch)
		}
		return a, nil
	}
	return nil, &MissingError{Ref: ref, NeededBy: neededBy.Ref()}
}

// checkSigned verifies that the verified key made the signature, and that the key's account may sign the assertion.
func (v *Verifier) checkSigned(a, key *Assertion) error {
	if err := v.checkKey(a.AuthorityID(), a.timestamp, key); err != nil {
		return err
	}
	if err := v.Trust.verifySignature(a, key); err != nil {
		return err
	}
	if err := verifyConstraints(a.headers, key); err != nil {
		return err
	}
	return verifyAuthority(a, v.Trust)
}

// MaySign verifies a key with its chain, and that the key may sign an assertion with the given headers now. It does not verify the authority
// of the key's account for the assertion's type. An error about a key is the same as the one of Verify for the signed assertion.
func (v *Verifier) MaySign(headers map[string]any, key *Assertion) error {
	if err := v.Verify(key); err != nil {
		return err
	}
	authority, _ := headers["authority-id"].(string)
	text, _ := headers["timestamp"].(string)
	timestamp, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("timestamp: %w", err)
	}
	if err := v.checkKey(authority, timestamp, key); err != nil {
		return err
	}
	return verifyConstraints(headers, key)
}

// checkKey verifies that a key is of an account, and valid now and at the time of an assertion.
func (v *Verifier) checkKey(authority string, timestamp time.Time, key *Assertion) error {
	if owner := key.HeaderString("account-id"); owner != authority {
		return fmt.Errorf("%w: authority-id is %.60q, the signing key is of %.60q", ErrWrongAuthority, authority, owner)
	}
	since, until, err := key.validity()
	if err != nil {
		return err
	}
	if err := within(v.Time, since, until); err != nil {
		return fmt.Errorf("%w: %s, judged at %s", err, key.ref, v.Time.UTC().Format(time.RFC3339))
	}
	if t := timestamp; !t.IsZero() {
		if err := within(t, since, until); err != nil {
			return fmt.Errorf("%w: %s, at the assertion's timestamp %s", err, key.ref, t.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

func within(t, since, until time.Time) error {
	switch {
	case t.Before(since):
		return ErrKeyNotYetValid
	case !until.IsZero() && !t.Before(until):
		return ErrExpiredKey
	}
	return nil
}

func verifySignature(a, key *Assertion) error {
	pub, err := parsePublicKey(key.body)
	if err != nil {
		return fmt.Errorf("public key of %s: %w", key.ref, err)
	}
	return pub.verifySignature(a.content, a.signature)
}

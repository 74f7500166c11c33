package registrar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"offlinestore/assertion"
	"offlinestore/catalog"
)

// draft is a serial that is ready to be signed.
type draft struct {
	headers map[string]any
	chain   *assertion.Verifier
}

// draft makes the serial of a plan, and verifies that the model, the API key and the signing key are good now.
func (p *Proof) draft(plan catalog.SerialPlan, now time.Time) (*draft, error) {
	knows := p.current()
	policy, err := p.findPolicy(knows)
	if err != nil {
		return nil, err
	}
	policy.APIKey = p.policy.APIKey // a key that has changed is good if the device shows the new one
	if policy != p.policy {
		return nil, ErrPending // the device comes back, and is verified again
	}
	request := p.request.serial
	d := &draft{chain: p.verifier(knows), headers: map[string]any{
		"type": "serial", "authority-id": p.policy.AuthorityID, "revision": strconv.Itoa(plan.Revision),
		"brand-id": p.BrandID, "model": p.Model, "serial": plan.Serial, "timestamp": now.UTC().Format(time.RFC3339),
		"device-key": request.HeaderString("device-key"), "device-key-sha3-384": request.SignKeyID(),
	}}
	d.chain.Time = now
	key, err := knows.Source.Find(assertion.Ref{Type: "account-key", PrimaryKey: []string{p.policy.KeyID}})
	if errors.Is(err, assertion.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s has no account-key in this store: register it, and push the account-key", ErrSigningKey, p.policy.KeyID)
	}
	if err != nil {
		return nil, err
	}
	if err := d.chain.MaySign(d.headers, key); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigningKey, err)
	}
	return d, nil
}

// sign signs a serial, and verifies it like a device does.
func (p *Proof) sign(ctx context.Context, token Token, d *draft) (*assertion.Assertion, error) {
	signer, err := token.Signer(ctx, p.policy.KeyID)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", p.policy.KeyID, err)
	}
	key, err := assertion.NewSigningKey(signer)
	if err != nil {
		return nil, err
	}
	if id := key.KeyID(); id != p.policy.KeyID {
		return nil, fmt.Errorf("%w: the token has %s in place of %s", ErrSigningKey, id, p.policy.KeyID)
	}
	serial, err := assertion.Sign(d.headers, nil, key)
	if err != nil {
		return nil, err
	}
	if err := d.chain.Verify(serial); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigningKey, err)
	}
	return serial, nil
}

// entry returns the log entry of a signed serial.
func (p *Proof) entry(serial *assertion.Assertion) catalog.SerialLogEntry {
	return catalog.SerialLogEntry{
		BrandID: p.BrandID, Model: p.Model, Serial: serial.HeaderString("serial"), Revision: serial.Revision(),
		DeviceKey: p.wish.DeviceKey, KeyID: p.policy.KeyID, Policy: p.policy.Revision, Origin: p.origin,
		Request: string(p.request.serial.Raw()), Assertion: string(serial.Raw()),
	}
}

// stream returns the answer to a device: the serial, and then everything that the device needs to verify it and does not have built in: first
// the account-key of the signing key and its account.
func (p *Proof) stream(text string) ([]byte, error) {
	serial, err := assertion.Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("the serial of the log: %w", err)
	}
	knows := p.current()
	list := []*assertion.Assertion{serial}
	seen := map[string]bool{p.request.model.Ref().Key(): true}
	for i := 0; i < len(list); i++ {
		for _, ref := range list[i].Prerequisites() {
			if seen[ref.Key()] || knows.Trust.Has(ref) {
				continue
			}
			seen[ref.Key()] = true
			a, err := knows.Source.Find(ref)
			if err != nil {
				return nil, fmt.Errorf("find %s: %w", ref, err)
			}
			list = append(list, a)
		}
	}
	var b bytes.Buffer
	err = assertion.EncodeAll(&b, list)
	return b.Bytes(), err
}

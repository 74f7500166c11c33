package registrar

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/session"
)

// Knowledge is the state of a store at one moment, as far as it decides about requests for serials.
type Knowledge struct {
	// Keys makes request-ids, and knows them again.
	Keys  *session.Keys
	Trust *assertion.Trust
	// Source has the accounts and keys of brands, and their models.
	Source assertion.Source
	Models []catalog.ModelPolicy
	Now    time.Time
}

// Serves reports whether a store signs serials for a model.
func (k *Knowledge) Serves() bool {
	return slices.ContainsFunc(k.Models, func(m catalog.ModelPolicy) bool { return m.Revision > 0 })
}

// KnowsAPIKey reports whether an API key is the one of a model. An empty one is, if a model has none.
func (k *Knowledge) KnowsAPIKey(key string) (known bool) {
	for _, m := range k.Models {
		known = sameSecret(key, m.APIKey) || known
	}
	return known
}

// sameSecret compares two secrets in a time that does not depend on them.
func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// Request is a device's request for a serial, as it was sent.
type Request struct {
	Body []byte
	// APIKey is empty if the device shows none.
	APIKey string
	// Origin is the address of the device.
	Origin string
	// Current returns the state of the store when the request has its turn, which may be much later. If it is nil, the state does not change.
	Current func() Knowledge
}

// Proof is the result of a good request.
type Proof struct {
	// BrandID and Model are the ones that the request claims, also in the Proof of a request that was refused.
	BrandID, Model string

	// current is there in place of the knowledge itself, which has the whole store in it: a request may wait long.
	current func() Knowledge
	apiKey  string
	policy  catalog.ModelPolicy
	id      catalog.SerialRequestID
	// late is set if the request-id has expired. Then the request must be known already.
	late    bool
	wish    catalog.SerialWish
	request request
	origin  string
}

// Verify verifies a request completely, but for its request-id, which Register uses once. The error wraps one of this package's, ErrForeign of
// package session, or an error of package assertion.
func (k Knowledge) Verify(r Request) (p *Proof, err error) {
	p = &Proof{current: r.Current, apiKey: r.APIKey, origin: r.Origin}
	if p.current == nil {
		p.current = func() Knowledge { return k }
	}
	if p.request, err = parseRequest(r.Body); err != nil {
		return p, err
	}
	request := p.request.serial
	p.BrandID, p.Model = request.HeaderString("brand-id"), request.HeaderString("model")
	nonce, err := k.Keys.RequestID(request.HeaderString("request-id"), k.Now)
	if p.late = errors.Is(err, session.ErrExpired); err != nil && !p.late {
		return p, fmt.Errorf("request-id: %w", err)
	}
	p.id = catalog.SerialRequestID{ID: nonce.ID, Sum: p.request.sum}
	if p.policy, err = p.findPolicy(k); err != nil {
		return p, err
	}
	key, err := assertion.DeviceKey(request)
	if err != nil {
		return p, err
	}
	if err := assertion.VerifyDeviceSignature(request, key); err != nil {
		return p, err
	}
	if err := p.verifyChains(k); err != nil {
		return p, err
	}
	p.plan()
	return p, nil
}

// findPolicy finds the policy of the model that a request names, and compares the API key.
func (p *Proof) findPolicy(k Knowledge) (policy catalog.ModelPolicy, err error) {
	i := slices.IndexFunc(k.Models, func(m catalog.ModelPolicy) bool { return m.BrandID == p.BrandID && m.Model == p.Model })
	if i < 0 {
		return policy, fmt.Errorf("%w: %.60q of brand %.60q", ErrModel, p.Model, p.BrandID)
	}
	policy = k.Models[i]
	if policy.APIKey != "" && !sameSecret(p.apiKey, policy.APIKey) {
		return policy, ErrAPIKey
	}
	if policy.Revision == 0 {
		return policy, ErrPolicy
	}
	return policy, nil
}

// verifyChains verifies the model, and the old serial of a device that becomes another model.
func (p *Proof) verifyChains(k Knowledge) error {
	if err := p.verifier(k).Verify(p.request.model); err != nil {
		return err
	}
	if p.request.old == nil {
		return nil
	}
	if brand := p.request.old.HeaderString("brand-id"); brand != p.BrandID {
		return fmt.Errorf("%w: it is of brand %.60q", ErrRemodel, brand)
	}
	return p.verifier(k).Verify(p.request.old)
}

// verifier returns a Verifier that knows the model of the request.
func (p *Proof) verifier(k Knowledge) *assertion.Verifier {
	return &assertion.Verifier{Trust: k.Trust, Source: source{k.Source, p.request.model}, Time: k.Now}
}

// plan notes the serial that the device would like to have. Without a better one, it keeps its serial when it becomes another model.
func (p *Proof) plan() {
	request := p.request.serial
	p.wish = catalog.SerialWish{BrandID: p.BrandID, Model: p.Model, DeviceKey: request.SignKeyID(), Names: []string{}}
	if p.request.old != nil {
		p.wish.FromModel, p.wish.FromSerial = request.HeaderString("original-model"), request.HeaderString("original-serial")
	}
	for _, name := range []string{request.HeaderString("serial"), p.wish.FromSerial} {
		if name != "" {
			p.wish.Names = append(p.wish.Names, name)
		}
	}
}

// source finds the assertions of a store, and the model of a request rather than another revision of it.
type source struct {
	assertion.Source
	model *assertion.Assertion
}

// Find implements assertion.Source.
func (s source) Find(ref assertion.Ref) (*assertion.Assertion, error) {
	if ref.Key() == s.model.Ref().Key() {
		return s.model, nil
	}
	return s.Source.Find(ref)
}

// crowds names the origin and the device, among which requests find their place. An IPv6 network of 64 bits is one origin: a host has as many
// addresses there as it likes.
func (p *Proof) crowds() (origin, device string) {
	origin = p.origin
	if a, err := netip.ParseAddr(p.origin); err == nil && a.Is6() {
		if network, err := a.Unmap().WithZone("").Prefix(64); err == nil {
			origin = network.String()
		}
	}
	return "origin " + origin, "device " + p.wish.DeviceKey
}

// size returns the memory that a proof holds, in bytes. Each assertion is there as text and as headers.
func (p *Proof) size() int {
	n := 1 << 10
	for _, a := range []*assertion.Assertion{p.request.serial, p.request.model, p.request.old} {
		if a != nil {
			n += 2 * len(a.Raw())
		}
	}
	return n
}

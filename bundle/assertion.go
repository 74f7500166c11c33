package bundle

import (
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/assertion"
)

// Assertion is the item of an assertion that no snap or charm of the bundle leads to: an account-key, a validation-set. Its stream holds
// the assertion with the assertions that it needs.
type Assertion struct {
	Ref        assertion.Ref
	Assertions []byte
}

// assertionConfig is the config of an Assertion.
type assertionConfig struct {
	Type       string   `json:"type"`
	PrimaryKey []string `json:"primary-key"`
}

// AddAssertion adds an assertion.
func (d *Builder) AddAssertion(a *Assertion) error {
	c := assertionConfig{a.Ref.Type, a.Ref.PrimaryKey}
	if _, err := c.ref(); err != nil {
		return err
	}
	return d.addItem(TypeAssertion, a.Ref.Key(), MediaAssertionConfig, encode(c), a.layers())
}

func (a *Assertion) layers() []Layer {
	return []Layer{inline(mediaAssertions, a.Ref.Type+".assert", a.Assertions)}
}

// ref returns the reference of the assertion. It refuses a key that is not complete, and the types that devices sign, because nobody
// vouches for these.
func (c *assertionConfig) ref() (assertion.Ref, error) {
	t, _ := assertion.TypeByName(c.Type)
	if t.NoAuthority {
		return assertion.Ref{}, fmt.Errorf("assertion type %s: %w", c.Type, assertion.ErrUnsupported)
	}
	ref, err := assertion.RefFromPath(c.Type, c.PrimaryKey)
	if err == nil && !slices.Equal(ref.PrimaryKey, c.PrimaryKey) {
		err = fmt.Errorf("%s: incomplete primary key", c.Type)
	}
	return ref, err
}

// parseAssertion parses the item of an assertion.
func parseAssertion(desc ocispec.Descriptor, m *ocispec.Manifest, data map[digest.Digest][]byte) (*Assertion, error) {
	var c assertionConfig
	if err := decodeConfig(m, data, &c); err != nil {
		return nil, corrupt("%.80q: config: %w", refName(desc), err)
	}
	ref, err := c.ref()
	if err != nil {
		return nil, corrupt("%.80q: %w", refName(desc), err)
	}
	if ref.Key() != refName(desc) || len(m.Layers) != 1 {
		return nil, corrupt("%.80q: want one assertion stream, and %s in its config", refName(desc), ref)
	}
	return &Assertion{ref, data[m.Layers[0].Digest]}, nil
}

// compareAssertions finds the assertion that the item is about.
func (a *Assertion) compareAssertions(all assertion.Source) error {
	_, err := find(all, a.Ref.Type, a.Ref.PrimaryKey...)
	return err
}

package bundle

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/assertion"
	"offlinestore/charm"
	"offlinestore/snap"
)

// The kinds and the reasons of withdrawals.
const (
	WithdrawnSnap  = "snap"
	WithdrawnCharm = "charm" // or a charm bundle

	ReasonGone    = "gone"    // the store has nothing of that name
	ReasonRevoked = "revoked" // the snap-declaration has no name any more
)

// Withdrawal is the item of a snap or charm that the store upstream did not offer any more when the bundle was made.
type Withdrawal struct {
	WithdrawalConfig
	// Assertions has the revoked snap-declaration and the assertions that it needs. It is nil for other reasons.
	Assertions []byte
}

// WithdrawalConfig is the config of a Withdrawal.
type WithdrawalConfig struct {
	// ID is the snap-id. It is empty if the exporter does not know it, and for charms.
	ID     string `json:"id,omitempty"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// AddWithdrawal adds the statement that a snap or charm is withdrawn.
func (d *Builder) AddWithdrawal(w *Withdrawal) error {
	if err := w.validate(); err != nil {
		return err
	}
	return d.addItem(TypeWithdrawal, w.itemName(), MediaWithdrawalConfig, encode(w.WithdrawalConfig), w.layers())
}

func (w *Withdrawal) validate() error {
	var err error
	switch w.Kind {
	case WithdrawnSnap:
		err = snap.ValidateName(w.Name)
		if err == nil && w.ID != "" {
			err = snap.ValidateID(w.ID)
		}
	case WithdrawnCharm:
		if err = charm.ValidateName(w.Name); err == nil && w.ID != "" {
			err = errors.New("a withdrawn charm has no id")
		}
	default:
		err = fmt.Errorf("withdrawn %.40q: want snap or charm", w.Kind)
	}
	if err != nil {
		return err
	}
	switch {
	case w.Reason == ReasonGone && len(w.Assertions) == 0:
	case w.Reason == ReasonRevoked && w.Kind == WithdrawnSnap && w.ID != "" && len(w.Assertions) > 0:
	default:
		return fmt.Errorf("withdrawn %s %s: reason %.40q with %d bytes of assertions", w.Kind, w.Name, w.Reason, len(w.Assertions))
	}
	return nil
}

func (w *Withdrawal) itemName() string { return "withdrawn." + w.Kind + "." + w.Name }

func (w *Withdrawal) layers() []Layer {
	if len(w.Assertions) == 0 {
		return nil
	}
	return []Layer{inline(mediaAssertions, w.itemName()+".assert", w.Assertions)}
}

// parseWithdrawal parses the item of a withdrawal.
func parseWithdrawal(desc ocispec.Descriptor, m *ocispec.Manifest, data map[digest.Digest][]byte) (*Withdrawal, error) {
	w := &Withdrawal{}
	if err := decodeConfig(m, data, &w.WithdrawalConfig); err != nil {
		return nil, corrupt("%s: config: %w", refName(desc), err)
	}
	if len(m.Layers) > 1 {
		return nil, corrupt("%s: want at most an assertion stream", refName(desc))
	}
	for _, l := range m.Layers {
		w.Assertions = data[l.Digest]
	}
	if err := w.validate(); err != nil {
		return nil, corrupt("%s: %w", refName(desc), err)
	}
	if name := w.itemName(); name != refName(desc) {
		return nil, corrupt("%s: its config is of %s", refName(desc), name)
	}
	return w, nil
}

// checkWithdrawals refuses a head with a snap or charm that is also withdrawn.
func (h *Head) checkWithdrawals() error {
	for _, w := range h.Withdrawals {
		here := slices.ContainsFunc(h.Snaps, func(s *Snap) bool { return w.Kind == WithdrawnSnap && (s.Name == w.Name || s.SnapID == w.ID) }) ||
			slices.ContainsFunc(h.Charms, func(c *Charm) bool { return w.Kind == WithdrawnCharm && c.Name == w.Name })
		if here {
			return corrupt("%s: the bundle also has %s", w.itemName(), w.Name)
		}
	}
	return nil
}

// compareAssertions compares a revoked snap with its declaration, which must have no name.
func (w *Withdrawal) compareAssertions(all assertion.Source) error {
	if w.Reason != ReasonRevoked {
		return nil
	}
	d, err := find(all, "snap-declaration", snap.Series, w.ID)
	if err != nil {
		return err
	}
	return compareHeaders(d, map[string]string{"snap-name": ""})
}

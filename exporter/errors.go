package exporter

import (
	"errors"
	"fmt"
	"strings"

	"offlinestore/upstream"
)

// ErrConflict means that the request contradicts itself, or asks for something impossible.
var ErrConflict = errors.New("unusable request")

// Gap is something that the plan can't provide. Fields that don't apply are zero.
type Gap struct {
	Snap string `json:"snap"`
	// Charm and Base are set for a gap about a charm; Snap is then empty.
	Charm        string `json:"charm,omitempty"`
	Base         string `json:"base,omitempty"`
	Architecture string `json:"architecture"`
	Channel      string `json:"channel"`
	Revision     int    `json:"revision"`
	// NeededBy names the snaps that need it; it is empty if the operator asked for it.
	NeededBy string `json:"needed-by"`
	Reason   string `json:"reason"`
	// kind is the sentinel that leads to a hint for the gap, or nil.
	kind error
	// refused is set if the store has refused the request, so that nothing is known about the channel.
	refused bool
	// need is the sentence of package closure about a snap that something needs.
	need string
}

// refusalGap returns g with the store's own reason.
func refusalGap(g Gap, code, message string) Gap {
	g.Reason, g.refused = fmt.Sprintf("the store refuses it: %s (%s)", message, code), true
	return g
}

// storeReason returns the store's reason for not having something, to end a sentence. It returns "" if the store says no more than that.
func storeReason(err error) string {
	var nf *upstream.NotFoundError
	if !errors.As(err, &nf) || nf.Reason == "" || strings.HasSuffix(nf.Code, "not-found") {
		return ""
	}
	return ": " + nf.Reason
}

// String returns the gap as a sentence, with the reason.
func (g Gap) String() string {
	if g.need != "" {
		return g.need + ": " + g.Reason
	}
	s := g.Snap + g.Charm
	if g.Revision > 0 {
		s += fmt.Sprintf(" revision %d", g.Revision)
	}
	if g.Channel != "" {
		s += " " + g.Channel
	}
	if g.Architecture != "" {
		s += " for " + strings.TrimPrefix(g.Base+" "+g.Architecture, " ")
	}
	return s + ": " + g.Reason
}

// MissingError lists the requested snaps and charms of which the store has nothing, and the bases that a snap needs and the store lacks.
type MissingError struct{ Gaps []Gap }

func (e *MissingError) Error() string {
	var all []string
	for _, g := range e.Gaps {
		all = append(all, g.String())
	}
	return strings.Join(all, "; ")
}

// Unwrap returns the sentinels of the gaps: ErrNotBundle, ErrBundle and ErrElsewhere.
func (e *MissingError) Unwrap() []error {
	var kinds []error
	for _, g := range e.Gaps {
		if g.kind != nil {
			kinds = append(kinds, g.kind)
		}
	}
	return kinds
}

var (
	// ErrNotBundle means that a charm was requested as a bundle of charms.
	ErrNotBundle = errors.New("it is no bundle but a charm")
	// ErrBundle means that a bundle of charms was requested as a charm.
	ErrBundle = errors.New("it is a bundle")
	// ErrElsewhere means that another channel, or another architecture, has a release.
	ErrElsewhere = errors.New("released elsewhere")
)

// PrivateError lists snaps that only some users and devices may see. A bundle is for every device, unless it states the store whose devices
// may have a snap.
type PrivateError struct {
	Snaps []string
	// Stores maps the snaps to the stores that have them, as far as these are known.
	Stores map[string]string
}

func (e *PrivateError) Error() string {
	if len(e.Snaps) == 1 {
		if store := e.Stores[e.Snaps[0]]; store != "" {
			return fmt.Sprintf("snap %s is private to the store %s", e.Snaps[0], store)
		}
		return fmt.Sprintf("snap %s is private: a bundle would give it to every device", e.Snaps[0])
	}
	var all []string
	for _, name := range e.Snaps {
		if store := e.Stores[name]; store != "" {
			name += " (of the store " + store + ")"
		}
		all = append(all, name)
	}
	return fmt.Sprintf("the snaps %s are private: a bundle would give them to every device", strings.Join(all, ", "))
}

// StoreError means that the store can't be reached, or that its answer is invalid.
type StoreError struct{ Err error }

func (e *StoreError) Error() string { return e.Err.Error() }

func (e *StoreError) Unwrap() error { return e.Err }

// storeError returns an error that the store is to blame for.
func storeError(format string, args ...any) error {
	return &StoreError{fmt.Errorf(format, args...)}
}

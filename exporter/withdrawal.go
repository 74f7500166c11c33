package exporter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/upstream"
)

// Withdrawal is a requested snap or charm that the store does not offer any more.
type Withdrawal struct {
	// Kind is bundle.WithdrawnSnap or bundle.WithdrawnCharm.
	Kind, Name string
	// ID is the snap-id, or empty.
	ID string
	// Reason is bundle.ReasonGone or bundle.ReasonRevoked.
	Reason     string
	assertions []byte
}

// WithdrawnMode is a way to treat snaps that the store does not offer any more.
type WithdrawnMode string

// The modes. Without a mode, the bundle carries statements about withdrawn snaps, except if the request has nothing but unknown names.
const (
	WithdrawnWarn  WithdrawnMode = "warn"  // the bundle carries statements about withdrawn snaps
	WithdrawnError WithdrawnMode = "error" // withdrawn snaps are errors
)

const (
	noSuchSnap  = "the store has no such snap"
	noSuchCharm = "the store has no such charm"
	goneSnap    = noSuchSnap + " any more, and the bundle states that it is gone"
)

// item returns the withdrawal as a bundle holds it.
func (w *Withdrawal) item() *bundle.Withdrawal {
	return &bundle.Withdrawal{
		WithdrawalConfig: bundle.WithdrawalConfig{Kind: w.Kind, Name: w.Name, ID: w.ID, Reason: w.Reason}, Assertions: w.assertions,
	}
}

// addAbsent records that the store does not know the snap of a query. It returns gaps if that is an error. A snap that something needs is
// only stated to be gone if an earlier export had it: the names of content providers are often wrong. The reasons end with why.
func (p *planner) addAbsent(w *snapQuery, why string) []Gap {
	requested, known := w.need == nil, p.plan.Request.Exported[w.name] != ""
	switch {
	case p.plan.Request.Withdrawn == WithdrawnError && (requested || known || w.need.essential):
		return w.absentGaps(noSuchSnap + why)
	case requested && known:
		p.withdraw(w.name, Gap{Snap: w.name, Reason: goneSnap + why})
	case requested:
		p.withdraw(w.name, Gap{Snap: w.name, Reason: "the store has no such snap, and the bundle states that it is gone; is the name right?" + why})
	case known:
		p.withdraw(w.name, w.absentGaps(goneSnap+why)...)
	default:
		p.plan.Gaps = append(p.plan.Gaps, w.absentGaps(noSuchSnap+why)...)
	}
	return nil
}

// addUnknown records that the store does not know the snap of a query. A private snap is unknown to anybody who does not name its store. It
// is not said to be gone.
func (p *planner) addUnknown(w *snapQuery, why string) ([]Gap, error) {
	store := p.plan.Request.ExportedPrivate[w.name]
	switch {
	case w.optional != "":
		p.plan.Gaps = append(p.plan.Gaps, Gap{Snap: w.name, Reason: w.optional + ", and the store does not give it" + why})
		return nil, nil
	case w.need == nil && store != "" && p.plan.views.of(store) == nil:
		return nil, &PrivateError{[]string{w.name}, map[string]string{w.name: store}}
	}
	return p.addAbsent(w, why), nil
}

// withdraw plans the statement that a snap is gone from the store, and records its gaps.
func (p *planner) withdraw(name string, gaps ...Gap) {
	for _, g := range gaps {
		if !slices.Contains(p.plan.Gaps, g) {
			p.plan.Gaps = append(p.plan.Gaps, g)
		}
	}
	if !slices.ContainsFunc(p.plan.Withdrawals, func(w *Withdrawal) bool { return w.Name == name }) {
		w := &Withdrawal{Kind: bundle.WithdrawnSnap, Name: name, ID: p.plan.Request.Exported[name], Reason: bundle.ReasonGone}
		p.plan.Withdrawals = append(p.plan.Withdrawals, w)
	}
}

// validateWithdrawals returns an error if the plan has nothing but names that no export ever had: they are probably misspelled.
func (p *planner) validateWithdrawals() error {
	var unknown []Gap
	for _, w := range p.plan.Withdrawals {
		if w.ID == "" {
			unknown = append(unknown, Gap{Snap: w.Name, Reason: noSuchSnap})
		}
	}
	others := len(p.snaps) > 0 || p.plan.Request.Charms != nil || len(unknown) < len(p.plan.Withdrawals)
	if len(unknown) == 0 || others || p.plan.Request.Withdrawn == WithdrawnWarn {
		return nil
	}
	slices.SortFunc(unknown, func(a, b Gap) int { return strings.Compare(a.Snap, b.Snap) })
	return &MissingError{unknown}
}

// isClosed reports whether a query is about closed channels, so that the bundle states that they are closed. A snap that was never
// released for any of the architectures is missing instead.
func (p *planner) isClosed(w *snapQuery) bool {
	if w.revision > 0 || p.plan.Request.Withdrawn == WithdrawnError {
		return false
	}
	s := p.snaps[w.name]
	if len(s.rows.Rows()) == 0 {
		return false // the store has refused the request
	}
	return p.plan.Request.Exported[w.name] != "" || slices.ContainsFunc(w.archs, func(arch string) bool { return s.releasedIn.has(arch) })
}

// withdrawals fetches the declarations of withdrawn snaps, and finds planned snaps whose declarations are revoked.
func (f *fetcher) withdrawals(p *Plan) error {
	for _, w := range p.Withdrawals {
		if err := f.withdrawal(w); err != nil {
			return fmt.Errorf("%s: assertions: %w", w.Name, err)
		}
	}
	for _, s := range slices.Clone(p.Snaps) {
		revoked, err := f.isRevoked(s.Listing.SnapID)
		if err != nil {
			return fmt.Errorf("%s: assertions: %w", s.Listing.Name, err)
		}
		if !revoked {
			continue
		}
		if err := p.revoke(f, s); err != nil {
			return err
		}
	}
	return nil
}

// withdrawal fetches the declaration of a snap that is gone. If it is revoked, the bundle carries it.
func (f *fetcher) withdrawal(w *Withdrawal) error {
	if w.ID == "" {
		return nil
	}
	revoked, err := f.isRevoked(w.ID)
	if errors.Is(err, upstream.ErrNotFound) {
		return nil
	}
	if err != nil || !revoked {
		return err
	}
	w.Reason = bundle.ReasonRevoked
	w.assertions, err = f.stream(declarationRef(w.ID))
	return err
}

// isRevoked reports whether a snap's declaration has lost its name.
func (f *fetcher) isRevoked(snapID string) (bool, error) {
	all, err := f.getAssertions(declarationRef(snapID))
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(all, func(a *assertion.Assertion) bool { return a.HeaderString("snap-name") == "" }), nil
}

// revoke replaces a planned snap whose declaration is revoked with the statement of it, and records a gap.
func (p *Plan) revoke(f *fetcher, s *Snap) error {
	w := &Withdrawal{Kind: bundle.WithdrawnSnap, Name: s.Listing.Name, ID: s.Listing.SnapID, Reason: bundle.ReasonRevoked}
	gap := Gap{Snap: w.Name, NeededBy: strings.Join(s.NeededBy, ", "), Reason: "its snap-declaration is revoked, and the bundle carries only that"}
	if p.Request.Withdrawn == WithdrawnError {
		return p.blame(w.Name, &MissingError{[]Gap{gap}})
	}
	var err error
	if w.assertions, err = f.stream(declarationRef(w.ID)); err != nil {
		return fmt.Errorf("%s: assertions: %w", w.Name, err)
	}
	p.Withdrawals, p.Gaps = append(p.Withdrawals, w), append(p.Gaps, gap)
	p.Snaps = slices.DeleteFunc(p.Snaps, func(have *Snap) bool { return have == s })
	return nil
}

// acceptsWithdrawn reports whether the bundle may state that charms are withdrawn.
func (p *charmPlanner) acceptsWithdrawn() bool { return p.plan.Request.Withdrawn != WithdrawnError }

// wasExported reports whether an earlier export had a charm or charm bundle of this name.
func (p *charmPlanner) wasExported(name string) bool {
	return p.plan.Request.ExportedCharms[name] != ""
}

// withdrawCharms plans the statements that charms are gone from the store. If the request has nothing but names that no export ever had,
// they are probably misspelled, and the charms stay missing.
func (p *charmPlanner) withdrawCharms() {
	known := len(p.charms) > 0 || slices.ContainsFunc(p.missing, func(g Gap) bool { return p.wasExported(g.Charm) })
	if !p.acceptsWithdrawn() || !known && p.plan.Request.Withdrawn != WithdrawnWarn {
		return
	}
	p.missing = slices.DeleteFunc(p.missing, func(g Gap) bool {
		if !p.absent[g.Charm] {
			return false
		}
		reason := noSuchCharm + ", and the bundle states that it is gone; is the name right?"
		if p.wasExported(g.Charm) {
			reason = noSuchCharm + " any more, and the bundle states that it is gone"
		}
		reason += strings.TrimPrefix(g.Reason, noSuchCharm)
		p.plan.Withdrawals = append(p.plan.Withdrawals, &Withdrawal{Kind: bundle.WithdrawnCharm, Name: g.Charm, Reason: bundle.ReasonGone})
		p.gap(Gap{Charm: g.Charm, Reason: reason})
		return true
	})
}

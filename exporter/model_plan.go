package exporter

import (
	"errors"
	"fmt"

	"offlinestore/assertion"
	"offlinestore/upstream"
)

// addModels plans the requested models.
func (p *planner) addModels() error {
	p.preferred = make(map[string]string)
	for i := range p.plan.Request.Models {
		if err := p.addModel(&p.plan.Request.Models[i]); err != nil {
			return err
		}
	}
	return nil
}

// addModel plans a model with all its snaps. It verifies the model first. Its validation sets and its architecture are part of the request.
func (p *planner) addModel(requested *Model) error {
	a, archs := requested.Assertion, requested.Architectures
	if len(archs) == 0 {
		archs = p.plan.Request.Architectures
	}
	m, err := a.Model()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	if err := p.verifyModel(a); err != nil {
		return err
	}
	if err := p.addModelStore(m); err != nil {
		return err
	}
	p.plan.Assertions = append(p.plan.Assertions, &Assertion{Ref: a.Ref(), planned: a})
	var queries []*snapQuery
	for _, s := range m.Snaps {
		p.preferred[s.Name] = s.Channel
		if archs := p.plan.Request.among(s.Name, archs); len(archs) > 0 {
			q := &snapQuery{name: s.Name, channel: s.Channel, archs: archs}
			if s.Optional {
				q.optional = "the model names it as optional"
			}
			queries = append(queries, q)
		}
	}
	if err := p.explainStore(m.Store, p.addSnaps(queries)); err != nil {
		return err
	}
	for _, id := range m.SerialAuthorities {
		if id != "generic" && id != m.Brand {
			p.plan.Warnings = append(p.plan.Warnings, fmt.Sprintf("%s lets the account %s sign serials: its keys are not part of the model, export them, too", a.Ref().Name(), id))
		}
	}
	return p.compareModel(a, m)
}

// verifyModel verifies a model up to the root, with the assertions of the store.
func (p *planner) verifyModel(a *assertion.Assertion) error {
	f := p.e.newFetcher(p.ctx)
	f.have[a.Ref().Key()] = assertionAnswer{list: []*assertion.Assertion{a}}
	stream, err := f.stream(a.Ref())
	if errors.Is(err, upstream.ErrNotFound) {
		return &MissingError{[]Gap{{Snap: a.Ref().Name(), Reason: fmt.Sprintf("the store lacks what proves it; is the key registered? %v", err)}}}
	}
	if err == nil {
		err = f.verifyStream(stream)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", a.Ref().Name(), err)
	}
	return nil
}

// explainStore adds to an error about snaps that the store does not know that they may be private to the model's store.
func (p *planner) explainStore(store string, err error) error {
	var missing *MissingError
	if store != "" && errors.As(err, &missing) {
		for i, g := range missing.Gaps {
			if g.Channel != "" || g.Revision != 0 {
				continue // the snap is known
			}
			if p.plan.views.of(store) == nil {
				missing.Gaps[i].Reason += fmt.Sprintf("; it may be private to the model's store %s: log in as a member of it", store)
			} else {
				missing.Gaps[i].Reason += fmt.Sprintf("; neither has the model's store %s, as far as the login sees it", store)
			}
		}
	}
	return err
}

// compareModel compares a model with the planned snaps. It refuses a snap with another snap-id, and reports a component that a revision lacks.
func (p *planner) compareModel(a *assertion.Assertion, m *assertion.Model) error {
	for _, want := range m.Snaps {
		s := p.snaps[want.Name]
		if s == nil {
			continue
		}
		if want.SnapID != "" {
			if err := s.compareID(a.Ref().Name(), want.SnapID); err != nil {
				return err
			}
		}
		for _, r := range s.Revisions {
			for _, c := range want.Components {
				if _, ok := r.Component(c.Name, 0); !ok {
					p.plan.Gaps = append(p.plan.Gaps, Gap{Snap: want.Name + "+" + c.Name, NeededBy: a.Ref().Name(),
						Reason: fmt.Sprintf("the model names it (%s), and revision %d has none", c.Presence, r.Revision.Number)})
				}
			}
		}
	}
	return nil
}

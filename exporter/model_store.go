package exporter

import (
	"errors"
	"fmt"

	"offlinestore/assertion"
	"offlinestore/upstream"
)

// addModelStore plans the store that a model names, and lets the planner see its snaps and the ones of its friendly stores. Without a login,
// or with one that does not administer the store, it plans only the store assertion.
func (p *planner) addModelStore(m *assertion.Model) error {
	if m.Store == "" || m.Store == upstream.GlobalStore || p.plan.views.of(m.Store) != nil {
		return nil
	}
	if err := upstream.ValidateStoreID(m.Store); err != nil {
		return fmt.Errorf("%w: the model %s: %w", ErrConflict, m.Name, err)
	}
	own, err := p.storeAssertion(m.Store)
	if err != nil {
		return err
	}
	stores, err := p.readModelStores(m.Store, own)
	if err != nil {
		return err
	}
	if len(stores) > 0 {
		return p.planStores(stores)
	}
	if own != nil {
		p.plan.Assertions = append(p.plan.Assertions, &Assertion{Ref: own.Ref(), planned: own})
	}
	return nil
}

// readModelStores returns the store of a model with its parents, as far as the login administers it.
func (p *planner) readModelStores(id string, own *assertion.Assertion) ([]*upstream.BrandStore, error) {
	if p.e.Dashboard == nil {
		return nil, nil
	}
	stores, err := p.readStores(id)
	if role := (*upstream.RoleError)(nil); errors.As(err, &role) {
		p.plan.Warnings = append(p.plan.Warnings, fmt.Sprintf("the bundle goes without the description of the model's store: %v", err))
		err = nil
	}
	if err != nil {
		return nil, err
	}
	view := p.openView(id, stores)
	if own == nil {
		return stores, nil
	}
	friends, _ := own.Header("friendly-stores").([]any)
	if len(friends) > maxStores {
		return nil, storeError("store %s: more than %d friendly stores", id, maxStores)
	}
	for _, friend := range friends {
		name, _ := friend.(string)
		if upstream.ValidateStoreID(name) != nil {
			continue // it has no private snaps
		}
		b, err := p.e.Dashboard.BrandStore(p.ctx, name)
		if role := (*upstream.RoleError)(nil); errors.As(err, &role) {
			continue // the store itself gives its snaps; they are then marked with the model's store
		}
		if err != nil {
			return nil, &StoreError{err}
		}
		p.plan.views.addStore(view, b)
	}
	return stores, nil
}

package registrar

import (
	"context"

	"offlinestore/catalog"
)

// reserve keeps a new serial from other requests to this server, and returns the plan for it. If another request has it, the plan has a UUID in
// its place.
func (r *Registrar) reserve(p *Proof, plan catalog.SerialPlan) (_ catalog.SerialPlan, release func()) {
	if plan.Revision > 0 {
		return plan, func() {}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	name := [3]string{p.BrandID, p.Model, plan.Serial}
	if plan.Serial == "" || r.names[name] {
		plan.Serial = newUUID()
		return plan, func() {}
	}
	r.names[name] = true
	return plan, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.names, name)
	}
}

// deviceTurn lets the requests of a device be signed one after another: each changes the revision of the device's serial.
type deviceTurn struct {
	turn  chan struct{}
	users int
}

// lockDevice waits until no other request of a device is being signed here. It reports whether there was one.
func (r *Registrar) lockDevice(ctx context.Context, p *Proof) (waited bool, unlock func(), err error) {
	key := [3]string{p.BrandID, p.Model, p.wish.DeviceKey}
	r.mu.Lock()
	d := r.devices[key]
	if d == nil {
		d = &deviceTurn{turn: make(chan struct{}, 1)}
		r.devices[key] = d
	}
	waited = d.users > 0
	d.users++
	r.mu.Unlock()
	leave := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if d.users--; d.users == 0 {
			delete(r.devices, key)
		}
	}
	select {
	case d.turn <- struct{}{}:
		return waited, func() { <-d.turn; leave() }, nil
	case <-ctx.Done():
		leave()
		return waited, nil, ErrBusy
	}
}

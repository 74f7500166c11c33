package receiver

import (
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
)

// Assume tells which bundles of the ledger an increment relies on, without a word from the receiver.
type Assume struct {
	// Delivered relies on all bundles but the last Overlap ones.
	Delivered bool
	Overlap   int
}

// Reliance knows the blobs that a receiver should have.
type Reliance struct {
	receiver string
	basis    bundle.Basis
	// held maps a blob to the last bundle that carried it.
	held       map[digest.Digest]int
	deliveries []Delivery
}

// Reliance returns the blobs that the receiver should have. The error may be a DamageError.
func (r *Receiver) Reliance(a Assume) (*Reliance, error) {
	list, err := r.Deliveries()
	if err != nil {
		return nil, err
	}
	out := &Reliance{receiver: r.Name, basis: bundle.Assumption, held: make(map[digest.Digest]int), deliveries: list}
	if !a.Delivered {
		return out, nil
	}
	for i := range list[:max(0, len(list)-a.Overlap)] {
		for _, d := range list[i].Blobs {
			out.held[d] = i
		}
	}
	return out, nil
}

// Len returns the number of blobs that the receiver should have.
func (r *Reliance) Len() int { return len(r.held) }

// Has reports whether the receiver should have a blob.
func (r *Reliance) Has(d digest.Digest) bool {
	_, ok := r.held[d]
	return ok
}

// Increment returns the statement about an increment that leaves out these blobs, in their order.
func (r *Reliance) Increment(expects []digest.Digest) *bundle.Increment {
	in := &bundle.Increment{Receiver: r.receiver}
	if n := len(r.deliveries); n > 0 {
		previous := r.deliveries[n-1].carried()
		in.Previous = &previous
	}
	if len(expects) == 0 {
		return in
	}
	in.Basis = r.basis
	blobs := make(map[int][]int)
	for position, d := range expects {
		if i, ok := r.held[d]; ok {
			blobs[i] = append(blobs[i], position)
		}
	}
	for i := range r.deliveries {
		if list := blobs[i]; len(list) > 0 {
			c := r.deliveries[i].carried()
			c.Blobs = list
			in.Carried = append(in.Carried, c)
		}
	}
	// A statement names a bounded number of bundles: the newest ones.
	in.Carried = slices.Clip(in.Carried[max(0, len(in.Carried)-bundle.MaxCarried):])
	return in
}

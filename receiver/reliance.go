package receiver

import (
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/receipt"
)

// Assume tells on which blobs an increment relies.
type Assume struct {
	// Nothing relies on nothing, not even on a receipt.
	Nothing bool
	// Delivered relies on all bundles of the ledger but the last Overlap ones, without a word from the receiver.
	Delivered bool
	Overlap   int
}

// Reliance knows the blobs that a receiver should have.
type Reliance struct {
	receiver string
	basis    bundle.Basis
	// held maps a blob to the last bundle that carried it, if that counts.
	held       map[digest.Digest]int
	deliveries []Delivery
	// receipt is nil if the receiver has sent none that counts, and receiptDigest the digest of its file.
	receipt       *receipt.Receipt
	receiptDigest digest.Digest
	// carriers maps each blob of the ledger to the last bundle that carried it.
	carriers map[digest.Digest]int
}

// Reliance returns the blobs that the receiver should have. The error may be a DamageError.
func (r *Receiver) Reliance(a Assume) (*Reliance, error) {
	list, err := r.Deliveries()
	if err != nil {
		return nil, err
	}
	out := &Reliance{receiver: r.Name, held: make(map[digest.Digest]int), carriers: make(map[digest.Digest]int), deliveries: list}
	for i := range list {
		for _, d := range list[i].Blobs {
			out.carriers[d] = i
		}
	}
	if a.Nothing {
		return out, nil
	}
	out.basis = bundle.Receipt
	if out.receipt, out.receiptDigest, err = r.Receipt(); err != nil {
		return nil, err
	}
	if a.Delivered {
		out.basis = bundle.Assumption
		for i := range list[:max(0, len(list)-a.Overlap)] {
			for _, d := range list[i].Blobs {
				out.held[d] = i
			}
		}
	}
	return out, nil
}

// Len returns the number of blobs that the receiver should have. A blob may count twice if it is in a receipt and in the ledger.
func (r *Reliance) Len() int {
	n := len(r.held)
	if r.receipt != nil {
		n += r.receipt.Blobs.Len()
	}
	return n
}

// Has reports whether the receiver should have a blob.
func (r *Reliance) Has(d digest.Digest) bool {
	if _, ok := r.held[d]; ok {
		return true
	}
	return r.receipt != nil && r.receipt.Blobs.Has(d)
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
	in.Basis, in.Receipt = r.basis, r.receiptDigest
	blobs := make(map[int][]int)
	for position, d := range expects {
		if i, ok := r.carriers[d]; ok {
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

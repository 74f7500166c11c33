package server

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"offlinestore/assertion"
	"offlinestore/snap"
)

// control is a special assertion, with its effect on other snaps.
type control struct {
	*indexedAssertion
	// gated are the snaps whose refreshes the snap of a declaration controls. approved is the approval of a validation, or empty.
	gated    []string
	approved string
}

// arrangeSpecial derives what follows from the special assertions.
func (b *builder) arrangeSpecial() error {
	if !b.hasNewSpecial && !b.isWhole {
		return nil
	}
	b.controls, b.pins = nil, make(map[string][]setPin)
	for key, a := range b.special {
		decoded, err := assertion.Decode(a.kept)
		switch a.typ {
		case "validation":
			if err == nil && decoded.HeaderString("revoked") != "true" { // no device accepts one that can't be read, so it approves nothing
				b.controls = append(b.controls, control{indexedAssertion: a, approved: strings.Join(a.key[1:], "/")})
			}
		case "validation-set":
			if err == nil {
				b.addPins(key, decoded)
			}
		case "snap-declaration":
			if err != nil {
				return fmt.Errorf("index assertion %s: %w", a.ref(), err)
			}
			var ids []string
			gated, _ := decoded.Header("refresh-control").([]any)
			for _, v := range gated {
				if id, ok := v.(string); ok {
					ids = append(ids, id)
				}
			}
			b.controls = append(b.controls, control{indexedAssertion: a, gated: ids})
		}
	}
	return nil
}

// addPins notes the snaps of a validation set. No device accepts a set that can't be read.
func (b *builder) addPins(key string, set *assertion.Assertion) {
	snaps, err := set.SetSnaps()
	if err != nil {
		return
	}
	for _, s := range snaps {
		b.pins[s.SnapID] = append(b.pins[s.SnapID], setPin{key, s})
	}
}

// addGates notes the snaps that control the refreshes of others, and the revisions that they approve.
func (ix *index) addGates() {
	ix.gates, ix.approved = make(map[string][]string), make(map[string]bool)
	for _, c := range ix.controls {
		if !ix.seesAssertion(c.indexedAssertion) {
			continue
		}
		for _, id := range c.gated {
			ix.gates[id] = append(ix.gates[id], c.key[1])
		}
		if c.approved != "" {
			ix.approved[c.approved] = true
		}
	}
}

// gatesAmong returns the installed snaps that control the refreshes of sn.
func (ix *index) gatesAmong(sn *indexedSnap, installed func(snapID string) bool) (gates []string) {
	for _, id := range ix.gates[sn.SnapID] {
		if installed(id) {
			gates = append(gates, id)
		}
	}
	return gates
}

// gates returns the snaps of the device that control the refresh of an installed snap.
func (c *refreshCall) gates(sn *indexedSnap, a *snap.Action, installed *snap.Installed) []string {
	ignored := installed.IgnoreValidation
	if a.IgnoreValidation != nil {
		ignored = *a.IgnoreValidation
	}
	if ignored {
		return nil
	}
	return c.ix.gatesAmong(sn, func(id string) bool {
		return slices.ContainsFunc(c.req.Context, func(in snap.Installed) bool { return in.SnapID == id })
	})
}

// usable knows the revisions of a snap that a device can use.
type usable struct {
	ix     *index
	snapID string
	epoch  *snap.Epoch // of the data on the device, if there is any
	have   int         // the installed revision, or 0
	gates  []string    // the snaps that have to approve another revision
}

// revision reports whether the device can use a revision: it reads the data, and is approved unless the device has it.
func (u usable) revision(r *indexedRevision) bool {
	if u.epoch != nil && !r.epoch.CanRead(*u.epoch) {
		return false
	}
	for _, gate := range u.gates {
		if r.number != u.have && !u.ix.approved[gate+"/"+u.snapID+"/"+strconv.Itoa(r.number)] {
			return false
		}
	}
	return true
}

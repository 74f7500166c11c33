package server

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"offlinestore/assertion"
	"offlinestore/snap"
)

// addGates notes the snaps that control the refreshes of others, and the revisions that they approve, of the assertions of this layer.
func (ix *index) addGates() error {
	for _, list := range ix.assertions.own {
		a := list[0]
		isValidation := a.Type == "validation"
		if !isValidation && (a.Type != "snap-declaration" || !bytes.Contains(a.Raw, []byte("\nrefresh-control:"))) {
			continue
		}
		decoded, err := assertion.Decode(a.Raw)
		if err != nil && isValidation {
			continue // no device accepts it, so it approves nothing
		}
		if err != nil {
			return fmt.Errorf("index assertion %s: %w", a.ref(), err)
		}
		if isValidation {
			if decoded.HeaderString("revoked") != "true" {
				ix.approved.set(strings.Join(a.PrimaryKey[1:], "/"), true)
			}
			continue
		}
		gated, _ := decoded.Header("refresh-control").([]any)
		for _, v := range gated {
			if id, ok := v.(string); ok {
				ix.gates.set(id, append(slices.Clone(ix.gates.get(id)), a.PrimaryKey[1]))
			}
		}
	}
	return nil
}

// gatesAmong returns the installed snaps that control the refreshes of sn.
func (ix *index) gatesAmong(sn *indexedSnap, installed func(snapID string) bool) (gates []string) {
	for _, id := range ix.gates.get(sn.SnapID) {
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
	if u.epoch != nil && !r.Epoch.CanRead(*u.epoch) {
		return false
	}
	for _, gate := range u.gates {
		if r.number() != u.have && !u.ix.approved.get(gate+"/"+u.snapID+"/"+strconv.Itoa(r.number())) {
			return false
		}
	}
	return true
}

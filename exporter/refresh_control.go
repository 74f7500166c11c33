package exporter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"offlinestore/assertion"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// maxGated bounds the snaps whose refreshes one snap controls.
const maxGated = 200

// validations returns the references of the validation assertions that travel with s: its publisher's approvals of revisions of the snaps
// whose refreshes s controls. Devices that have s refresh those snaps only to approved revisions. A missing approval is a warning.
func (f *fetcher) validations(p *Plan, s *Snap) ([]assertion.Ref, error) {
	declarations, err := f.getAssertions(declarationRef(s.Listing.SnapID))
	if err != nil {
		return nil, err
	}
	list, _ := declarations[0].Header("refresh-control").([]any)
	if len(list) > maxGated {
		return nil, storeError("%s controls the refreshes of %d snaps, more than %d", s.Listing.Name, len(list), maxGated)
	}
	var refs []assertion.Ref
	for _, item := range list {
		id, _ := item.(string)
		if snap.ValidateID(id) != nil {
			continue // devices ignore it, too
		}
		name, revisions, err := f.gated(p, id)
		if err != nil {
			return nil, err
		}
		for _, n := range revisions {
			ref := assertion.Ref{Type: "validation", PrimaryKey: []string{snap.Series, s.Listing.SnapID, id, strconv.Itoa(n)}}
			found, err := f.getAssertions(ref)
			if errors.Is(err, upstream.ErrNotFound) || err == nil && found[0].HeaderString("revoked") == "true" {
				f.e.Progress.Warn(fmt.Sprintf("%s controls the refreshes of %s and does not approve its revision %d: devices that have %[1]s will not refresh to it", s.Listing.Name, name, n))
			}
			if err == nil {
				refs = append(refs, ref)
			} else if !errors.Is(err, upstream.ErrNotFound) {
				return nil, err
			}
		}
	}
	return refs, nil
}

// gated returns the name and the revisions of a snap whose refreshes another snap controls: the planned revisions, or the revisions in the
// requested channels if the snap is not planned.
func (f *fetcher) gated(p *Plan, id string) (name string, revisions []int, err error) {
	for _, s := range p.Snaps {
		if s.Listing.SnapID == id {
			for _, r := range s.Revisions {
				revisions = append(revisions, r.Revision.Number)
			}
			return s.Listing.Name, revisions, nil
		}
	}
	declarations, err := f.getAssertions(declarationRef(id))
	if errors.Is(err, upstream.ErrNotFound) {
		return id, nil, nil // no device has it from this store
	}
	if err != nil {
		return "", nil, err
	}
	name = declarations[0].HeaderString("snap-name")
	if snap.ValidateName(name) != nil {
		return name, nil, nil // it was revoked
	}
	revisions, err = f.offeredRevisions(p, name)
	return name, revisions, err
}

// offeredRevisions returns the revisions of a snap that the devices of each store get in the channels of the request.
func (f *fetcher) offeredRevisions(p *Plan, name string) ([]int, error) {
	found := make(map[int]bool)
	var actions []snap.Action
	for _, c := range p.Request.Channels {
		actions = append(actions, snap.Action{Name: name, Channel: c})
	}
	for _, arch := range p.Request.Architectures {
		for _, client := range f.clients {
			results, err := client.Resolve(f.ctx, arch, actions)
			if err != nil {
				return nil, &StoreError{err}
			}
			for _, r := range results {
				if r.Error == nil && r.Snap != nil {
					found[r.Snap.Revision.Number] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

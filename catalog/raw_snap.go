package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/snap"
)

// RawSnap is a snap as the tables have it, before its JSON is decoded. A server keeps the snaps of a large catalogue in this form.
type RawSnap struct {
	SnapID, Name, DefaultTrack, Store string
	Icon                              *Icon
	Details                           []byte
	// Revisions are sorted by number.
	Revisions []RawRevision
	// ChannelMap and Overrides are sorted as in Snap.
	ChannelMap, Overrides []snap.Release
	// History and Overridden have the newest event first.
	History, Overridden []Event
	// Hold is the hold in force, or nil.
	Hold *RawHold
}

// RawRevision is a revision of a RawSnap. Contents is null if they are unknown.
type RawRevision struct {
	Number         int
	Item, Contents []byte
	Blob           digest.Digest
	// Resources are the blobs of components, and then of integrity data.
	Resources []digest.Digest
	// Components are the files that bundles named for the revision, and that are not in Resources.
	Components []RawComponent
}

// RawComponent is a file of a component. Item describes it, or is empty.
type RawComponent struct {
	ComponentFile
	Item []byte
}

// RawHold has the rows of a hold, and the last import before it.
type RawHold struct {
	Import int64
	Rows   []byte
}

// Decode returns the snap.
func (r *RawSnap) Decode() (*Snap, error) {
	s, err := r.Listing()
	if err != nil {
		return nil, err
	}
	for i := range r.Revisions {
		rev, err := r.Revisions[i].decode()
		if err != nil {
			return nil, fmt.Errorf("snap %s revision %d: %w", r.SnapID, r.Revisions[i].Number, err)
		}
		s.Revisions = append(s.Revisions, rev)
	}
	return s, s.addEvents(r)
}

// Listing returns the snap without its revisions and releases.
func (r *RawSnap) Listing() (*Snap, error) {
	s := &Snap{Name: r.Name, SnapID: r.SnapID, DefaultTrack: r.DefaultTrack, Store: r.Store, Icon: r.Icon}
	if err := json.Unmarshal(r.Details, &s.Details); err != nil {
		return nil, fmt.Errorf("snap %s: %w", r.Name, err)
	}
	return s, nil
}

// addEvents adds the releases, the history and the hold to a snap with its revisions.
func (s *Snap) addEvents(r *RawSnap) error {
	s.ChannelMap, s.Overrides = r.ChannelMap, r.Overrides
	for _, e := range r.History {
		s.History = append(s.History, e.Release)
	}
	for _, e := range r.Overridden {
		if e.Revision > 0 { // a device that got it may ask for it by number
			s.History = append(s.History, e.Release)
		}
	}
	s.Imported, s.Overridden = sortedEvents(r.History), sortedEvents(r.Overridden)
	if r.Hold != nil {
		return s.hold(r.Hold)
	}
	return nil
}

// Revision returns the revision with a number.
func (r *RawSnap) Revision(number int) (*SnapRevision, error) {
	for i := range r.Revisions {
		if raw := &r.Revisions[i]; raw.Number == number {
			rev, err := raw.decode()
			return &rev, err
		}
	}
	return nil, fmt.Errorf("snap %s has no revision %d", r.Name, number)
}

func (raw *RawRevision) decode() (rev SnapRevision, err error) {
	rev.Blob = raw.Blob
	if err := cmp.Or(json.Unmarshal(raw.Item, &rev.Revision), json.Unmarshal(raw.Contents, &rev.Revision.Contents)); err != nil {
		return rev, err
	}
	for i, d := range raw.Resources {
		if i < len(rev.Resources) {
			rev.ResourceBlobs = append(rev.ResourceBlobs, d)
		} else {
			rev.IntegrityBlobs = append(rev.IntegrityBlobs, d)
		}
	}
	for _, c := range raw.Components {
		rev.OlderComponents = append(rev.OlderComponents, c.ComponentFile)
		if len(c.Item) == 0 {
			continue
		}
		var described snap.Resource
		if err := json.Unmarshal(c.Item, &described); err != nil {
			return rev, fmt.Errorf("component %s: %w", c.Name, err)
		}
		rev.Further = append(rev.Further, described)
	}
	return rev, nil
}

// sortedEvents returns events by their IDs.
func sortedEvents(list []Event) []Event {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Event) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

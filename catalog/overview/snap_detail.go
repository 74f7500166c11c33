package overview

import (
	"fmt"
	"slices"
	"time"

	"offlinestore/catalog"
)

// SnapDetail is a snap with the origin of its revisions.
type SnapDetail struct {
	Name      string `json:"name"`
	SnapID    string `json:"snap-id"`
	Title     string `json:"title"`
	Publisher string `json:"publisher"`
	// Store is the store that the snap is private to, and Stores are the stores that have it.
	Store     string               `json:"store,omitempty"`
	Stores    []string             `json:"stores"`
	Revisions []SnapRevisionDetail `json:"revisions"`
	Channels  []SnapChannel        `json:"channels"`
	// Hold is a line about the hold of the snap, empty for none.
	Hold string `json:"hold,omitempty"`
}

// SnapRevisionDetail is a revision and its origin.
type SnapRevisionDetail struct {
	Revision      int      `json:"revision"`
	Version       string   `json:"version"`
	Architectures []string `json:"architectures"`
	Size          int64    `json:"size"`
	Components    []string `json:"components"`
	Origin
}

// SnapChannel is a row that devices are served from.
type SnapChannel struct {
	Channel      string `json:"channel"`
	Architecture string `json:"architecture"`
	Revision     int    `json:"revision"`
	ReleasedAt   string `json:"released-at,omitempty"`
}

// Origin is the import that brought an item. It is empty if the history does not know it any more.
type Origin struct {
	Bundle     string `json:"bundle,omitempty"`
	File       string `json:"file,omitempty"`
	ImportedAt string `json:"imported-at,omitempty"`
}

// originOf returns a record of the history as an origin.
func originOf(r catalog.Record) Origin {
	return Origin{r.Bundle.String(), r.Name, r.ImportedAt.UTC().Format(time.RFC3339)}
}

// DescribeSnap describes a snap of a catalogue. The records are the whole history, newest first.
func DescribeSnap(cat *catalog.Snapshot, s *catalog.Snap, records []catalog.Record) *SnapDetail {
	origins := make(map[int]Origin)
	for _, rec := range slices.Backward(records) { // the newest import of a revision, since an earlier one was removed
		for _, r := range rec.Report.SnapRevisions {
			if r.Snap == s.Name {
				origins[r.Revision] = originOf(rec)
			}
		}
	}
	out := &SnapDetail{Name: s.Name, SnapID: s.SnapID, Title: s.Details.Title, Publisher: s.Details.Publisher.DisplayName,
		Store: s.Store, Stores: storesOf(cat, s), Revisions: []SnapRevisionDetail{}, Channels: []SnapChannel{}, Hold: HoldLine(cat, s.Name, false)}
	for _, r := range s.Revisions {
		v := SnapRevisionDetail{Revision: r.Revision.Number, Version: r.Version, Architectures: r.Architectures, Size: r.Download.Size,
			Components: []string{}, Origin: origins[r.Revision.Number]}
		for _, c := range r.Components() {
			v.Components = append(v.Components, fmt.Sprintf("%s %d", c.Name, c.Revision))
		}
		out.Revisions = append(out.Revisions, v)
	}
	for _, row := range s.Served() {
		out.Channels = append(out.Channels, SnapChannel{row.Channel, row.Architecture, row.Revision, row.ReleasedAt})
	}
	return out
}

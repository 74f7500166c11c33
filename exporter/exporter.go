// Package exporter turns an operator's wish into bundles: it plans against the store's own answers, fetches what the plan
// names, verifies each byte and assertion up to the trusted root, and hands out drafts of bundles.
//
// What a snap needs to run (its base, snapd, its default content providers) is planned along with it, so that what is
// missing is found on this side of the gap.
package exporter

import (
	"fmt"
	"slices"

	"offlinestore/assertion"
	"offlinestore/channel"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// Exporter has what planning and fetching need.
type Exporter struct {
	Client *upstream.Client
	Cache  *Cache
	Trust  *assertion.Trust
	// Jobs is how many blobs are downloaded at once; 0 is 4.
	Jobs     int
	Progress Progress
}

// Progress is told how an export goes on. Its methods may be called by several goroutines at once.
type Progress interface {
	// Downloading says that a blob is about to be fetched: "jq revision 6 (latest/stable amd64)".
	Downloading(what string)
	// Add says that n more bytes of the planned payload are in the cache; a negative n, that they are not after all.
	Add(n int64)
	// Warn says what goes wrong without spoiling the export.
	Warn(text string)
}

// Request is what the operator asks for.
type Request struct {
	// Names are the snaps to export from Channels.
	Names []string
	// Packages are single revisions, or snaps of which a channel is decided here.
	Packages      []Package
	Channels      []string
	Architectures []string
	// NoDeps leaves out what the snaps need, NoIcons their pictures.
	NoDeps, NoIcons bool
}

// Package is one entry of a --from-yaml file.
type Package struct {
	Name string `yaml:"name"`
	// Revision is 0 for what the channels hold.
	Revision int `yaml:"revision"`
	// PushChannel is the channel that the receiver puts the revision into, or empty.
	PushChannel string `yaml:"push_channel"`
}

// Validate says what is wrong with r.
func (r *Request) Validate() error {
	if len(r.Names)+len(r.Packages) == 0 {
		return fmt.Errorf("no snaps to export")
	}
	names := slices.Clone(r.Names)
	for _, p := range r.Packages {
		names = append(names, p.Name)
		if p.Revision < 0 || p.Revision > snap.MaxRevision {
			return fmt.Errorf("snap %s: revision %d: out of range", p.Name, p.Revision)
		}
		if p.PushChannel != "" {
			if _, err := channel.Parse(p.PushChannel); err != nil {
				return fmt.Errorf("snap %s: push_channel: %w", p.Name, err)
			}
		}
	}
	for _, n := range names {
		if err := snap.ValidateName(n); err != nil {
			return err
		}
	}
	for _, c := range r.Channels {
		if _, err := channel.Parse(c); err != nil {
			return err
		}
	}
	for _, a := range r.Architectures {
		if err := snap.ValidateArchitecture(a); err != nil {
			return err
		}
		if a == snap.All {
			return fmt.Errorf("architecture all: name the architectures of your devices; snaps for all of them come along")
		}
	}
	return nil
}

// Gap is something that the plan can't provide.
type Gap struct {
	Snap         string `json:"snap"`
	Architecture string `json:"architecture,omitempty"`
	Channel      string `json:"channel,omitempty"`
	Revision     int    `json:"revision,omitempty"`
	// NeededBy is the snap that asked for it, empty if the operator did.
	NeededBy string `json:"needed-by,omitempty"`
	Reason   string `json:"reason"`
}

// String is the gap as a sentence.
func (g Gap) String() string {
	s := g.Snap
	if g.Revision > 0 {
		s += fmt.Sprintf(" revision %d", g.Revision)
	}
	if g.Channel != "" {
		s += " " + g.Channel
	}
	if g.Architecture != "" {
		s += " for " + g.Architecture
	}
	if g.NeededBy != "" {
		s += " (needed by " + g.NeededBy + ")"
	}
	return s + ": " + g.Reason
}

// MissingError says that the store has nothing at all under the name of a snap that is asked for, or that one needs.
type MissingError struct{ Gap Gap }

func (e *MissingError) Error() string { return e.Gap.String() }

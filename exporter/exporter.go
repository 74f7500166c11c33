// Package exporter turns an operator's wish into bundles: it plans against the store's own answers, fetches what the plan
// names, verifies each byte and assertion up to the trusted root, and hands out builders of bundles.
//
// What a snap needs to run (its base, snapd, its default content providers) is planned along with it, so that what is
// missing is found on this side of the gap.
package exporter

import (
	"fmt"
	"slices"
	"time"

	"offlinestore/assertion"
	"offlinestore/channel"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// Exporter has what planning and fetching need.
type Exporter struct {
	// Client asks the Snap Store, Charmhub the store of charms; an export without charms needs no Charmhub.
	Client, Charmhub *upstream.Client
	// Registry says how to talk to the registries of charms' images.
	Registry upstream.RegistryConfig
	Cache    *Cache
	Trust    *assertion.Trust
	// Time is when the bundles will be signed, at which the receiver judges keys; zero is now.
	Time time.Time
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
	// Charms are what to export of Charmhub; nil is nothing.
	Charms *CharmRequest
}

// Package is one entry of a --from-yaml file.
type Package struct {
	Name string `yaml:"name"`
	// Revision is 0 for what the channels hold.
	Revision int `yaml:"revision"`
	// PushChannel is the channel that the receiver puts the revision into, or empty.
	PushChannel string `yaml:"push_channel"`
}

// maxNames bounds a request: a bundle holds no more items.
const maxNames = 10_000

func (p *Package) validatePush(channels int) error {
	if p.PushChannel == "" {
		return nil
	}
	if p.Revision == 0 && channels > 1 {
		return fmt.Errorf("which of %d channels is to be pushed there? Name a revision", channels)
	}
	_, err := channel.Parse(p.PushChannel)
	return err
}

// Validate says what is wrong with r.
func (r *Request) Validate() error {
	if r.Charms != nil {
		if err := r.Charms.Validate(); err != nil {
			return err
		}
	} else if len(r.Names)+len(r.Packages) == 0 {
		return fmt.Errorf("no snaps to export")
	}
	names := slices.Clone(r.Names)
	for _, p := range r.Packages {
		names = append(names, p.Name)
		if p.Revision < 0 || p.Revision > snap.MaxRevision {
			return fmt.Errorf("snap %s: revision %d: out of range", p.Name, p.Revision)
		}
		if err := p.validatePush(len(r.Channels)); err != nil {
			return fmt.Errorf("snap %s: push_channel: %w", p.Name, err)
		}
	}
	if len(names) > maxNames {
		return fmt.Errorf("%d snaps in one export, at most %d", len(names), maxNames)
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

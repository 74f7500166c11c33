// Package exporter turns an operator's request into bundles. It plans against the store's own answers, fetches the planned items, verifies
// each byte and assertion up to the trusted root, and returns builders of bundles.
//
// The dependencies of a snap (its base, snapd, its default content providers) are planned with it, so that a missing one is found on this
// side of the gap.
package exporter

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/channel"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// Exporter holds the clients, the cache and the settings of an export.
type Exporter struct {
	// Client asks the Snap Store, and Charmhub asks the store of charms. Charmhub may be nil if no charms are exported.
	Client, Charmhub *upstream.Client
	// Dashboard describes the stores of brands. It is nil without a login.
	Dashboard *upstream.Client
	// Registry configures access to the registries of images. Login returns the user name and the password of a registry, which are empty
	// for anonymous access; nil is anonymous. Charms bring logins of their own.
	Registry upstream.RegistryConfig
	Login    func(ctx context.Context, host string) (username, password string, err error)
	Cache    *Cache
	// Held reports whether a blob need not be in the bundle, because all of its receivers have it. Nil means that all blobs are needed.
	Held func(digest.Digest) bool
	// Brought reports whether the caller has a file of a charm, or a blob of an image, so that it is not downloaded. Nil means that none is.
	Brought func(digest.Digest) bool
	Trust   *assertion.Trust
	// Time is when the bundles will be signed. The receiver verifies keys at that time. Zero is now.
	Time time.Time
	// OptionalTime is the time that all fetches of one optional kind may take, such as all icons; 0 is ten seconds.
	OptionalTime time.Duration
	// Jobs is the number of concurrent downloads; 0 is 4.
	Jobs     int
	Progress Progress
}

// Progress receives the progress of an export. Several goroutines may call its methods at once.
type Progress interface {
	// Downloading announces the download of a blob: "jq revision 6 (latest/stable amd64)".
	Downloading(what string)
	// Add reports that n more bytes of the planned payload are in the cache. A negative n takes back an earlier report.
	Add(n int64)
	// Warn reports a problem that doesn't stop the export.
	Warn(text string)
}

// Request holds an operator's request.
type Request struct {
	// Names are the snaps to export from Channels.
	Names []string
	// Packages are single revisions, or snaps for which the operator decides a channel.
	Packages      []Package
	Channels      []string
	Architectures []string
	// NoDeps leaves out the snaps' dependencies, and NoIcons leaves out their icons.
	NoDeps, NoIcons bool
	// Withdrawn is the way to treat snaps that the store does not offer any more.
	Withdrawn WithdrawnMode
	// Exported maps the names of snaps in earlier exports to their snap-ids, and ExportedCharms the names of charms and charm bundles to
	// their IDs. Other names may be misspelled.
	Exported, ExportedCharms map[string]string
	// KeepGoing leaves out the parts of an image that can't be exported. Without lists further items to leave out.
	KeepGoing bool
	Without   []Item
	// Charms is the request to Charmhub, or nil.
	Charms *CharmRequest
	// Images are images that belong to no charm.
	Images []ImageRequest
	// AccountKeys and ValidationSets are assertions that no snap leads to. The snaps that a validation set pins come with it.
	AccountKeys    []AccountKey
	ValidationSets []ValidationSet
	// Models are model assertions. All their snaps come with them.
	Models []Model
	// Stores are the stores of brands whose private snaps may come along.
	Stores []StoreRequest
	// ExportedPrivate maps the names of private snaps in earlier exports to the stores through which the login saw them.
	ExportedPrivate map[string]string
	// Warnings are messages about the request itself. The plan begins with them.
	Warnings []string
}

// Package is a snap for which the operator decides more than its name.
type Package struct {
	Name string
	// Revision is 0 if the channels decide.
	Revision int
	// PushChannel is the channel in which the receiver puts the revision, or empty.
	PushChannel string
	// Channels and Architectures are empty for the ones of the request.
	Channels, Architectures []string
}

// Model is a model whose snaps are exported, for the Architectures of the request if it has none.
type Model struct {
	Assertion     *assertion.Assertion
	Architectures []string
}

// maxNames bounds a request, since a bundle holds no more items.
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

// validateOthers returns an error if a part of r is invalid that names neither snaps nor charms.
func (r *Request) validateOthers() error {
	for _, s := range r.Stores {
		if err := upstream.ValidateStoreID(s.ID); err != nil {
			return err
		}
	}
	for _, k := range r.AccountKeys {
		if _, err := k.ref(); err != nil {
			return err
		}
	}
	if n := len(r.Images); n > maxNames {
		return fmt.Errorf("%d images in one export, at most %d", n, maxNames)
	}
	for i := range r.Images {
		if err := r.Images[i].Validate(); err != nil {
			return err
		}
	}
	return nil
}

// Validate returns an error if r is no valid request.
func (r *Request) Validate() error {
	if r.Charms != nil {
		if err := r.Charms.Validate(); err != nil {
			return err
		}
	} else if len(r.Names)+len(r.Packages)+len(r.AccountKeys)+len(r.ValidationSets)+len(r.Models)+len(r.Images) == 0 && !slices.ContainsFunc(r.Stores, func(s StoreRequest) bool { return s.Whole }) {
		return fmt.Errorf("no snaps to export")
	}
	if err := r.validateOthers(); err != nil {
		return err
	}
	names := slices.Clone(r.Names)
	for _, p := range r.Packages {
		names = append(names, p.Name)
		if p.Revision < 0 || p.Revision > snap.MaxRevision {
			return fmt.Errorf("snap %s: revision %d: out of range", p.Name, p.Revision)
		}
		if err := p.validatePush(len(r.channelsOf(&p))); err != nil {
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
	for _, c := range r.allChannels() {
		if _, err := channel.Parse(c); err != nil {
			return err
		}
	}
	for _, a := range r.allArchitectures() {
		if err := snap.ValidateArchitecture(a); err != nil {
			return err
		}
		if a == snap.All {
			return fmt.Errorf("architecture all: name the architectures of your devices; snaps for all of them come along")
		}
	}
	return nil
}

// allChannels returns all channels that the request names.
func (r *Request) allChannels() []string {
	out := slices.Clone(r.Channels)
	for _, p := range r.Packages {
		out = append(out, p.Channels...)
	}
	return out
}

// allArchitectures returns all architectures that the request names.
func (r *Request) allArchitectures() []string {
	out := slices.Clone(r.Architectures)
	for _, p := range r.Packages {
		out = append(out, p.Architectures...)
	}
	for _, m := range r.Models {
		out = append(out, m.Architectures...)
	}
	return out
}

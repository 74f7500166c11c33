package main

import (
	"time"

	"github.com/snapcore/snapd/snap"
)

// snapReport is a snap as snapd understood the store's description.
type snapReport struct {
	Name          string                   `json:"name"`
	SnapID        string                   `json:"snap-id"`
	Revision      int                      `json:"revision"`
	Version       string                   `json:"version"`
	Type          snap.Type                `json:"type"`
	Base          string                   `json:"base,omitempty"`
	Confinement   snap.ConfinementType     `json:"confinement,omitempty"`
	Epoch         snap.Epoch               `json:"epoch"`
	Architectures []string                 `json:"architectures,omitempty"`
	Title         string                   `json:"title,omitempty"`
	Summary       string                   `json:"summary,omitempty"`
	Description   string                   `json:"description,omitempty"`
	License       string                   `json:"license,omitempty"`
	Contact       string                   `json:"contact,omitempty"`
	Website       string                   `json:"website,omitempty"`
	StoreURL      string                   `json:"store-url,omitempty"`
	Private       bool                     `json:"private,omitempty"`
	Publisher     snap.StoreAccount        `json:"publisher"`
	CommonIDs     []string                 `json:"common-ids,omitempty"`
	Media         snap.MediaInfos          `json:"media,omitempty"`
	Tracks        []string                 `json:"tracks,omitempty"`
	Channels      map[string]channelReport `json:"channels,omitempty"`

	EffectiveChannel string `json:"effective-channel,omitempty"`
	RedirectChannel  string `json:"redirect-channel,omitempty"`

	SHA3384     string `json:"sha3-384,omitempty"`
	Size        int64  `json:"size,omitempty"`
	DownloadURL string `json:"download-url,omitempty"`

	// The following fields are set after the blob has been downloaded and verified.
	Path           string   `json:"path,omitempty"`
	AssertionsPath string   `json:"assertions-path,omitempty"`
	Assertions     []string `json:"assertions,omitempty"`
}

// channelReport is one row of a channel map.
type channelReport struct {
	Channel     string               `json:"channel"`
	Revision    int                  `json:"revision"`
	Version     string               `json:"version"`
	Confinement snap.ConfinementType `json:"confinement,omitempty"`
	Epoch       snap.Epoch           `json:"epoch"`
	Size        int64                `json:"size"`
	ReleasedAt  time.Time            `json:"released-at"`
}

// snapsResult is the output of every subcommand that asks for snaps.
type snapsResult struct {
	Snaps []*snapReport `json:"snaps"`
}

func newSnapsResult(infos ...*snap.Info) *snapsResult {
	r := &snapsResult{Snaps: []*snapReport{}}
	for _, info := range infos {
		r.Snaps = append(r.Snaps, newSnapReport(info))
	}
	return r
}

func newSnapReport(info *snap.Info) *snapReport {
	r := &snapReport{
		Name: info.InstanceName(), SnapID: info.SnapID, Revision: info.Revision.N, Version: info.Version, Type: info.Type(),
		Base: info.Base, Confinement: info.Confinement, Epoch: info.Epoch, Architectures: info.Architectures,
		Title: info.Title(), Summary: info.Summary(), Description: info.Description(), License: info.License,
		Contact: info.Contact, Website: info.Website, StoreURL: info.StoreURL, Private: info.Private, Publisher: info.Publisher,
		CommonIDs: info.CommonIDs, Media: info.Media, Tracks: info.Tracks,
		EffectiveChannel: info.Channel,
		SHA3384:          info.Sha3_384, Size: info.Size, DownloadURL: info.DownloadURL,
		Channels: map[string]channelReport{},
	}
	for name, c := range info.Channels {
		r.Channels[name] = channelReport{
			Channel: c.Channel, Revision: c.Revision.N, Version: c.Version, Confinement: c.Confinement,
			Epoch: c.Epoch, Size: c.Size, ReleasedAt: c.ReleasedAt,
		}
	}
	return r
}

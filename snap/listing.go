package snap

import (
	"fmt"

	"offlinestore/channel"
)

// Listing describes a snap by name in a bundle.
type Listing struct {
	ChannelMap   []Release `json:"channel-map"`
	DefaultTrack string    `json:"default-track,omitempty"`
	Name         string    `json:"name"`
	Snap         Details   `json:"snap"`
	SnapID       string    `json:"snap-id"`
}

// Release is a row of a channel map: the content of a channel for an architecture at the time of the export. Revision 0 means
// that the channel was closed, so devices are served from the next stabler risk.
type Release struct {
	Architecture string `json:"architecture"`
	// Channel is track/risk, or track/risk/branch.
	Channel    string `json:"channel"`
	ReleasedAt string `json:"released-at,omitempty"`
	Revision   int    `json:"revision"`
}

// Validate returns an error if l is invalid.
func (l *Listing) Validate() error {
	if err := ValidateName(l.Name); err != nil {
		return err
	}
	if err := ValidateID(l.SnapID); err != nil {
		return fmt.Errorf("snap %s: %w", l.Name, err)
	}
	if l.DefaultTrack != "" {
		if c, err := channel.Parse(l.DefaultTrack + "/" + channel.Stable); err != nil || c.Track != l.DefaultTrack {
			return fmt.Errorf("snap %s: default track %.40q", l.Name, l.DefaultTrack)
		}
	}
	seen := make(map[Release]bool, len(l.ChannelMap))
	for _, r := range l.ChannelMap {
		if err := r.validate(); err != nil {
			return fmt.Errorf("snap %s: channel map: %w", l.Name, err)
		}
		row := Release{Architecture: r.Architecture, Channel: r.Channel}
		if seen[row] {
			return fmt.Errorf("snap %s: channel map: %s for %s twice", l.Name, r.Channel, r.Architecture)
		}
		seen[row] = true
	}
	return nil
}

func (r *Release) validate() error {
	if err := ValidateArchitecture(r.Architecture); err != nil {
		return err
	}
	c, err := channel.Parse(r.Channel)
	if err != nil {
		return err
	}
	if c.Track == "" || c.String() != r.Channel {
		return fmt.Errorf("channel %q: want track/risk, spelled out", r.Channel)
	}
	if r.Revision < 0 || r.Revision > MaxRevision {
		return fmt.Errorf("channel %s: revision %d: out of range", r.Channel, r.Revision)
	}
	return ValidateTime(r.ReleasedAt)
}

// Item describes one revision of a snap in a bundle. The URLs in it are empty, because the server of the content sets them.
type Item struct {
	Name     string   `json:"name"`
	Revision Revision `json:"revision"`
	SnapID   string   `json:"snap-id"`
}

// Validate returns an error if i is invalid.
func (i *Item) Validate() error {
	if err := ValidateName(i.Name); err != nil {
		return err
	}
	if err := ValidateID(i.SnapID); err != nil {
		return fmt.Errorf("snap %s: %w", i.Name, err)
	}
	if err := i.Revision.Validate(); err != nil {
		return fmt.Errorf("snap %s: %w", i.Name, err)
	}
	return nil
}

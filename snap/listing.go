package snap

import (
	"fmt"
	"slices"

	"offlinestore/channel"
)

// Listing describes a snap by name in a bundle.
type Listing struct {
	ChannelMap   []Release `json:"channel-map"`
	DefaultTrack string    `json:"default-track,omitempty"`
	Name         string    `json:"name"`
	Snap         Details   `json:"snap"`
	SnapID       string    `json:"snap-id"`
	// Store is the store that the snap is private to. It is empty for a global snap.
	Store string `json:"store,omitempty"`
	// Unknown names the optional parts that the export did not fetch. The receiver keeps its own. Only UnknownIcon is known.
	Unknown []string `json:"unknown,omitempty"`
}

// UnknownIcon in a listing means that the export did not fetch the icon of the snap, which may have one.
const UnknownIcon = "icon"

// Release is a row of a channel map: the content of a channel for an architecture at the time of the export. Revision 0 means
// that the channel was closed, so devices are served from the next stabler risk. Several rows of one channel and architecture are
// its releases for devices with data of different epochs.
type Release struct {
	Architecture string `json:"architecture"`
	// Channel is track/risk, or track/risk/branch.
	Channel    string `json:"channel"`
	ReleasedAt string `json:"released-at,omitempty"`
	Revision   int    `json:"revision"`
}

// maxReleases bounds the releases of one channel for an architecture.
const maxReleases = 100

// Validate returns an error if l is invalid.
func (l *Listing) Validate() error {
	if err := ValidateName(l.Name); err != nil {
		return err
	}
	if err := ValidateID(l.SnapID); err != nil {
		return fmt.Errorf("snap %s: %w", l.Name, err)
	}
	if l.DefaultTrack != "" {
		if err := channel.ValidateTrack(l.DefaultTrack); err != nil {
			return fmt.Errorf("snap %s: default %w", l.Name, err)
		}
	}
	if err := l.Snap.validate(); err != nil {
		return fmt.Errorf("snap %s: %w", l.Name, err)
	}
	if l.Store != "" {
		if err := ValidateStoreID(l.Store); err != nil {
			return fmt.Errorf("snap %s: %w", l.Name, err)
		}
	}
	if len(l.Unknown) > 0 && !slices.Equal(l.Unknown, []string{UnknownIcon}) {
		return fmt.Errorf("snap %s: unknown parts %.80q: want [%q]", l.Name, l.Unknown, UnknownIcon)
	}
	seen := make(map[rowKey][]int, len(l.ChannelMap))
	for _, r := range l.ChannelMap {
		if err := r.validate(); err != nil {
			return fmt.Errorf("snap %s: channel map: %w", l.Name, err)
		}
		have := seen[r.key()]
		if len(have) > 0 && (r.Revision == 0 || have[0] == 0 || slices.Contains(have, r.Revision)) {
			return fmt.Errorf("snap %s: channel map: %s for %s twice", l.Name, r.Channel, r.Architecture)
		}
		if len(have) == maxReleases {
			return fmt.Errorf("snap %s: channel map: more than %d releases in %s for %s", l.Name, maxReleases, r.Channel, r.Architecture)
		}
		seen[r.key()] = append(have, r.Revision)
	}
	return nil
}

// validate returns an error if a picture has a size that no client could read.
func (d *Details) validate() error {
	for _, m := range d.Media {
		for _, size := range []*int{m.Height, m.Width} {
			if size != nil && (*size < 0 || *size > MaxRevision) {
				return fmt.Errorf("media: size %d: out of range", *size)
			}
		}
	}
	return nil
}

// HasEpochs reports whether a channel has releases for devices with data of different epochs.
func (l *Listing) HasEpochs() bool {
	seen := make(map[rowKey]bool, len(l.ChannelMap))
	for _, r := range l.ChannelMap {
		if seen[r.key()] {
			return true
		}
		seen[r.key()] = true
	}
	return false
}

// Rows groups the releases of a channel map: each list has all releases of one channel for an architecture. It keeps their order.
func Rows(releases []Release) [][]Release {
	at := make(map[rowKey]int, len(releases))
	var out [][]Release
	for _, r := range releases {
		i, ok := at[r.key()]
		if !ok {
			i = len(out)
			at[r.key()], out = i, append(out, nil)
		}
		out[i] = append(out[i], r)
	}
	return out
}

// SameRow reports whether r and other are releases of one channel for one architecture.
func (r *Release) SameRow(other Release) bool { return r.key() == other.key() }

// rowKey names a channel for an architecture.
type rowKey struct{ architecture, channel string }

func (r *Release) key() rowKey { return rowKey{r.Architecture, r.Channel} }

func (r *Release) validate() error {
	if err := ValidateArchitecture(r.Architecture); err != nil {
		return err
	}
	if _, err := channel.ParseFull(r.Channel); err != nil {
		return err
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
	for _, d := range i.Revision.Downloads() {
		if d.URL != "" || len(d.Deltas) > 0 {
			return fmt.Errorf("snap %s: revision %d: a download with a URL or deltas, which only a server sets", i.Name, i.Revision.Number)
		}
	}
	return nil
}

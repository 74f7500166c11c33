// Package channel parses and orders the channels that snaps and charms are released to: track/risk/branch.
package channel

import (
	"fmt"
	"regexp"
	"strings"
)

// DefaultTrack is the track of a channel that names none, unless the package has a default track of its own.
const DefaultTrack = "latest"

// MaxLength is the longest channel that Parse accepts, in bytes: a track, a risk and a branch of the store's own limits fit.
const MaxLength = 256

// The risks, from the stablest to the riskiest.
const (
	Stable    = "stable"
	Candidate = "candidate"
	Beta      = "beta"
	Edge      = "edge"
)

// risks is in the order of the fall-back: a closed risk is served from the next one to its left.
var risks = [...]string{Stable, Candidate, Beta, Edge}

// validPart is what the stores accept as the name of a track or branch.
var validPart = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9._+-]*[a-zA-Z0-9+])?$`)

// Channel is where a revision is released to. A zero Track means that none was named; a zero Branch that there is none.
type Channel struct {
	Track, Risk, Branch string
}

// Parse reads a channel in any form that clients use: "stable", "2.0", "2.0/edge", "edge/hotfix", "2.0/edge/hotfix".
// A channel without a risk is stable.
func Parse(s string) (Channel, error) {
	if len(s) > MaxLength {
		return Channel{}, fmt.Errorf("channel %.40q…: longer than %d bytes", s, MaxLength)
	}
	parts := strings.Split(s, "/")
	for _, p := range parts {
		if !validPart.MatchString(p) {
			return Channel{}, fmt.Errorf("channel %q: want [track/]risk[/branch]", s)
		}
	}
	switch {
	case len(parts) == 1 && isRisk(parts[0]):
		return Channel{Risk: parts[0]}, nil
	case len(parts) == 1:
		return Channel{Track: parts[0], Risk: Stable}, nil
	case len(parts) == 2 && isRisk(parts[0]):
		return Channel{Risk: parts[0], Branch: parts[1]}, nil
	case len(parts) == 2 && isRisk(parts[1]):
		return Channel{Track: parts[0], Risk: parts[1]}, nil
	case len(parts) == 3 && isRisk(parts[1]):
		return Channel{Track: parts[0], Risk: parts[1], Branch: parts[2]}, nil
	}
	return Channel{}, fmt.Errorf("channel %q: no risk in it (one of %s)", s, strings.Join(risks[:], ", "))
}

// String is the channel as it was named: without a track where none was.
func (c Channel) String() string { return join(c.Track, c.Risk, c.Branch) }

// Name is the channel as the Snap Store's answers name it: the track "latest" is left out.
func (c Channel) Name() string {
	if c.Track == DefaultTrack {
		c.Track = ""
	}
	return c.String()
}

// Full is the channel with its track spelled out, as people and logs want it.
func (c Channel) Full() string { return c.WithTrack(DefaultTrack).String() }

// WithTrack is c with track where it names none.
func (c Channel) WithTrack(track string) Channel {
	if c.Track == "" {
		c.Track = track
	}
	return c
}

// Fallbacks lists where a device that follows c finds its revision, c first: a branch falls back to its risk, a risk to
// the next stabler one.
func (c Channel) Fallbacks() []Channel {
	out := make([]Channel, 0, len(risks)+1)
	for ok := c.RiskLevel() >= 0; ok; c, ok = c.Fallback() {
		out = append(out, c)
	}
	return out
}

// Fallback returns the channel that serves those who follow c while c is closed. It reports false if there is none.
func (c Channel) Fallback() (next Channel, ok bool) {
	level := c.RiskLevel()
	switch {
	case c.Branch != "":
		return Channel{Track: c.Track, Risk: c.Risk}, true
	case level <= 0:
		return Channel{}, false
	}
	return Channel{Track: c.Track, Risk: risks[level-1]}, true
}

// RiskLevel is 0 for stable to 3 for edge, -1 for what is no risk.
func (c Channel) RiskLevel() int {
	for i, r := range risks {
		if r == c.Risk {
			return i
		}
	}
	return -1
}

func isRisk(s string) bool { return Channel{Risk: s}.RiskLevel() >= 0 }

func join(parts ...string) string {
	kept := parts[:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "/")
}

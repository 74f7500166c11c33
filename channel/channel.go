// Package channel parses and orders the channels of snaps and charms: track/risk/branch.
package channel

import (
	"fmt"
	"strings"
)

// DefaultTrack is the track of a channel that names none, unless the package has a default track of its own.
const DefaultTrack = "latest"

// MaxLength is the length limit of a channel in Parse, in bytes. A track, a risk and a branch of the store's own limits fit.
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

// isPart reports whether the stores accept a name of a track or branch: [a-zA-Z0-9]([a-zA-Z0-9._+-]*[a-zA-Z0-9+])?
func isPart(s string) bool {
	for i := range len(s) {
		c := s[i]
		isPlain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		isMark := c == '+' && i > 0 || (c == '.' || c == '_' || c == '-') && i > 0 && i < len(s)-1
		if !isPlain && !isMark {
			return false
		}
	}
	return s != ""
}

// Channel is a place to which revisions are released. An empty Track means that none was named, an empty Branch that there is
// none.
type Channel struct {
	Track, Risk, Branch string
}

// Parse parses a channel in any form that clients use: "stable", "2.0", "2.0/edge", "edge/hotfix", "2.0/edge/hotfix". A channel
// without a risk is stable. A track is no risk: "edge/stable" is a branch of edge, and "edge/stable/x" is nothing.
func Parse(s string) (Channel, error) {
	if len(s) > MaxLength {
		return Channel{}, fmt.Errorf("channel %.40q…: longer than %d bytes", s, MaxLength)
	}
	parts := strings.Split(s, "/")
	for _, p := range parts {
		if !isPart(p) {
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
	case len(parts) == 3 && isRisk(parts[1]) && !isRisk(parts[0]):
		return Channel{Track: parts[0], Risk: parts[1], Branch: parts[2]}, nil
	}
	if isRisk(parts[0]) {
		return Channel{}, fmt.Errorf("channel %q: a risk in place of the track", s)
	}
	return Channel{}, fmt.Errorf("channel %q: no risk in it (one of %s)", s, strings.Join(risks[:], ", "))
}

// ParseFull parses a channel with an explicit track, as a channel map has it: "latest/stable", "2.0/edge/hotfix".
func ParseFull(s string) (Channel, error) {
	c, err := Parse(s)
	if err == nil && (c.Track == "" || c.String() != s) {
		err = fmt.Errorf("channel %q: want track/risk, spelled out", s)
	}
	return c, err
}

// ValidateTrack returns an error unless track can be the track of a channel. A risk cannot: "edge/stable" is a branch of edge.
func ValidateTrack(track string) error {
	if c, err := ParseFull(track + "/" + Stable); err != nil || c.Track != track {
		return fmt.Errorf("track %.40q: want letters, digits, dots, dashes and underscores, and no risk", track)
	}
	return nil
}

// String returns the channel as it was named: without a track if none was named.
func (c Channel) String() string { return join(c.Track, c.Risk, c.Branch) }

// Name returns the channel in the form of the Snap Store's answers: without the track "latest".
func (c Channel) Name() string {
	if c.Track == DefaultTrack {
		c.Track = ""
	}
	return c.String()
}

// Full returns the channel with an explicit track, for people and logs.
func (c Channel) Full() string { return c.WithTrack(DefaultTrack).String() }

// WithTrack returns c with track if c names none.
func (c Channel) WithTrack(track string) Channel {
	if c.Track == "" {
		c.Track = track
	}
	return c
}

// Fallbacks returns the channels in which a device that follows c looks for its revision, c first: a branch falls back to its
// risk, a risk to the next stabler one.
func (c Channel) Fallbacks() []Channel {
	out := make([]Channel, 0, len(risks)+1)
	for ok := c.RiskLevel() >= 0; ok; c, ok = c.Fallback() {
		out = append(out, c)
	}
	return out
}

// Fallback returns the channel that serves the clients of c while c is closed. It returns false if there is none.
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

// RiskLevel returns 0 for stable to 3 for edge, and -1 for an invalid risk.
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

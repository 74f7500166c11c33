package exporter

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/charm"
	"offlinestore/snap"
)

// noRelease is the reason for a gap where a channel is closed.
const noRelease = "the store has no release"

// maxPlaces bounds the channels and architectures that a sentence names.
const maxPlaces = 5

// releasedIn has the channels in which the store has a release, by architecture. Their names are the ones that the store uses.
type releasedIn map[string][]string

// snapReleases returns the places of a snap's releases.
func snapReleases(info *snap.InfoResponse, track string) releasedIn {
	out := make(releasedIn)
	for _, row := range info.ChannelMap {
		out.add(row.Channel.Architecture, row.Channel.Name, track)
	}
	return out
}

// charmReleases returns the places of a charm's releases.
func charmReleases(info *charm.InfoResponse, track string) releasedIn {
	out := make(releasedIn)
	for _, row := range info.ChannelMap {
		arch := ""
		if row.Channel.Base != nil {
			arch = row.Channel.Base.Architecture
		}
		out.add(arch, row.Channel.Name, track)
	}
	return out
}

// add adds a channel. It keeps the track latest in the name only if a name without a track means another one.
func (in releasedIn) add(arch, name, track string) {
	c, err := channel.Parse(name)
	if err != nil {
		return
	}
	if name = c.WithTrack(channel.DefaultTrack).String(); track == "" || track == channel.DefaultTrack {
		name = strings.TrimPrefix(name, channel.DefaultTrack+"/")
	}
	if !slices.Contains(in[arch], name) {
		in[arch] = append(in[arch], name)
	}
}

// has reports whether any channel has a release for arch.
func (in releasedIn) has(arch string) bool { return len(in[arch]) > 0 }

// explain adds to a gap, whose reason is that asked has no release, where the store does have releases for the architecture of the gap.
func (in releasedIn) explain(g Gap, asked channel.Channel) Gap {
	var channels []string
	for _, arch := range []string{g.Architecture, snap.All, charm.NotApplicable, ""} {
		for _, name := range in[arch] {
			c, err := channel.Parse(name)
			if err != nil || slices.Contains(asked.Fallbacks(), c.WithTrack(channel.DefaultTrack)) {
				return g // the store contradicts itself
			}
			if !slices.Contains(channels, name) {
				channels = append(channels, name)
			}
		}
	}
	switch {
	case len(channels) > 0:
		g.Reason += fmt.Sprintf("; %s is only in %s", g.Snap+g.Charm, enumerate(channels))
	case len(in) > 0:
		g.Reason += fmt.Sprintf("; %s is only for %s", g.Snap+g.Charm, enumerate(slices.Sorted(maps.Keys(in))))
	default:
		return g
	}
	g.kind = ErrElsewhere
	return g
}

// joinArchitectures joins the gaps that differ only in their architecture.
func joinArchitectures(gaps []Gap) (out []Gap) {
	for _, g := range gaps {
		i := slices.IndexFunc(out, func(have Gap) bool {
			have.Architecture = g.Architecture
			return have == g
		})
		if i < 0 {
			out = append(out, g)
			continue
		}
		out[i].Architecture += ", " + g.Architecture
	}
	return out
}

// enumerate lists the first elements of all, and the number of the others.
func enumerate(all []string) string {
	if len(all) > maxPlaces+1 {
		return fmt.Sprintf("%s and %d others", strings.Join(all[:maxPlaces], ", "), len(all)-maxPlaces)
	}
	return strings.Join(all, ", ")
}

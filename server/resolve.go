package server

import (
	"fmt"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/snap"
)

// at returns the open row that a device of arch finds in c itself: the one for its architecture, or else the latest one of another
// architecture whose revision runs on all.
func (sn *indexedSnap) at(arch string, c channel.Channel) *row {
	if r := sn.rows[rowKey{arch, c}]; r != nil {
		if r.revision == nil {
			return nil
		}
		return r
	}
	if rows := sn.anywhere[c]; len(rows) > 0 {
		return rows[0]
	}
	return nil
}

// follow returns the open row that a device of arch which tracks c is served from.
func (sn *indexedSnap) follow(arch string, c channel.Channel) *row {
	if r := sn.at(arch, c); r != nil {
		return r
	}
	for _, f := range c.Fallbacks() {
		if r := sn.at(arch, f); r != nil {
			return r
		}
	}
	return nil
}

// track names the track of a channel that has none.
func (sn *indexedSnap) track(c channel.Channel) channel.Channel {
	if c.Track == "" && sn.DefaultTrack != "" {
		return c.WithTrack(sn.DefaultTrack)
	}
	return c.WithTrack(channel.DefaultTrack)
}

// upgrade is follow for a device that has the snap already: a revision that can't read the data of what is installed is not offered,
// but the last newer release of the same channel that can. It returns nil when there is nothing to go to.
func (sn *indexedSnap) upgrade(arch string, c channel.Channel, installed *snap.Epoch, revision int) *row {
	r := sn.follow(arch, c)
	if r == nil || installed == nil || r.revision.Epoch.CanRead(*installed) {
		return r
	}
	for _, h := range sn.history {
		n := h.revision.number()
		mine := h.architecture == arch || h.revision.Supports(snap.All)
		if h.channel == r.channel && mine && n > revision && h.revision.Epoch.CanRead(*installed) {
			return h
		}
	}
	return nil
}

// byNumber returns revision n if it runs on arch.
func (sn *indexedSnap) byNumber(arch string, n int) *indexedRevision {
	if r := sn.revisions[n]; r != nil && r.Supports(arch) {
		return r
	}
	return nil
}

// released returns a row that holds rev, or held it: of wanted if there is one. It is nil for a revision that no channel is known
// to have had.
func (sn *indexedSnap) released(arch string, rev *indexedRevision, wanted channel.Channel) *row {
	if wanted.Risk != "" {
		if r := sn.follow(arch, wanted); r != nil && r.revision == rev {
			return r
		}
	}
	for _, rows := range [][]*row{sn.listed, sn.history} {
		i := slices.IndexFunc(rows, func(r *row) bool {
			return r.revision == rev && (r.architecture == arch || rev.Supports(snap.All)) && (wanted.Risk == "" || r.channel == wanted)
		})
		if i < 0 {
			i = slices.IndexFunc(rows, func(r *row) bool {
				return r.revision == rev && (r.architecture == arch || rev.Supports(snap.All))
			})
		}
		if i >= 0 {
			return rows[i]
		}
	}
	return nil
}

// releases lists where the snap can be had.
func (sn *indexedSnap) releases() []snap.AvailableRelease {
	out := make([]snap.AvailableRelease, len(sn.listed))
	for i, r := range sn.listed {
		out[i] = snap.AvailableRelease{Architecture: r.architecture, Channel: r.name}
	}
	return out
}

// maxNamed is how many architectures a message names; the answer lists all.
const maxNamed = 8

// where says in words where the snap can be had: "amd64 (latest/stable, latest/edge), arm64 (latest/stable)".
func (sn *indexedSnap) where() string {
	channels := make(map[string][]string)
	var archs []string
	for _, r := range sn.listed {
		if channels[r.architecture] == nil {
			archs = append(archs, r.architecture)
		}
		channels[r.architecture] = append(channels[r.architecture], r.channel.Full())
	}
	var out []string
	for i, a := range archs {
		if i == maxNamed {
			out = append(out, "and more")
			break
		}
		list := channels[a]
		if len(list) > maxNamed {
			list = append(list[:maxNamed:maxNamed], "…")
		}
		out = append(out, fmt.Sprintf("%s (%s)", a, strings.Join(list, ", ")))
	}
	if len(out) == 0 {
		return "no channel"
	}
	return strings.Join(out, ", ")
}

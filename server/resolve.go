package server

import (
	"fmt"
	"strings"

	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/snap"
)

// follow returns the open row that serves a device of arch which tracks c, or nil.
func (sn *indexedSnap) follow(arch string, c channel.Channel) *row {
	return rowOf(sn.channels.Follow(arch, c))
}

func rowOf(e *channelmap.Entry[string, *row]) *row {
	if e == nil {
		return nil
	}
	return e.Value
}

// track returns c with the default track if c has no track.
func (sn *indexedSnap) track(c channel.Channel) channel.Channel { return sn.channels.WithTrack(c) }

// upgrade returns the row for a device that has the snap already. It skips a revision that the device can't use, and takes another release of
// the same channel that it can use. It returns nil if there is none.
func (sn *indexedSnap) upgrade(arch string, c channel.Channel, d usable) *row {
	return rowOf(sn.channels.Upgrade(arch, c, d.have, func(e *channelmap.Entry[string, *row]) bool {
		return d.revision(e.Value.revision) && (len(d.gates) == 0 || e.Revision >= d.have) // an older revision may be approved, too
	}))
}

// byNumber returns revision n if it runs on arch.
func (sn *indexedSnap) byNumber(arch string, n int) *indexedRevision {
	if r := sn.revision(n); r != nil && r.runsOn(arch) {
		return r
	}
	return nil
}

// released returns the row through which devices that track wanted get rev or once got it: a row of wanted, or the one that serves
// it now. It returns nil if rev was never released there.
func (sn *indexedSnap) released(arch string, rev *indexedRevision, wanted channel.Channel) *row {
	if r := sn.follow(arch, wanted); r != nil && r.revision == rev {
		return r
	}
	return rowOf(sn.channels.Released(rev.number, wanted, false, func(e *channelmap.Entry[string, *row]) bool {
		return e.RunsOn(arch) && e.Channel == wanted
	}))
}

// hasRelease reports whether a channel holds rev for devices of arch, or once held it.
func (sn *indexedSnap) hasRelease(arch string, rev *indexedRevision) bool {
	return sn.channels.Released(rev.number, channel.Channel{}, false, func(e *channelmap.Entry[string, *row]) bool { return e.RunsOn(arch) }) != nil
}

// releases lists the channels with a release of the snap.
func (sn *indexedSnap) releases() []snap.AvailableRelease {
	out := []snap.AvailableRelease{}
	for _, e := range sn.channels.Open() {
		out = append(out, snap.AvailableRelease{Architecture: e.Platform, Channel: e.Value.name})
	}
	return out
}

// maxNamed bounds the architectures that a message names; the answer lists all.
const maxNamed = 8

// where returns a message that lists the channels of the snap: "amd64 (latest/stable, latest/edge), arm64 (latest/stable)".
func (sn *indexedSnap) where() string {
	channels := make(map[string][]string)
	var archs []string
	for _, e := range sn.channels.Open() {
		if channels[e.Platform] == nil {
			archs = append(archs, e.Platform)
		}
		channels[e.Platform] = append(channels[e.Platform], e.Channel.Full())
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

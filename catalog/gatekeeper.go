package catalog

import (
	"slices"

	"offlinestore/snap"
)

// Gatekeepers returns, for each open channel, the last release that devices with older data can still use, for each epoch of data. The
// server offers it to devices whose data nothing in the channel reads any more. They would never get further without it.
func (s *Snap) Gatekeepers() (revisions []int) {
	type row struct{ architecture, channel string }
	byNumber := make(map[int]*SnapRevision, len(s.Revisions))
	var written []uint32 // the epochs of data that devices may have
	for i := range s.Revisions {
		r := &s.Revisions[i]
		byNumber[r.Number] = r
		epochs := r.Epoch.Write
		if len(epochs) == 0 {
			epochs = []uint32{0}
		}
		for _, epoch := range epochs {
			if !slices.Contains(written, epoch) {
				written = append(written, epoch)
			}
		}
	}
	open := make(map[row]bool)
	for _, release := range s.ChannelMap {
		open[row{release.Architecture, release.Channel}] = release.Revision > 0
	}
	for _, epoch := range written {
		data := snap.Epoch{Write: []uint32{epoch}}
		served := make(map[row]bool)
		for _, release := range slices.Concat(s.ChannelMap, s.History) { // the newest first
			at, r := row{release.Architecture, release.Channel}, byNumber[release.Revision]
			if r != nil && open[at] && !served[at] && r.Epoch.CanRead(data) {
				served[at] = true
				revisions = append(revisions, release.Revision)
			}
		}
	}
	return revisions
}

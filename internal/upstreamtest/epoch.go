package upstreamtest

import (
	"encoding/json"
	"slices"
)

// Epoch is the epoch of a revision. Zero is epoch 0.
type Epoch struct{ Read, Write []uint32 }

// newest returns the release of the newest epoch, which new installations get.
func (e *entry) newest(list []release) (found release) {
	for _, r := range list {
		if found.revision == 0 || writes(e.revisions[r.revision]) >= writes(e.revisions[found.revision]) {
			found = r
		}
	}
	return found
}

// readable returns the release for a device with data of an epoch, which is nil for a new installation: the newest revision that reads
// it.
func (e *entry) readable(list []release, data *epochData) (found release) {
	newest := e.newest(list)
	if data == nil || len(data.Write) == 0 || e.reads(newest, data) {
		return newest
	}
	for _, r := range list {
		if r.revision > found.revision && e.reads(r, data) {
			found = r
		}
	}
	return found
}

func (e *entry) reads(r release, data *epochData) bool {
	return slices.Contains(epoch(e.revisions[r.revision].Epoch.Read), slices.Max(data.Write))
}

func writes(r *revision) uint32 { return slices.Max(epoch(r.Epoch.Write)) }

func (r *revision) sameEpoch(other *revision) bool {
	return slices.Equal(epoch(r.Epoch.Read), epoch(other.Epoch.Read)) && slices.Equal(epoch(r.Epoch.Write), epoch(other.Epoch.Write))
}

// epoch returns the epoch of the data of a device that installs or replaces a snap. A client that knows no epochs has epoch 0.
func (a *action) epoch() *epochData {
	if len(a.RawEpoch) == 0 {
		return &epochData{Read: []uint32{0}, Write: []uint32{0}}
	}
	var data *epochData
	if json.Unmarshal(a.RawEpoch, &data) != nil {
		return nil
	}
	return data
}

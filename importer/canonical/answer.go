package canonical

import (
	"encoding/json"

	"offlinestore/channel"
	"offlinestore/snap"
)

// statedChannels are the channels of a snap in answers of the store. Nobody has signed them, so they decide about nothing else.
type statedChannels struct {
	track    string // the default track
	releases []statedRelease
}

// statedRelease is a release in an answer. Without an architecture it is for all that the revision runs on.
type statedRelease struct {
	revision                          int
	channel, architecture, releasedAt string
}

// readAnswer takes the channels from an object, if that is an answer about a snap.
func (c *Collection) readAnswer(raw json.RawMessage, object map[string]json.RawMessage) {
	var id string
	if json.Unmarshal(object["snap-id"], &id) != nil || snap.ValidateID(id) != nil {
		return
	}
	if c.stated == nil {
		c.stated = make(map[string]statedChannels)
	}
	s := c.stated[id]
	var info snap.InfoResponse
	if object["channel-map"] != nil && json.Unmarshal(raw, &info) == nil {
		if t := info.DefaultTrack; t != nil && channel.ValidateTrack(*t) == nil {
			s.track = *t
		}
		for _, e := range info.ChannelMap {
			r := statedRelease{revision: e.Revision.Number, channel: e.Channel.Name, architecture: e.Channel.Architecture}
			if e.Channel.ReleasedAt != nil {
				r.releasedAt = *e.Channel.ReleasedAt
			}
			s.releases = append(s.releases, r)
		}
	}
	var result snap.Result
	if object["effective-channel"] != nil && json.Unmarshal(raw, &result) == nil && result.Snap != nil {
		s.releases = append(s.releases, statedRelease{revision: result.Snap.Revision.Number, channel: result.EffectiveChannel, releasedAt: result.ReleasedAt})
	}
	c.stated[id] = s
}

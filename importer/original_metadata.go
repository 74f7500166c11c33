package importer

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/charm"
)

// maxValues bounds the values in a metadata.json, each of which takes far more memory than its text.
const maxValues = 200_000

// known is what a metadata.json says of a charm. How it is laid out was never published: Charmhub's answers, to info and to
// refresh, are looked for wherever in it they are.
type known struct {
	id       string
	details  *charm.Details
	hasInfo  bool   // details are from an answer to info, which says more than one to refresh
	track    string // the default track
	releases []charm.ChannelMapEntry
	// sums are the SHA-256 of revisions of the charm.
	sums map[int]string
}

// readMetadata finds what a metadata.json says of a charm.
func readMetadata(raw []byte, name string) (*known, error) {
	k := &known{sums: make(map[int]string)}
	if len(raw) == 0 {
		return k, nil
	}
	n := 0
	for _, c := range raw {
		if c == ',' || c == '{' || c == '[' {
			n++
		}
	}
	if n > maxValues {
		return nil, badOriginal("%s: more than %d values", metadataJSON, maxValues)
	}
	if !json.Valid(raw) {
		return nil, badOriginal("%s is not JSON", metadataJSON)
	}
	k.search(raw, name, 0)
	return k, nil
}

// search looks at a value, then at those in it.
func (k *known) search(raw json.RawMessage, name string, depth int) {
	if depth > 8 {
		return
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) == nil {
		k.object(raw, object, name)
		for _, key := range slices.Sorted(maps.Keys(object)) {
			k.search(object[key], name, depth+1)
		}
		return
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		for _, v := range list {
			k.search(v, name, depth+1)
		}
	}
}

// object takes what it can from an object that is about the charm.
func (k *known) object(raw json.RawMessage, object map[string]json.RawMessage, name string) {
	var about struct{ ID, Name string }
	if json.Unmarshal(raw, &about) != nil || about.Name != name || charm.ValidateID(about.ID) != nil {
		return
	}
	if k.id == "" {
		k.id = about.ID
	}
	if k.id != about.ID {
		return
	}
	k.info(raw, object)
	var e charm.Entity
	if _, ok := object["revision"]; ok && json.Unmarshal(raw, &e) == nil {
		k.sum(e.Revision, e.Download)
		if k.details == nil {
			k.details = &charm.Details{License: e.License, Summary: e.Summary, Publisher: e.Publisher, Title: name}
		}
	}
}

// info takes an answer to info.
func (k *known) info(raw json.RawMessage, object map[string]json.RawMessage) {
	if !strings.HasPrefix(strings.TrimSpace(string(object["result"])), "{") {
		return
	}
	var info charm.InfoResponse
	if json.Unmarshal(raw, &info) != nil {
		return
	}
	if len(info.ChannelMap) > len(k.releases) {
		k.releases = info.ChannelMap
	}
	if !k.hasInfo {
		k.details, k.hasInfo = &info.Result, true
	}
	if d := info.DefaultRelease; d != nil {
		k.sum(d.Revision.Number, d.Revision.Download)
		if k.track == "" {
			k.track = d.Channel.Track
		}
	}
	for _, r := range info.ChannelMap {
		k.sum(r.Revision.Number, r.Revision.Download)
	}
}

func (k *known) sum(revision int, d charm.Download) {
	if d.SHA256 != "" {
		k.sums[revision] = d.SHA256
	}
}

// channelOf is a channel that has the revision, empty where none is known to.
func (k *known) channelOf(revision int) string {
	for _, r := range k.releases {
		if r.Revision.Number == revision {
			return full(r.Channel.Track, r.Channel.Risk)
		}
	}
	return ""
}

// releasedAt is when the revision came into the channel.
func (k *known) releasedAt(revision int, ch string) string {
	for _, r := range k.releases {
		if r.Revision.Number == revision && full(r.Channel.Track, r.Channel.Risk) == ch && charm.ValidateTime(r.Channel.ReleasedAt) == nil {
			return r.Channel.ReleasedAt
		}
	}
	return ""
}

func full(track, risk string) string {
	if track == "" {
		track = channel.DefaultTrack
	}
	return track + "/" + risk
}

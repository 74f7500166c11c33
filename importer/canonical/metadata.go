package canonical

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

// metadata is the part of a metadata.json that is about one charm. The layout was never published: the answers of Charmhub to
// info and to refresh are searched for anywhere in it.
type metadata struct {
	id       string
	details  *charm.Details
	hasInfo  bool   // details are from an answer to info, which has more than one to refresh
	track    string // the default track
	releases []charm.ChannelMapEntry
	// sums are the SHA-256 of revisions of the charm.
	sums map[int]string
}

// maxDepth bounds the nesting of answers in the files of the original store-admin.
const maxDepth = 8

// parseMetadata finds a charm in a metadata.json.
func parseMetadata(raw []byte, name string) (*metadata, error) {
	m := &metadata{sums: make(map[int]string)}
	if len(raw) == 0 {
		return m, nil
	}
	if tooManyValues(raw) {
		return nil, formatErrorf("%s: more than %d values", metadataJSON, maxValues)
	}
	if !json.Valid(raw) {
		return nil, formatErrorf("%s is not JSON", metadataJSON)
	}
	eachObject(raw, func(raw json.RawMessage, object map[string]json.RawMessage) { m.readObject(raw, object, name) })
	return m, nil
}

// tooManyValues reports whether JSON may have more than maxValues values.
func tooManyValues(raw []byte) bool {
	n := 0
	for _, c := range raw {
		if c == ',' || c == '{' || c == '[' {
			n++
		}
	}
	return n > maxValues
}

// eachObject calls fn with an object of JSON and the objects in it, an outer one first and the members of one in the order of their names.
func eachObject(raw json.RawMessage, fn func(raw json.RawMessage, object map[string]json.RawMessage)) {
	searchObjects(raw, 0, fn)
}

func searchObjects(raw json.RawMessage, depth int, fn func(raw json.RawMessage, object map[string]json.RawMessage)) {
	if depth > maxDepth {
		return
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) == nil {
		fn(raw, object)
		for _, key := range slices.Sorted(maps.Keys(object)) {
			searchObjects(object[key], depth+1, fn)
		}
		return
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		for _, v := range list {
			searchObjects(v, depth+1, fn)
		}
	}
}

// readObject reads an object if it is about the charm.
func (m *metadata) readObject(raw json.RawMessage, object map[string]json.RawMessage, name string) {
	var about struct{ ID, Name string }
	if json.Unmarshal(raw, &about) != nil || about.Name != name || charm.ValidateID(about.ID) != nil {
		return
	}
	if m.id == "" {
		m.id = about.ID
	}
	if m.id != about.ID {
		return
	}
	m.readInfo(raw, object)
	var e charm.Entity
	if _, ok := object["revision"]; ok && json.Unmarshal(raw, &e) == nil {
		m.addSum(e.Revision, e.Download)
		if m.details == nil {
			m.details = &charm.Details{License: e.License, Summary: e.Summary, Publisher: e.Publisher, Title: name}
		}
	}
}

// readInfo reads an answer to info.
func (m *metadata) readInfo(raw json.RawMessage, object map[string]json.RawMessage) {
	if !strings.HasPrefix(strings.TrimSpace(string(object["result"])), "{") {
		return
	}
	var info charm.InfoResponse
	if json.Unmarshal(raw, &info) != nil {
		return
	}
	if len(info.ChannelMap) > len(m.releases) {
		m.releases = info.ChannelMap
	}
	if !m.hasInfo {
		m.details, m.hasInfo = &info.Result, true
	}
	if d := info.DefaultRelease; d != nil {
		m.addSum(d.Revision.Number, d.Revision.Download)
		if m.track == "" {
			m.track = d.Channel.Track
		}
	}
	for _, r := range info.ChannelMap {
		m.addSum(r.Revision.Number, r.Revision.Download)
	}
}

func (m *metadata) addSum(revision int, d charm.Download) {
	if d.SHA256 != "" {
		m.sums[revision] = d.SHA256
	}
}

// channelOf returns a channel that has the revision, empty if none is known.
func (m *metadata) channelOf(revision int) string {
	for _, r := range m.releases {
		if r.Revision.Number == revision {
			return channelName(r.Channel.Track, r.Channel.Risk)
		}
	}
	return ""
}

// releasedAt returns the time when the revision was released to the channel, empty if it is not known.
func (m *metadata) releasedAt(revision int, ch string) string {
	for _, r := range m.releases {
		if r.Revision.Number == revision && channelName(r.Channel.Track, r.Channel.Risk) == ch && charm.ValidateTime(r.Channel.ReleasedAt) == nil {
			return r.Channel.ReleasedAt
		}
	}
	return ""
}

func channelName(track, risk string) string {
	if track == "" {
		track = channel.DefaultTrack
	}
	return track + "/" + risk
}

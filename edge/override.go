package edge

import (
	"bytes"
	"encoding/json"

	"offlinestore/snap"
)

// Override is a revision that an operator has put into a channel of a snap, in the place of upstream's.
type Override struct {
	SnapID, Name string
	// Architecture is the one that the revision runs on.
	Architecture string
	// Channel includes its track.
	Channel  string
	Revision int
}

type overrideKey struct{ id, arch, channel string }

// overrideSet holds overrides, which do not change.
type overrideSet struct {
	byID map[overrideKey]int
	ids  map[string]string // of snaps, by name
	all  []Override
}

// SetOverrides replaces the overrides of all later requests.
func (e *Edge) SetOverrides(list []Override) {
	s := &overrideSet{byID: make(map[overrideKey]int), ids: make(map[string]string), all: list}
	for _, o := range list {
		s.byID[overrideKey{o.SnapID, o.Architecture, o.Channel}] = o.Revision
		s.ids[o.Name] = o.SnapID
	}
	e.overrides.Store(s)
}

// find returns the revision that a channel is overridden with, or 0.
func (s *overrideSet) find(id, name, arch, channel string) int {
	if id == "" {
		id = s.ids[name]
	}
	if n := s.byID[overrideKey{id, arch, channel}]; n > 0 {
		return n
	}
	return s.byID[overrideKey{id, snap.All, channel}]
}

// pins are the overrides that a request meets.
type pins struct {
	// body is the request for upstream.
	body []byte
	// channels are the channels that pinned actions asked for, by instance-key.
	channels map[string]string
}

// apply makes the actions of a request about overridden channels ask for the revision. Without such an action, the request stays as it is.
func (s *overrideSet) apply(body []byte, arch string) pins {
	as := pins{body: body}
	if len(s.byID) == 0 {
		return as
	}
	var q snap.RefreshRequest
	if json.Unmarshal(body, &q) != nil {
		return as // upstream judges it
	}
	pinned := make(map[int]int)
	for i := range q.Actions {
		a := &q.Actions[i]
		if a.Revision != 0 || a.Action == "fetch-assertions" {
			continue
		}
		name := channelOf(a, q.Context)
		if n := s.find(a.SnapID, a.Name, arch, name); n > 0 {
			pinned[i] = n
			if as.channels == nil {
				as.channels = make(map[string]string)
			}
			as.channels[a.InstanceKey] = shortChannel(name)
		}
	}
	if len(pinned) > 0 {
		as.body = pinActions(body, pinned)
	}
	return as
}

// pinActions returns a request whose actions, by their place, ask for a revision. All other members stay.
func pinActions(body []byte, pinned map[int]int) []byte {
	var q map[string]json.RawMessage
	var actions []map[string]json.RawMessage
	if json.Unmarshal(body, &q) != nil || json.Unmarshal(q["actions"], &actions) != nil {
		return body
	}
	for i, n := range pinned {
		delete(actions[i], "channel")
		delete(actions[i], "cohort-key") // a cohort has another revision
		actions[i]["revision"] = mustJSON(n)
	}
	q["actions"] = mustJSON(actions)
	return mustJSON(q)
}

// mustJSON encodes parts of decoded JSON, which can't fail.
func mustJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// restore returns an answer in which the results of pinned actions are about the channel that was asked for.
func (as *pins) restore(answer []byte) []byte {
	if len(as.channels) == 0 {
		return answer
	}
	var q map[string]json.RawMessage
	var results []map[string]json.RawMessage
	if json.Unmarshal(answer, &q) != nil || json.Unmarshal(q["results"], &results) != nil {
		return answer
	}
	for _, result := range results {
		var key string
		if json.Unmarshal(result["instance-key"], &key) != nil || bytes.Contains(result["result"], []byte(`"error"`)) {
			continue
		}
		if name, ok := as.channels[key]; ok {
			result["effective-channel"] = mustJSON(name)
			delete(result, "redirect-channel")
		}
	}
	q["results"] = mustJSON(results)
	return mustJSON(q)
}

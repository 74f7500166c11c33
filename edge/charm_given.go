package edge

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/charm"
	"offlinestore/edge/api"
	"offlinestore/edge/cache"
	"offlinestore/transfer"
)

// GivenCharms returns the charms that Juju was given, in the order of their names. Juju also asks by its number for a revision that it was given
// for a channel, which is no further one.
func (e *Edge) GivenCharms() (list []Charm) {
	type revision struct {
		id     string
		number int
	}
	inChannels := make(map[revision]bool)
	e.charms.mu.Lock()
	for _, c := range e.charms.items {
		list = append(list, *c)
		if c.Channel != "" {
			inChannels[revision{c.ID, c.Revision}] = true
		}
	}
	e.charms.mu.Unlock()
	list = slices.DeleteFunc(list, func(c Charm) bool { return c.Channel == "" && inChannels[revision{c.ID, c.Revision}] })
	slices.SortFunc(list, func(a, b Charm) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Base, b.Base), cmp.Compare(a.Architecture, b.Architecture),
			cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// Describe returns the message about a charm. It returns false if the kept answer does not describe one.
func (c *Charm) Describe() (api.Charm, bool) {
	var about charm.Entity
	if json.Unmarshal(c.Charm, &about) != nil || about.Download.SHA256 == "" {
		return api.Charm{}, false
	}
	return api.Charm{Name: c.Name, ID: c.ID, Architecture: c.Architecture, Base: c.Base, Channel: c.Channel, Revision: c.Revision, Version: about.Version,
		Size: about.Download.Size, SHA256: about.Download.SHA256, Seen: c.Seen.UTC()}, true
}

// listCharms answers with the charms that Juju was given.
func (e *Edge) listCharms(w http.ResponseWriter, _ *http.Request) {
	a := api.CharmsAnswer{Charms: []api.Charm{}}
	for _, c := range e.GivenCharms() {
		if one, ok := c.Describe(); ok {
			one.Cached = e.holdsFile(cache.Digest("sha256:"+one.SHA256), one.Size)
			a.Charms = append(a.Charms, one)
		}
	}
	transfer.WriteText(w, http.StatusOK, "application/json", mustJSON(a))
}

// givenCharmResult is a result about a charm.
type givenCharmResult struct {
	Charm   json.RawMessage `json:"charm"`
	Channel string          `json:"effective-channel,omitempty"`
	Error   *charm.Error    `json:"error,omitempty"`
	ID      string          `json:"id"`
	Key     string          `json:"instance-key"`
	Name    string          `json:"name"`
	Result  string          `json:"result"`
}

// givenCharms answers Juju's request for revisions from the given ones. Nobody is told of others: an export has what Juju was given.
func (e *Edge) givenCharms(w http.ResponseWriter, r *http.Request) {
	body, ok := readRequest(w, r)
	if !ok {
		return
	}
	var q charm.RefreshRequest
	if json.Unmarshal(body, &q) != nil {
		fail(w, http.StatusBadRequest, codeBadRequest, "the request is no JSON of the store's API")
		return
	}
	weight, err := weighAnswer(r, len(q.Actions))
	results := []json.RawMessage{}
	for i := 0; i < len(q.Actions) && err == nil; i++ {
		a := &q.Actions[i]
		id, name := valueOf(a.ID), valueOf(a.Name)
		found := e.charms.find(id, name, a)
		if found == nil {
			results = append(results, mustJSON(givenCharmResult{Charm: json.RawMessage("null"), ID: id, Key: a.InstanceKey, Name: name, Result: "error",
				Error: &charm.Error{Code: "revision-not-found", Message: "Juju was given no such revision by this store"}}))
			continue
		}
		results = append(results, mustJSON(givenCharmResult{Charm: found.Charm, Channel: cmp.Or(found.Channel, valueOf(a.Channel)), ID: found.ID, Key: a.InstanceKey,
			Name: found.Name, Result: a.Action}))
		err = weight.add(len(found.Charm))
	}
	if err != nil {
		failOwn(w, err)
		return
	}
	text := mustJSON(map[string]any{"results": results, "error-list": []charm.Error{}})
	transfer.WriteText(w, http.StatusOK, "application/json", e.replaceAddresses(r, e.state.Load(), newScan(text)))
}

func valueOf(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// givenCharmInfo answers a question about a charm, with upstream's description, or else with a given revision's. Its channels are the ones of
// which Juju was given revisions.
func (e *Edge) givenCharmInfo(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	list := slices.DeleteFunc(e.GivenCharms(), func(c Charm) bool { return c.Name != name })
	if len(list) == 0 {
		fail(w, http.StatusNotFound, "not-found", "Juju was given no charm of that name by this store")
		return
	}
	slices.SortStableFunc(list, func(a, b Charm) int { return b.Seen.Compare(a.Seen) })
	members := e.describeCharm(r, &list[0])
	rows := []charm.ChannelMapEntry{}
	for i := range list {
		if row, ok := list[i].channelRow(); ok {
			rows = append(rows, row)
		}
	}
	members["channel-map"] = mustJSON(rows)
	transfer.WriteText(w, http.StatusOK, "application/json", e.replaceAddresses(r, e.state.Load(), newScan(mustJSON(members))))
}

// describeCharm asks upstream to describe a charm. While it does not answer, the given revision describes it.
func (e *Edge) describeCharm(r *http.Request, given *Charm) map[string]json.RawMessage {
	members := make(map[string]json.RawMessage)
	if !e.metrics.failing.Load() {
		answer := newRecorder()
		e.handler.ServeHTTP(answer, r)
		if answer.status == http.StatusOK && json.Unmarshal(answer.body.Bytes(), &members) == nil && len(members["result"]) > 0 {
			return members
		}
	}
	var about charm.Entity
	if json.Unmarshal(given.Charm, &about) != nil {
		return members
	}
	result := charm.Details{License: about.License, Publisher: about.Publisher, Summary: about.Summary, Title: given.Name, Description: about.Summary,
		Categories: []charm.Category{}, DeployableOn: []string{}, Links: map[string][]string{}, Media: []charm.Media{}}
	release := charm.DefaultRelease{Channel: charm.Channel{Name: channel.Stable, Track: channel.DefaultTrack, Risk: channel.Stable}, Resources: about.Resources}
	if row, ok := given.channelRow(); ok {
		release.Channel, release.Revision = row.Channel, row.Revision
	}
	return map[string]json.RawMessage{"id": mustJSON(given.ID), "name": mustJSON(given.Name), "type": mustJSON(charm.TypeCharm), "result": mustJSON(result),
		"default-release": mustJSON(release)}
}

// channelRow returns the row of the channel map for a charm. It returns false if Juju asked for the revision by its number.
func (c *Charm) channelRow() (row charm.ChannelMapEntry, ok bool) {
	ch, err := channel.ParseFull(c.Channel)
	name, version, found := strings.Cut(c.Base, "/")
	if err != nil || !found {
		return row, false
	}
	base := &charm.Base{Name: name, Channel: version, Architecture: c.Architecture}
	var about charm.Entity
	if json.Unmarshal(c.Charm, &about) != nil {
		return row, false
	}
	row.Channel = charm.Channel{Base: base, Name: ch.Name(), Track: ch.Track, Risk: ch.Risk}
	row.Revision = charm.Revision{Bases: []*charm.Base{base}, CreatedAt: about.CreatedAt, Download: about.Download, Number: c.Revision, Version: about.Version}
	return row, true
}

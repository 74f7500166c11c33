package edge

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"

	"offlinestore/channel"
	"offlinestore/edge/api"
	"offlinestore/edge/cache"
	"offlinestore/snap"
	"offlinestore/transfer"
)

// addGiven adds the routes for exports to the next enclave: the list of the revisions that devices were given, and a Snap Store that knows
// these in place of upstream's present ones. Like the list of an air-gapped store's snaps, they are for everybody, and private snaps are not
// in them.
func (e *Edge) addGiven(mux *http.ServeMux) {
	mux.Handle("GET "+api.ReleasesPath, e.instrument("given", e.listReleases))
	mux.Handle("GET "+api.CharmsPath, e.instrument("given", e.listCharms))
	view := http.NewServeMux()
	view.HandleFunc("POST /v2/snaps/refresh", e.givenRefresh)
	view.HandleFunc("GET /v2/snaps/info/{name}", e.givenInfo)
	view.HandleFunc("GET /v2/assertions/", e.givenAssertion)
	view.HandleFunc("POST /v2/charms/refresh", e.givenCharms)
	view.HandleFunc("GET /v2/charms/info/{name}", e.givenCharmInfo)
	view.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { e.handler.ServeHTTP(w, r) })
	mux.Handle(api.GivenPath+"/", e.instrument("given", http.StripPrefix(api.GivenPath, view).ServeHTTP))
}

// Given returns the revisions that devices were given, in the order of their names.
func (e *Edge) Given() []Release {
	list := e.releases.all(func(*Release) bool { return true })
	slices.SortFunc(list, func(a, b Release) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.Channel, b.Channel),
			cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Store, b.Store))
	})
	return list
}

// all returns copies of the releases that fn selects.
func (m *releaseMemory) all(fn func(*Release) bool) (list []Release) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.items {
		if fn(r) {
			list = append(list, *r)
		}
	}
	return list
}

// Describe returns the message about a release. It returns false if the kept answer does not describe a snap.
func (r *Release) Describe() (api.Release, bool) {
	var about struct {
		Version  string        `json:"version"`
		Download snap.Download `json:"download"`
	}
	if json.Unmarshal(r.Snap, &about) != nil || about.Download.SHA3384 == "" {
		return api.Release{}, false
	}
	return api.Release{Name: r.Name, SnapID: r.SnapID, Architecture: r.Architecture, Channel: r.Channel, Revision: r.Revision, Version: about.Version,
		Size: about.Download.Size, SHA3384: about.Download.SHA3384, Seen: r.Seen.UTC()}, true
}

// listReleases answers with the releases of public snaps.
func (e *Edge) listReleases(w http.ResponseWriter, _ *http.Request) {
	a := api.Answer{Releases: []api.Release{}}
	for _, r := range e.Given() {
		if r.Private {
			a.Private++
			continue
		}
		if one, ok := r.Describe(); ok {
			one.Cached = e.holds(one.SHA3384, one.Size)
			a.Releases = append(a.Releases, one)
		}
	}
	transfer.WriteText(w, http.StatusOK, "application/json", mustJSON(a))
}

// holds reports whether the cache holds a file of upstream's.
func (e *Edge) holds(sha3384 string, size int64) bool {
	return e.holdsFile(cache.Digest("sha3-384:"+sha3384), size)
}

func (e *Edge) holdsFile(d cache.Digest, size int64) bool {
	holder, ok := e.files.(interface{ Has(cache.File) bool })
	return ok && holder.Has(cache.File{Digest: d, Size: size})
}

// givenSnap returns the description of a given revision, without the components and the other parts that no device has fetched.
func (e *Edge) givenSnap(r *Release) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(r.Snap, &members) != nil {
		return r.Snap
	}
	for _, name := range []string{"resources", "integrity"} {
		var parts []json.RawMessage
		if len(members[name]) == 0 || json.Unmarshal(members[name], &parts) != nil || len(parts) == 0 {
			continue
		}
		members[name] = mustJSON(slices.DeleteFunc(parts, func(part json.RawMessage) bool {
			var about struct {
				Download snap.Download `json:"download"`
			}
			return json.Unmarshal(part, &about) != nil || !e.holds(about.Download.SHA3384, about.Download.Size)
		}))
	}
	return mustJSON(members)
}

// givenRefresh answers a request for revisions from the given ones. Upstream is asked about the others, which nobody was given.
func (e *Edge) givenRefresh(w http.ResponseWriter, r *http.Request) {
	body, ok := readRequest(w, r)
	if !ok {
		return
	}
	var q snap.RefreshRequest
	var members map[string]json.RawMessage
	var actions []json.RawMessage
	if json.Unmarshal(body, &q) != nil || json.Unmarshal(body, &members) != nil || json.Unmarshal(members["actions"], &actions) != nil {
		fail(w, http.StatusBadRequest, codeBadRequest, "the request is no JSON of the store's API")
		return
	}
	d := device{arch: deviceOf(r).arch}
	weight, err := weighAnswer(r, len(q.Actions))
	results, others := []json.RawMessage{}, []int{}
	for i := 0; i < len(q.Actions) && err == nil; i++ {
		a := &q.Actions[i]
		found := e.releases.findGiven(a.SnapID, a.Name, channelOf(a, q.Context), a.Revision, d)
		if found == nil || found.Private {
			others = append(others, i)
			continue
		}
		results = append(results, mustJSON(staleResult{Result: a.Action, Key: a.InstanceKey, SnapID: found.SnapID, Name: found.Name,
			Channel: shortChannel(cmp.Or(found.Channel, channelOf(a, q.Context))), Snap: e.givenSnap(found)}))
		err = weight.add(len(found.Snap))
	}
	if err != nil {
		failOwn(w, err)
		return
	}
	st := e.state.Load()
	if len(others) > 0 {
		results = append(results, e.askForOthers(r, st, &q, members, actions, others)...)
	}
	text := mustJSON(map[string]any{"results": results, "error-list": []snap.Error{}})
	transfer.WriteText(w, http.StatusOK, "application/json", e.replaceAddresses(r, st, newScan(text)))
}

// askForOthers asks upstream about some actions of a request. Without an answer, each of them has an error.
func (e *Edge) askForOthers(r *http.Request, st *state, q *snap.RefreshRequest, members map[string]json.RawMessage, actions []json.RawMessage, others []int) []json.RawMessage {
	asked := make([]json.RawMessage, len(others))
	for i, at := range others {
		asked[i] = actions[at]
	}
	members["actions"] = mustJSON(asked)
	r = r.Clone(r.Context())
	setBody(r, mustJSON(members))
	answer := newRecorder()
	e.send(answer, r, &exchange{state: st, to: st.upstream, change: validAnswer})
	var got struct {
		Results []json.RawMessage `json:"results"`
	}
	if answer.status == http.StatusOK && json.Unmarshal(answer.body.Bytes(), &got) == nil {
		return got.Results
	}
	for i, at := range others {
		a := &q.Actions[at]
		asked[i] = mustJSON(staleResult{Result: "error", Key: a.InstanceKey, SnapID: a.SnapID, Name: a.Name,
			Error: &snap.Error{Code: codeUnavailable, Message: "no device was given it, and the store upstream does not answer"}})
	}
	return asked
}

// validAnswer lets an answer pass that is JSON.
func validAnswer(_ *http.Response, body []byte) ([]byte, error) {
	if !json.Valid(body) {
		return nil, errNotStore
	}
	return body, nil
}

// givenInfo answers a question about a snap. Its channels are the ones of which devices were given revisions.
func (e *Edge) givenInfo(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	list := e.releases.all(func(one *Release) bool { return one.Name == name && !one.Private })
	if len(list) == 0 {
		e.handler.ServeHTTP(w, r)
		return
	}
	slices.SortFunc(list, func(a, b Release) int { return b.Seen.Compare(a.Seen) })
	text := e.givenText(list, e.describeSnap(r, list[0].Snap))
	transfer.WriteText(w, http.StatusOK, "application/json", e.replaceAddresses(r, e.state.Load(), newScan(text)))
}

// snapDescription are the members of an answer about a snap that no revision has.
type snapDescription struct {
	DefaultTrack *string         `json:"default-track"`
	Snap         json.RawMessage `json:"snap"`
}

// describeSnap asks upstream to describe a snap. While it does not answer, a given revision describes it.
func (e *Edge) describeSnap(r *http.Request, given json.RawMessage) snapDescription {
	out := snapDescription{Snap: given}
	if e.metrics.failing.Load() {
		return out
	}
	answer := newRecorder()
	e.handler.ServeHTTP(answer, r)
	var got snapDescription
	if answer.status == http.StatusOK && json.Unmarshal(answer.body.Bytes(), &got) == nil && len(got.Snap) > 0 {
		return got
	}
	return out
}

// givenText returns the answer about a snap. Releases without a channel are no part of it, unless there are no others: an answer has a row.
func (e *Edge) givenText(list []Release, about snapDescription) []byte {
	rows := []json.RawMessage{}
	hasChannels := slices.ContainsFunc(list, func(one Release) bool { return one.Channel != "" })
	for _, one := range list {
		var row map[string]json.RawMessage
		if json.Unmarshal(e.givenSnap(&one), &row) != nil {
			continue
		}
		c, err := channel.Parse(cmp.Or(one.Channel, channel.Stable))
		if err != nil || one.Channel == "" && hasChannels {
			continue
		}
		c = c.WithTrack(channel.DefaultTrack)
		row["channel"] = mustJSON(snap.ChannelMapChannel{Architecture: one.Architecture, Name: c.Name(), Risk: c.Risk, Track: c.Track})
		rows = append(rows, mustJSON(row))
	}
	return mustJSON(map[string]any{"name": list[0].Name, "snap-id": list[0].SnapID, "snap": about.Snap, "default-track": about.DefaultTrack, "channel-map": rows})
}

// givenAssertion answers with a kept assertion, or asks upstream.
func (e *Edge) givenAssertion(w http.ResponseWriter, r *http.Request) {
	ref, maxFormat, ok := assertionOf(r)
	if !ok {
		e.handler.ServeHTTP(w, r)
		return
	}
	body, known := e.index.find(e.answers, ref, maxFormat)
	if body != nil {
		transfer.WriteText(w, http.StatusOK, "application/x.ubuntu.assertion", body)
		return
	}
	answer := newRecorder()
	if !known || !e.metrics.failing.Load() {
		e.handler.ServeHTTP(answer, r)
	}
	if known && answer.status != http.StatusOK {
		fail(w, http.StatusNotFound, snap.CodeNotFound, "this store has the assertion in newer formats only")
		return
	}
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	transfer.WriteText(w, answer.status, answer.header.Get("Content-Type"), answer.body.Bytes())
}

// recorder keeps an answer of the edge itself, which is bounded.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: make(http.Header)} }

// Header implements [http.ResponseWriter].
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements [http.ResponseWriter].
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write implements [http.ResponseWriter].
func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if r.body.Len()+len(p) > maxAnswer {
		return 0, errTooLarge
	}
	return r.body.Write(p)
}

package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/snap"
)

const (
	maxRefreshBody = 4 << 20
	// maxActions bounds the ratio of the answer's size to the request's.
	maxActions = 1000
	// maxAssertions bounds the assertions that one request may ask for. A device has some hundreds.
	maxAssertions = 10_000
)

// refreshCall is the state of one request for POST /v2/snaps/refresh.
type refreshCall struct {
	server *Server
	ix     *index
	req    *snap.RefreshRequest
	arch   string
	origin string
	fields fieldSet
	// defaultTracks is set if the client understands being moved to the default track of a snap.
	defaultTracks bool
	// pasts holds the snaps at the moments of cohort keys.
	pasts map[string]*indexedSnap
	// byKey holds the installed snaps by instance-key, if there are too many to search.
	byKey map[string]*snap.Installed
}

func (s *Server) refresh(w http.ResponseWriter, r *http.Request, ix *index) {
	arch := architecture(r)
	if snap.ValidateArchitecture(arch) != nil {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, "the header "+snap.HeaderArchitecture+" names no architecture")
		return
	}
	var body refreshRequest
	if !s.readJSON(w, r, maxRefreshBody, &body) {
		return
	}
	req := snap.RefreshRequest(body)
	if len(req.Actions) > maxActions || len(req.Context) > maxActions {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, fmt.Sprintf("more than %d actions or installed snaps in one request", maxActions))
		return
	}
	if n := countAssertions(req.Actions); n > maxAssertions {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, fmt.Sprintf("more than %d assertions in one request", maxAssertions))
		return
	}
	origin, ok := s.requireOrigin(w, r)
	if !ok {
		return
	}
	c := refreshCall{server: s, ix: ix, req: &req, arch: arch, origin: origin, fields: clientFields(r, req.Fields),
		defaultTracks: hasDefaultTracks(r)}
	writeResults(w, r, len(req.Actions), func(dst []byte, i int, flush flusher) []byte { return c.appendResult(dst, &req.Actions[i], flush) })
}

func countAssertions(actions []snap.Action) (n int) {
	for i := range actions {
		n += len(actions[i].Assertions)
	}
	return n
}

// appendResult appends the answer to one action, or nothing if the action needs no answer.
func (c *refreshCall) appendResult(dst []byte, a *snap.Action, flush flusher) []byte {
	switch a.Action {
	case snap.ActionInstall, snap.ActionDownload, snap.ActionRefresh:
		return c.appendSnap(dst, a)
	case snap.ActionFetchAssertions:
		return c.appendFetched(dst, a, flush)
	}
	return c.appendError(dst, a, nil, codeBadRequest, fmt.Sprintf("unknown action %.40q", a.Action), nil)
}

func (c *refreshCall) appendSnap(dst []byte, a *snap.Action) []byte {
	sn := c.ix.find(a.SnapID, a.Name)
	if sn == nil {
		c.miss(a, a.Name)
	}
	switch {
	case sn == nil && a.SnapID != "":
		return c.appendError(dst, a, nil, snap.CodeIDNotFound, fmt.Sprintf("no snap with id %.40q in this store", a.SnapID), nil)
	case sn == nil:
		return c.appendError(dst, a, nil, snap.CodeNameNotFound, fmt.Sprintf("no snap named %.60q in this store", a.Name), nil)
	}
	var installed *snap.Installed
	if a.Action == snap.ActionRefresh {
		installed = c.installed(a.InstanceKey)
	}
	present := sn
	sn, problem := c.inCohort(sn, a, installed)
	if problem != "" {
		return c.appendError(dst, a, present, codeCohort, problem, nil)
	}
	asked := c.asked(a)
	var wanted channel.Channel
	if asked != "" {
		var err error
		if wanted, err = channel.Parse(asked); err != nil {
			return c.appendError(dst, a, sn, codeBadRequest, err.Error(), nil)
		}
		wanted = c.withTrack(sn, a, wanted)
	}
	if a.Revision != 0 {
		return c.appendRevision(dst, a, sn, wanted)
	}
	return c.appendChannel(dst, a, sn, asked, wanted, installed)
}

// asked returns the channel of an action: the named one, the tracked one, or stable. It is empty for a revision by number.
func (c *refreshCall) asked(a *snap.Action) string {
	if a.Channel != "" || a.Revision != 0 {
		return a.Channel
	}
	if a.Action == snap.ActionRefresh {
		if installed := c.installed(a.InstanceKey); installed != nil && installed.TrackingChannel != "" {
			return installed.TrackingChannel
		}
	}
	return channel.Stable
}

// miss counts an action that is in vain. The name is empty for a snap that is unknown by its ID.
func (c *refreshCall) miss(a *snap.Action, name string) {
	c.server.missSnap(a.SnapID, name, c.asked(a), c.arch, a.Revision)
}

// appendChannel answers with the release that a channel holds.
func (c *refreshCall) appendChannel(dst []byte, a *snap.Action, sn *indexedSnap, asked string, wanted channel.Channel,
	installed *snap.Installed) []byte {
	r := sn.follow(c.arch, wanted)
	if r == nil {
		return c.appendMissing(dst, a, sn, fmt.Sprintf("snap %q has nothing in %s for %s; here it is for %s", sn.Name, wanted, c.arch, sn.where()))
	}
	usable := usable{ix: c.ix, snapID: sn.SnapID, epoch: a.Epoch}
	if installed != nil {
		usable.epoch, usable.have, usable.gates = installed.Epoch, installed.Revision, c.gates(sn, a, installed)
	}
	if !usable.revision(r.revision) {
		if r = sn.upgrade(c.arch, wanted, usable); r == nil {
			return c.appendStay(dst, a, sn, wanted, usable.have)
		}
	}
	redirect := ""
	if a.Action != snap.ActionRefresh && c.defaultTracks && sn.DefaultTrack != "" && c.trackless(asked) {
		redirect = wanted.Name()
	}
	return c.appendFound(dst, a, sn, r.revision, r, redirect)
}

// appendStay answers a device that can't use the channel's release, since nothing newer reads the epoch of its data, or is approved. The answer
// is a revision that the device has already.
func (c *refreshCall) appendStay(dst []byte, a *snap.Action, sn *indexedSnap, wanted channel.Channel, have int) []byte {
	if a.Action != snap.ActionRefresh {
		return c.appendMissing(dst, a, sn, fmt.Sprintf("snap %q has no revision in %s for %s that reads the data of the installed epoch", sn.Name, wanted, c.arch))
	}
	if have <= 0 {
		return dst // snapd never says so
	}
	rev := sn.byNumber(c.arch, have)
	if rev == nil {
		return c.appendUnchanged(dst, a, sn, have)
	}
	return c.appendFound(dst, a, sn, rev, nil, "")
}

// appendUnchanged answers a device that keeps a revision which is not in this store. Without a result, snapd would report that the
// store is at fault.
func (c *refreshCall) appendUnchanged(dst []byte, a *snap.Action, sn *indexedSnap, have int) []byte {
	type unchanged struct {
		Name     string `json:"name"`
		Revision int    `json:"revision"`
		SnapID   string `json:"snap-id"`
	}
	return appendJSON(dst, struct {
		InstanceKey string    `json:"instance-key"`
		Name        string    `json:"name"`
		Result      string    `json:"result"`
		Snap        unchanged `json:"snap"`
		SnapID      string    `json:"snap-id"`
	}{a.InstanceKey, sn.Name, a.Action, unchanged{sn.Name, have, sn.SnapID}, sn.SnapID})
}

// appendRevision answers with a revision by number. If the client names a channel too, the revision must have been released there,
// as far as its releases are known: charms install revisions that came by number from the channel that had them upstream. Without a
// known channel, the answer names none, because snapd would take any other than the tracked one for a sign that this is closed.
func (c *refreshCall) appendRevision(dst []byte, a *snap.Action, sn *indexedSnap, wanted channel.Channel) []byte {
	rev := sn.byNumber(c.arch, a.Revision)
	if rev == nil {
		return c.appendMissing(dst, a, sn, fmt.Sprintf("snap %q has no revision %d for %s here; in channels it is for %s", sn.Name, a.Revision, c.arch, sn.where()))
	}
	if a.Channel == "" || !sn.hasRelease(c.arch, rev) {
		return c.appendFound(dst, a, sn, rev, nil, "")
	}
	r := sn.released(c.arch, rev, wanted)
	if r == nil {
		return c.appendMissing(dst, a, sn, fmt.Sprintf("revision %d of snap %q was not released to %s for %s here", a.Revision, sn.Name, wanted, c.arch))
	}
	return c.appendFound(dst, a, sn, rev, r, "")
}

func (c *refreshCall) appendMissing(dst []byte, a *snap.Action, sn *indexedSnap, message string) []byte {
	c.miss(a, sn.Name)
	return c.appendError(dst, a, sn, snap.CodeRevisionNotFound, message, &snap.ErrorExtra{Releases: sn.releases()})
}

// appendFound appends a result with a snap. The keys are in the order of the alphabet, as in the real store's answers.
func (c *refreshCall) appendFound(dst []byte, a *snap.Action, sn *indexedSnap, rev *indexedRevision, r *row, redirect string) []byte {
	answers, err := c.pinnedObject(a, sn, rev)
	if err != nil {
		return c.appendError(dst, a, sn, codeInternal, "the revision can't be read in this store", nil)
	}
	dst = append(dst, '{')
	if r != nil {
		dst = append(appendString(append(dst, `"effective-channel":`...), r.name), ',')
	}
	dst = appendString(append(dst, `"instance-key":`...), a.InstanceKey)
	dst = appendString(append(dst, `,"name":`...), sn.Name)
	if redirect != "" {
		dst = appendString(append(dst, `,"redirect-channel":`...), redirect)
	}
	if r != nil && r.releasedAt != "" {
		dst = appendString(append(dst, `,"released-at":`...), r.releasedAt)
	}
	dst = appendString(append(dst, `,"result":`...), a.Action)
	dst = appendFields(append(dst, `,"snap":`...), c.fields, answers, &sn.object, c.origin)
	dst = appendString(append(dst, `,"snap-id":`...), sn.SnapID)
	return append(dst, '}')
}

func (c *refreshCall) appendError(dst []byte, a *snap.Action, sn *indexedSnap, code, message string, extra *snap.ErrorExtra) []byte {
	out := snap.Result{Result: "error", InstanceKey: a.InstanceKey, Name: a.Name, SnapID: a.SnapID,
		Error: &snap.ResultError{Code: code, Message: message, Extra: extra}}
	if sn != nil {
		out.Name, out.SnapID = sn.Name, sn.SnapID
	}
	return appendJSON(dst, out)
}

// withTrack returns a channel with a track. Only new installations are moved to the default track, and only by clients that
// understand it.
func (c *refreshCall) withTrack(sn *indexedSnap, a *snap.Action, wanted channel.Channel) channel.Channel {
	if c.defaultTracks && a.Action != snap.ActionRefresh {
		return sn.track(wanted)
	}
	return wanted.WithTrack(channel.DefaultTrack)
}

// hasDefaultTracks reports whether the client of a request understands default tracks: snapd 2.44 and newer.
func hasDefaultTracks(r *http.Request) bool {
	return slices.ContainsFunc(r.Header.Values(snap.HeaderCapabilities), func(list string) bool {
		return slices.ContainsFunc(strings.Split(list, ","), func(s string) bool { return strings.TrimSpace(s) == "default-tracks" })
	})
}

// trackless reports whether the request names a channel without a track.
func (c *refreshCall) trackless(asked string) bool {
	ch, err := channel.Parse(asked)
	return err == nil && ch.Track == ""
}

// installed returns the device's entry for the snap under a key.
func (c *refreshCall) installed(key string) *snap.Installed {
	const searched = 16
	if len(c.req.Context) > searched && c.byKey == nil {
		c.byKey = make(map[string]*snap.Installed, len(c.req.Context))
		for i := range slices.Backward(c.req.Context) { // the first of a key counts, as below
			c.byKey[c.req.Context[i].InstanceKey] = &c.req.Context[i]
		}
	}
	if c.byKey != nil {
		return c.byKey[key]
	}
	for i := range c.req.Context {
		if c.req.Context[i].InstanceKey == key {
			return &c.req.Context[i]
		}
	}
	return nil
}

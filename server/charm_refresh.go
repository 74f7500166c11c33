package server

import (
	"fmt"
	"net/http"
	"slices"

	"offlinestore/channel"
	"offlinestore/charm"
)

// actionFailed is the result of an action that got an error.
const actionFailed = "error"

// charmCall is the state of one request for POST /v2/charms/refresh.
type charmCall struct {
	charmView
	ix  *index
	req *charm.RefreshRequest
	// known has the context that the model sends for its charms, seen the actions already answered, both by instance-key.
	known map[string]*charm.Context
	seen  map[string]bool
}

// charmAnswer is the answer to an action.
type charmAnswer struct {
	charm     *indexedCharm
	revision  *charmRevision
	row       *charmRow // nil for a revision without a known release
	named     *charmRow // of the channel that the client named for such a revision, or nil
	channel   channel.Channel
	resources []*charmResource
}

func (s *Server) charmRefresh(w http.ResponseWriter, r *http.Request, ix *index) {
	var req charm.RefreshRequest
	if !s.readJSON(w, r, maxRefreshBody, &req) {
		return
	}
	if len(req.Actions) > maxActions || len(req.Context) > maxActions {
		s.fail(w, r, http.StatusBadRequest, charm.CodeBadArgument, fmt.Sprintf("more than %d actions or charms in one request", maxActions))
		return
	}
	origin, ok := s.requireOrigin(w, r)
	if !ok {
		return
	}
	c := charmCall{charmView: s.view(origin), ix: ix, req: &req, known: make(map[string]*charm.Context, len(req.Context)),
		seen: make(map[string]bool, len(req.Actions))}
	for i := range req.Context {
		c.known[req.Context[i].InstanceKey] = &req.Context[i]
	}
	// Juju gives up on the whole answer if one action has no result.
	writeResults(w, r, len(req.Actions), func(dst []byte, i int, _ flusher) []byte { return c.appendResult(dst, &req.Actions[i]) })
}

func (c *charmCall) appendResult(dst []byte, a *charm.Action) []byte {
	ans, problem := c.answer(a)
	if problem != nil {
		out := charm.Result{Result: actionFailed, Error: problem, InstanceKey: a.InstanceKey}
		if ans.charm != nil {
			out.ID, out.Name = ans.charm.ID, ans.charm.Name
		} else {
			out.ID, out.Name = value(a.ID), value(a.Name)
		}
		return appendJSON(dst, out)
	}
	dst = c.appendEntity(append(dst, `{"charm":`...), ans.revision, ans.resources)
	dst = appendString(append(dst, `,"effective-channel":`...), ans.channel.String())
	dst = appendString(append(dst, `,"id":`...), ans.charm.ID)
	dst = appendString(append(dst, `,"instance-key":`...), a.InstanceKey)
	dst = appendString(append(dst, `,"name":`...), ans.charm.Name)
	dst = append(dst, `,"released-at":`...)
	if ans.row != nil && zoned(ans.row.releasedAt) != "" {
		dst = appendString(dst, ans.row.releasedAt)
	} else {
		dst = append(dst, "null"...)
	}
	return append(appendString(append(dst, `,"result":`...), a.Action), '}')
}

// answer finds the charm and revision that an action asks for. If there is a problem, the answer holds at most the charm.
func (c *charmCall) answer(a *charm.Action) (charmAnswer, *charm.Error) {
	if c.seen[a.InstanceKey] {
		return charmAnswer{}, &charm.Error{Code: charm.CodeInstanceKey, Message: "another action has this instance-key"}
	}
	c.seen[a.InstanceKey] = true
	var known *charm.Context
	switch a.Action {
	case charm.ActionInstall, charm.ActionDownload:
	case charm.ActionRefresh:
		known = c.known[a.InstanceKey]
	default:
		return charmAnswer{}, &charm.Error{Code: charm.CodeBadArgument, Message: fmt.Sprintf("unknown action %.40q", a.Action)}
	}
	ch, problem := c.lookUp(a, known)
	if problem != nil {
		c.miss(a, known, nil, problem)
		return charmAnswer{}, problem
	}
	ans, problem := newCharmQuery(ch, a, known).answer()
	c.miss(a, known, ch, problem)
	if problem == nil {
		ans.resources, problem = ch.pinned(ch.resourcesOf(ans.revision, ans.row, ans.named), a.ResourceRevisions)
	}
	ans.charm = ch
	return ans, problem
}

// miss counts an action that is in vain because the charm, or its release, is not here.
func (c *charmCall) miss(a *charm.Action, known *charm.Context, ch *indexedCharm, problem *charm.Error) {
	if problem == nil || !slices.Contains([]string{charm.CodeIDNotFound, charm.CodeNameNotFound, charm.CodeRevisionNotFound}, problem.Code) {
		return
	}
	q := newCharmQuery(ch, a, known)
	id, name := value(a.ID), value(a.Name)
	if id == "" && name == "" && known != nil {
		id = known.ID
	}
	if ch != nil {
		name = ch.Name
	}
	arch := ""
	if q.base != nil {
		arch = q.base.Architecture
	}
	revision := 0
	if q.revision != nil {
		revision = *q.revision
	}
	if q.asked == "" && revision == 0 {
		q.asked = channel.Stable
	}
	c.server.missCharm(id, name, q.asked, arch, revision)
}

func (c *charmCall) lookUp(a *charm.Action, known *charm.Context) (*indexedCharm, *charm.Error) {
	id := value(a.ID)
	if id == "" && a.Name == nil && known != nil {
		id = known.ID
	}
	name := value(a.Name)
	switch {
	case id != "":
		if ch := c.ix.charmByID[id]; ch != nil {
			return ch, nil
		}
		return nil, &charm.Error{Code: charm.CodeIDNotFound, Message: fmt.Sprintf("no charm with id %.64q in this store", id)}
	case name != "":
		if ch := c.ix.charmByName[name]; ch != nil {
			return ch, nil
		}
		return nil, &charm.Error{Code: charm.CodeNameNotFound, Message: fmt.Sprintf("no charm or bundle named %.100q in this store", name)}
	}
	return nil, &charm.Error{Code: charm.CodeBadArgument, Message: "the action names no charm"}
}

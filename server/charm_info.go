package server

import (
	"cmp"
	"fmt"
	"net/http"

	"offlinestore/channel"
	"offlinestore/charm"
)

// charmInfo answers GET /v2/charms/info/<name>. If the request names a channel, the default release comes from that channel.
func (s *Server) charmInfo(w http.ResponseWriter, r *http.Request, ix *index) {
	query := r.URL.Query()
	name := r.PathValue("name")
	ch := ix.charmByName[name]
	if ch == nil {
		s.missCharm("", name, query.Get("channel"), "", 0)
		s.fail(w, r, http.StatusNotFound, charm.CodeResourceNotFound, fmt.Sprintf("no charm or bundle named %.100q in this store", name))
		return
	}
	row := ch.first
	if asked := query.Get("channel"); asked != "" {
		c, err := channel.Parse(asked)
		if err != nil {
			s.fail(w, r, http.StatusBadRequest, charm.CodeInvalidChannel, err.Error())
			return
		}
		if row = ch.best(c.WithTrack(ch.track())); row == nil {
			s.missCharm("", name, asked, "", 0)
			s.fail(w, r, http.StatusNotFound, charm.CodeResourceNotFound, fmt.Sprintf("%s has nothing in %s here; %s", name, c.WithTrack(ch.track()), ch.where("")))
			return
		}
	}
	fields, err := newFieldTree(query.Get("fields"), identityFields()...)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, charm.CodeBadArgument, err.Error())
		return
	}
	origin, ok := s.requireOrigin(w, r)
	if !ok {
		return
	}
	text, err := record[charmInfo]{charmInfoFields, charmInfo{s.view(origin), ch, row}}.encode(fields)
	s.writeCharms(w, r, text, err)
}

// identityFields returns the members that every answer has, even if a client did not ask for them.
func identityFields() []string { return []string{"id", "name", "type"} }

func (s *Server) writeCharms(w http.ResponseWriter, r *http.Request, text []byte, err error) {
	if err != nil {
		s.cfg.Logger.Error("encode charm", "path", r.URL.Path, "err", err)
		s.fail(w, r, http.StatusInternalServerError, codeInternal, "the answer can't be written")
		return
	}
	s.writeText(w, r, http.StatusOK, typeJSON, text)
}

// unknownTime stands for an unknown time where Juju needs a time.
const unknownTime = "1970-01-01T00:00:00+00:00"

// described returns the channel of r as answers show it. A revision that was put into a channel at an export was never released
// there. But Juju's info command fails or even panics without a readable time, so the answer has the time when the revision was
// made.
func (r *charmRow) described(ch *indexedCharm) charm.Channel {
	at := cmp.Or(zoned(r.releasedAt), zoned(r.revision.CreatedAt), unknownTime)
	out := charm.Channel{Name: r.channel.Name(), ReleasedAt: at, Risk: r.channel.Risk, Track: r.channel.Track}
	if !ch.isBundle() {
		out.Base = &r.base
	}
	return out
}

// charmResources answers GET /v2/charms/resources/<charm>/<resource>/revisions, the newest first: Juju uses the first if its user
// names none.
func (s *Server) charmResources(w http.ResponseWriter, r *http.Request, ix *index) {
	ch, name := ix.charmByName[r.PathValue("charm")], r.PathValue("resource")
	if ch == nil || len(ch.uploads[name]) == 0 {
		s.fail(w, r, http.StatusNotFound, charm.CodeResourceNotFound,
			fmt.Sprintf("no resource %.60q of a charm %.100q in this store", name, r.PathValue("charm")))
		return
	}
	if origin, ok := s.requireOrigin(w, r); ok {
		s.writeJSON(w, r, http.StatusOK, typeJSON, charm.ResourceRevisionsResponse{Revisions: s.view(origin).resourceList(ch.uploads[name])})
	}
}

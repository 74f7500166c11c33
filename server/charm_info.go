package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"

	"offlinestore/channel"
	"offlinestore/charm"
)

// charmInfo answers GET /v2/charms/info/<name>. A channel that it names decides on the default release.
func (s *Server) charmInfo(w http.ResponseWriter, r *http.Request, ix *index) {
	query := r.URL.Query()
	name := r.PathValue("name")
	ch := ix.charmByName[name]
	if ch == nil {
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
			s.fail(w, r, http.StatusNotFound, charm.CodeResourceNotFound, fmt.Sprintf("%s has nothing in %s here; %s", name, c.WithTrack(ch.track()), ch.where("")))
			return
		}
	}
	fields, err := newFieldTree(query.Get("fields"))
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, charm.CodeBadArgument, err.Error())
		return
	}
	origin, ok := s.requireOrigin(w, r)
	if !ok {
		return
	}
	out, err := s.view(origin).charmBody(ch, row, fields)
	s.writeCharms(w, r, out, err)
}

func (s *Server) writeCharms(w http.ResponseWriter, r *http.Request, v any, err error) {
	if err != nil {
		s.cfg.Logger.Error("encode charm", "path", r.URL.Path, "err", err)
		s.fail(w, r, http.StatusInternalServerError, codeInternal, "the answer can't be written")
		return
	}
	s.writeJSON(w, r, http.StatusOK, typeJSON, v)
}

// charmBody is what fields ask for of ch; row is its default release, nil for none. Type, id and name are there always.
func (v charmView) charmBody(ch *indexedCharm, row *charmRow, fields *fieldTree) (map[string]json.RawMessage, error) {
	members := map[string]func(*fieldTree) any{
		"id":              func(*fieldTree) any { return ch.ID },
		"name":            func(*fieldTree) any { return ch.Name },
		"type":            func(*fieldTree) any { return ch.Type },
		"result":          func(*fieldTree) any { return v.charmDetails(ch.Charm) },
		"default-release": func(t *fieldTree) any { return v.defaultRelease(ch, row, t) },
		"channel-map":     func(*fieldTree) any { return v.channelMap(ch) },
	}
	out := make(map[string]json.RawMessage, len(members))
	for name, value := range members {
		t := fields.at(name)
		if name == "id" || name == "name" || name == "type" {
			t = &fieldTree{all: true}
		}
		if t == nil || v.brief && name == "channel-map" {
			continue
		}
		var err error
		if out[name], err = wanted(value(t), t); err != nil {
			return nil, fmt.Errorf("encode %s of %s: %w", name, ch.Name, err)
		}
	}
	return out, nil
}

func (v charmView) defaultRelease(ch *indexedCharm, row *charmRow, t *fieldTree) any {
	if row == nil {
		return nil
	}
	return charm.DefaultRelease{Channel: row.described(ch), Resources: v.resourceList(row.resources),
		Revision: v.revision(ch, row.revision, t.at("revision"))}
}

// channelMap has every open channel but branches, which its readers would take for the risk that they branch from. The files of the
// revisions are not in it.
func (v charmView) channelMap(ch *indexedCharm) []charm.ChannelMapEntry {
	out := []charm.ChannelMapEntry{}
	for _, r := range ch.listed {
		if r.channel.Branch == "" {
			out = append(out, charm.ChannelMapEntry{Channel: r.described(ch), Revision: v.revision(ch, r.revision, nil)})
		}
	}
	return out
}

func (v charmView) revision(ch *indexedCharm, rev *charmRevision, t *fieldTree) charm.Revision {
	if v.brief {
		t = nil
	}
	out := only(rev.CharmRevision.Revision, t)
	out.Bases = orEmpty(out.Bases)
	out.Download = archiveDownload(ch.Charm, rev.CharmRevision, v.origin)
	return out
}

// unknownTime stands for a time that nobody knows, where Juju must have one.
const unknownTime = "1970-01-01T00:00:00+00:00"

// described is the channel of r in the words of an answer. A revision that was put into it at an export was never released there, yet
// Juju's info command fails or even panics without a time that it can read: when the revision was made comes nearest.
func (r *charmRow) described(ch *indexedCharm) charm.Channel {
	at := cmp.Or(zoned(r.releasedAt), zoned(r.revision.CreatedAt), unknownTime)
	out := charm.Channel{Name: r.channel.Name(), ReleasedAt: at, Risk: r.channel.Risk, Track: r.channel.Track}
	if !ch.isBundle() {
		out.Base = &r.base
	}
	return out
}

// charmResources answers GET /v2/charms/resources/<charm>/<resource>/revisions, the newest first: Juju takes the first for any.
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

package server

import (
	"fmt"
	"net/http"
	"strings"

	"offlinestore/snap"
)

// info answers GET /v2/snaps/info/<name>. Branches are left out: snapd would take a branch for the risk below it.
func (s *Server) info(w http.ResponseWriter, r *http.Request, ix *index) {
	name := r.PathValue("name")
	query := r.URL.Query()
	sn := ix.find("", name)
	arch := query.Get("architecture")
	if arch == "" {
		arch = headerArchitecture(w, r)
	}
	if sn == nil {
		s.missSnap("", name, "", arch, 0)
		s.fail(w, r, http.StatusNotFound, "resource-not-found", fmt.Sprintf("no snap named %.60q in this store", name))
		return
	}
	rows := sn.openRows(arch)
	if len(rows) == 0 {
		s.missSnap("", name, "", arch, 0)
		s.fail(w, r, http.StatusNotFound, "resource-not-found",
			fmt.Sprintf("snap %q has no release for this architecture; here it is for %s", name, sn.where()))
		return
	}
	origin, ok := s.requireOrigin(w, r)
	if !ok {
		return
	}
	fields := clientFields(r, splitList(query.Get("fields")))
	pooled := getBuffer()
	defer putBuffer(pooled)
	out, err := appendChannelMap((*pooled)[:0], rows, fields, origin)
	if err != nil {
		s.fail(w, r, http.StatusInternalServerError, codeInternal, "the snap can't be read in this store")
		return
	}
	for _, row := range rows {
		varyByClient(w, row.revision)
	}
	out = append(out, `,"default-track":`...)
	if sn.DefaultTrack == "" {
		out = append(out, "null"...)
	} else {
		out = appendString(out, sn.DefaultTrack)
	}
	out = appendString(append(out, `,"name":`...), sn.Name)
	// The store repeats name and id here, even if a client did not ask for them.
	out = appendFields(append(out, `,"snap":`...), fields&snapSet|identitySet, nil, &sn.object, origin)
	out = append(appendString(append(out, `,"snap-id":`...), sn.SnapID), '}')
	*pooled = out
	s.writeText(w, r, http.StatusOK, typeJSON, out)
}

// openRows lists the open rows that a device of arch sees, the default channel first. Without an architecture it lists all.
// Branches are left out.
func (sn *indexedSnap) openRows(arch string) []*row {
	var out []*row
	if arch == "" {
		for _, e := range sn.channels.Open() {
			if e.Channel.Branch == "" {
				out = append(out, e.Value)
			}
		}
		return out
	}
	for _, e := range sn.channels.Visible(arch) {
		r := e.Value
		if r.architecture != arch {
			foreign := *r
			foreign.architecture = arch
			r = &foreign
		}
		out = append(out, r)
	}
	return out
}

// appendChannelMap appends the start of an answer with a list of rows.
func appendChannelMap(dst []byte, rows []*row, fields fieldSet, origin string) ([]byte, error) {
	dst = append(dst, `{"channel-map":[`...)
	for i, row := range rows {
		answers, err := row.revision.answers()
		if err != nil {
			return nil, err
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendChannelMapEntry(dst, row, answers, fields, origin)
	}
	return append(dst, ']'), nil
}

func appendChannelMapEntry(dst []byte, r *row, answers *object, fields fieldSet, origin string) []byte {
	c := snap.ChannelMapChannel{Architecture: r.architecture, Name: r.name, Risk: r.channel.Risk, Track: r.channel.Track}
	if r.releasedAt != "" {
		c.ReleasedAt = &r.releasedAt
	}
	dst = appendJSON(append(dst, `{"channel":`...), c)
	rev := appendFields(nil, fields&revisionSet, answers, nil, origin)
	if len(rev) > len("{}") {
		rev[0] = ','
		return append(dst, rev...)
	}
	return append(dst, '}')
}

// splitList splits a list of the form "a,b,c".
func splitList(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

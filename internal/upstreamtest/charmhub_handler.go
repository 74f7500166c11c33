package upstreamtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"offlinestore/channel"
)

// handleCharms adds Charmhub to the Snap Store's paths, because the two are one service with two names.
func (s *Store) handleCharms(mux *http.ServeMux) {
	mux.HandleFunc("GET /v2/charms/info/{name}", s.serveCharmInfo)
	mux.HandleFunc("GET /v2/charms/find", s.serveCharmFind)
	mux.HandleFunc("POST /v2/charms/refresh", s.serveCharmRefresh)
	mux.HandleFunc("GET /v2/charms/resources/{name}/{resource}/revisions", s.serveCharmResource)
	mux.HandleFunc("GET /api/v1/charms/download/{file}", s.serveCharmRedirect)
	mux.HandleFunc("GET /api/v1/resources/download/{file}", s.serveCharmRedirect)
	mux.HandleFunc("GET /charm-origin/{file}", s.serveCharmBlob)
	mux.HandleFunc("GET /api/v1/media/download/{file}", s.serveCharmIcon)
}

// infoFields returns the requested fields, and the three that are always there.
func infoFields(w http.ResponseWriter, r *http.Request) ([]string, bool) {
	var fields []string
	if q := r.URL.Query().Get("fields"); q != "" {
		fields = strings.Split(q, ",")
	}
	if f := unknownField(fields); f != "" {
		writeError(w, http.StatusBadRequest, "api-error", fmt.Sprintf("'%s' is not one of the known fields", f))
		return nil, false
	}
	return append(fields, "type", "id", "name"), true
}

func (s *Store) serveCharmInfo(w http.ResponseWriter, r *http.Request) {
	fields, ok := infoFields(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := r.PathValue("name")
	e := s.charms[name]
	if e == nil {
		writeError(w, http.StatusNotFound, "resource-not-found", fmt.Sprintf("No charm or bundle with name '%s'.", name))
		return
	}
	o, err := e.info(r.URL.Query().Get("channel"), s.base(r))
	if err != nil {
		writeError(w, http.StatusBadRequest, "invalid-channel", err.Error())
		return
	}
	writeJSON(w, http.StatusOK, project(o, fields))
}

// info returns the answer to /v2/charms/info. With a channel, the channel map and the default release are of that channel alone.
func (e *charmEntry) info(which, base string) (object, error) {
	c, err := channel.Parse(cmpOr(which, channel.Stable))
	if err != nil {
		return nil, err
	}
	rows := []object{}
	o := object{"id": e.ID, "name": e.Name, "type": e.Type, "result": e.result(base), "default-release": nil}
	for _, at := range e.slots() {
		if at.channel.Branch != "" && which == "" || which != "" && at.channel != e.spelledOut(c) {
			continue
		}
		rel := e.released[at]
		rows = append(rows, object{"channel": e.channelObject(at, rel), "revision": e.row(e.revisions[rel.revision], base)})
		if o["default-release"] == nil {
			o["default-release"] = object{
				"channel": e.channelObject(at, rel), "resources": e.resourcesOf(rel.resources, base), "revision": e.full(e.revisions[rel.revision], base),
			}
		}
	}
	o["channel-map"] = rows
	return o, nil
}

func (s *Store) serveCharmFind(w http.ResponseWriter, r *http.Request) {
	fields, ok := infoFields(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, kind := r.URL.Query().Get("q"), r.URL.Query().Get("type")
	results := []any{}
	for _, name := range slices.Sorted(maps.Keys(s.charms)) {
		e := s.charms[name]
		if !strings.Contains(name+" "+e.Summary, q) || kind != "" && kind != e.Type || e.Unlisted {
			continue
		}
		if o, err := e.info("", s.base(r)); err == nil {
			results = append(results, project(o, fields))
		}
	}
	writeJSON(w, http.StatusOK, object{"results": results})
}

func (s *Store) serveCharmRefresh(w http.ResponseWriter, r *http.Request) {
	var q charmQuery
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 8<<20)).Decode(&q); err != nil || q.Context == nil || q.Actions == nil {
		writeError(w, http.StatusBadRequest, "bad-argument", "not a refresh request")
		return
	}
	keys := map[string]bool{}
	for _, a := range q.Actions {
		switch {
		case !slices.Contains([]string{"install", "download", "refresh"}, a.Action) || a.InstanceKey == "":
			writeError(w, http.StatusBadRequest, "bad-argument", fmt.Sprintf("'%s' is not an action of the simulated store", a.Action))
			return
		case keys[a.InstanceKey]:
			writeError(w, http.StatusBadRequest, "instance-key-not-unique", "The instance-key is not unique.")
			return
		}
		keys[a.InstanceKey] = true
	}
	for _, f := range q.Fields {
		if !slices.Contains(knownRefresh, f) {
			writeError(w, http.StatusBadRequest, "bad-argument", fmt.Sprintf("'%s' is not one of the known fields", f))
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, http.StatusOK, s.refreshCharms(&q, s.base(r)))
}

func (s *Store) serveCharmResource(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.charms[r.PathValue("name")]
	if e == nil || len(e.resources[r.PathValue("resource")]) == 0 {
		writeError(w, http.StatusNotFound, "resource-not-found", "No such charm or resource.")
		return
	}
	revisions := e.resources[r.PathValue("resource")]
	out := []object{}
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(revisions))) {
		out = append(out, e.resource(revisions[n], s.base(r)))
	}
	writeJSON(w, http.StatusOK, object{"revisions": out})
}

// serveCharmRedirect redirects a client to the blobs, as serveRedirect does.
func (s *Store) serveCharmRedirect(w http.ResponseWriter, r *http.Request) {
	if s.charmBlob(r.PathValue("file")) == nil {
		writeError(w, http.StatusNotFound, "resource-not-found", "No such file.")
		return
	}
	w.Header().Set("Location", s.base(r)+"/charm-origin/"+r.PathValue("file")+"?token="+Token)
	w.WriteHeader(http.StatusFound)
}

func (s *Store) serveCharmBlob(w http.ResponseWriter, r *http.Request) {
	sendDownload(w, r, s.charmBlob(r.PathValue("file")))
}

// charmBlob returns the blob with a file name: ID_REV.charm, ID_REV.bundle or charm_ID.RESOURCE_REV.
func (s *Store) charmBlob(file string) Blob {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.charms {
		for n, r := range e.revisions {
			if file == fmt.Sprintf("%s_%d.charm", e.ID, n) || file == fmt.Sprintf("%s_%d.bundle", e.ID, n) {
				return r.Blob
			}
		}
		for name, revisions := range e.resources {
			for n, r := range revisions {
				if file == fmt.Sprintf("charm_%s.%s_%d", e.ID, name, n) {
					if r.Blob == nil {
						return Bytes(nil)
					}
					return r.Blob
				}
			}
		}
	}
	return nil
}

func (s *Store) serveCharmIcon(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.charms {
		if r.PathValue("file") == "charm_"+e.ID+"_icon_0f3b9a8c.png" && e.Icon != nil {
			http.ServeContent(w, r, r.PathValue("file"), time.Time{}, bytes.NewReader(e.Icon))
			return
		}
	}
	http.NotFound(w, r)
}

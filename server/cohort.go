package server

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"offlinestore/catalog"
	"offlinestore/channelmap"
	"offlinestore/snap"
)

const (
	maxCohortBody = 256 << 10
	// maxCohorts bounds the past channel maps that one request needs.
	maxCohorts = 100
	// codeCohort is the code of an error about a key that this store has not made.
	codeCohort = "invalid-cohort-key"
)

// cohorts answers POST /v2/cohorts with a key for each snap. Devices that share a key get the channel map of the moment when it was made.
// Nothing is stored: the key names the moment, so that every server of this store understands it.
func (s *Server) cohorts(w http.ResponseWriter, r *http.Request, ix *index) {
	var req struct {
		Snaps []string `json:"snaps"`
	}
	if !s.readJSON(w, r, maxCohortBody, &req) {
		return
	}
	if len(req.Snaps) == 0 || len(req.Snaps) > maxActions {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, fmt.Sprintf("%d snaps in the request, want 1 to %d", len(req.Snaps), maxActions))
		return
	}
	keys := make(map[string]string, len(req.Snaps))
	for _, name := range req.Snaps {
		sn := ix.entry("", name)
		if sn == nil {
			s.fail(w, r, http.StatusNotFound, "resource-not-found", fmt.Sprintf("no snap named %.60q in this store", name))
			return
		}
		keys[name] = cohortKey(sn.id, ix.moment)
	}
	s.writeJSON(w, r, http.StatusOK, typeJSON, map[string]map[string]string{"cohort-keys": keys})
}

// cohortKey returns the key of a snap's channel map at a moment: in base64 the version 1, the snap-id, the moment and a sum, which
// finds mistyped keys and keys of other stores. The key is no secret, because everybody may ask for one.
func cohortKey(snapID string, m catalog.Moment) string {
	text := fmt.Sprintf("1 %s %d %d", snapID, m.Import, m.Override)
	sum := sha256.Sum256([]byte("cohort " + text + " " + m.Store))
	return base64.RawURLEncoding.EncodeToString([]byte(text + " " + hex.EncodeToString(sum[:6])))
}

// parseCohortKey returns the moment that a key of a snap names. It reports false for a key of another snap or another store.
func parseCohortKey(key, snapID, store string) (m catalog.Moment, ok bool) {
	const longest = 200
	m.Store = store
	if len(key) > longest {
		return m, false
	}
	text, err := base64.RawURLEncoding.DecodeString(key)
	f := strings.Fields(string(text))
	if err != nil || len(f) != 5 {
		return m, false
	}
	m.Import, _ = strconv.ParseInt(f[2], 10, 64)
	m.Override, _ = strconv.ParseInt(f[3], 10, 64)
	return m, key == cohortKey(snapID, m)
}

// inCohort returns sn as the device of an action sees it: at the moment of its cohort, if it has one. It returns an error message if
// the key of the action can't be used. A device may have an old key of another store, so such a key is ignored.
func (c *refreshCall) inCohort(sn *indexedSnap, a *snap.Action, installed *snap.Installed) (past *indexedSnap, problem string) {
	key := a.CohortKey
	if key == "" && installed != nil {
		key = installed.CohortKey
	}
	if key == "" || a.Revision != 0 {
		return sn, ""
	}
	m, ok := parseCohortKey(key, sn.SnapID, c.ix.moment.Store)
	switch {
	case !ok && a.CohortKey != "":
		return nil, fmt.Sprintf("the cohort key is not one that this store has made for snap %q", sn.Name)
	case !ok:
		return sn, ""
	case c.pasts[key] != nil:
		return c.pasts[key], ""
	case len(c.pasts) == maxCohorts:
		return nil, fmt.Sprintf("more than %d cohorts in one request", maxCohorts)
	}
	past, err := sn.asOf(m)
	if err != nil {
		return sn, "" // the present channel map has the same defect, or the disk has one
	}
	if c.pasts == nil {
		c.pasts = make(map[string]*indexedSnap)
	}
	c.pasts[key] = past
	return past, ""
}

// asOf returns the snap with the channels of a moment.
func (sn *indexedSnap) asOf(m catalog.Moment) (*indexedSnap, error) {
	present, err := sn.read()
	if err != nil {
		return nil, err
	}
	past, st := *sn, present.AsOf(m)
	past.channels = channelmap.New[string, *row](sn.DefaultTrack, len(st.ChannelMap))
	past.problems = nil
	return &past, past.arrangeRows(st)
}

package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"offlinestore/catalog"
	"offlinestore/server/admin/api"
)

const (
	maxOverrides = 256 << 10
	// maxRevision is the largest revision of snapd, and the largest integer of the database.
	maxRevision = 1<<31 - 1
)

// ErrUpstream means that a change of overrides needs a store upstream, which is at fault.
var ErrUpstream = errors.New("the store upstream is at fault")

func (s *Server) listOverrides(w http.ResponseWriter, r *http.Request, _ string) {
	if r.Header.Get(api.HeaderSeries) != api.Series {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, "the header "+api.HeaderSeries+" must be "+api.Series)
		return
	}
	list, err := s.cfg.Overrides().Overrides(r.Context(), r.PathValue("snap"))
	if err != nil {
		s.failStore(w, r, err)
		return
	}
	s.answer(w, http.StatusOK, NewOverridesAnswer(list))
}

func (s *Server) setOverrides(w http.ResponseWriter, r *http.Request, email string) {
	if v := r.Header.Get(api.HeaderSeries); v != "" && v != api.Series {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, "the header "+api.HeaderSeries+" must be "+api.Series)
		return
	}
	var req []api.OverrideRequest
	if !s.readJSON(w, r, maxOverrides, &req) {
		return
	}
	changes, err := changesOf(req)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, err.Error())
		return
	}
	done, err := s.cfg.Overrides().SetOverrides(r.Context(), email, changes)
	if err != nil {
		s.failStore(w, r, err)
		return
	}
	s.cfg.Logger.Info("overrides changed", "admin", email, "from", Address(r), "changes", len(changes))
	s.answer(w, http.StatusOK, NewOverridesAnswer(done))
}

// changesOf converts a request, and validates the parts that its types leave open.
func changesOf(req []api.OverrideRequest) ([]catalog.OverrideChange, error) {
	if len(req) == 0 || len(req) > catalog.MaxOverrides {
		return nil, fmt.Errorf("want a list of 1 to %d overrides", catalog.MaxOverrides)
	}
	changes := make([]catalog.OverrideChange, len(req))
	for i, o := range req {
		c := catalog.OverrideChange{Name: o.SnapName, Channel: o.Channel}
		switch {
		case o.SnapName == "" || o.Channel == "":
			return nil, fmt.Errorf("override %d: snap_name and channel are required", i)
		case o.Series != api.Series:
			return nil, fmt.Errorf("override %d: series must be %q", i, api.Series)
		case o.Revision == nil:
			return nil, fmt.Errorf("override %d: revision is required: a number, or null to delete the override", i)
		case string(o.Revision) == "null":
		default:
			if err := json.Unmarshal(o.Revision, &c.Revision); err != nil || c.Revision < 1 || c.Revision > maxRevision {
				return nil, fmt.Errorf("override %d: revision is no number of a revision", i)
			}
		}
		changes[i] = c
	}
	return changes, nil
}

// NewOverrideRequests returns changes as messages to another store. An override without a revision is deleted.
func NewOverrideRequests(changes []catalog.OverrideChange) []api.OverrideRequest {
	var out []api.OverrideRequest
	for _, c := range changes {
		revision := json.RawMessage("null")
		if c.Revision != 0 {
			revision = json.RawMessage(strconv.Itoa(c.Revision))
		}
		out = append(out, api.OverrideRequest{SnapName: c.Name, Revision: revision, Channel: c.Channel, Series: api.Series})
	}
	return out
}

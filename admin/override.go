package admin

import (
	"encoding/json"
	"fmt"
	"net/http"

	"offlinestore/store"
)

const (
	maxOverrides = 256 << 10
	// Series is the only one that there has ever been of snaps.
	Series       = "16"
	headerSeries = "X-Ubuntu-Series"
	// maxRevision is that of snapd, and of the database's integers.
	maxRevision = 1<<31 - 1
)

// OverrideRequest is one of the list that is posted. A null Revision deletes the override; there must be one or the other.
type OverrideRequest struct {
	SnapName string          `json:"snap_name"`
	Revision json.RawMessage `json:"revision"`
	Channel  string          `json:"channel"`
	Series   string          `json:"series"`
}

// Override is one of the list in an answer. Revision is null where what is upstream is served again, UpstreamRevision where nothing
// was imported for the channel.
type Override struct {
	SnapID           string `json:"snap_id"`
	SnapName         string `json:"snap_name"`
	Revision         *int   `json:"revision"`
	UpstreamRevision *int   `json:"upstream_revision"`
	Channel          string `json:"channel"`
	Architecture     string `json:"architecture"`
	Series           string `json:"series"`
}

// OverridesAnswer is the answer to either request about overrides.
type OverridesAnswer struct {
	Overrides []Override `json:"overrides"`
}

func (s *Server) listOverrides(w http.ResponseWriter, r *http.Request, _ string) {
	if r.Header.Get(headerSeries) != Series {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, "the header "+headerSeries+" must be "+Series)
		return
	}
	list, err := s.cfg.Store.Overrides(r.Context(), r.PathValue("snap"))
	if err != nil {
		s.failStore(w, r, err)
		return
	}
	s.answer(w, http.StatusOK, NewOverridesAnswer(list))
}

func (s *Server) setOverrides(w http.ResponseWriter, r *http.Request, email string) {
	if v := r.Header.Get(headerSeries); v != "" && v != Series {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, "the header "+headerSeries+" must be "+Series)
		return
	}
	var req []OverrideRequest
	if !s.readJSON(w, r, maxOverrides, &req) {
		return
	}
	changes, err := changesOf(req)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, err.Error())
		return
	}
	done, err := s.cfg.Store.SetOverrides(r.Context(), email, changes)
	if err != nil {
		s.failStore(w, r, err)
		return
	}
	s.cfg.Logger.Info("overrides changed", "admin", email, "from", address(r), "changes", len(changes))
	s.answer(w, http.StatusOK, NewOverridesAnswer(done))
}

// changesOf checks what the types don't.
func changesOf(req []OverrideRequest) ([]store.OverrideChange, error) {
	if len(req) == 0 || len(req) > store.MaxOverrides {
		return nil, fmt.Errorf("want a list of 1 to %d overrides", store.MaxOverrides)
	}
	changes := make([]store.OverrideChange, len(req))
	for i, o := range req {
		c := store.OverrideChange{Name: o.SnapName, Channel: o.Channel}
		switch {
		case o.SnapName == "" || o.Channel == "":
			return nil, fmt.Errorf("override %d: snap_name and channel are required", i)
		case o.Series != Series:
			return nil, fmt.Errorf("override %d: series must be %q", i, Series)
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

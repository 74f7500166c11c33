package server

import (
	"cmp"
	"net/http"
	"slices"

	"offlinestore/catalog"
	"offlinestore/snap"
	"offlinestore/transfer"
)

// requireSearch returns the search that a request asks for and the origin of our URLs, or answers the request with an error and returns
// false.
func (s *Server) requireSearch(w http.ResponseWriter, r *http.Request) (what search, origin string, ok bool) {
	if origin, ok = s.requireOrigin(w, r); !ok {
		return what, "", false
	}
	if what, ok = newSearch(r.URL.Query(), headerArchitecture(w, r)); !ok {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, "the query is too long or its channel is none")
	}
	return what, origin, ok
}

// find answers GET /v2/snaps/find.
func (s *Server) find(w http.ResponseWriter, r *http.Request, ix *index) {
	what, origin, ok := s.requireSearch(w, r)
	if !ok {
		return
	}
	fields := clientFields(r, splitList(r.URL.Query().Get("fields")))
	pooled := getBuffer()
	defer putBuffer(pooled)
	out, err := inTurn(r, func() ([]byte, error) {
		out := append((*pooled)[:0], `{"results":[`...)
		for i, h := range what.run(ix) {
			if i > 0 {
				out = append(out, ',')
			}
			varyByClient(w, h.row.revision)
			out = appendMatch(out, h, fields, origin)
		}
		return append(out, `]}`...), nil
	})
	if err != nil {
		return // the client is gone
	}
	*pooled = out
	s.writeText(w, r, http.StatusOK, typeJSON, out)
}

// appendMatch appends a search result. Its snap.yaml is left out: it is long, and snapd does not use it there.
func appendMatch(dst []byte, h snapMatch, fields fieldSet, origin string) []byte {
	dst = appendString(append(dst, `{"name":`...), h.snap.Name)
	dst = appendString(append(dst, `,"revision":{"channel":`...), h.row.name)
	rev := appendFields(nil, fields&searchedRevisionSet, h.answers, nil, origin)
	if len(rev) > len("{}") {
		rev[0] = ','
		dst = append(dst, rev...)
	} else {
		dst = append(dst, '}')
	}
	dst = appendFields(append(dst, `,"snap":`...), fields&snapSet&^identitySet, nil, &h.snap.object, origin)
	return append(appendString(append(dst, `,"snap-id":`...), h.snap.SnapID), '}')
}

func (s *Server) categories(w http.ResponseWriter, r *http.Request, ix *index) {
	s.writeJSON(w, r, http.StatusOK, typeJSON, newCategories(ix.categories))
}

func newCategories(names []string) snap.CategoriesResponse {
	var out snap.CategoriesResponse
	for _, name := range names {
		out.Categories = append(out.Categories, snap.CategoryName{Name: name})
	}
	return out
}

// listBody is the body of lists in version 1. snapd reads the list of names as a stream that must begin with these very keys.
type listBody struct {
	Embedded struct {
		Sections []snap.CategoryName `json:"clickindex:sections,omitempty"`
		Packages any                 `json:"clickindex:package,omitempty"`
	} `json:"_embedded"`
	Links map[string]link `json:"_links,omitempty"`
	Total int             `json:"total,omitempty"`
}

// link is a link of the Hypertext Application Language.
type link struct {
	HRef string `json:"href"`
}

func (s *Server) sections(w http.ResponseWriter, r *http.Request, ix *index) {
	var out listBody
	out.Embedded.Sections = newCategories(ix.categories).Categories
	s.writeJSON(w, r, http.StatusOK, typeHAL, out)
}

// nameEntry is an entry of the list that completes names and finds commands on a device.
type nameEntry struct {
	Aliases     []struct{} `json:"aliases"`
	Apps        []string   `json:"apps"`
	PackageName string     `json:"package_name"`
	Summary     string     `json:"summary"`
	Title       string     `json:"title"`
	Version     string     `json:"version"`

	confinement string
}

func listNames(ix *index) []*nameEntry {
	out := make([]*nameEntry, 0, ix.shown)
	for e := range ix.entries() {
		n, err := e.nameEntry()
		if err != nil {
			ix.cache.log.Error("a snap of the catalogue can't be read", "snap", e.name, "err", err)
		}
		if n != nil {
			out = append(out, n)
		}
	}
	return out
}

// unreleased is the nameEntry of snaps whose channels are all closed. It is not listed.
var unreleased = new(nameEntry)

// nameEntry returns the entry of a snap, or nil if all its channels are closed. It does not keep the snap in memory.
func (e *snapEntry) nameEntry() (*nameEntry, error) {
	n := e.listed.Load()
	if n == nil {
		var err error
		if e.fixed != nil {
			n = newNameEntry(e.fixed, e.fixed.whole)
		} else if n, err = withRaw(e, nameEntryOf); err != nil {
			return nil, err
		}
		n = cmp.Or(n, unreleased)
		e.listed.Store(n)
	}
	if n == unreleased {
		return nil, nil
	}
	return n, nil
}

// nameEntryOf returns the entry of a snap, or nil if all its channels are closed. It decodes the first of the releases alone.
func nameEntryOf(raw *catalog.RawSnap) (*nameEntry, error) {
	outline, err := new(catalog.Outliner).Outline(raw)
	if err != nil {
		return nil, err
	}
	sn, err := newOutlinedSnap(outline)
	if err != nil {
		return nil, err
	}
	rows := sn.openRows("")
	if len(rows) == 0 {
		return nil, nil
	}
	full, err := raw.Revision(rows[0].revision.number)
	if err != nil {
		return nil, err
	}
	*revisionOf(outline, full.Number) = *full
	return newNameEntry(sn, outline), nil
}

// newNameEntry returns the entry of a snap, or nil if all its channels are closed. st has the text of the first release.
func newNameEntry(sn *indexedSnap, st *catalog.Snap) *nameEntry {
	rows := sn.openRows("")
	if len(rows) == 0 {
		return nil
	}
	rev := revisionOf(st, rows[0].revision.number)
	return &nameEntry{Aliases: []struct{}{}, Apps: orEmpty(rev.Parsed().Apps), PackageName: sn.Name, Summary: st.Details.Summary, Title: st.Details.Title,
		Version: rev.Version, confinement: rev.Confinement}
}

func (s *Server) names(w http.ResponseWriter, r *http.Request, ix *index) {
	allowed := splitList(r.URL.Query().Get("confinement"))
	list := ix.names()
	if len(allowed) > 0 {
		list = slices.DeleteFunc(slices.Clone(list), func(n *nameEntry) bool { return !slices.Contains(allowed, n.confinement) })
	}
	if transfer.Hold(r, sizeOfNames(list)) != nil {
		s.failBusy(w, r)
		return
	}
	var out listBody
	out.Embedded.Packages = orEmpty(list)
	s.writeJSON(w, r, http.StatusOK, typeHAL, out)
}

// sizeOfNames returns about how large the answer with a list of names is, in bytes, and never more.
func sizeOfNames(list []*nameEntry) (size int64) {
	const frame = len(`{"aliases":[],"apps":[],"package_name":"","summary":"","title":"","version":""},`) - 1
	for _, n := range list {
		size += int64(frame + len(n.PackageName) + len(n.Summary) + len(n.Title) + len(n.Version))
		for _, app := range n.Apps {
			size += int64(len(app))
		}
	}
	return size
}

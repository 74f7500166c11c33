package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"offlinestore/catalog"
	"offlinestore/snap"
	"offlinestore/transfer"
)

// legacyMatch is a search result of version 1 of the API. Web front ends read the members that it adds to a legacySnap.
type legacyMatch struct {
	legacySnap
	Aliases             []struct{}          `json:"aliases"`
	Apps                []string            `json:"apps"`
	DeveloperName       string              `json:"developer_name"`
	DeveloperValidation string              `json:"developer_validation"`
	GatedSnapIDs        []string            `json:"gated_snap_ids"`
	Links               map[string][]string `json:"links"`
	Media               []snap.Media        `json:"media"`
	Name                string              `json:"name"`
	RatingsAverage      float64             `json:"ratings_average"`
	Release             []string            `json:"release"`
	Sections            []snap.Category     `json:"sections"`
	Website             string              `json:"website"`
}

func newLegacyMatch(h snapMatch, st *catalog.Snap, origin string) legacyMatch {
	d := &st.Details
	out := legacyMatch{
		legacySnap: newLegacySnap(st, revisionOf(st, h.row.revision.number), h.row.name, origin), Apps: newNameEntry(h.snap, st).Apps, DeveloperName: d.Publisher.DisplayName,
		DeveloperValidation: d.Publisher.Validation, GatedSnapIDs: []string{}, Links: map[string][]string{}, Media: []snap.Media{},
		Name: h.snap.Name + "." + d.Publisher.Username, Release: []string{"16"}, Sections: orEmpty(d.Categories),
	}
	if out.IconURL != "" {
		out.Media = append(out.Media, snap.Media{Type: "icon", URL: out.IconURL})
	}
	if d.Links != nil {
		out.Links = d.Links
	}
	if d.Website != nil {
		out.Website = *d.Website
	}
	return out
}

// pages is the part of a list that a request asks for.
type pages struct{ size, page int }

// newPages reads the parameters size and page. Without a size, one page holds all that an answer may hold.
func newPages(q url.Values) (pages, error) {
	number := func(name string, missing, most int) (int, error) {
		text := q.Get(name)
		if text == "" {
			return missing, nil
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return 0, fmt.Errorf("%s %.20q: want a number from 1", name, text)
		}
		return min(n, most), nil
	}
	size, err := number("size", maxResults, maxResults)
	if err != nil {
		return pages{}, err
	}
	page, err := number("page", 1, 1<<20)
	return pages{size, page}, err
}

// of returns the page of a list of so many entries, as the bounds of a slice.
func (p pages) of(total int) (from, to int) {
	from = min((p.page-1)*p.size, total)
	return from, min(from+p.size, total)
}

// links returns the links to this page and to others. The first page has no link "first", as in the recorded answers.
func (p pages) links(self string, total int) map[string]link {
	out := map[string]link{"self": {self}}
	last := max(1, (total+p.size-1)/p.size)
	if p.page < last {
		out["next"], out["last"] = link{withPage(self, p.page+1)}, link{withPage(self, last)}
	}
	if p.page > 1 {
		out["first"], out["prev"] = link{withPage(self, 1)}, link{withPage(self, min(p.page-1, last))}
	}
	return out
}

// withPage returns a URL with another page and with all its other parameters in their order.
func withPage(from string, page int) string {
	path, query, _ := strings.Cut(from, "?")
	parts := slices.DeleteFunc(strings.Split(query, "&"), func(part string) bool { return strings.HasSuffix(part, "=") || part == "" })
	text := "page=" + strconv.Itoa(page)
	i := slices.IndexFunc(parts, func(part string) bool { return strings.HasPrefix(part, "page=") })
	if i < 0 {
		return path + "?" + strings.Join(append(parts, text), "&")
	}
	parts[i] = text
	return path + "?" + strings.Join(parts, "&")
}

// legacySearch answers GET /api/v1/snaps/search.
func (s *Server) legacySearch(w http.ResponseWriter, r *http.Request, ix *index) {
	what, origin, ok := s.requireSearch(w, r)
	if !ok {
		return
	}
	page, err := newPages(r.URL.Query())
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, err.Error())
		return
	}
	var matches []entryMatch
	var total int
	list, err := inTurn(r, func() ([]json.RawMessage, error) {
		matches, total = what.best(ix, page.page*page.size, true)
		from, to := page.of(len(matches))
		return legacyMatches(r, what.open(ix, matches[from:to]), splitList(r.URL.Query().Get("fields")), origin)
	})
	if errors.Is(err, transfer.ErrBusy) {
		s.failBusy(w, r)
		return
	}
	if err != nil {
		s.fail(w, r, http.StatusInternalServerError, codeInternal, err.Error())
		return
	}
	var out listBody
	out.Embedded.Packages, out.Total = list, total
	out.Links = page.links(origin+r.URL.RequestURI(), total)
	s.writeJSON(w, r, http.StatusOK, typeHAL, out)
}

// legacyMatches returns search results with the members that a request asks for, or with all of them if it names none.
func legacyMatches(r *http.Request, matches []snapMatch, fields []string, origin string) ([]json.RawMessage, error) {
	out := packages{r: r, list: make([]json.RawMessage, 0, len(matches))}
	for _, h := range matches {
		st, err := h.snap.read()
		if err != nil {
			continue
		}
		b, err := json.Marshal(newLegacyMatch(h, st, origin))
		if err == nil && len(fields) > 0 {
			b, err = onlyMembers(b, append(fields, "package_name"))
		}
		if err == nil {
			err = out.add(json.RawMessage(b))
		}
		if err != nil {
			return nil, err
		}
	}
	return out.list, nil
}

// onlyMembers returns an object of JSON without the members that names does not have.
func onlyMembers(object []byte, names []string) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, err
	}
	out := make(map[string]json.RawMessage, len(names))
	for _, name := range names {
		if value, ok := members[name]; ok {
			out[name] = value
		}
	}
	return json.Marshal(out)
}

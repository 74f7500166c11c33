package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/charm"
)

// maxCharmResults bounds the answer to a search. A search without words lists all charms, and there is no second page.
const maxCharmResults = 1000

func newCharmText(st *catalog.Charm) searchText {
	d := &st.Details
	var t searchText
	t.join(st.Name, d.Title, d.Summary, d.Publisher.Username+" "+d.Publisher.DisplayName, d.Description)
	return t
}

// charmSearch is a parsed query. Of each list, one entry has to fit.
type charmSearch struct {
	words              terms
	phrase             term
	kind               string
	channel            string
	categories         []string
	platforms          []platform
	publishers         []string
	provides, requires []string
}

// charmMatch is a charm that fits a search, with the release to show.
type charmMatch struct {
	charm *indexedCharm
	row   *charmRow
	score int
}

// charmFind answers GET /v2/charms/find.
func (s *Server) charmFind(w http.ResponseWriter, r *http.Request, ix *index) {
	query := r.URL.Query()
	what, ok := newCharmSearch(query)
	fields, err := newFieldTree(query.Get("fields"), identityFields()...)
	if !ok || err != nil {
		s.fail(w, r, http.StatusBadRequest, charm.CodeBadArgument, "the query is too long, or its channel is none")
		return
	}
	origin, ok := s.requireOrigin(w, r)
	if !ok {
		return
	}
	text, err := inTurn(r, func() ([]byte, error) {
		v := s.view(origin)
		v.brief = true
		results := records[charmInfo]{}
		for _, h := range what.run(ix) {
			results = append(results, record[charmInfo]{charmInfoFields, charmInfo{v, h.charm, h.row}})
		}
		return results.encode(fields)
	})
	if r.Context().Err() != nil {
		return // the client is gone
	}
	s.writeCharms(w, r, append(append([]byte(`{"results":`), text...), '}'), err)
}

// charmCategories answers GET /v2/charms/categories.
func (s *Server) charmCategories(w http.ResponseWriter, r *http.Request, ix *index) {
	var names []string
	for _, ch := range ix.charms {
		for _, c := range ch.Details.Categories {
			names = append(names, c.Name)
		}
	}
	s.writeJSON(w, r, http.StatusOK, typeJSON, newCategories(featuredFirst(names)))
}

func newCharmSearch(q url.Values) (charmSearch, bool) {
	for _, name := range []string{"q", "category", "platforms", "publisher", "relation-provides", "relation-requires"} {
		if len(q.Get(name)) > maxQuery {
			return charmSearch{}, false
		}
	}
	list := func(name string) []string { return slices.DeleteFunc(splitList(strings.ToLower(q.Get(name))), isBlank) }
	words := strings.Fields(strings.ToLower(q.Get("q")))
	s := charmSearch{words: newTerms(words), phrase: newTerm(strings.Join(words, "-")), kind: q.Get("type"), channel: q.Get("channel"), categories: list("category"),
		publishers: list("publisher"), provides: list("relation-provides"), requires: list("relation-requires")}
	for _, p := range list("platforms") {
		s.platforms = append(s.platforms, newPlatform(p))
	}
	for _, n := range []int{len(s.words), len(s.categories), len(s.platforms), len(s.publishers), len(s.provides), len(s.requires)} {
		if n > maxTerms {
			return s, false
		}
	}
	_, err := channel.Parse(s.channel)
	return s, s.channel == "" || err == nil
}

func isBlank(s string) bool { return strings.TrimSpace(s) == "" }

// run returns the charms that fit: the best match first, then the featured ones, then by name.
func (s *charmSearch) run(ix *index) []charmMatch {
	// For a search without words, Juju asks for featured charms. A store without featured charms shows all its charms.
	if len(s.words) == 0 && slices.Equal(s.categories, []string{featured}) && !slices.ContainsFunc(ix.charms, isFeatured) {
		s.categories = nil
	}
	var matches []charmMatch
	for _, ch := range ix.charms {
		n := s.scoreCharm(ch)
		if n == 0 {
			continue
		}
		if row := s.row(ch); row != nil {
			matches = append(matches, charmMatch{ch, row, n})
		}
	}
	// The charms are sorted by name already.
	slices.SortStableFunc(matches, func(a, b charmMatch) int { return b.score - a.score })
	return matches[:min(len(matches), maxCharmResults)]
}

func (s *charmSearch) scoreCharm(ch *indexedCharm) int {
	if s.kind != "" && s.kind != ch.Type || !fits(s.publishers, ch.isOf) || !fits(s.categories, ch.inCategory) || !fits(s.platforms, ch.runsOn) {
		return 0
	}
	if len(s.words) == 0 {
		if isFeatured(ch) {
			return 2
		}
		return 1
	}
	return ch.words.scoreAll(s.words, &s.phrase)
}

// row returns the release of a charm to show, or nil if the charm does not fit.
func (s *charmSearch) row(ch *indexedCharm) *charmRow {
	row := ch.first
	if c, err := channel.Parse(s.channel); err == nil {
		row = ch.best(c.WithTrack(ch.track()))
	}
	if row == nil || len(s.provides)+len(s.requires) == 0 {
		return row
	}
	m := row.revision.meta()
	if !fits(s.provides, func(name string) bool { return slices.Contains(m.provides, name) }) ||
		!fits(s.requires, func(name string) bool { return slices.Contains(m.requires, name) }) {
		return nil
	}
	return row
}

// fits reports whether an entry of list fits. An empty list allows everything.
func fits[T any](list []T, fit func(T) bool) bool {
	return len(list) == 0 || slices.ContainsFunc(list, fit)
}

func isFeatured(ch *indexedCharm) bool { return ch.inCategory(featured) }

func (ch *indexedCharm) inCategory(name string) bool {
	return slices.ContainsFunc(ch.Details.Categories, func(c charm.Category) bool {
		return strings.ToLower(c.Name) == name || name == featured && c.Featured
	})
}

func (ch *indexedCharm) isOf(publisher string) bool {
	p := &ch.Details.Publisher
	return strings.ToLower(p.Username) == publisher || strings.ToLower(p.ID) == publisher || strings.ToLower(p.DisplayName) == publisher
}

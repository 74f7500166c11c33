package server

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/snap"
)

const (
	// maxResults bounds the answer to a search, with the real store's bound.
	maxResults = 250
	maxQuery   = 256 // bytes
	maxTerms   = 16
	featured   = "featured"
	// wide stands for all architectures, as clients that are no devices ask for them.
	wide = "wide"
)

// searchText holds the texts that a search compares with, in lower case.
type searchText struct {
	// all has the other texts, which are parts of it, and the ids.
	all                                          string
	name, title, summary, publisher, description string
	ids                                          []string
}

func newSearchText(sn *catalog.Snap) searchText {
	d := &sn.Details
	var t searchText
	for i := range sn.Revisions {
		for _, id := range sn.Revisions[i].CommonIDs {
			t.ids = append(t.ids, strings.ToLower(id))
		}
	}
	slices.Sort(t.ids)
	t.ids = slices.Compact(t.ids)
	t.join(sn.Name, d.Title, d.Summary, d.Publisher.Username+" "+d.Publisher.DisplayName, d.Description)
	return t
}

// join sets the texts but ids.
func (t *searchText) join(list ...string) {
	for i := range list {
		list[i] = strings.ToLower(list[i])
	}
	t.all = strings.Join(append(list, t.ids...), "\x00")
	at := 0
	for i, part := range []*string{&t.name, &t.title, &t.summary, &t.publisher, &t.description} {
		*part = t.all[at : at+len(list[i])]
		at += len(list[i]) + 1
	}
}

// search is a parsed query.
type search struct {
	words       terms
	phrase      term // the words joined as in a name
	prefix      string
	commonID    string
	category    string
	publisher   string
	arch        string // empty: any architecture
	confinement []string
	channel     channel.Channel // without a risk: any channel
	private     bool
}

// snapMatch is a snap that fits a search, with the row to show.
type snapMatch struct {
	snap *indexedSnap
	row  *row
	// answers is the text about the revision of the row.
	answers *object
}

// entryMatch is a snap that fits a search.
type entryMatch struct {
	*snapEntry
	score int
}

// newSearch parses a query of either version of the API. If the channel is invalid or the query is too long, ok is false, and the
// search finds nothing.
func newSearch(q url.Values, arch string) (s search, ok bool) {
	s = search{prefix: strings.ToLower(q.Get("name")), commonID: strings.ToLower(q.Get("common-id")), category: cmp.Or(q.Get("category"), q.Get("section")),
		publisher: strings.ToLower(q.Get("publisher")), confinement: splitList(q.Get("confinement")), private: q.Get("private") == "true"}
	s.arch = cmp.Or(q.Get("architecture"), q.Get("arch"), arch)
	if s.arch == wide {
		s.arch = ""
	}
	if s.category == "" && q.Get("featured") == "true" {
		s.category = featured
	}
	var words []string
	for _, word := range strings.Fields(strings.ToLower(q.Get("q"))) {
		if name, ok := strings.CutPrefix(word, "publisher:"); ok {
			s.publisher = name
			continue
		}
		words = append(words, word)
	}
	s.words, s.phrase = newTerms(words), newTerm(strings.Join(words, "-"))
	if len(q.Get("q")) > maxQuery || len(s.words) > maxTerms {
		return s, false
	}
	if c := q.Get("channel"); c != "" && q.Get("scope") != "wide" {
		var err error
		if s.channel, err = channel.Parse(c); err != nil {
			return s, false
		}
	}
	return s, true
}

// run returns at most maxResults of the snaps that fit, as best does.
func (s *search) run(ix *index) []snapMatch {
	list, _ := s.best(ix, maxResults, false)
	return s.open(ix, list)
}

// open returns the matches with their rows.
func (s *search) open(ix *index, list []entryMatch) (matches []snapMatch) {
	for _, m := range list {
		sn := ix.cache.peek(m.snapEntry)
		if sn == nil {
			continue
		}
		if r := s.row(sn); r != nil {
			if o, err := r.revision.answers(); err == nil {
				matches = append(matches, snapMatch{sn, r, o})
			}
		}
	}
	return matches
}

// best returns at most so many of the snaps that fit: the best match first, then the featured ones, then by name. total is the number of all that
// fit, if it counts them.
func (s *search) best(ix *index, most int, counts bool) (list []entryMatch, total int) {
	// For a search without words, snapd asks for featured snaps. A store without featured snaps shows all its snaps.
	if len(s.words) == 0 && s.category == featured && !ix.hasFeatured {
		s.category = ""
	}
	top := topMatches{most: most}
	for e := range ix.entries() {
		if !e.filter.mayHave(s.words) {
			continue
		}
		n := s.scoreSnap(e)
		if n == 0 || n <= top.least && !counts || !s.isReleased(e) {
			continue
		}
		top.add(entryMatch{e, n})
		total++
	}
	top.trim()
	return top.list, total
}

// topMatches keeps the matches with the highest scores, and of equal ones the first. A frequent word is in half of all snaps, and most of
// them need no place in an order.
type topMatches struct {
	most int
	list []entryMatch
	// least is the score that another match must exceed. It is 0 while there is room.
	least int
}

func (t *topMatches) add(m entryMatch) {
	if m.score <= t.least {
		return
	}
	if t.list = append(t.list, m); len(t.list) >= 4*t.most+64 {
		t.trim()
	}
}

// trim removes the matches that are too many, and sorts the others.
func (t *topMatches) trim() {
	// The snaps come by name already.
	slices.SortStableFunc(t.list, func(a, b entryMatch) int { return b.score - a.score })
	if len(t.list) >= t.most && t.most > 0 {
		t.list = t.list[:t.most]
		t.least = t.list[t.most-1].score
	}
}

func (s *search) scoreSnap(e *snapEntry) int {
	switch {
	case s.private && !e.isPrivate:
		return 0
	case s.category != "" && !e.isIn(s.category):
		return 0
	case s.publisher != "" && !isBy(&e.publisher, s.publisher):
		return 0
	case s.commonID != "" && !slices.Contains(e.text.ids, s.commonID):
		return 0
	case !strings.HasPrefix(e.text.name, s.prefix):
		return 0
	}
	if len(s.words) == 0 {
		if e.isIn(featured) {
			return 2
		}
		return 1
	}
	return e.text.scoreAll(s.words, &s.phrase)
}

// row returns the first release of a snap that the search allows.
func (s *search) row(sn *indexedSnap) *row {
	for _, r := range sn.openRows(s.arch) {
		if s.allows(r.channel.Track, r.channel.RiskLevel(), r.revision.confinement) {
			return r
		}
	}
	return nil
}

// isBy reports whether a publisher in lower case has this user name, id or displayed name.
func isBy(p *snap.Publisher, name string) bool {
	return p.Username == name || p.ID == name || p.DisplayName == name
}

// featuredFirst returns the names in order, each once, with "featured" before them.
func featuredFirst(names []string) []string {
	names = slices.DeleteFunc(names, func(name string) bool { return name == featured || name == "" })
	slices.Sort(names)
	return append([]string{featured}, slices.Compact(names)...)
}

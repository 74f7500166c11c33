package server

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/snap"
)

// snapEntry is a snap of the catalogue in little memory: what searches and lists ask of all snaps. The rest is in a spool, and in memory while
// clients ask for the snap.
type snapEntry struct {
	filter          textFilter // of text
	id, name, store string
	icon            *catalog.Icon
	text            searchText
	publisher       snap.Publisher // in lower case
	categories      []snap.Category
	isPrivate       bool // as its details have it
	places          []place
	revisions       int
	// problems are messages for the operator.
	problems []string

	packed spooled
	// fixed is the snap itself if it is always in memory.
	fixed *indexedSnap
	live  atomic.Pointer[indexedSnap]
	// used is set when live is asked for, until the cache looks for snaps to remove.
	used   atomic.Bool
	listed atomic.Pointer[nameEntry]
}

// newEntry returns the entry of a snap. Its channels must be arranged.
func (sh *sharer) newEntry(st *catalog.Snap, sn *indexedSnap) *snapEntry {
	d, text := &st.Details, newSearchText(st)
	return &snapEntry{
		filter: newTextFilter(text.all), id: st.SnapID, name: st.Name, store: st.Store, icon: st.Icon, text: text, categories: sh.categoriesOf(d.Categories),
		isPrivate: d.Private, places: sh.places(sn), revisions: len(sn.revisions), problems: sn.problems,
		publisher: sh.publisher(d.Publisher),
	}
}

// place is a channel where devices of a platform find the snap. The empty platform stands for all others. A closed place hides the one of
// the empty platform.
type place struct {
	platform, track, confinement string
	risk                         int
	isClosed                     bool
}

// sharer makes the entries of many snaps share equal parts. It is for one goroutine at a time.
type sharer struct {
	placeLists map[string][]place
	categories map[string][]snap.Category
	publishers map[string]snap.Publisher
}

func newSharer() *sharer {
	return &sharer{make(map[string][]place), make(map[string][]snap.Category), make(map[string]snap.Publisher)}
}

// maxShared bounds the parts of a kind that a sharer keeps.
const maxShared = 10_000

// share returns the list of the same key that was seen before, or list.
func share[T any](known map[string][]T, key []byte, list []T) []T {
	if have, ok := known[string(key)]; ok {
		return have
	}
	if len(known) < maxShared {
		known[string(key)] = list
	}
	return list
}

func (sh *sharer) categoriesOf(list []snap.Category) []snap.Category {
	var key []byte
	for _, c := range list {
		key = strconv.AppendBool(append(append(key, c.Name...), 0), c.Featured)
	}
	return share(sh.categories, key, list)
}

func (sh *sharer) publisher(p snap.Publisher) snap.Publisher {
	key := p.ID + "\x00" + p.Username + "\x00" + p.DisplayName
	if have, ok := sh.publishers[key]; ok {
		return have
	}
	p = snap.Publisher{ID: strings.ToLower(p.ID), Username: strings.ToLower(p.Username), DisplayName: strings.ToLower(p.DisplayName)}
	if len(sh.publishers) < maxShared {
		sh.publishers[key] = p
	}
	return p
}

// places returns the places of a snap, as row finds them: the default channel first. Branches are left out.
func (sh *sharer) places(sn *indexedSnap) []place {
	var list []place
	for _, e := range sn.channels.Open() {
		if e.Channel.Branch != "" || slices.ContainsFunc(list, func(p place) bool { return p.isAt(e.Channel) }) {
			continue
		}
		for key, head := range sn.channels.Rows {
			if key.Channel == e.Channel {
				list = append(list, newPlace(key.Platform, e.Channel, rowOf(head)))
			}
		}
		if other := sn.channels.At("", e.Channel); other != nil {
			list = append(list, newPlace("", e.Channel, other.Value))
		}
	}
	slices.SortFunc(list, func(a, b place) int {
		return cmp.Or(strings.Compare(a.track, b.track), a.risk-b.risk, strings.Compare(a.platform, b.platform))
	})
	var key []byte
	for _, p := range list {
		key = append(append(append(append(append(append(key, p.platform...), 0), p.track...), 0), p.confinement...), 0, byte(p.risk))
		key = strconv.AppendBool(key, p.isClosed)
	}
	return share(sh.placeLists, key, list)
}

func newPlace(platform string, c channel.Channel, r *row) place {
	p := place{platform: platform, track: c.Track, risk: c.RiskLevel(), isClosed: r == nil}
	if r != nil {
		p.confinement = r.revision.confinement
	}
	return p
}

func (p *place) isAt(c channel.Channel) bool { return p.track == c.Track && p.risk == c.RiskLevel() }

// isReleased reports whether row would find a release that the search allows.
func (s *search) isReleased(e *snapEntry) bool {
	for i := range e.places {
		p := &e.places[i]
		if p.isClosed || s.arch == "" && p.platform == "" || !s.allows(p.track, p.risk, p.confinement) {
			continue
		}
		if s.arch == "" || p.platform == s.arch {
			return true
		}
		if p.platform == "" && !slices.ContainsFunc(e.places, func(own place) bool {
			return own.platform == s.arch && own.track == p.track && own.risk == p.risk
		}) {
			return true
		}
	}
	return false
}

// allows reports whether the search allows a release in a channel.
func (s *search) allows(track string, risk int, confinement string) bool {
	if s.channel.Risk != "" && (s.channel.Track != "" && track != s.channel.Track || risk > s.channel.RiskLevel()) {
		return false
	}
	return len(s.confinement) == 0 || slices.Contains(s.confinement, confinement)
}

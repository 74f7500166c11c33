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
func newEntry(st *catalog.Snap, sn *indexedSnap) *snapEntry {
	d, text := &st.Details, newSearchText(st)
	return &snapEntry{
		filter: newTextFilter(text.all), id: st.SnapID, name: st.Name, store: st.Store, icon: st.Icon, text: text, categories: d.Categories,
		isPrivate: d.Private, places: placesOf(sn), revisions: len(sn.revisions), problems: sn.problems,
		publisher: snap.Publisher{ID: strings.ToLower(d.Publisher.ID), Username: strings.ToLower(d.Publisher.Username), DisplayName: strings.ToLower(d.Publisher.DisplayName)},
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
	publishers map[snap.Publisher]snap.Publisher
}

func newSharer() *sharer {
	return &sharer{make(map[string][]place), make(map[string][]snap.Category), make(map[snap.Publisher]snap.Publisher)}
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

// share makes an entry share its parts with the ones before.
func (sh *sharer) share(e *snapEntry) {
	key := make([]byte, 0, 256)
	for _, c := range e.categories {
		key = strconv.AppendBool(append(append(key, c.Name...), 0), c.Featured)
	}
	e.categories = share(sh.categories, key, e.categories)
	if p, ok := sh.publishers[e.publisher]; ok {
		e.publisher = p
	} else if len(sh.publishers) < maxShared {
		sh.publishers[e.publisher] = e.publisher
	}
	key = key[:0]
	for _, p := range e.places {
		key = append(append(append(append(append(append(key, p.platform...), 0), p.track...), 0), p.confinement...), 0, byte(p.risk))
		key = strconv.AppendBool(key, p.isClosed)
	}
	e.places = share(sh.placeLists, key, e.places)
}

// placesOf returns the places of a snap, as row finds them: the default channel first. Branches are left out.
func placesOf(sn *indexedSnap) []place {
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
	return list
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

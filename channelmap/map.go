package channelmap

import (
	"cmp"
	"slices"
	"time"

	"offlinestore/channel"
)

// Entry is a release together with its channel and platform.
type Entry[P comparable, V any] struct {
	Key[P]
	Release[V]
	// older has the releases of older epochs in the same row, the newest epoch first.
	older []*Entry[P, V]
}

// Map answers the questions of clients. Put, Offer and Remember fill it, and Arrange completes it. It does not change afterwards.
type Map[P comparable, V any] struct {
	// DefaultTrack is the track of a channel that names none. If empty, it is channel.DefaultTrack.
	DefaultTrack string
	// rows has the head of each row, which is nil for a closed one.
	rows map[Key[P]]*Entry[P, V]
	// everywhere has the heads whose revision runs on every platform, the latest release first.
	everywhere map[channel.Channel][]*Entry[P, V]
	open       []*Entry[P, V]
	// byChannel and byPlatform have the open rows, if there are too many to look at each.
	byChannel  map[channel.Channel][]*Entry[P, V]
	byPlatform map[P][]*Entry[P, V]
	history    []*Entry[P, V]
}

// New returns an empty Map with a capacity of rows.
func New[P comparable, V any](defaultTrack string, rows int) *Map[P, V] {
	return &Map[P, V]{DefaultTrack: defaultTrack, rows: make(map[Key[P]]*Entry[P, V], rows)}
}

// Put adds a row, and reports whether it could. It adds releases of other epochs to an existing row. It neither replaces nor
// closes an existing row.
func (m *Map[P, V]) Put(row Row[P, V]) bool {
	head, ok := m.rows[row.Key]
	if ok && (head == nil || len(row.Releases) == 0) {
		return false
	}
	if !ok {
		m.rows[row.Key] = newEntry(row)
		return true
	}
	releases := []Release[V]{head.Release}
	for _, e := range head.older {
		releases = append(releases, e.Release)
	}
	for _, r := range row.Releases {
		if slices.ContainsFunc(releases, func(have Release[V]) bool { return have.Epoch == r.Epoch }) {
			return false
		}
	}
	m.rows[row.Key] = newEntry(NewRow(row.Platform, row.Channel, append(releases, row.Releases...)...))
	return true
}

// newEntry returns the head of a row, or nil if the row is closed.
func newEntry[P comparable, V any](row Row[P, V]) *Entry[P, V] {
	if len(row.Releases) == 0 {
		return nil
	}
	head := &Entry[P, V]{Key: row.Key, Release: row.Releases[0]}
	for _, r := range row.Releases[1:] {
		head.older = append(head.older, &Entry[P, V]{Key: row.Key, Release: r})
	}
	return head
}

// Offer adds a row only for the devices of other platforms. It is served to them if its revision runs everywhere.
func (m *Map[P, V]) Offer(row Row[P, V]) {
	if e := newEntry(row); e != nil && e.Everywhere {
		m.addEverywhere(e)
	}
}

func (m *Map[P, V]) addEverywhere(e *Entry[P, V]) {
	if m.everywhere == nil {
		m.everywhere = make(map[channel.Channel][]*Entry[P, V])
	}
	m.everywhere[e.Channel] = append(m.everywhere[e.Channel], e)
}

// Remember adds the earlier content of a row. The newest must be added first.
func (m *Map[P, V]) Remember(row Row[P, V]) {
	for _, r := range row.Releases {
		m.history = append(m.history, &Entry[P, V]{Key: row.Key, Release: r})
	}
}

// fewRows is the number of open rows up to which a search of all is quick. Maps of them would take most of the memory.
const fewRows = 16

// Arrange completes the map. compare is the order in which open rows are listed.
func (m *Map[P, V]) Arrange(compare func(a, b *Entry[P, V]) int) {
	for _, head := range m.rows {
		if head == nil {
			continue
		}
		m.open = append(m.open, head)
		if head.Everywhere {
			m.addEverywhere(head)
		}
	}
	slices.SortFunc(m.open, compare)
	for _, list := range m.everywhere {
		slices.SortFunc(list, func(a, b *Entry[P, V]) int { return cmp.Or(-CompareTimes(a.ReleasedAt, b.ReleasedAt), compare(a, b)) })
	}
	if len(m.open) <= fewRows {
		return
	}
	m.byChannel, m.byPlatform = make(map[channel.Channel][]*Entry[P, V]), make(map[P][]*Entry[P, V])
	for _, e := range m.open {
		m.byChannel[e.Channel] = append(m.byChannel[e.Channel], e)
		m.byPlatform[e.Platform] = append(m.byPlatform[e.Platform], e)
	}
}

// WithTrack returns c with the default track if it names none.
func (m *Map[P, V]) WithTrack(c channel.Channel) channel.Channel {
	if m.DefaultTrack != "" {
		return c.WithTrack(m.DefaultTrack)
	}
	return c.WithTrack(channel.DefaultTrack)
}

// Rows calls yield with each row, in no order. The head of a closed row is nil.
func (m *Map[P, V]) Rows(yield func(Key[P], *Entry[P, V]) bool) {
	for k, head := range m.rows {
		if !yield(k, head) {
			return
		}
	}
}

// At returns the release that a device of platform p finds in c itself: the release of its platform, or else the latest one that
// runs everywhere. It returns nil if there is none.
func (m *Map[P, V]) At(p P, c channel.Channel) *Entry[P, V] {
	if head, ok := m.rows[Key[P]{p, c}]; ok {
		return head
	}
	if list := m.everywhere[c]; len(list) > 0 {
		return list[0]
	}
	return nil
}

// Follow returns the release for a device of platform p that tracks c: the release in c, or in the next stabler risk that is
// open.
func (m *Map[P, V]) Follow(p P, c channel.Channel) *Entry[P, V] {
	for ok := true; ok; c, ok = c.Fallback() {
		if e := m.At(p, c); e != nil {
			return e
		}
	}
	return nil
}

// Upgrade returns the release for a device of platform p that tracks c and has data already. reads reports whether a release can
// read the data. Upgrade returns the release of the newest such epoch in the channel; or the last release that the channel held
// of a higher revision than installed; or nil.
func (m *Map[P, V]) Upgrade(p P, c channel.Channel, installed int, reads func(*Entry[P, V]) bool) *Entry[P, V] {
	head := m.Follow(p, c)
	if head == nil || reads(head) {
		return head
	}
	for _, e := range head.older {
		if e.RunsOn(p) && reads(e) {
			return e
		}
	}
	for _, e := range m.history {
		if e.Channel == head.Channel && e.RunsOn(p) && e.Revision > installed && reads(e) {
			return e
		}
	}
	return nil
}

// RunsOn reports whether the revision runs on p.
func (e *Entry[P, V]) RunsOn(p P) bool { return e.Platform == p || e.Everywhere }

// Open returns the heads of all open rows.
func (m *Map[P, V]) Open() []*Entry[P, V] { return m.open }

// For returns the heads of the open rows of one platform.
func (m *Map[P, V]) For(p P) []*Entry[P, V] {
	if m.byPlatform != nil {
		return m.byPlatform[p]
	}
	return where(m.open, func(e *Entry[P, V]) bool { return e.Platform == p })
}

// Visible returns the releases that a device of platform p finds in the open channels, one for each. Branches are left out.
func (m *Map[P, V]) Visible(p P) []*Entry[P, V] {
	var out []*Entry[P, V]
	seen := make(map[channel.Channel]bool)
	for _, e := range m.open {
		if e.Channel.Branch != "" || seen[e.Channel] {
			continue
		}
		seen[e.Channel] = true
		if found := m.At(p, e.Channel); found != nil {
			out = append(out, found)
		}
	}
	return out
}

// Newest returns the latest release that c holds for any platform, or nil. Of several it is the first in the order of the list.
func (m *Map[P, V]) Newest(c channel.Channel) *Entry[P, V] {
	if m.byChannel != nil {
		return newest(m.byChannel[c])
	}
	return newest(where(m.open, func(e *Entry[P, V]) bool { return e.Channel == c }))
}

// where returns the entries that fit.
func where[P comparable, V any](list []*Entry[P, V], fits func(*Entry[P, V]) bool) (out []*Entry[P, V]) {
	for _, e := range list {
		if fits(e) {
			out = append(out, e)
		}
	}
	return out
}

// Best returns the latest release for any platform in c, or in the next stabler risk that holds one.
func (m *Map[P, V]) Best(c channel.Channel) *Entry[P, V] {
	for ok := true; ok; c, ok = c.Fallback() {
		if e := m.Newest(c); e != nil {
			return e
		}
	}
	return nil
}

func newest[P comparable, V any](list []*Entry[P, V]) *Entry[P, V] {
	var found *Entry[P, V]
	for _, e := range list {
		if found == nil || cmp.Or(CompareTimes(e.ReleasedAt, found.ReleasedAt), e.Revision-found.Revision) > 0 {
			found = e
		}
	}
	return found
}

// Released returns an entry that holds or once held a revision, among the entries that fits accepts. Entries of c go first, then
// entries that hold the revision now. Of several it is the first one listed, or the latest release if latest is set. It returns
// nil if there is none.
func (m *Map[P, V]) Released(revision int, c channel.Channel, latest bool, fits func(*Entry[P, V]) bool) *Entry[P, V] {
	now, once := m.holding(revision)
	for _, inChannel := range []bool{true, false} {
		for _, list := range [][]*Entry[P, V]{now, once} {
			var found []*Entry[P, V]
			for _, e := range list {
				if fits(e) && (!inChannel || e.Channel == c) {
					found = append(found, e)
				}
			}
			switch {
			case len(found) > 0 && latest:
				return newest(found)
			case len(found) > 0:
				return found[0]
			}
		}
	}
	return nil
}

// holding returns the entries that hold a revision now, in the order of the list, and the entries that once held it, the newest
// first.
func (m *Map[P, V]) holding(revision int) (now, once []*Entry[P, V]) {
	for _, head := range m.open {
		for _, e := range append([]*Entry[P, V]{head}, head.older...) {
			if e.Revision == revision {
				now = append(now, e)
			}
		}
	}
	for _, e := range m.history {
		if e.Revision == revision {
			once = append(once, e)
		}
	}
	return now, once
}

// CompareTimes compares times in RFC 3339. Any other text counts as the earliest time.
func CompareTimes(a, b string) int {
	ta, _ := time.Parse(time.RFC3339, a)
	tb, _ := time.Parse(time.RFC3339, b)
	return ta.Compare(tb)
}

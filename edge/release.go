package edge

import (
	"encoding/json"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"offlinestore/channel"
	"offlinestore/snap"
)

// The bounds of the releases in memory: their bytes together, and the size of one.
const (
	releasesMemory = 64 << 20
	maxRelease     = 1 << 20
)

// renoteInterval is the time after which the same release is noted again, for its last use.
const renoteInterval = time.Hour

// Release is a revision that devices were given for a channel.
type Release struct {
	SnapID, Name string
	// Architecture is the one of the devices, and Store the ID of their store, or empty.
	Architecture, Store string
	// Channel includes its track. It is empty if devices asked for the revision by its number.
	Channel  string
	Revision int
	// Snap is the snap in the answer, with upstream's addresses.
	Snap json.RawMessage
	// Private is set if not everybody may know of the snap.
	Private bool
	// Seen is the time of the last such answer that was noted.
	Seen time.Time
}

type releaseKey struct {
	snapID, arch, store, channel string
	revision                     int // 0 for a channel
}

func (r *Release) key() releaseKey {
	k := releaseKey{r.SnapID, r.Architecture, r.Store, r.Channel, 0}
	if r.Channel == "" {
		k.revision = r.Revision
	}
	return k
}

// releaseMemory notes what devices were given. It is safe for concurrent use.
type releaseMemory struct {
	now  func() time.Time
	seed maphash.Seed

	mu    sync.Mutex
	items map[releaseKey]*Release
	ids   map[string]string // of snaps, by name
	size  int64
	// seen has the results that were noted lately, so that most need not be decoded.
	seen map[uint64]time.Time
	// sums has the result of each release. Another result for the same makes the one before unknown again, since it may come back.
	sums  map[releaseKey]uint64
	fresh map[releaseKey]bool // since the last Take
}

func newReleaseMemory(now func() time.Time) *releaseMemory {
	return &releaseMemory{now: now, seed: maphash.MakeSeed(), items: make(map[releaseKey]*Release), ids: make(map[string]string),
		seen: make(map[uint64]time.Time), sums: make(map[releaseKey]uint64), fresh: make(map[releaseKey]bool)}
}

// maxSeen bounds the results that are known again.
const maxSeen = 1 << 16

// wasSeen reports whether a result was noted lately, and returns its sum.
func (m *releaseMemory) wasSeen(result []byte, d device) (sum uint64, seen bool) {
	var h maphash.Hash
	h.SetSeed(m.seed)
	h.Write(result)
	h.WriteString("\x00" + d.arch + "\x00" + d.store)
	sum = h.Sum64()
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.seen[sum]) < renoteInterval {
		return sum, true
	}
	if len(m.seen) >= maxSeen {
		clear(m.seen)
	}
	m.seen[sum] = now
	return sum, false
}

// refreshResult is a result of upstream.
type refreshResult struct {
	Result  string          `json:"result"`
	Key     string          `json:"instance-key"`
	SnapID  string          `json:"snap-id"`
	Name    string          `json:"name"`
	Channel string          `json:"effective-channel"`
	Snap    json.RawMessage `json:"snap"`
}

// note notes the results of an answer.
func (m *releaseMemory) note(s *scan, d device) {
	for _, at := range s.results {
		text := s.text[at.from:at.to]
		if len(text) > maxRelease {
			continue
		}
		sum, seen := m.wasSeen(text, d)
		if seen {
			continue
		}
		var q refreshResult
		var about struct {
			Name     string `json:"name"`
			SnapID   string `json:"snap-id"`
			Revision int    `json:"revision"`
			Private  bool   `json:"private"`
		}
		if json.Unmarshal(text, &q) != nil || len(q.Snap) == 0 || json.Unmarshal(q.Snap, &about) != nil || about.Revision == 0 {
			continue
		}
		r := &Release{SnapID: q.SnapID, Name: q.Name, Architecture: d.arch, Channel: fullChannel(q.Channel), Revision: about.Revision,
			Snap: slices.Clone(q.Snap), Private: about.Private, Seen: m.now().UTC()}
		if about.Private {
			r.Store = d.store
		}
		if r.SnapID != "" && r.Name != "" {
			m.add(r, sum)
		}
	}
}

// fullChannel returns a channel with its track, or nothing if the text is no channel.
func fullChannel(text string) string {
	c, err := channel.Parse(text)
	if text == "" || err != nil {
		return ""
	}
	return c.Full()
}

// add keeps a release, and forgets others if there are too many. sum is the one of a result that is new. Without one, the release comes from
// elsewhere, and a newer one stays.
func (m *releaseMemory) add(r *Release, sum uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := r.key()
	if old := m.items[k]; old != nil {
		if sum == 0 && r.Seen.Before(old.Seen) {
			return
		}
		m.size -= old.weight()
	}
	m.items[k], m.ids[r.Name] = r, r.SnapID
	m.size += r.weight()
	if sum != 0 {
		m.fresh[k] = true
		if before, ok := m.sums[k]; ok && before != sum {
			delete(m.seen, before)
		}
		m.sums[k] = sum
	}
	if m.size > releasesMemory {
		m.forget()
	}
}

func (r *Release) weight() int64 { return int64(len(r.Snap)) + weight }

// forget forgets the releases that were not seen for the longest time, until a quarter of the memory is free. m.mu is held.
func (m *releaseMemory) forget() {
	all := make([]*Release, 0, len(m.items))
	for _, r := range m.items {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *Release) int { return a.Seen.Compare(b.Seen) })
	for _, r := range all {
		if m.size <= releasesMemory*3/4 {
			break
		}
		delete(m.items, r.key())
		delete(m.fresh, r.key())
		delete(m.sums, r.key())
		m.size -= r.weight()
	}
	clear(m.seen)
}

// find returns the release that answers an action, or nil. A private one is only for devices of its store.
func (m *releaseMemory) find(snapID, name, channelName string, revision int, d device) *Release {
	return m.search(snapID, name, channelName, revision, d, m.inChannel)
}

// findGiven returns the release of exactly that channel, or nil.
func (m *releaseMemory) findGiven(snapID, name, channelName string, revision int, d device) *Release {
	return m.search(snapID, name, channelName, revision, d, func(k releaseKey) *Release { return m.items[k] })
}

// search returns a release by its revision, or else by its channel in the way of inChannel.
func (m *releaseMemory) search(snapID, name, channelName string, revision int, d device, inChannel func(releaseKey) *Release) *Release {
	m.mu.Lock()
	defer m.mu.Unlock()
	if snapID == "" {
		snapID = m.ids[name]
	}
	for _, store := range []string{"", d.store} {
		if revision == 0 {
			if r := inChannel(releaseKey{snapID: snapID, arch: d.arch, store: store, channel: channelName}); r != nil {
				return r
			}
			continue
		}
		for k, r := range m.items {
			if k.snapID == snapID && k.store == store && k.arch == d.arch && r.Revision == revision {
				return r
			}
		}
	}
	return nil
}

// inChannel returns the release of a channel, or else of one that upstream would take in its place: the next stabler risk, or in the place of the
// track latest the snap's default track, which is the other track of which a device was given a release last. m.mu is held.
func (m *releaseMemory) inChannel(k releaseKey) *Release {
	asked, err := channel.Parse(k.channel)
	if err != nil {
		return nil
	}
	for _, c := range asked.Fallbacks() {
		k.channel = c.Full()
		if r := m.items[k]; r != nil {
			return r
		}
	}
	if asked.Track != channel.DefaultTrack && asked.Track != "" {
		return nil
	}
	var last *Release
	for other, r := range m.items {
		if c, err := channel.Parse(other.channel); err != nil || other.channel == "" || c.Risk != asked.Risk || c.Branch != asked.Branch {
			continue
		}
		if other.snapID == k.snapID && other.arch == k.arch && other.store == k.store && (last == nil || r.Seen.After(last.Seen)) {
			last = r
		}
	}
	return last
}

// take returns the releases that were noted since the last call.
func (m *releaseMemory) take() (list []Release) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k := range m.fresh {
		list = append(list, *m.items[k])
	}
	clear(m.fresh)
	slices.SortFunc(list, func(a, b Release) int { return a.Seen.Compare(b.Seen) })
	return list
}

// TakeReleases returns the releases that devices were given since the last call, so that they outlive this process.
func (e *Edge) TakeReleases() []Release { return e.releases.take() }

// AddReleases adds releases that devices were given before this process began, or by other processes, unless newer ones are known.
func (e *Edge) AddReleases(list []Release) {
	for i := range list {
		e.releases.add(&list[i], 0)
	}
}

// channelOf returns the channel that an action is about: its own, or the one that the device follows.
func channelOf(a *snap.Action, context []snap.Installed) string {
	text := a.Channel
	for i := 0; text == "" && i < len(context); i++ {
		if context[i].InstanceKey == a.InstanceKey {
			text = context[i].TrackingChannel
		}
	}
	if text == "" {
		text = channel.Stable
	}
	return fullChannel(text)
}

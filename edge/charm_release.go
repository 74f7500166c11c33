package edge

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"offlinestore/charm"
)

// charmsMemory bounds the charms in memory, in bytes together.
const charmsMemory = 16 << 20

// Charm is a revision of a charm that Juju was given.
type Charm struct {
	ID, Name string
	// Architecture and Base ("ubuntu/22.04") are the ones that Juju asked for. Both are empty if it asked for the revision by its number.
	Architecture, Base string
	// Channel includes its track. It is empty if Juju asked for the revision by its number.
	Channel  string
	Revision int
	// Charm is the charm in the answer, with its resources and with upstream's addresses.
	Charm json.RawMessage
	// Seen is the time of the last such answer that was noted.
	Seen time.Time
}

type charmKey struct {
	id, arch, base, channel string
	revision                int // 0 for a channel
}

func (c *Charm) key() charmKey {
	k := charmKey{c.ID, c.Architecture, c.Base, c.Channel, 0}
	if c.Channel == "" {
		k.revision = c.Revision
	}
	return k
}

func (c *Charm) weight() int64 { return int64(len(c.Charm)) + weight }

// baseName returns the text for a base without its architecture.
func baseName(b charm.Base) string { return b.Name + "/" + b.Channel }

// charmMemory notes what Juju was given. It is safe for concurrent use.
type charmMemory struct {
	mu    sync.Mutex
	items map[charmKey]*Charm
	size  int64
	fresh map[charmKey]bool // since the last take
}

func newCharmMemory() *charmMemory {
	return &charmMemory{items: make(map[charmKey]*Charm), fresh: make(map[charmKey]bool)}
}

// note notes the charms of an answer. A client with a login may be given private charms, of which others must not know.
func (m *charmMemory) note(r *http.Request, request, answer []byte, now time.Time) {
	if r.Header.Get("Authorization") != "" || r.Header.Get("Macaroons") != "" {
		return
	}
	var q charm.RefreshRequest
	var a struct {
		Results []struct {
			charm.Result
			Charm json.RawMessage `json:"charm"`
		} `json:"results"`
	}
	if json.Unmarshal(request, &q) != nil || json.Unmarshal(answer, &a) != nil {
		return
	}
	for _, result := range a.Results {
		var about charm.Entity
		if result.Error != nil || len(result.Charm) == 0 || len(result.Charm) > maxRelease || json.Unmarshal(result.Charm, &about) != nil {
			continue
		}
		// A question about newer revisions alone names fewer fields.
		if about.Type != charm.TypeCharm || about.ID == "" || about.Name == "" || about.Revision <= 0 || about.Download.URL == "" || about.MetadataYAML == "" {
			continue
		}
		c := &Charm{ID: about.ID, Name: about.Name, Revision: about.Revision, Charm: slices.Clone(result.Charm), Seen: now.UTC()}
		if c.describe(&q, result.InstanceKey, result.EffectiveChannel) {
			m.add(c, true)
		}
	}
}

// describe adds the platform and the channel of the action that a result answers. It returns false for the answer to no action.
func (c *Charm) describe(q *charm.RefreshRequest, key, effective string) bool {
	i := slices.IndexFunc(q.Actions, func(a charm.Action) bool { return a.InstanceKey == key })
	if i < 0 {
		return false
	}
	if q.Actions[i].Revision != nil {
		return true
	}
	base := q.Actions[i].Base
	if j := slices.IndexFunc(q.Context, func(x charm.Context) bool { return x.InstanceKey == key }); base == nil && j >= 0 {
		base = &q.Context[j].Base
	}
	if base == nil || base.Validate() != nil {
		return false
	}
	c.Architecture, c.Base, c.Channel = base.Architecture, baseName(*base), fullChannel(effective)
	return c.Channel != ""
}

// add keeps a charm, unless a newer one is known, and forgets others if there are too many. A fresh one was given by this process.
func (m *charmMemory) add(c *Charm, fresh bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := c.key()
	old := m.items[k]
	switch {
	case old != nil && c.Seen.Before(old.Seen):
		return
	case old != nil && fresh && old.Revision == c.Revision && string(old.Charm) == string(c.Charm) && c.Seen.Sub(old.Seen) < renoteInterval:
		return
	case old != nil:
		m.size -= old.weight()
	}
	m.items[k] = c
	m.size += c.weight()
	if fresh {
		m.fresh[k] = true
	}
	if m.size > charmsMemory {
		m.forget()
	}
}

// forget forgets the charms that were not seen for the longest time, until a quarter of the memory is free. m.mu is held.
func (m *charmMemory) forget() {
	all := slices.SortedFunc(maps.Values(m.items), func(a, b *Charm) int { return a.Seen.Compare(b.Seen) })
	for _, c := range all {
		if m.size <= charmsMemory*3/4 {
			return
		}
		delete(m.items, c.key())
		delete(m.fresh, c.key())
		m.size -= c.weight()
	}
}

// find returns the charm of exactly that channel and base, or with that revision, or nil.
func (m *charmMemory) find(id, name string, a *charm.Action) *Charm {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found *Charm
	for _, c := range m.items {
		if id != "" && c.ID != id || id == "" && c.Name != name || !c.answers(a) {
			continue
		}
		if found == nil || c.Seen.After(found.Seen) {
			found = c
		}
	}
	return found
}

// answers reports whether an action asks for the charm.
func (c *Charm) answers(a *charm.Action) bool {
	if a.Revision != nil {
		return c.Revision == *a.Revision
	}
	if a.Base == nil || a.Channel == nil {
		return false
	}
	return c.Channel != "" && c.Channel == fullChannel(*a.Channel) && c.Architecture == a.Base.Architecture && c.Base == baseName(*a.Base)
}

// take returns the charms that were noted since the last call.
func (m *charmMemory) take() (list []Charm) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k := range m.fresh {
		list = append(list, *m.items[k])
	}
	clear(m.fresh)
	slices.SortFunc(list, func(a, b Charm) int { return a.Seen.Compare(b.Seen) })
	return list
}

// TakeCharms returns the charms that Juju was given since the last call, so that they outlive this process.
func (e *Edge) TakeCharms() []Charm { return e.charms.take() }

// AddCharms adds charms that Juju was given before this process began, or by other processes, unless newer ones are known.
func (e *Edge) AddCharms(list []Charm) {
	for i := range list {
		e.charms.add(&list[i], false)
	}
}

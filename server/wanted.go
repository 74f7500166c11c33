package server

import (
	"slices"
	"strings"
	"sync"
	"time"

	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/charm"
	"offlinestore/snap"
)

// maxWanted bounds the different items that are kept until the next TakeWanted. A flood of made-up names can't hold more memory.
const maxWanted = 500

// wantedItems collects what clients ask for in vain. It keeps no client.
type wantedItems struct {
	now   func() time.Time
	mu    sync.Mutex
	items map[catalog.WantedKey]*catalog.Wanted
}

// add counts a request. Clients name items as they like, so it keeps only valid names.
func (w *wantedItems) add(key catalog.WantedKey) {
	if !validKey(&key) {
		return
	}
	now := w.now().UTC()
	w.mu.Lock()
	defer w.mu.Unlock()
	item := w.items[key]
	if item == nil {
		if len(w.items) >= maxWanted {
			return
		}
		if w.items == nil {
			w.items = make(map[catalog.WantedKey]*catalog.Wanted)
		}
		key = catalog.WantedKey{ // without the memory of the request
			Kind: key.Kind, Name: strings.Clone(key.Name), Channel: strings.Clone(key.Channel), Architecture: strings.Clone(key.Architecture), Revision: key.Revision,
		}
		item = &catalog.Wanted{WantedKey: key, First: now}
		w.items[key] = item
	}
	item.Count++
	item.Last = now
}

// validKey reports whether a client may have meant an item, and spells its channel as usual.
func validKey(key *catalog.WantedKey) bool {
	var err error
	switch key.Kind {
	case catalog.WantedSnap:
		err = snap.ValidateName(key.Name)
	case catalog.WantedSnapID:
		err = snap.ValidateID(key.Name)
	case catalog.WantedCharm:
		err = charm.ValidateName(key.Name)
	case catalog.WantedCharmID:
		err = charm.ValidateID(key.Name)
	}
	if err != nil || key.Revision < 0 || key.Revision > snap.MaxRevision || key.Architecture != "" && snap.ValidateArchitecture(key.Architecture) != nil {
		return false
	}
	if key.Channel == "" {
		return true
	}
	c, err := channel.Parse(key.Channel)
	key.Channel = c.String()
	return err == nil && len(key.Channel) <= maxChannel
}

// maxChannel bounds the bytes of a channel.
const maxChannel = 120

// take returns the items since the last call.
func (w *wantedItems) take() []catalog.Wanted {
	w.mu.Lock()
	items := w.items
	w.items = nil
	w.mu.Unlock()
	var list []catalog.Wanted
	for _, item := range items {
		list = append(list, *item)
	}
	slices.SortFunc(list, func(a, b catalog.Wanted) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// TakeWanted returns the items that clients asked for in vain since the last call.
func (s *Server) TakeWanted() []catalog.Wanted { return s.wanted.take() }

// missSnap counts a request for a snap that is not here.
func (s *Server) missSnap(id, name, channelName, arch string, revision int) {
	key := catalog.WantedKey{Kind: catalog.WantedSnap, Name: name, Channel: channelName, Architecture: arch, Revision: revision}
	if name == "" {
		key.Kind, key.Name = catalog.WantedSnapID, id
	}
	s.metrics.wanted.WithLabelValues("snap").Inc()
	s.wanted.add(key)
}

// missCharm counts a request for a charm that is not here.
func (s *Server) missCharm(id, name, channelName, arch string, revision int) {
	key := catalog.WantedKey{Kind: catalog.WantedCharm, Name: name, Channel: channelName, Architecture: arch, Revision: revision}
	if name == "" {
		key.Kind, key.Name = catalog.WantedCharmID, id
	}
	if arch == charm.NotApplicable {
		key.Architecture = ""
	}
	s.metrics.wanted.WithLabelValues("charm").Inc()
	s.wanted.add(key)
}

package server

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"offlinestore/catalog"
)

// builder makes the next content from the present one and its changes, or a new one. Its methods may be called by several goroutines.
type builder struct {
	server *Server
	*content
	outliners sync.Pool // of *catalog.Outliner

	mu sync.Mutex
	sh *sharer
	// added are the new entries, and gone the old ones by ID.
	added []*snapEntry
	gone  map[string]*snapEntry
	// hasNewSpecial is set if special has changed, and isWhole if nothing of the old content stays.
	hasNewSpecial, isWhole bool
}

// newBuilder returns a builder of the next content.
func (s *Server) newBuilder() *builder {
	return &builder{server: s, outliners: sync.Pool{New: func() any { return new(catalog.Outliner) }}, sh: newSharer(), gone: make(map[string]*snapEntry)}
}

// start begins with the changes of the present content, or with an empty one.
func (b *builder) start(c *catalog.Changes) error {
	present := b.server.index.Load()
	if b.isWhole = c.IsWhole || present == nil; b.isWhole {
		b.content = &content{cache: newSnapCache(b.server.cfg.Logger), special: make(map[string]*indexedAssertion)}
		b.content.global.categories = make(map[string]int)
		b.texts = newSpool(b.server.cfg.SpoolDir, func(err error) {
			b.server.cfg.Logger.Warn("the texts of the catalogue take memory until serve is started again", "err", err)
		})
	} else {
		next := *present.content
		b.content = &next
		b.global.categories = maps.Clone(b.global.categories)
	}
	b.byName, b.byID, b.icons = b.byName.edit(), b.byID.edit(), b.icons.edit()
	b.assertions, b.sequences = b.assertions.edit(), b.sequences.edit()
	if b.isWhole {
		return b.addKnown()
	}
	for _, id := range c.SnapIDs {
		if e := b.byID.get(id); e != nil {
			b.removeSnap(e)
		}
	}
	for _, ref := range c.Assertions {
		if err := b.replaceAssertion(ref); err != nil {
			return err
		}
	}
	return nil
}

// addRaw adds a snap that stays in the spool.
func (b *builder) addRaw(raw *catalog.RawSnap) error {
	o := b.outliners.Get().(*catalog.Outliner)
	defer b.outliners.Put(o)
	outline, err := o.Outline(raw)
	if err != nil {
		return err
	}
	sn, err := newOutlinedSnap(outline)
	if err != nil {
		return fmt.Errorf("index snap %s: %w", raw.Name, err)
	}
	pooled := getBuffer()
	defer putBuffer(pooled)
	*pooled = raw.AppendTo((*pooled)[:0])
	e := newEntry(outline, sn)
	e.packed = b.texts.add(*pooled)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sh.share(e)
	return b.addSnap(e)
}

// addFixed adds a snap that stays in memory.
func (b *builder) addFixed(st *catalog.Snap) error {
	sn, err := newIndexedSnap(st)
	if err != nil {
		return fmt.Errorf("index snap %s: %w", st.Name, err)
	}
	e := newEntry(st, sn)
	e.fixed = sn
	b.sh.share(e)
	return b.addSnap(e)
}

func (b *builder) addSnap(e *snapEntry) error {
	if b.byName.get(e.name) != nil || b.byID.get(e.id) != nil {
		return fmt.Errorf("index snap %s: name or snap-id %s is there twice", e.name, e.id)
	}
	b.byName.set(e.name, e)
	b.byID.set(e.id, e)
	if _, name, ok := iconFile(e.icon); ok {
		b.icons.set(name, append(slices.Clone(b.icons.get(name)), e))
	}
	if e.store == "" {
		b.global.add(e, 1)
	}
	b.added = append(b.added, e)
	return nil
}

func (b *builder) removeSnap(e *snapEntry) {
	b.byName.remove(e.name)
	b.byID.remove(e.id)
	if _, name, ok := iconFile(e.icon); ok {
		if rest := slices.DeleteFunc(slices.Clone(b.icons.get(name)), func(other *snapEntry) bool { return other == e }); len(rest) > 0 {
			b.icons.set(name, rest)
		} else {
			b.icons.remove(name)
		}
	}
	if e.store == "" {
		b.global.add(e, -1)
	}
	if e.packed.in != nil {
		b.texts.forget(e.packed)
	}
	b.gone[e.id] = e
}

// arrangeSnaps puts the new entries into the lists. Most entries stay, and their order with them.
func (b *builder) arrangeSnaps() {
	if len(b.added)+len(b.gone) == 0 {
		return
	}
	slices.SortFunc(b.added, compareEntries)
	list := make([]*snapEntry, 0, len(b.snaps)+len(b.added))
	rest := b.added
	for _, e := range b.snaps {
		if b.gone[e.id] == e {
			continue
		}
		for len(rest) > 0 && compareEntries(rest[0], e) < 0 {
			list, rest = append(list, rest[0]), rest[1:]
		}
		list = append(list, e)
	}
	b.snaps = append(list, rest...)
	b.private = nil
	for _, e := range b.snaps {
		if e.store != "" {
			b.private = append(b.private, e)
		}
	}
}

func compareEntries(a, b *snapEntry) int { return cmp.Compare(a.name, b.name) }

// finish returns the index of the next content.
func (b *builder) finish(changes *catalog.Changes) (*index, error) {
	c := changes.Snapshot
	b.generation, b.moment, b.imports, b.lastImport, b.serialModels = c.Generation, c.Moment, c.Imports, c.LastImport, c.DeviceModels
	if b.reloadAt = (time.Time{}); c.HoldEnds > 0 {
		b.reloadAt = b.server.cfg.Now().Add(c.HoldEnds)
	}
	b.arrangeSnaps()
	b.arrangeCharms(changes)
	b.hidden = b.reveal(c.AbsentPrivate)
	if err := b.arrangeSpecial(); err != nil {
		return nil, err
	}
	for _, s := range []interface{ seal() }{&b.byName, &b.byID, &b.icons, &b.assertions, &b.sequences} {
		s.seal()
	}
	base := newView(b.content, nil, false)
	b.brandKeys = &brandKeys{ix: base}
	b.addViews(c.Stores, base)
	return base, nil
}

// sortedNames returns the keys of counts, "featured" first.
func sortedNames(counts ...map[string]int) []string {
	var names []string
	for _, m := range counts {
		names = slices.AppendSeq(names, maps.Keys(m))
	}
	return featuredFirst(names)
}

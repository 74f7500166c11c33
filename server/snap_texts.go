package server

import (
	"fmt"

	"offlinestore/catalog"
)

// read returns the snap with all its texts. It may be on disk. An error is logged already.
func (sn *indexedSnap) read() (*catalog.Snap, error) {
	if sn.whole != nil {
		return sn.whole, nil
	}
	st, err := withRaw(sn.entry, (*catalog.RawSnap).Decode)
	sn.cache.report(sn.entry, err)
	return st, err
}

// read returns the revision with all its texts, as its snap has them.
func (r *indexedRevision) read() (*catalog.SnapRevision, error) {
	if st := r.snap.whole; st != nil {
		return revisionOf(st, r.number), nil
	}
	rev, err := withRaw(r.snap.entry, func(raw *catalog.RawSnap) (*catalog.SnapRevision, error) { return raw.Revision(r.number) })
	r.snap.cache.report(r.snap.entry, err)
	return rev, err
}

// revisionOf returns the revision of a snap that has one with this number.
func revisionOf(st *catalog.Snap, number int) *catalog.SnapRevision {
	for i := range st.Revisions {
		if st.Revisions[i].Number == number {
			return &st.Revisions[i]
		}
	}
	return nil
}

// answers returns the text of the answers about a revision. It may be on disk. An error is logged already.
func (r *indexedRevision) answers() (*object, error) {
	if o := r.prepared.Load(); o != nil {
		return o, nil
	}
	full, err := r.read()
	if err != nil {
		return nil, err
	}
	o, err := prepareRevision(full, r.snap.SnapID)
	if err != nil {
		r.snap.cache.report(r.snap.entry, err)
		return nil, err
	}
	if r.prepared.CompareAndSwap(nil, &o) {
		r.snap.cache.grow(r.snap, o.size())
	}
	return r.prepared.Load(), nil
}

// withRaw calls f with the packed snap of an entry, which is only valid during the call.
func withRaw[T any](e *snapEntry, f func(*catalog.RawSnap) (T, error)) (out T, err error) {
	pooled := getBuffer()
	defer putBuffer(pooled)
	if *pooled, err = e.packed.read((*pooled)[:0]); err != nil {
		return out, err
	}
	raw, err := catalog.UnpackSnap(*pooled)
	if err != nil {
		return out, err
	}
	return f(raw)
}

// load reads the snap of an entry, with the text of the answers about its first release.
func (c *snapCache) load(e *snapEntry) (*indexedSnap, error) {
	return withRaw(e, func(raw *catalog.RawSnap) (*indexedSnap, error) {
		o := c.outliners.Get().(*catalog.Outliner)
		defer c.outliners.Put(o)
		st, err := o.Releases(raw)
		if err != nil {
			return nil, err
		}
		sn, err := newOutlinedSnap(st)
		if err != nil {
			return nil, err
		}
		sn.SnapID, sn.Name, sn.entry, sn.cache = e.id, e.name, e, c // share the texts of the entry
		listing, err := raw.Listing()
		if err != nil {
			return nil, err
		}
		if sn.object, err = snapFields.prepare(listing); err != nil {
			return nil, err
		}
		sn.size = sizeOf(sn, len(st.ChannelMap)+len(st.Overrides)+len(st.History))
		if open := sn.channels.Open(); len(open) > 0 {
			rev := open[0].Value.revision
			full, err := raw.Revision(rev.number)
			if err != nil {
				return nil, err
			}
			first, err := prepareRevision(full, sn.SnapID)
			if err != nil {
				return nil, fmt.Errorf("revision %d: %w", rev.number, err)
			}
			rev.prepared.Store(&first)
			sn.size += first.size()
		}
		return sn, nil
	})
}

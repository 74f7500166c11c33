package server

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"offlinestore/catalog"
	"offlinestore/snap"
)

// cachedEntries returns entries of snaps in a spool. Each snap has two revisions, the newer one of which is released.
func cachedEntries(t *testing.T, n int) []*snapEntry {
	t.Helper()
	texts := newSpool(t.TempDir(), func(err error) { t.Error(err) })
	list := make([]*snapEntry, n)
	for i := range list {
		raw := catalog.RawSnap{SnapID: fmt.Sprintf("id-%d", i), Name: fmt.Sprintf("snap-%d", i), Details: []byte(`{"title":"` + strings.Repeat("long ", 200) + `"}`),
			ChannelMap: []snap.Release{{Architecture: "amd64", Channel: "latest/stable", Revision: 2}}}
		for n := 1; n <= 2; n++ {
			item := fmt.Sprintf(`{"architectures":["amd64"],"confinement":"strict","type":"app","revision":%d,"version":"%d.0","epoch":{"read":[0],"write":[0]}}`, n, n)
			raw.Revisions = append(raw.Revisions, catalog.RawRevision{Number: n, Item: []byte(item), Contents: []byte("null")})
		}
		list[i] = &snapEntry{id: raw.SnapID, name: raw.Name, packed: texts.add(raw.AppendTo(nil))}
	}
	return list
}

// TestSnapCache asks for more snaps than the cache holds, and for some of them all the time. They stay, and the size stays within the bound.
func TestSnapCache(t *testing.T) {
	t.Parallel()
	c := newSnapCache(slog.New(slog.DiscardHandler))
	c.max = 100_000
	all := cachedEntries(t, 200)
	asked, misses := all[:3], 0
	for round := range 3 {
		for i, e := range all[3:] {
			if sn := c.open(e); sn == nil || sn.Name != e.name {
				t.Fatalf("snap %s: got %+v", e.name, sn)
			}
			if i%4 != 0 {
				continue
			}
			for _, often := range asked {
				if often.live.Load() == nil {
					misses++
				}
				c.open(often)
			}
		}
		held, size := 0, int64(0)
		for _, e := range all {
			if sn := e.live.Load(); sn != nil {
				held, size = held+1, size+sn.size
			}
		}
		if size != c.size || size > c.max {
			t.Errorf("round %d: the cache counts %d bytes for %d, want at most %d", round, c.size, size, c.max)
		}
		if held < 10 || held == len(all) {
			t.Errorf("round %d: the cache holds %d of %d snaps", round, held, len(all))
		}
	}
	if misses > len(asked) {
		t.Errorf("the cache has removed snaps that are asked for all the time: %d misses, want %d", misses, len(asked))
	}
}

// TestSnapCacheGrows asks for the older revisions of snaps, whose texts are read then. They count, and a snap that is not in memory any more has
// them too.
func TestSnapCacheGrows(t *testing.T) {
	t.Parallel()
	for _, removed := range []bool{false, true} {
		c, e := newSnapCache(slog.New(slog.DiscardHandler)), cachedEntries(t, 1)[0]
		sn := c.open(e)
		before := c.size
		if removed {
			c.max = 0
			c.grow(sn, 0)
			before = 0
		}
		for _, r := range sn.revisions {
			o, err := r.answers()
			if want := fmt.Sprintf(`"version":"%d.0",`, r.number); err != nil || !strings.Contains(string(o.text), want) {
				t.Errorf("removed %v: revision %d: %q, %v, want %s", removed, r.number, o.text, err, want)
			}
		}
		if grown := c.size > before; grown == removed {
			t.Errorf("removed %v: the size was %d and is %d", removed, before, c.size)
		}
	}
}

package closure

import (
	"maps"
	"slices"
	"strings"

	"offlinestore/snap"
)

// SnapNeed is a snap that another snap needs on one architecture.
type SnapNeed struct {
	Name, Architecture string
	// By is the name of the snap that needs it.
	By string
	// Essential is set for snapd and for bases.
	Essential bool
	// Served is set if the set serves it to devices.
	Served bool
}

// SnapNeeds returns the needs of the snaps of s, each once: their bases, snapd, and the default providers of their content plugs.
func (s *Set) SnapNeeds() []SnapNeed { return newIndex(s).snapNeeds(s) }

// needKey identifies a need. The value in the map of found needs is its index.
type needKey struct{ name, arch, by string }

func (x *index) snapNeeds(part *Set) []SnapNeed {
	var out []SnapNeed
	for i := range part.Snaps {
		s := &part.Snaps[i]
		at := make(map[needKey]int)
		released := s.architectures()
		for _, r := range s.Revisions {
			archs := released[r.Number]
			if len(archs) == 0 {
				continue // no device is offered the snap
			}
			bases, providers := r.Needs()
			essential := append(bases, "snapd")
			for _, name := range slices.Concat(essential, providers) {
				if name == s.Name || snap.ValidateName(name) != nil {
					continue
				}
				for _, arch := range archs {
					key := needKey{name, arch, s.Name}
					if j, ok := at[key]; ok {
						out[j].Essential = out[j].Essential || slices.Contains(essential, name)
						continue
					}
					at[key] = len(out)
					out = append(out, SnapNeed{name, arch, s.Name, slices.Contains(essential, name), x.served(name, "", arch) != nil})
				}
			}
		}
	}
	return out
}

// architectures maps each revision to the architectures for which it counts. These are the architectures of its open rows.
func (s *Snap) architectures() map[int][]string {
	out := make(map[int][]string)
	for _, row := range s.ChannelMap {
		if row.Revision > 0 && !slices.Contains(out[row.Revision], row.Architecture) {
			out[row.Revision] = append(out[row.Revision], row.Architecture)
		}
	}
	return out
}

// gapKey identifies a gap that several snaps and models may have in common.
type gapKey struct {
	kind                Kind
	name, channel, arch string
}

// snapGaps returns the gaps of the snaps and the models of part in x.
func (x *index) snapGaps(part *Set) []Gap {
	found := make(map[gapKey]*Gap)
	add := func(key gapKey, by Needer, essential bool) {
		g := found[key]
		if g == nil {
			g = &Gap{Kind: key.kind, Name: key.name, Channel: key.channel, Architecture: key.arch}
			found[key] = g
		}
		g.NeededBy = append(g.NeededBy, by)
		g.Essential = g.Essential || essential
	}
	for _, n := range x.snapNeeds(part) {
		if !n.Served {
			add(gapKey{KindSnap, n.Name, "", n.Architecture}, Needer{Kind: KindSnap, Name: n.By}, n.Essential)
		}
	}
	for _, m := range part.Models {
		by := Needer{Kind: KindModel, Name: m.HeaderString("brand-id") + "/" + m.HeaderString("model")}
		for _, n := range modelNeeds(m) {
			for _, key := range x.lacks(m, n) {
				add(key, by, n.essential)
				if key.kind == KindSnap {
					found[key].Role = n.role
				}
			}
		}
	}
	out := x.rowGaps(part)
	for g := range maps.Values(found) {
		slices.SortFunc(g.NeededBy, compareNeeders)
		g.NeededBy = slices.Compact(g.NeededBy)
		out = append(out, *g)
	}
	slices.SortFunc(out, compareSnapGaps)
	return out
}

// rowGaps returns the rows of snaps whose revision is not for the architecture of the row.
func (x *index) rowGaps(part *Set) []Gap {
	out := []Gap{}
	for i := range part.Snaps {
		s := &part.Snaps[i]
		for _, row := range s.ChannelMap {
			r := x.revisions[revisionKey{s.Name, row.Revision}]
			if r == nil || row.Channel == "" || row.Architecture == snap.All || r.Supports(row.Architecture) {
				continue
			}
			out = append(out, Gap{Kind: KindRow, Name: s.Name, Revision: row.Revision, Channel: row.Channel, Architecture: row.Architecture,
				Supported: strings.Join(r.Architectures, ", "), NeededBy: []Needer{{Kind: KindSnap, Name: s.Name}}})
		}
	}
	return out
}

package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"offlinestore/channelmap"
	"offlinestore/charm"
	"offlinestore/snap"
)

// moves returns the changes from the rows before to the rows after.
func (s *Snap) moves(before, after []snap.Release) (list []SnapMove) {
	was, is := s.rowsByKey(before), s.rowsByKey(after)
	keys := slices.Collect(maps.Keys(was))
	for k := range is {
		if _, ok := was[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b channelmap.Key[string]) int {
		return cmp.Or(strings.Compare(a.Channel.String(), b.Channel.String()), strings.Compare(a.Platform, b.Platform))
	})
	for _, k := range keys {
		m := SnapMove{Snap: s.Name, Architecture: k.Platform, Channel: k.Channel.String(), From: channelmap.NoRow, To: channelmap.NoRow}
		if row, ok := was[k]; ok {
			m.From = row.Newest().Revision
		}
		if row, ok := is[k]; ok {
			m.To = row.Newest().Revision
		}
		list = append(list, m.perEpoch(was[k].Releases, is[k].Releases)...)
	}
	return list
}

func (s *Snap) rowsByKey(list []snap.Release) map[channelmap.Key[string]]overlayRow {
	out := make(map[channelmap.Key[string]]overlayRow)
	rows, _ := s.overlayRows(list)
	for _, row := range rows {
		out[row.Key] = row
	}
	return out
}

// charmMoves returns the changes from the rows before to the rows after.
func charmMoves(name string, before, after []charm.Release) (list []CharmMove) {
	moves := make(map[CharmMove]*CharmMove)
	at := func(r charm.Release) *CharmMove {
		m := CharmMove{Charm: name, Channel: r.Channel, From: channelmap.NoRow, To: channelmap.NoRow}
		if r.Base != nil {
			m.Base = r.Base.String()
		}
		key := m
		if moves[key] == nil {
			moves[key] = &m
		}
		return moves[key]
	}
	for _, r := range before {
		at(r).From = r.Revision
	}
	for _, r := range after {
		at(r).To = r.Revision
	}
	for _, m := range moves {
		if m.From != m.To {
			list = append(list, *m)
		}
	}
	slices.SortFunc(list, func(a, b CharmMove) int {
		return cmp.Or(strings.Compare(a.Channel, b.Channel), strings.Compare(a.Base, b.Base))
	})
	return list
}

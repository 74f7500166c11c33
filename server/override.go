package server

import (
	"fmt"

	"offlinestore/catalog"
	"offlinestore/snap"
)

// addRows takes over what channels hold, as operators have overridden it.
func (sn *indexedSnap) addRows(st *catalog.Snap) error {
	served := st.Served()
	for i := range served {
		if err := sn.addRow(&served[i]); err != nil {
			return fmt.Errorf("channel map: %w", err)
		}
	}
	if len(st.Overrides) == 0 {
		return nil
	}
	return sn.addHidden(st)
}

// addHidden leaves the devices of other architectures what they had before an architecture's row was overridden: they may be served
// from that row, where its revision runs on all, and the override is not about them.
func (sn *indexedSnap) addHidden(st *catalog.Snap) error {
	hidden, forAll := make(map[rowKey]bool), make(map[rowKey]bool)
	for i := range st.Overrides {
		o, err := sn.newRow(&st.Overrides[i])
		if err != nil {
			return fmt.Errorf("override: %w", err)
		}
		hidden[o.rowKey] = true
		if o.architecture == snap.All {
			forAll[o.rowKey] = true
		}
	}
	for i := range st.ChannelMap {
		r, err := sn.newRow(&st.ChannelMap[i])
		if err != nil {
			return fmt.Errorf("channel map: %w", err)
		}
		if r.revision != nil && r.revision.Supports(snap.All) && hidden[r.rowKey] && !forAll[rowKey{snap.All, r.channel}] {
			sn.anywhere[r.channel] = append(sn.anywhere[r.channel], r)
		}
	}
	return nil
}

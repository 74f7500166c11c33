package channelmap

import "offlinestore/channel"

// Overlay puts an operator's overrides over imported rows. The platform all stands for every platform: such an override replaces
// each imported row of its channel, unless the platform has an override of its own. If there is no imported row, the override
// becomes a row itself.
//
// It returns the served rows, and the hidden ones: imported rows that an override of their own platform replaced. Devices of
// other platforms may have been served from these, and the override does not apply to those devices.
func Overlay[P comparable, V any](imported, overrides []Row[P, V], all P) (served, hidden []Row[P, V]) {
	over := make(map[Key[P]][]Release[V], len(overrides))
	for _, o := range overrides {
		over[o.Key] = o.Releases
	}
	used, reached := make(map[Key[P]]bool), make(map[channel.Channel]bool)
	for _, row := range imported {
		forAll, isForAll := over[Key[P]{all, row.Channel}]
		if own, ok := over[row.Key]; ok {
			used[row.Key] = true
			if !isForAll {
				hidden = append(hidden, row)
			}
			row.Releases = own
		} else if isForAll {
			reached[row.Channel] = true
			row.Releases = forAll
		}
		served = append(served, row)
	}
	for _, o := range overrides {
		if !used[o.Key] && (o.Platform != all || !reached[o.Channel]) {
			served = append(served, o)
		}
	}
	return served, hidden
}

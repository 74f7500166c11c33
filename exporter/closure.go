package exporter

import (
	"fmt"
	"maps"
	"slices"

	"offlinestore/channel"
	"offlinestore/snap"
)

// maxRounds bounds how deep dependencies may go: real ones go two or three.
const maxRounds = 16

// close adds what the planned snaps need, and what that needs, for every architecture that they are exported for.
func (p *planner) close() error {
	for range maxRounds {
		needs := p.needs()
		if len(needs) == 0 {
			return nil
		}
		var wants []*want
		for _, name := range slices.Sorted(maps.Keys(needs)) {
			n := needs[name]
			for _, arch := range n.archs {
				p.tried[target{name, arch}] = true
			}
			wants = append(wants, &want{name: name, channel: channel.Stable, archs: n.archs, need: n})
		}
		if err := p.add(wants); err != nil {
			return err
		}
	}
	return fmt.Errorf("the snaps' needs go more than %d deep", maxRounds)
}

// needs lists what is needed and neither planned nor known to be missing. It also notes at what is planned who needs it.
func (p *planner) needs() map[string]*need {
	out := make(map[string]*need)
	for _, by := range slices.Sorted(maps.Keys(p.snaps)) {
		for _, r := range p.snaps[by].Revisions {
			bases, providers := r.Needs()
			p.need(out, by, r.archs, append(bases, "snapd"), true)
			p.need(out, by, r.archs, providers, false)
		}
	}
	return out
}

func (p *planner) need(out map[string]*need, by string, archs, names []string, essential bool) {
	for _, name := range names {
		if name == by || snap.ValidateName(name) != nil {
			continue
		}
		s := p.snaps[name]
		if s != nil && s.NeededBy != nil && !slices.Contains(s.NeededBy, by) {
			s.NeededBy = append(s.NeededBy, by)
		}
		for _, arch := range archs {
			if s != nil && s.serves(arch) || p.tried[target{name, arch}] {
				continue
			}
			if out[name] == nil {
				out[name] = &need{}
			}
			out[name].add(by, arch, essential)
		}
	}
}

func (n *need) add(by, arch string, essential bool) {
	if !slices.Contains(n.by, by) {
		n.by = append(n.by, by)
	}
	if !slices.Contains(n.archs, arch) {
		n.archs = append(n.archs, arch)
	}
	n.essential = n.essential || essential
}

// serves says whether a device that needs s will find it: in the stable channel, which is where snapd looks for it. A snap
// that was asked for may be planned in other channels only.
func (s *Snap) serves(arch string) bool {
	row := s.find(arch, channel.Channel{Track: s.track(), Risk: channel.Stable})
	return row != nil && row.Revision != 0
}

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

// close adds what the planned snaps need, and what that needs, for every architecture.
func (p *planner) close() error {
	for range maxRounds {
		needs := p.missing()
		if len(needs) == 0 {
			return nil
		}
		var wants []want
		for _, name := range slices.Sorted(maps.Keys(needs)) {
			wants = append(wants, want{name: name, channel: channel.Stable})
		}
		if err := p.add(wants, needs); err != nil {
			return err
		}
	}
	return fmt.Errorf("the snaps' needs go more than %d deep", maxRounds)
}

// missing lists the snaps that are needed and not planned, with those that need them.
func (p *planner) missing() map[string][]string {
	needs := make(map[string][]string)
	for _, s := range p.snaps {
		for _, name := range needsOf(s) {
			if _, planned := p.snaps[name]; !planned && !p.isGap(name) {
				needs[name] = append(needs[name], s.Listing.Name)
			} else if planned && p.snaps[name].NeededBy != nil && !slices.Contains(p.snaps[name].NeededBy, s.Listing.Name) {
				p.snaps[name].NeededBy = append(p.snaps[name].NeededBy, s.Listing.Name)
			}
		}
	}
	for _, by := range needs {
		slices.Sort(by)
	}
	return needs
}

// needsOf lists what the planned revisions of s need, each once.
func needsOf(s *Snap) []string {
	out := []string{"snapd"}
	for _, r := range s.Revisions {
		bases, providers := r.Needs()
		out = append(append(out, bases...), providers...)
	}
	out = slices.DeleteFunc(out, func(n string) bool { return n == s.Listing.Name || snap.ValidateName(n) != nil })
	slices.Sort(out)
	return slices.Compact(out)
}

func (p *planner) isGap(name string) bool {
	return slices.ContainsFunc(p.plan.Gaps, func(g Gap) bool { return g.Snap == name })
}

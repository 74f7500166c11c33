package exporter

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/charm"
	"offlinestore/snap"
)

// Hint is a snap that a charm installs by itself, as its own files say.
type Hint struct {
	Charm         string `json:"charm"`
	CharmRevision int    `json:"charm-revision"`
	charm.SnapHint
}

// String is the hint as a sentence: "postgresql installs snap charmed-postgresql revision 96".
func (h Hint) String() string {
	s := h.Charm + " installs snap " + h.Name
	var numbers []string
	for _, arch := range slices.Sorted(maps.Keys(h.Revisions)) {
		n := fmt.Sprint(h.Revisions[arch])
		if arch != "" && len(h.Revisions) > 1 {
			n += " (" + arch + ")"
		}
		numbers = append(numbers, n)
	}
	if len(numbers) > 0 {
		s += " revision " + strings.Join(numbers, ", ")
	}
	if h.Channel != "" {
		s += " from " + h.Channel
	}
	return s
}

// For is the hint for machines of archs; it is none if the charm installs the snap on others only.
func (h Hint) For(archs []string) (of Hint, ok bool) {
	if len(h.Revisions) == 0 {
		return h, true
	}
	all := h.Revisions
	h.Revisions = make(map[string]int)
	for _, arch := range archs {
		if _, ok := all[arch]; !ok {
			arch = ""
		}
		if n, ok := all[arch]; ok {
			h.Revisions[arch] = n
		}
	}
	return h, len(h.Revisions) > 0
}

// Command says how to export the snap of h with its needs for archs.
func (h Hint) Command(archs []string) string {
	if _, all := h.Revisions[""]; len(h.Revisions) > 0 && !all {
		archs = slices.Sorted(maps.Keys(h.Revisions))
	}
	s := "'store-admin export snaps " + h.Name
	if len(h.Revisions) > 0 {
		s = "'store-admin export snaps --from-yaml FILE"
	} else if h.Channel != "" {
		s += " --channel " + h.Channel
	}
	if !slices.Equal(archs, []string{"amd64"}) { // the default
		for _, arch := range archs {
			s += " --arch " + arch
		}
	}
	if len(h.Revisions) == 0 {
		return s + "'"
	}
	var packages []string
	for _, n := range slices.Compact(slices.Sorted(maps.Values(h.Revisions))) {
		packages = append(packages, fmt.Sprintf("{name: %s, revision: %d}", h.Name, n))
	}
	return s + "' and packages: [" + strings.Join(packages, ", ") + "] in it"
}

// AddSnaps adds to the plan the snaps that its charms install, as far as the store has them, and what those need. It is called after
// Fetch, which has found the hints; what it adds is then to be fetched.
func (e *Exporter) AddSnaps(ctx context.Context, plan *Plan) error {
	archs := plan.Request.Charms.Architectures
	if len(plan.Request.Architectures) == 0 {
		plan.Request.Architectures = archs
	}
	p := &planner{e: e, ctx: ctx, plan: plan, snaps: make(map[string]*Snap), tried: make(map[target]bool)}
	for _, s := range plan.Snaps {
		p.snaps[s.Listing.Name] = s
	}
	var wants []*want
	for _, h := range plan.Hints {
		wants = append(wants, h.wants(archs)...)
	}
	if err := p.add(wants); err != nil {
		return err
	}
	if !plan.Request.NoDeps {
		if err := p.close(); err != nil {
			return err
		}
	}
	p.finish()
	return nil
}

// wants lists what a charm would install on machines of archs.
func (h Hint) wants(archs []string) (out []*want) {
	if snap.ValidateName(h.Name) != nil {
		return nil
	}
	byRevision := make(map[int]*want)
	for _, arch := range archs {
		revision, ok := h.Revisions[arch]
		if !ok {
			revision = h.Revisions[""]
		}
		if revision == 0 && len(h.Revisions) > 0 {
			continue // the charm is not for that architecture
		}
		w := byRevision[revision]
		if w == nil {
			w = &want{name: h.Name, revision: revision, need: &need{by: []string{h.Charm}}}
			if revision == 0 {
				w.channel = cmp.Or(h.Channel, channel.Stable)
			}
			byRevision[revision], out = w, append(out, w)
		}
		w.archs, w.need.archs = append(w.archs, arch), append(w.need.archs, arch)
	}
	return out
}

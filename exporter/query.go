package exporter

import (
	"slices"
	"strings"

	"offlinestore/assertion"
	"offlinestore/closure"
	"offlinestore/snap"
)

// snapQuery asks for a channel or a revision of a snap, for some architectures.
type snapQuery struct {
	name, channel string
	revision      int
	pushChannel   string
	archs         []string
	need          *need    // nil for a query of the operator
	set           []string // the primary key of the validation set that asks for it
	// components are the components that the set pins.
	components []assertion.SetComponent
	// optional is the reason for asking for a snap that devices may do without, or empty.
	optional string
	gaps     []Gap
}

// need is the reason for planning a snap that wasn't requested.
type need struct {
	by    []string
	archs []string
	// essential means that nothing runs without the snap: snapd, or a base.
	essential bool
	// charmRevision is set if a charm needs the snap.
	charmRevision int
}

func (w *snapQuery) neededBy() []string {
	if w.need == nil {
		return nil
	}
	return w.need.by
}

// action returns w as the store gets it.
func (w *snapQuery) action() snap.Action {
	a := snap.Action{Name: w.name, Channel: w.channel, Revision: w.revision}
	if w.set != nil {
		a.ValidationSets = [][]string{w.set}
	}
	return a
}

// gap returns a gap for w on arch, with the reason.
func (w *snapQuery) gap(arch, reason string) Gap {
	return Gap{Snap: w.name, Architecture: arch, Channel: w.channel, Revision: w.revision, NeededBy: strings.Join(w.neededBy(), ", "), Reason: reason, need: w.sentence(arch)}
}

// absentGaps returns a gap for each architecture for which something needs a snap that the store doesn't know. For a snap that the
// operator requested, it returns one gap.
func (w *snapQuery) absentGaps(reason string) []Gap {
	if w.need == nil {
		return []Gap{{Snap: w.name, Reason: reason}}
	}
	var out []Gap
	for _, arch := range w.archs {
		out = append(out, Gap{Snap: w.name, Architecture: arch, NeededBy: strings.Join(w.neededBy(), ", "), Reason: reason, need: w.sentence(arch)})
	}
	return out
}

// sentence returns the sentence of package closure for a dependency that is missing for arch. It returns "" for a query of the operator.
func (w *snapQuery) sentence(arch string) string {
	if w.need == nil {
		return ""
	}
	g := closure.Gap{Kind: closure.KindSnap, Name: w.name, Revision: w.revision, Architecture: arch}
	for _, name := range slices.Sorted(slices.Values(w.need.by)) {
		by := closure.Needer{Kind: closure.KindSnap, Name: name}
		if w.need.charmRevision > 0 {
			by = closure.Needer{Kind: closure.KindCharm, Name: name, Revision: w.need.charmRevision}
		}
		g.NeededBy = append(g.NeededBy, by)
	}
	return g.String()
}

func (r *Request) queries() []*snapQuery {
	var out []*snapQuery
	for _, n := range r.Names {
		for _, c := range r.Channels {
			out = append(out, &snapQuery{name: n, channel: c, archs: r.architectures(n)})
		}
	}
	for _, pk := range r.Packages {
		archs := r.among(pk.Name, r.architecturesOf(&pk))
		if pk.Revision > 0 {
			out = append(out, &snapQuery{name: pk.Name, revision: pk.Revision, pushChannel: pk.PushChannel, archs: archs})
			continue
		}
		for _, c := range r.channelsOf(&pk) {
			out = append(out, &snapQuery{name: pk.Name, channel: c, pushChannel: pk.PushChannel, archs: archs})
		}
	}
	return slices.DeleteFunc(out, func(w *snapQuery) bool { return len(w.archs) == 0 })
}

// channelsOf returns the channels of a package.
func (r *Request) channelsOf(p *Package) []string {
	if len(p.Channels) > 0 {
		return p.Channels
	}
	return r.Channels
}

// architecturesOf returns the architectures of a package.
func (r *Request) architecturesOf(p *Package) []string {
	if len(p.Architectures) > 0 {
		return p.Architectures
	}
	return r.Architectures
}

package closure

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"offlinestore/assertion"
	"offlinestore/channel"
	"offlinestore/snap"
)

// modelNeed is a snap on the devices of a model, with the components that the model requires.
type modelNeed struct {
	name, channel, arch string
	// id is empty if the model does not name it. role is gadget, kernel or empty.
	id, role   string
	components []string
	essential  bool
}

// lacks returns the missing parts of a need: the snap, or some of its components. A snap of the same name with another ID is another snap.
func (x *index) lacks(m *assertion.Assertion, n modelNeed) []gapKey {
	r, s := x.served(n.name, n.channel, n.arch), x.snaps[n.name]
	switch {
	case r == nil || n.id != "" && s.SnapID != "" && s.SnapID != n.id:
		return []gapKey{{KindSnap, n.name, n.channel, n.arch}}
	case x.set.Hidden != nil && x.set.Hidden(m, s.SnapID):
		return []gapKey{{KindPrivate, n.name, "", ""}}
	}
	var out []gapKey
	for _, name := range n.components {
		if !slices.ContainsFunc(r.Resources, func(res snap.Resource) bool { return res.Name == name }) {
			out = append(out, gapKey{KindComponent, n.name + "+" + name, n.channel, n.arch})
		}
	}
	return out
}

// modelNeeds returns the snaps that a model requires. If it has the header "snaps" (Ubuntu Core 20 and later), these are all
// listed snaps except the optional ones, otherwise its gadget, kernel and required-snaps. Both forms also require the base and
// snapd, which need not be listed.
func modelNeeds(m *assertion.Assertion) []modelNeed {
	arch := m.HeaderString("architecture")
	var out []modelNeed
	add := func(n modelNeed) {
		if snap.ValidateName(n.name) == nil && !slices.ContainsFunc(out, func(have modelNeed) bool { return have.name == n.name }) {
			n.arch = arch
			out = append(out, n)
		}
	}
	if list, ok := m.Header("snaps").([]any); ok {
		for _, entry := range list {
			e, _ := entry.(map[string]any)
			if text(e["presence"]) != "optional" {
				add(modelNeed{name: text(e["name"]), id: text(e["id"]), role: roleOf(text(e["type"])), channel: modelChannel(text(e["default-channel"])), components: requiredComponents(e["components"])})
			}
		}
	} else {
		for _, header := range []string{"gadget", "kernel"} {
			name, track, _ := strings.Cut(m.HeaderString(header), "=")
			add(modelNeed{name: name, role: header, channel: modelChannel(track)})
		}
		list, _ := m.Header("required-snaps").([]any)
		for _, name := range list {
			add(modelNeed{name: text(name)})
		}
	}
	base := m.HeaderString("base")
	if m.HeaderString("classic") != "true" {
		base = cmp.Or(base, "core")
	}
	if base != "" && base != "core" {
		add(modelNeed{name: "snapd", essential: true})
	}
	add(modelNeed{name: base, essential: true})
	return out
}

// roleOf returns the type of a model's snap if the model has one of it at most.
func roleOf(typ string) string {
	if typ == "gadget" || typ == "kernel" {
		return typ
	}
	return ""
}

// modelChannel returns a channel of a model in the form used in a Gap: "" for stable in the default track.
func modelChannel(ch string) string {
	c, err := channel.Parse(ch)
	if err != nil || c.Full() == channel.DefaultTrack+"/"+channel.Stable {
		return ""
	}
	return c.String()
}

// requiredComponents returns the components that an entry of a model's snaps requires. Each entry is a presence, or a mapping
// with one.
func requiredComponents(v any) []string {
	list, _ := v.(map[string]any)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(list)) {
		presence := text(list[name])
		if m, ok := list[name].(map[string]any); ok {
			presence = text(m["presence"])
		}
		if presence == "required" {
			out = append(out, name)
		}
	}
	return out
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

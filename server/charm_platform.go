package server

import (
	"slices"
	"strings"

	"offlinestore/charm"
)

// platform is a platform that a search asks for: kubernetes, ubuntu, 22.04, jammy, ubuntu@22.04, or amd64/ubuntu/22.04. It is
// parsed once, because it is compared with every base of every charm.
type platform struct {
	name  string
	parts []platformPart
}

// platformPart is a system, a release or an architecture; base is zero unless it is a series such as jammy.
type platformPart struct {
	name string
	base charm.Base
}

func newPlatform(name string) platform {
	p := platform{name: name}
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '@' }) {
		if slices.ContainsFunc(p.parts, func(have platformPart) bool { return have.name == part }) {
			continue
		}
		base, _ := charm.ParseBase(part) // other words than a series have a zero base
		p.parts = append(p.parts, platformPart{part, base})
	}
	return p
}

// runsOn reports whether the charm supports a platform.
func (ch *indexedCharm) runsOn(p platform) bool {
	if slices.ContainsFunc(ch.Details.DeployableOn, func(s string) bool { return strings.ToLower(s) == p.name }) {
		return true
	}
	return len(p.parts) > 0 && slices.ContainsFunc(ch.bases, func(b charm.Base) bool {
		return !slices.ContainsFunc(p.parts, func(part platformPart) bool { return !part.isOf(b) })
	})
}

func (p platformPart) isOf(b charm.Base) bool {
	if p.name == b.Name || p.name == b.Channel || p.name == b.Architecture || p.name == allArchitectures {
		return true
	}
	return p.base.Name != "" && p.base.Name == b.Name && p.base.Channel == b.Channel
}

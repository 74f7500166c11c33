package charm

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Ubuntu is the name of the bases of nearly all charms.
const Ubuntu = "ubuntu"

// kubernetesSeries is the series of old charms that run in containers. It means no operating system.
const kubernetesSeries = "kubernetes"

// seriesChannels returns the releases of Ubuntu that Juju ever supported, by the names in old charms and charm bundles.
func seriesChannels() map[string]string {
	return map[string]string{
		"precise": "12.04", "quantal": "12.10", "raring": "13.04", "saucy": "13.10", "trusty": "14.04", "utopic": "14.10",
		"vivid": "15.04", "wily": "15.10", "xenial": "16.04", "yakkety": "16.10", "zesty": "17.04", "artful": "17.10",
		"bionic": "18.04", "cosmic": "18.10", "disco": "19.04", "eoan": "19.10", "focal": "20.04", "groovy": "20.10",
		"hirsute": "21.04", "impish": "21.10", "jammy": "22.04", "kinetic": "22.10", "lunar": "23.04", "mantic": "23.10",
		"noble": "24.04", "oracular": "24.10", "plucky": "25.04", "questing": "25.10", "resolute": "26.04",
	}
}

// otherSeries returns the bases of the series of other systems that Juju knew.
func otherSeries() map[string]Base {
	return map[string]Base{
		"centos7": {Name: "centos", Channel: "7"}, "centos8": {Name: "centos", Channel: "8"}, "centos9": {Name: "centos", Channel: "9"},
		"genericlinux": {Name: "genericlinux", Channel: "genericlinux"}, "opensuseleap": {Name: "opensuse", Channel: "opensuse42"},
	}
}

// ParseBase parses a base in the form of charm bundles and command lines: "ubuntu@22.04", "ubuntu@22.04/stable", or a series such
// as "jammy". The series kubernetes means no operating system, so its base is zero. The result has no architecture.
func ParseBase(s string) (Base, error) {
	name, ch, ok := strings.Cut(s, "@")
	if !ok {
		if s == kubernetesSeries {
			return Base{}, nil
		}
		if ch, ok := seriesChannels()[s]; ok {
			return Base{Name: Ubuntu, Channel: ch}, nil
		}
		if b, ok := otherSeries()[s]; ok {
			return b, nil
		}
		return Base{}, fmt.Errorf("base %.60q: want one like ubuntu@22.04, or a series such as jammy or centos7", s)
	}
	b := Base{Name: name, Channel: trackOf(ch)}
	// Juju's own export-bundle writes "ubuntu@kubernetes" and similar names.
	if b.Channel == kubernetesSeries || b.Name == kubernetesSeries {
		return Base{}, nil
	}
	if err := b.validateSystem(); err != nil {
		return Base{}, err
	}
	return b, nil
}

// trackOf returns the channel of a base without its risk: Juju compares only the tracks of bases.
func trackOf(ch string) string {
	track, _, _ := strings.Cut(ch, "/")
	return track
}

// withoutArch returns b without its architecture.
func (b Base) withoutArch() Base {
	b.Architecture = ""
	return b
}

// IsLTS reports whether b is a release of Ubuntu with long-term support.
func (b Base) IsLTS() bool {
	year, month, ok := b.release()
	return ok && b.Name == Ubuntu && year%2 == 0 && month == 4
}

// release returns the year and month of a channel such as 22.04, or the version and 0 for a channel such as 7.
func (b Base) release() (year, month int, ok bool) {
	y, m, dotted := strings.Cut(b.Channel, ".")
	year, err := strconv.Atoi(y)
	if err != nil || year < 0 || year > 9999 {
		return 0, 0, false
	}
	if !dotted {
		return year, 0, true
	}
	month, err = strconv.Atoi(m)
	return year, month, err == nil && month >= 0 && month <= 99
}

// NearestLTS returns the base of have that can replace want: want itself if have contains it, else the long-term release nearest
// to it in time, before it or after it, the newer of two equally near. If want names an architecture, only bases of this
// architecture count. The result is zero if there is none.
func NearestLTS(want Base, have []Base) Base {
	var best Base
	for _, b := range have {
		switch {
		case want.Architecture != "" && b.Architecture != want.Architecture:
			continue
		case b.withoutArch() == want.withoutArch():
			return b
		case !b.IsLTS():
			continue
		case best == (Base{}) || closer(want, b, best):
			best = b
		}
	}
	return best
}

// closer reports whether the long-term release a is a better replacement for want than b.
func closer(want, a, b Base) bool {
	da, db := distance(want, a), distance(want, b)
	if da != db {
		return da < db
	}
	return compareBases(a, b) < 0
}

// distance returns the distance in months. It is 0 if want is no release of Ubuntu, so that the newest one wins.
func distance(want, b Base) int {
	wy, wm, ok := want.release()
	if !ok || want.Name != b.Name {
		return 0
	}
	y, m, _ := b.release()
	d := (y-wy)*12 + m - wm
	return max(d, -d)
}

// SortBases sorts bases into the order in which they should be tried: long-term releases of Ubuntu, newest first, since Juju 3.6
// and older use the first base that they are offered; then other releases of Ubuntu, newest first; then other systems.
func SortBases(bases []Base) { slices.SortFunc(bases, compareBases) }

// UniteBases returns bases with the ones of more that they lack. They are sorted like SortBases sorts them if there are any.
func UniteBases(bases, more []*Base) []*Base {
	out := slices.Clone(bases)
	for _, b := range more {
		if b != nil && !slices.ContainsFunc(out, func(have *Base) bool { return have != nil && *have == *b }) {
			out = append(out, b)
		}
	}
	if len(out) > len(bases) {
		out = slices.DeleteFunc(out, func(b *Base) bool { return b == nil })
		slices.SortFunc(out, func(a, b *Base) int { return compareBases(*a, *b) })
	}
	return out
}

func compareBases(a, b Base) int {
	if a.IsLTS() != b.IsLTS() {
		return before(a.IsLTS())
	}
	if a.Name != b.Name {
		if a.Name == Ubuntu || b.Name == Ubuntu {
			return before(a.Name == Ubuntu)
		}
		return cmp.Compare(a.Name, b.Name)
	}
	ay, am, aok := a.release()
	by, bm, bok := b.release()
	if aok != bok {
		return before(aok)
	}
	return cmp.Or(cmp.Compare(by, ay), cmp.Compare(bm, am), cmp.Compare(b.Channel, a.Channel), cmp.Compare(a.Architecture, b.Architecture))
}

// before returns the result of a comparison: negative if first is true, otherwise positive.
func before(first bool) int {
	if first {
		return -1
	}
	return 1
}

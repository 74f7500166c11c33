package channelmap_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"offlinestore/channelmap"
)

// bundle states some rows. Two bundles may have been signed in the same second, and counted by different exporters.
type bundle struct {
	signed, sequence int
	digest           string
	rank             string // sorts bundles: the one that counts comes last
	rows             []statement
}

type statement struct {
	platform, channel string
	releases          []release
}

func newBundle(c *choices, i int) *bundle {
	b := &bundle{signed: c.n(3), sequence: c.n(3), digest: fmt.Sprint(c.n(4), i)}
	b.rank = fmt.Sprintf("%03d %03d %s", b.signed, b.sequence, b.digest)
	seen := make(map[string]bool)
	for range 1 + c.n(5) {
		r := statement{platform: pick(c, platforms), channel: pick(c, channels)}
		for range c.n(3) {
			n := newRelease(c)
			if !slices.ContainsFunc(r.releases, func(have release) bool { return have.Epoch == n.Epoch }) {
				r.releases = append(r.releases, n)
			}
		}
		if key := r.platform + r.channel; !seen[key] {
			seen[key] = true
			b.rows = append(b.rows, r)
		}
	}
	return b
}

func newRelease(c *choices) release {
	n := 1 + c.n(maxRevision)
	r := release{Revision: n, ReleasedAt: pick(c, times), Everywhere: runsEverywhere(n), Value: c.n(2)}
	r.Epoch = channelmap.Epoch{Write: uint32(writes(n)), Read: uint32(writes(n))}
	if n == 7 {
		r.Epoch.Read = 1
	}
	return r
}

type override struct {
	platform, channel string
	release           release
}

// newOverride returns an override. It is for all platforms if the revision runs everywhere, like an operator's.
func newOverride(c *choices) override {
	o := override{platform: pick(c, platforms), channel: pick(c, channels), release: newRelease(c)}
	if o.release.Everywhere {
		o.platform = all
	}
	return o
}

type push struct {
	bundle *bundle
	force  bool
}

// model computes every answer from the list of all steps, anew after each step.
type model struct {
	pushes    []push
	overrides []override
	past      []override
	// history lists everything that any row held, the newest first, and then the releases of overrides. rows has the imported
	// rows. served has the listed rows, by channel and platform.
	history []statement
	rows    map[[2]string]statement
	served  map[[2]string][]release
}

// recompute computes the state from which the questions are answered.
func (m *model) recompute() {
	m.rows = make(map[[2]string]statement)
	for _, p := range platforms {
		for _, ch := range channels {
			if r, ok := m.row(len(m.pushes), p, ch); ok {
				m.rows[[2]string{ch, p}] = r
			}
		}
	}
	m.history, m.served = m.makeHistory(), m.makeServed()
}

func (m *model) override(o override) {
	if o.platform == all {
		m.clear(o.channel)
	}
	m.overrides = slices.DeleteFunc(m.overrides, func(have override) bool { return have.platform == o.platform && have.channel == o.channel })
	m.overrides = append(m.overrides, o)
	m.past = append(m.past, o)
}

func (m *model) clear(ch string) {
	m.overrides = slices.DeleteFunc(m.overrides, func(have override) bool { return have.channel == ch })
}

// row returns a row after the first n pushes: the newest statement since the last forced push.
func (m *model) row(n int, p, ch string) (r statement, ok bool) {
	best := ""
	for _, push := range m.pushes[:n] {
		b := push.bundle
		for _, s := range b.rows {
			if s.platform != p || s.channel != ch {
				continue
			}
			if push.force || b.rank >= best {
				best, r, ok = b.rank, s, true
			}
		}
	}
	slices.SortFunc(r.releases, func(a, b release) int { return newerEpoch(a.Revision, b.Revision) })
	return r, ok
}

// newerEpoch compares revisions by epoch, the newest first. Revision 7 bridges two epochs, so it comes after the others of its
// epoch.
func newerEpoch(a, b int) int {
	return cmp.Or(writes(b)-writes(a), cmp.Compare(min(1, a%7), min(1, b%7))*-1)
}

func (m *model) makeHistory() (out []statement) {
	for n := len(m.pushes); n > 0; n-- {
		rows := slices.Clone(m.pushes[n-1].bundle.rows)
		slices.Reverse(rows)
		for _, s := range rows {
			now, _ := m.row(n, s.platform, s.channel)
			if was, ok := m.row(n-1, s.platform, s.channel); !ok || !slices.Equal(now.releases, was.releases) {
				out = append(out, now)
			}
		}
	}
	for _, o := range slices.Backward(m.past) {
		out = append(out, statement{o.platform, o.channel, []release{o.release}})
	}
	return out
}

func (m *model) overridden(p, ch string) (releases []release, ok bool) {
	for _, o := range m.overrides {
		if o.platform == p && o.channel == ch {
			return []release{o.release}, true
		}
	}
	return nil, false
}

// rowAt returns the releases of the row that a device finds in a channel.
func (m *model) rowAt(p, ch string) []release {
	if own, ok := m.overridden(p, ch); ok {
		return own
	}
	if forAll, ok := m.overridden(all, ch); ok {
		return forAll
	}
	if r, ok := m.rows[[2]string{ch, p}]; ok {
		return r.releases
	}
	var found []release
	for _, other := range platforms {
		r := m.rows[[2]string{ch, other}]
		if len(r.releases) == 0 || !r.releases[0].Everywhere {
			continue
		}
		if found == nil || later(r.releases[0], found[0]) {
			found = r.releases
		}
	}
	return found
}

// later reports whether a was released after b. The list times is in ascending order.
func later(a, b release) bool {
	return slices.Index(times, a.ReleasedAt) > slices.Index(times, b.ReleasedAt)
}

func (m *model) at(p, ch string) *release { return first(m.rowAt(p, ch)) }

func first(list []release) *release {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

func (m *model) follow(p, ch string) *release {
	for _, f := range below(ch) {
		if r := m.at(p, f); r != nil {
			return r
		}
	}
	return nil
}

func (m *model) upgrade(p, ch string, have, epoch int) *release {
	for _, f := range below(ch) {
		list := m.rowAt(p, f)
		if len(list) == 0 {
			continue
		}
		_, mine := m.rows[[2]string{f, p}]
		for i, r := range list {
			if reads(r.Revision, epoch) && (i == 0 || mine || r.Everywhere) {
				return &r
			}
		}
		for _, h := range m.history {
			for _, r := range h.releases {
				if h.channel == f && (h.platform == p || r.Everywhere) && r.Revision > have && reads(r.Revision, epoch) {
					return &r
				}
			}
		}
		return nil
	}
	return nil
}

func (m *model) makeServed() map[[2]string][]release {
	out := make(map[[2]string][]release)
	for _, ch := range channels {
		forAll, isForAll := m.overridden(all, ch)
		for _, p := range platforms {
			own, isOwn := m.overridden(p, ch)
			r, ok := m.rows[[2]string{ch, p}]
			switch {
			case isOwn:
				out[[2]string{ch, p}] = own
			case ok && isForAll:
				out[[2]string{ch, p}] = forAll
			case ok:
				out[[2]string{ch, p}] = r.releases
			}
		}
		reaches := slices.ContainsFunc(platforms, func(p string) bool {
			_, isOwn := m.overridden(p, ch)
			_, ok := m.rows[[2]string{ch, p}]
			return ok && !isOwn
		})
		if isForAll && !reaches {
			out[[2]string{ch, all}] = forAll
		}
	}
	return out
}

func (m *model) best(ch string) *release {
	for _, f := range below(ch) {
		var found *release
		for _, p := range append([]string{all}, platforms...) {
			r := first(m.served[[2]string{f, p}])
			if r != nil && (found == nil || later(*r, *found) || !later(*found, *r) && r.Revision > found.Revision) {
				found = r
			}
		}
		if found != nil {
			return found
		}
	}
	return nil
}

func (m *model) openRows() (out []string) {
	for k, releases := range m.served {
		if len(releases) > 0 {
			out = append(out, k[1]+" "+k[0])
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(cmp.Compare(a[slices.Index([]byte(a), ' '):], b[slices.Index([]byte(b), ' '):]), cmp.Compare(a, b))
	})
	return out
}

func (m *model) visible(p string) []string {
	out := []string{}
	for _, ch := range slices.Sorted(slices.Values(channels)) {
		if ch == "latest/edge/fix" {
			continue
		}
		isOpen := slices.ContainsFunc(append([]string{all}, platforms...), func(q string) bool { return len(m.served[[2]string{ch, q}]) > 0 })
		if r := m.at(p, ch); isOpen && r != nil {
			out = append(out, fmt.Sprintf("%s %v", ch, *r))
		}
	}
	return out
}

// released ranks all places of revision n on p: places in the channel first, then current ones, then by time or by position in
// the list.
func (m *model) released(n int, ch, p string, latest bool) (best *release) {
	rank := func(r release, in string, past, place int) string {
		late := len(times)
		if latest {
			late -= slices.Index(times, r.ReleasedAt)
		}
		return fmt.Sprintf("%v %d %d %06d", in != ch, past, late, place)
	}
	least := ""
	consider := func(r release, in, on string, past, place int) {
		if r.Revision != n || on != p && !r.Everywhere {
			return
		}
		if this := rank(r, in, past, place); best == nil || this < least {
			best, least = &r, this
		}
	}
	for i, key := range slices.SortedFunc(maps.Keys(m.served), func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }) {
		for _, r := range m.served[key] {
			consider(r, key[0], key[1], 0, i)
		}
	}
	for i, h := range m.history {
		for _, r := range h.releases {
			consider(r, h.channel, h.platform, 1, i)
		}
	}
	return best
}

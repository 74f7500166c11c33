package channelmap_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"offlinestore/channelmap"
)

type (
	release = channelmap.Release[int]
	row     = channelmap.Row[string, int]
	entry   = channelmap.Entry[string, int]
)

// site applies bundles and overrides like a store. The test compares it with the model.
type site struct {
	t         *testing.T
	ledger    channelmap.Ledger[string, int]
	rows      map[channelmap.Key[string]]row
	history   []row
	overrides []row
	past      []row // of overrides
}

// compareHistory makes bundles, imports some of them in any order with overrides between, and compares the site with the model
// after each step.
func compareHistory(t *testing.T, data []byte) {
	c := &choices{data}
	m := &model{}
	s := &site{t: t, rows: make(map[channelmap.Key[string]]row)}
	bundles := make([]*bundle, 1+c.n(4))
	for i := range bundles {
		bundles[i] = newBundle(c, i)
	}
	for step := 0; !c.done() && step < 15; step++ {
		switch c.n(4) {
		default:
			b, force := pick(c, bundles), c.n(3) == 0
			s.push(b, force)
			m.pushes = append(m.pushes, push{b, force})
		case 2:
			o := newOverride(c)
			s.override(o)
			m.override(o)
		case 3:
			ch := pick(c, channels)
			s.clear(ch)
			m.clear(ch)
		}
		s.compare(m)
		if t.Failed() {
			t.Fatalf("after step %d of %+v, overrides %+v", step, m.pushes, m.overrides)
		}
	}
}

func (s *site) push(b *bundle, force bool) {
	origin := channelmap.Origin{SignedAt: time.Unix(int64(b.signed), 0), Sequence: int64(b.sequence), Digest: b.digest}
	for _, stated := range b.rows {
		r := channelmap.NewRow(stated.platform, parse(s.t, stated.channel), stated.releases...)
		had, ok := s.rows[r.Key]
		change := s.ledger.Apply(r, origin, force)
		if from := had.Newest().Revision; ok && change.From != from || !ok && change.From != channelmap.NoRow || change.To != r.Newest().Revision {
			s.t.Errorf("%v: change %+v, want from %d (%v) to %d", r.Key, change, from, ok, r.Newest().Revision)
		}
		if change.Writes() {
			s.rows[r.Key] = r
		}
		if change.Releases() {
			s.history = slices.Insert(s.history, 0, r)
		}
	}
}

func (s *site) override(o override) {
	if o.platform == all {
		s.clear(o.channel)
	}
	r := channelmap.NewRow(o.platform, parse(s.t, o.channel), o.release)
	s.overrides = slices.DeleteFunc(s.overrides, func(have row) bool { return have.Key == r.Key })
	s.overrides = append(s.overrides, r)
	s.past = slices.Insert(s.past, 0, r)
}

func (s *site) clear(ch string) {
	s.overrides = slices.DeleteFunc(s.overrides, func(have row) bool { return have.Channel.String() == ch })
}

// served returns the map that answers devices.
func (s *site) served() *channelmap.Map[string, int] {
	var imported []row
	for _, r := range s.rows {
		imported = append(imported, r)
	}
	served, hidden := channelmap.Overlay(imported, s.overrides, all)
	m := channelmap.New[string, int]("", len(served))
	for _, r := range served {
		if !m.Put(r) {
			s.t.Errorf("%v twice", r.Key)
		}
	}
	for _, r := range hidden {
		m.Offer(r)
	}
	for _, r := range slices.Concat(s.history, s.past) {
		m.Remember(r)
	}
	m.Arrange(func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.Channel.String(), b.Channel.String()), cmp.Compare(a.Platform, b.Platform))
	})
	return m
}

// compare asks the site and the model the same questions.
func (s *site) compare(m *model) {
	m.recompute()
	served := s.served()
	for _, ch := range channels {
		c := parse(s.t, ch)
		for _, p := range platforms {
			s.same("At "+p+" "+ch, served.At(p, c), m.at(p, ch))
			s.same("Follow "+p+" "+ch, served.Follow(p, c), m.follow(p, ch))
			for epoch := range 3 {
				for _, have := range []int{0, 5} {
					got := served.Upgrade(p, c, have, func(e *entry) bool { return reads(e.Revision, epoch) })
					s.same(fmt.Sprintf("Upgrade %s %s from %d of epoch %d", p, ch, have, epoch), got, m.upgrade(p, ch, have, epoch))
				}
			}
		}
		s.same("Best "+ch, served.Best(c), m.best(ch))
	}
	for _, p := range platforms {
		got := []string{}
		for _, e := range served.Visible(p) {
			got = append(got, fmt.Sprintf("%s %v", e.Channel, e.Release))
		}
		if want := m.visible(p); !slices.Equal(got, want) {
			s.t.Errorf("Visible %s = %v, want %v", p, got, want)
		}
	}
	var open []string
	for _, e := range served.Open() {
		open = append(open, e.Platform+" "+e.Channel.String())
	}
	if want := m.openRows(); !slices.Equal(open, want) {
		s.t.Errorf("Open = %q, want %q", open, want)
	}
	for n := 1; n <= maxRevision; n++ {
		for _, ch := range channels {
			for _, latest := range []bool{false, true} {
				got := served.Released(n, parse(s.t, ch), latest, func(e *entry) bool { return e.RunsOn("amd64") })
				want := m.released(n, ch, "amd64", latest)
				s.same(fmt.Sprintf("Released %d in %s, latest %v", n, ch, latest), got, want)
			}
		}
	}
}

func (s *site) same(what string, got *entry, want *release) {
	if (got == nil) != (want == nil) || got != nil && got.Release != *want {
		s.t.Errorf("%s = %+v, want %+v", what, got, want)
	}
}

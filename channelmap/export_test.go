package channelmap_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"offlinestore/channelmap"
)

// wish is one request of an export to the store, or one request of its operator.
type wish struct {
	kind              string // ask, push or pin
	platform, channel string
	revision, value   int
	provisional       bool
}

// compareExport records answers and wishes, in any order, and compares the rows with the model after each.
func compareExport(t *testing.T, data []byte) {
	c := &choices{data}
	upstream := make(map[[2]string]release)
	for range c.n(12) {
		r := newRelease(c)
		r.Value = 0
		upstream[[2]string{pick(c, platforms), pick(c, channels)}] = r
	}
	var r channelmap.Recorder[string, int]
	var done []wish
	for step := 0; !c.done() && step < 20; step++ {
		w := wish{pick(c, []string{"ask", "ask", "push", "pin"}), pick(c, platforms), pick(c, channels), 1 + c.n(3), step, c.n(2) == 0}
		record(t, &r, upstream, w, done)
		done = append(done, w)
		got := make(map[[2]string]release)
		for _, row := range r.Rows() {
			got[[2]string{row.Platform, row.Channel.String()}] = row.Newest()
		}
		for _, p := range platforms {
			for _, ch := range channels {
				have, ok := got[[2]string{p, ch}]
				want, claimed := recorded(upstream, done, p, ch)
				if ok != claimed || have != want || r.Has(p, parse(t, ch)) != claimed {
					t.Fatalf("%s for %s = %+v (%v), want %+v (%v) after %+v; upstream %+v", ch, p, have, ok, want, claimed, done, upstream)
				}
			}
		}
	}
}

func record(t *testing.T, r *channelmap.Recorder[string, int], upstream map[[2]string]release, w wish, done []wish) {
	c := parse(t, w.channel)
	switch w.kind {
	case "push":
		first := slices.IndexFunc(done, func(d wish) bool { return d.kind == "push" && d.platform == w.platform && d.channel == w.channel })
		want := first >= 0 && done[first].revision != w.revision
		err := r.Push(w.platform, c, release{Revision: w.revision})
		if conflict := (*channelmap.ConflictError)(nil); errors.As(err, &conflict) != want {
			t.Errorf("Push(%+v) after %+v = %v, want a conflict: %v", w, done, err, want)
		}
	case "pin":
		r.Pin(w.platform, c, release{Revision: w.revision, Value: w.value}, w.provisional)
	default:
		for _, f := range below(w.channel) {
			if found, ok := upstream[[2]string{w.platform, f}]; ok {
				if w.provisional {
					found.Value = w.value
				}
				if err := r.Answer(w.platform, c, parse(t, f), found, w.provisional); err != nil {
					t.Errorf("Answer(%+v) = %v", w, err)
				}
				return
			}
		}
		r.Close(w.platform, c)
	}
}

// recorded computes one row from all earlier steps.
func recorded(upstream map[[2]string]release, done []wish, p, ch string) (want release, claimed bool) {
	var asked, pins []wish
	for _, w := range done {
		if w.platform != p {
			continue
		}
		switch {
		case w.kind == "push" && w.channel == ch:
			return release{Revision: w.revision}, true
		case w.kind == "pin" && w.channel == ch:
			pins = append(pins, w)
		case w.kind == "ask" && reaches(upstream, w, ch):
			asked = append(asked, w)
		}
	}
	if len(asked) > 0 {
		want = upstream[[2]string{p, ch}]
		if want.Revision > 0 && !slices.ContainsFunc(asked, func(w wish) bool { return !w.provisional }) {
			want.Value = asked[0].value
		}
		return want, true
	}
	for _, w := range pins {
		better := w.revision > want.Revision
		if firm := func(w wish) bool { return w.revision == want.Revision && !w.provisional }; !better && firm(w) {
			better = !slices.ContainsFunc(pins, func(o wish) bool { return firm(o) && o.value < w.value })
		}
		if better {
			want = release{Revision: w.revision, Value: w.value}
		}
	}
	return want, len(pins) > 0
}

// reaches reports whether the answer to w makes a statement about ch: an answer covers the requested channel, and each fall-back
// up to the open one.
func reaches(upstream map[[2]string]release, w wish, ch string) bool {
	for _, f := range below(w.channel) {
		if f == ch {
			return true
		}
		if _, open := upstream[[2]string{w.platform, f}]; open {
			return false
		}
	}
	return false
}

func TestAnswerErrors(t *testing.T) {
	t.Parallel()
	var r channelmap.Recorder[string, int]
	stable, edge := parse(t, "latest/stable"), parse(t, "latest/edge")
	if err := r.Answer("amd64", stable, edge, release{Revision: 1}, false); err == nil {
		t.Error("Answer took a channel served from a riskier one")
	}
	for n, want := range map[int]bool{1: false, 2: true} {
		r = channelmap.Recorder[string, int]{}
		if err := r.Answer("amd64", edge, stable, release{Revision: 1}, false); err != nil {
			t.Fatal(err)
		}
		err := r.Answer("amd64", stable, stable, release{Revision: n}, false)
		var conflict *channelmap.ConflictError
		if errors.As(err, &conflict) != want || want && fmt.Sprint(err) != "channel latest/stable has both revision 1 and revision 2" {
			t.Errorf("Answer with revision %d after 1 = %v, want a conflict: %v", n, err, want)
		}
	}
}

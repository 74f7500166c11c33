package server

import (
	"cmp"
	"fmt"

	"offlinestore/channel"
	"offlinestore/charm"
)

// charmQuery is an action with the context of its charm in the model.
type charmQuery struct {
	charm    *indexedCharm
	asked    string // the channel, as the client writes it
	base     *charm.Base
	revision *int
}

func newCharmQuery(ch *indexedCharm, a *charm.Action, known *charm.Context) charmQuery {
	q := charmQuery{charm: ch, asked: value(a.Channel), base: a.Base, revision: a.Revision}
	if known == nil {
		return q
	}
	q.asked = cmp.Or(q.asked, known.TrackingChannel)
	if q.base == nil && known.Base != (charm.Base{}) {
		q.base = &known.Base
	}
	return q
}

func (q charmQuery) answer() (charmAnswer, *charm.Error) {
	var wanted channel.Channel
	if q.asked == "" && q.revision == nil {
		q.asked = channel.Stable
	}
	if q.asked != "" {
		var err error
		if wanted, err = channel.Parse(q.asked); err != nil {
			return charmAnswer{}, &charm.Error{Code: charm.CodeInvalidChannel, Message: err.Error()}
		}
		wanted = wanted.WithTrack(q.charm.track())
	}
	var base charm.Base
	if q.base != nil && !q.charm.isBundle() {
		base = bare(*q.base)
	}
	switch {
	case q.revision != nil:
		return q.byRevision(base, wanted)
	case q.charm.isBundle():
	case q.base == nil:
		return charmAnswer{}, &charm.Error{Code: charm.CodeMissingBase, Message: "the action names no base; " + q.charm.where("")}
	case notApplicable(base):
		return q.anyBase(base.Architecture, wanted)
	}
	r := q.charm.follow(base, wanted)
	if r == nil {
		what := fmt.Sprintf("nothing in %s", wanted)
		if !q.charm.isBundle() {
			what += fmt.Sprintf(" for %.60s", base)
		}
		return q.missing(what, base.Architecture, wanted)
	}
	return charmAnswer{revision: r.revision, row: r, channel: r.channel}, nil
}

// byRevision answers with a revision by number, without a look at the base: Juju compares the bases itself.
func (q charmQuery) byRevision(base charm.Base, wanted channel.Channel) (charmAnswer, *charm.Error) {
	rev := q.charm.revisions[*q.revision]
	if rev == nil {
		return q.missing(fmt.Sprintf("no revision %d", *q.revision), base.Architecture, wanted)
	}
	ans := charmAnswer{revision: rev, row: q.charm.released(rev, base, wanted), channel: wanted}
	if ans.row == nil && wanted.Risk != "" {
		ans.named = cmp.Or(q.charm.follow(base, wanted), q.charm.best(wanted))
	}
	switch {
	case wanted.Risk == "" && ans.row == nil:
		// Some versions of Juju need a channel here, too.
		ans.channel = channel.Channel{Track: q.charm.track(), Risk: channel.Stable}
	case wanted.Risk == "":
		ans.channel = ans.row.channel
	case q.charm.follow(base, wanted) == ans.row && ans.row != nil:
		ans.channel = ans.row.channel
	}
	return ans, nil
}

// anyBase answers a client that does not know yet which bases the charm supports. The error lists the bases, and the client chooses
// one for a second request.
func (q charmQuery) anyBase(arch string, wanted channel.Channel) (charmAnswer, *charm.Error) {
	var bases []charm.Base
	for _, b := range q.charm.bases {
		if (b.Architecture == arch || anyArchitecture(arch)) && q.charm.follow(b, wanted) != nil {
			bases = append(bases, b)
		}
	}
	if len(bases) == 0 {
		return q.missing(fmt.Sprintf("nothing in %s for %.20s", wanted, arch), arch, wanted)
	}
	return charmAnswer{}, &charm.Error{Code: charm.CodeInvalidBase, Extra: &charm.ErrorExtra{DefaultBases: bases},
		Message: fmt.Sprintf("no base was asked for; %s", q.charm.where(arch))}
}

func (q charmQuery) missing(what, arch string, wanted channel.Channel) (charmAnswer, *charm.Error) {
	return charmAnswer{}, &charm.Error{Code: charm.CodeRevisionNotFound, Extra: &charm.ErrorExtra{Releases: q.charm.releases(arch, q.asked, wanted)},
		Message: fmt.Sprintf("%s has %s here; %s", q.charm.Name, what, q.charm.where(arch))}
}

// value returns *s, or "" for nil.
func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

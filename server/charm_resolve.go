package server

import (
	"fmt"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/charm"
)

// follow returns the open row that whoever tracks c on base is served from, or nil.
func (ch *indexedCharm) follow(base charm.Base, c channel.Channel) *charmRow {
	return charmRowOf(ch.channels.Follow(base, c))
}

// best returns the newest release that c holds for any base, or of the next stabler risk that holds one.
func (ch *indexedCharm) best(c channel.Channel) *charmRow { return charmRowOf(ch.channels.Best(c)) }

// released returns a row that holds rev, or held it: of c if there is one, else the newest. It is nil for a revision that no channel is
// known to have had.
func (ch *indexedCharm) released(rev *charmRevision, base charm.Base, c channel.Channel) *charmRow {
	if r := ch.follow(base, c); r != nil && r.revision == rev {
		return r
	}
	return charmRowOf(ch.channels.Released(rev.number(), c, true, func(*charmEntry) bool { return true }))
}

// resourcesOf returns what belongs to rev: what was released with it, or else the newest that is here of each resource that it declares.
func (ch *indexedCharm) resourcesOf(rev *charmRevision, row *charmRow) []*charmResource {
	if row != nil {
		return row.resources
	}
	var out []*charmResource
	for _, name := range rev.meta().resources {
		if list := ch.uploads[name]; len(list) > 0 {
			out = append(out, list[0])
		}
	}
	return out
}

// pinned is resources with those that refs name in the place of their other revisions. It fails with the first that is not here.
func (ch *indexedCharm) pinned(resources []*charmResource, refs []charm.ResourceRef) ([]*charmResource, *charm.Error) {
	if len(refs) == 0 {
		return resources, nil
	}
	names := make(map[string]bool)
	pins := make(map[*charmResource]bool)
	var out []*charmResource
	for _, ref := range refs {
		res := ch.resources[ref]
		if res == nil {
			return nil, &charm.Error{Code: charm.CodeCharmResource, Message: ch.noResource(ref)}
		}
		if !pins[res] {
			pins[res], names[ref.Name] = true, true
			out = append(out, res)
		}
	}
	for _, res := range resources {
		if !names[res.Name] {
			out = append(out, res)
		}
	}
	slices.SortStableFunc(out, func(a, b *charmResource) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// noResource says in words which revisions of a resource are here instead of ref.
func (ch *indexedCharm) noResource(ref charm.ResourceRef) string {
	var have []string
	for i, res := range ch.uploads[ref.Name] {
		if i == maxNamed {
			have = append(have, "…")
			break
		}
		have = append(have, fmt.Sprint(res.Revision))
	}
	if len(have) == 0 {
		return fmt.Sprintf("%s has no resource %.60q in this store", ch.Name, ref.Name)
	}
	return fmt.Sprintf("revision %d of resource %q of %s is not in this store; here is revision %s", ref.Revision, ref.Name, ch.Name, strings.Join(have, ", "))
}

// maxReleases bounds what an error lists.
const maxReleases = 250

// releases lists where else the charm can be had: that architecture first, and of each base the channel that was asked for before others.
// Channels are written as the client does, which looks for its own spelling among them.
func (ch *indexedCharm) releases(arch, asked string, wanted channel.Channel) []charm.AvailableRelease {
	bases := ch.preferring(arch)
	var out []charm.AvailableRelease
	for _, same := range []bool{true, false} {
		for _, b := range bases {
			if (b.Architecture == arch) == same && wanted.Risk != "" && ch.follow(b, wanted) != nil {
				out = append(out, charm.AvailableRelease{Base: b, Channel: asked})
			}
		}
		for _, b := range bases {
			for _, e := range ch.channels.For(b) {
				if (b.Architecture == arch) == same && e.Channel != wanted {
					out = append(out, charm.AvailableRelease{Base: b, Channel: ch.spell(e.Channel, asked)})
				}
			}
		}
	}
	return out[:min(len(out), maxReleases)]
}

// preferring lists the bases of open rows, those of arch first.
func (ch *indexedCharm) preferring(arch string) []charm.Base {
	out := slices.Clone(ch.bases)
	slices.SortStableFunc(out, func(a, b charm.Base) int { return compareBools(b.Architecture == arch, a.Architecture == arch) })
	return out
}

// spell writes a channel without its track where the client, who wrote asked, leaves the default track out as well. A branch keeps it.
func (ch *indexedCharm) spell(c channel.Channel, asked string) string {
	if a, err := channel.Parse(asked); c.Track == ch.track() && c.Branch == "" && (err != nil || a.Track == "") {
		c.Track = ""
	}
	return c.String()
}

// where says in words where the charm can be had: "postgresql is here for ubuntu@22.04 amd64 in 14/stable, 14/edge".
func (ch *indexedCharm) where(arch string) string {
	if len(ch.channels.Open()) == 0 {
		return ch.Name + " is in no channel here"
	}
	var parts []string
	for i, b := range ch.preferring(arch) {
		if i == maxNamed {
			parts = append(parts, "for more bases")
			break
		}
		var in []string
		for j, e := range ch.channels.For(b) {
			if j == maxNamed {
				in = append(in, "…")
				break
			}
			in = append(in, e.Channel.Full())
		}
		text := "in " + strings.Join(in, ", ")
		if !ch.isBundle() {
			text = "for " + b.String() + " " + text
		}
		parts = append(parts, text)
	}
	return ch.Name + " is here " + strings.Join(parts, "; ")
}

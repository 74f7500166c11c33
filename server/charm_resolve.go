package server

import (
	"fmt"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/charm"
)

// follow returns the open row that serves a client which tracks c on base, or nil.
func (ch *indexedCharm) follow(base charm.Base, c channel.Channel) *charmRow {
	return charmRowOf(ch.channels.Follow(base, c))
}

// best returns the newest release that c holds for any base, or else of the next stabler risk that holds one.
func (ch *indexedCharm) best(c channel.Channel) *charmRow { return charmRowOf(ch.channels.Best(c)) }

// released returns a row that holds rev or held it: a row of c if there is one, else the newest. It returns nil for a revision
// without a known release.
func (ch *indexedCharm) released(rev *charmRevision, base charm.Base, c channel.Channel) *charmRow {
	if r := ch.follow(base, c); r != nil && r.revision == rev {
		return r
	}
	return charmRowOf(ch.channels.Released(rev.number(), c, true, func(*charmEntry) bool { return true }))
}

// resourcesOf returns the resources of rev: those released with it. If it is in no channel, these are the resources of the channel that the
// client named, since a model that pins the revision follows that channel, or else the newest revisions here.
func (ch *indexedCharm) resourcesOf(rev *charmRevision, row, named *charmRow) []*charmResource {
	if row != nil {
		return row.resources
	}
	var out []*charmResource
	for _, name := range rev.meta().resources {
		list := ch.uploads[name]
		if named != nil {
			list = slices.Concat(slices.DeleteFunc(slices.Clone(named.resources), func(r *charmResource) bool { return r.Name != name }), list)
		}
		if len(list) > 0 {
			out = append(out, list[0])
		}
	}
	return out
}

// pinned returns resources with the revisions that refs name in place of others. The error names the first revision that is not
// here.
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

// noResource returns a message that lists the revisions of a resource that are here instead of ref.
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

// maxReleases bounds the list in an error.
const maxReleases = 250

// releases lists other releases of the charm. Those for arch come first, and for each base the requested channel comes before
// others. Channels have the client's spelling, because the client looks for its own spelling in the list.
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

// preferring lists the bases of open rows, with the bases of arch first.
func (ch *indexedCharm) preferring(arch string) []charm.Base {
	out := slices.Clone(ch.bases)
	slices.SortStableFunc(out, func(a, b charm.Base) int { return compareBools(b.Architecture == arch, a.Architecture == arch) })
	return out
}

// spell writes a channel without its track if it is the default track and the client left it out in asked as well. A branch keeps
// its track.
func (ch *indexedCharm) spell(c channel.Channel, asked string) string {
	if a, err := channel.Parse(asked); c.Track == ch.track() && c.Branch == "" && (err != nil || a.Track == "") {
		c.Track = ""
	}
	return c.String()
}

// where returns a message that lists the channels of the charm: "postgresql is here for ubuntu@22.04 amd64 in 14/stable, 14/edge".
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

package override

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/snap"
)

// addUpstream adds the revisions that upstream has now. It takes no more than its time, because overrides hold without them.
func (k *Keeper) addUpstream(ctx context.Context, list []catalog.Override) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	infos := make(map[string]*snap.InfoResponse)
	for i := range list {
		o := &list[i]
		info, asked := infos[o.Name]
		if !asked {
			var err error
			if info, err = k.Client.Info(ctx, o.Name); err != nil {
				k.Warn(fmt.Errorf("the revisions that upstream has now are not known: %w", err))
				info = nil
			}
			infos[o.Name] = info
		}
		if info != nil && info.SnapID == o.SnapID {
			o.Upstream = revisionOf(info, o.Architecture, o.Channel)
		}
	}
}

// fullName returns a channel of upstream with its track.
func fullName(c *snap.ChannelMapChannel) string {
	parsed, err := channel.Parse(c.Name)
	if err != nil {
		return ""
	}
	return parsed.WithTrack(channel.DefaultTrack).Full()
}

// revisionOf returns the revision that upstream has in a channel, or 0. For all architectures, it is the highest of any architecture. A channel
// with several epochs has its newest one first.
func revisionOf(info *snap.InfoResponse, arch, name string) (revision int) {
	found := make(map[string]int)
	for i := range info.ChannelMap {
		r := &info.ChannelMap[i]
		if a := r.Channel.Architecture; (a == arch || arch == snap.All) && found[a] == 0 && fullName(&r.Channel) == name {
			found[a] = r.Revision.Number
		}
	}
	for _, n := range found {
		revision = max(revision, n)
	}
	return revision
}

// channels returns the channels of a snap that have a release.
func channels(info *snap.InfoResponse) []string {
	names := make(map[string]bool)
	for i := range info.ChannelMap {
		names[fullName(&info.ChannelMap[i].Channel)] = true
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}

// releases describes the releases of a snap, by their revisions.
func releases(info *snap.InfoResponse) (list []string) {
	at := make(map[int][]string)
	for i := range info.ChannelMap {
		r := &info.ChannelMap[i]
		at[r.Revision.Number] = append(at[r.Revision.Number], fullName(&r.Channel)+" "+r.Channel.Architecture)
	}
	numbers := slices.Sorted(maps.Keys(at))
	slices.Reverse(numbers)
	for _, n := range numbers {
		list = append(list, fmt.Sprintf("%d (%s)", n, strings.Join(at[n], ", ")))
	}
	return list
}

// requireTrack rejects a track without releases. No client follows it, so the operator mistyped it.
func requireTrack(info *snap.InfoResponse, c channel.Channel) error {
	track := c.WithTrack(channel.DefaultTrack).Track
	all := channels(info)
	if slices.ContainsFunc(all, func(name string) bool { return strings.HasPrefix(name, track+"/") }) {
		return nil
	}
	return &catalog.NotFoundError{What: "track " + track + " of " + info.Name, Available: all, Upstream: true}
}

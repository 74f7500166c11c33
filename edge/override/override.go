// Package override changes the overrides of upstream's channels. The revisions need not be in the catalogue: upstream tells the architectures
// of a revision, and the revision that a channel has now.
package override

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/snap"
	"offlinestore/upstream"
)

const (
	// changeTimeout bounds the questions to upstream before a change, and lookTimeout the ones that overrides can do without.
	changeTimeout = 40 * time.Second
	lookTimeout   = 10 * time.Second
	// maxArchitectures bounds the architectures of one snap or revision.
	maxArchitectures = 32
)

// Keeper lists and changes the overrides. All its fields are required.
type Keeper struct {
	DB     *catalog.DB
	Client *upstream.Client
	// Warn gets the error if upstream does not tell its present revisions. The overrides hold without them.
	Warn func(error)
}

// Overrides returns the overrides of a snap, with the revisions that upstream has now. Upstream is 0 if it does not answer.
func (k *Keeper) Overrides(ctx context.Context, name string) ([]catalog.Override, error) {
	list, err := k.DB.EdgeOverrides(ctx, name)
	if err != nil {
		return nil, err
	}
	q := k.ask(ctx)
	defer q.end()
	if len(list) == 0 && name != "" {
		if _, err := q.snap(name); errors.As(err, new(*catalog.NotFoundError)) {
			return nil, err
		}
	}
	k.addUpstream(ctx, list)
	return list, nil
}

// SetOverrides makes all changes, or none of them. It returns the new state of each channel and architecture, in the order of the changes.
// Beside other changes, a deletion may find nothing. The error is an upstream.ErrUnavailable if upstream does not answer about a new override,
// and a *catalog.NotFoundError if it has no such revision. by names the operator.
func (k *Keeper) SetOverrides(ctx context.Context, by string, changes []catalog.OverrideChange) ([]catalog.Override, error) {
	have, err := k.DB.EdgeOverrides(ctx, "")
	if err != nil {
		return nil, err
	}
	q := k.ask(ctx)
	defer q.end()
	var plan []catalog.EdgeOverrideChange
	for _, c := range changes {
		p, err := q.plan(c, have)
		if err != nil {
			return nil, fmt.Errorf("override: %w", err)
		}
		plan = append(plan, p)
	}
	done, err := k.DB.SetEdgeOverrides(ctx, by, plan)
	if err != nil {
		return nil, err
	}
	k.addUpstream(ctx, done)
	return q.results(plan, done)
}

// question asks upstream about snaps, once about each.
type question struct {
	*Keeper
	ctx   context.Context
	end   context.CancelFunc
	infos map[string]*snap.InfoResponse
}

func (k *Keeper) ask(ctx context.Context) *question {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	return &question{k, ctx, cancel, make(map[string]*snap.InfoResponse)}
}

// snap returns upstream's answer about a snap.
func (q *question) snap(name string) (*snap.InfoResponse, error) {
	if have := q.infos[name]; have != nil {
		return have, nil
	}
	missing := &catalog.NotFoundError{What: fmt.Sprintf("snap %.60q", name), Upstream: true}
	if snap.ValidateName(name) != nil {
		return nil, missing
	}
	info, err := q.Client.Info(q.ctx, name)
	if errors.Is(err, upstream.ErrNotFound) {
		return nil, missing
	}
	if err != nil {
		return nil, fmt.Errorf("ask the store upstream: %w", err)
	}
	q.infos[name] = info
	return info, nil
}

// plan returns the change of a channel, with the parts that upstream knows.
func (q *question) plan(c catalog.OverrideChange, have []catalog.Override) (catalog.EdgeOverrideChange, error) {
	out := catalog.EdgeOverrideChange{Name: c.Name, Channel: c.Channel, Revision: c.Revision}
	ch, err := channel.Parse(c.Channel)
	if err != nil {
		return out, &catalog.ChannelError{Err: err}
	}
	out.Channel = ch.Full()
	if c.Revision == 0 {
		// An override is deleted without upstream's help.
		i := slices.IndexFunc(have, func(o catalog.Override) bool { return o.Name == c.Name && o.Channel == out.Channel })
		if i >= 0 {
			out.SnapID = have[i].SnapID
		}
		return out, nil
	}
	info, err := q.snap(c.Name)
	if err != nil {
		return out, err
	}
	out.SnapID = info.SnapID
	if err := requireTrack(info, ch); err != nil {
		return out, err
	}
	out.Architectures, err = q.architectures(info, c.Revision)
	return out, err
}

// architectures returns the architectures of a revision, as upstream's answer about it names them. A device of another architecture may be
// refused the revision, so that each architecture of the snap is tried.
func (q *question) architectures(info *snap.InfoResponse, revision int) ([]string, error) {
	for _, arch := range architecturesOf(info) {
		results, err := q.Client.Resolve(q.ctx, arch, []snap.Action{{Name: info.Name, Revision: revision}})
		if err != nil {
			return nil, fmt.Errorf("ask the store upstream: %w", err)
		}
		if results[0].Error != nil || results[0].SnapID != info.SnapID {
			continue
		}
		archs := slices.Clone(results[0].Snap.Architectures)
		slices.Sort(archs)
		archs = slices.Compact(archs)
		if len(archs) == 0 || len(archs) > maxArchitectures || slices.ContainsFunc(archs, func(a string) bool { return snap.ValidateArchitecture(a) != nil }) {
			return nil, fmt.Errorf("%s revision %d: upstream names no valid architectures of it", info.Name, revision)
		}
		return archs, nil
	}
	return nil, &catalog.NotFoundError{What: fmt.Sprintf("revision %d of %s", revision, info.Name), Available: releases(info), Upstream: true}
}

// architecturesOf returns the architectures of a snap's releases.
func architecturesOf(info *snap.InfoResponse) []string {
	var list []string
	for i := range info.ChannelMap {
		if a := info.ChannelMap[i].Channel.Architecture; snap.ValidateArchitecture(a) == nil {
			list = append(list, a)
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	return list[:min(len(list), maxArchitectures)]
}

// results returns the new states in the order of the changes. A deletion that found no override shows the channel as upstream has it. If all
// changes are deletions that find nothing, they are an error.
func (q *question) results(plan []catalog.EdgeOverrideChange, done []catalog.Override) (out []catalog.Override, err error) {
	var nothing error
	for _, c := range plan {
		n := 0
		for n < len(done) && done[n].SnapID == c.SnapID && done[n].Channel == c.Channel && done[n].Revision == c.Revision {
			n++
		}
		out, done = append(out, done[:n]...), done[n:]
		if n > 0 || c.Revision > 0 {
			continue
		}
		tracking, err := q.tracking(c)
		nothing = cmp.Or(nothing, err)
		out = append(out, tracking...)
	}
	if len(out) > 0 {
		return out, nil
	}
	return nil, nothing
}

// tracking returns the state of a channel that has no override.
func (q *question) tracking(c catalog.EdgeOverrideChange) (list []catalog.Override, err error) {
	info, err := q.snap(c.Name)
	if err != nil {
		return nil, err
	}
	for _, arch := range architecturesOf(info) {
		if n := revisionOf(info, arch, c.Channel); n > 0 {
			list = append(list, catalog.Override{Name: c.Name, SnapID: info.SnapID, Architecture: arch, Channel: c.Channel, Upstream: n})
		}
	}
	if len(list) == 0 {
		return nil, &catalog.NotFoundError{What: "channel " + c.Channel + " of " + c.Name, Available: channels(info), Upstream: true}
	}
	return list, nil
}

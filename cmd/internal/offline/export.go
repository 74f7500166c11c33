package offline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/edge/api"
	"offlinestore/exporter"
	"offlinestore/upstream"
)

// newExporter prepares an export from the edge. It downloads no files: their addresses are known. It reads the archives of charms.
func (s *Step) newExporter() error {
	trust, err := s.in.Trust.Assertions()
	if err != nil {
		return err
	}
	s.exporter = &exporter.Exporter{Trust: trust, Progress: silence{}, Held: func(digest.Digest) bool { return true }, Registry: s.store.Registry(),
		Brought: func(dg digest.Digest) bool { return !s.archives[dg] }}
	if s.exporter.Client, err = s.store.Client(api.GivenPath); err != nil {
		return err
	}
	s.exporter.Charmhub = s.exporter.Client
	if err := os.Mkdir(s.work, 0o700); err != nil {
		return err
	}
	if s.exporter.Cache, err = exporter.OpenCache(s.work); err != nil {
		return err
	}
	for _, known := range []map[string]digest.Digest{s.held, s.blobs} {
		for sum, dg := range known {
			if err := s.exporter.Cache.Remember(sum, dg); err != nil {
				return err
			}
		}
	}
	return nil
}

// silence is an [exporter.Progress] that shows nothing.
type silence struct{}

// Downloading implements [exporter.Progress].
func (silence) Downloading(string) {}

// Add implements [exporter.Progress].
func (silence) Add(int64) {}

// Warn implements [exporter.Progress].
func (silence) Warn(string) {}

// planAll plans the import of the releases without a reason against it. One that can't be verified gets a reason, and the others stay.
func (s *Step) planAll(ctx context.Context, icons bool) error {
	for {
		plan, err := s.export(ctx, icons, s.kept(""))
		if err == nil {
			s.plan = plan
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		before := len(s.kept(""))
		for _, name := range s.blamed(err) {
			if s.tryEach(ctx, name); ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		if blamed := exporter.Blamed(err); len(s.kept("")) == before && len(blamed) > 0 { // each alone is good, but not together
			s.loseAll(blamed[0].Snap, reasonOf(err))
		}
		if len(s.kept("")) == before {
			return err
		}
	}
}

// blamed returns the snaps that an error may be about: all of them if it does not tell.
func (s *Step) blamed(err error) (names []string) {
	for _, item := range exporter.Blamed(err) {
		names = append(names, item.Snap)
	}
	if len(names) == 0 {
		for _, r := range s.kept("") {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// loseAll gives all releases of a snap a reason.
func (s *Step) loseAll(name, reason string) {
	for i := range s.given {
		if g := &s.given[i]; g.Name == name && g.reason == "" {
			g.reason = reason
		}
	}
}

// tryEach finds the releases of a snap that can't be verified.
func (s *Step) tryEach(ctx context.Context, name string) {
	for i := range s.given {
		if g := &s.given[i]; g.Name == name && g.reason == "" {
			if _, err := s.export(ctx, false, []api.Release{g.about}); err != nil {
				g.reason = reasonOf(err)
			}
		}
	}
}

func reasonOf(err error) string {
	if errors.Is(err, upstream.ErrUnavailable) {
		return "its assertions are not here, and the store upstream does not answer"
	}
	return fmt.Sprintf("%.300s", err.Error())
}

// kept returns the releases that can be kept: all, or the ones of a snap.
func (s *Step) kept(name string) (list []api.Release) {
	for _, g := range s.given {
		if g.reason == "" && (name == "" || g.Name == name) {
			list = append(list, g.about)
		}
	}
	return list
}

// export plans an export of releases, and verifies all assertions that it needs. With icons, it is the complete one, which has the charms, too.
func (s *Step) export(ctx context.Context, icons bool, list []api.Release) (*exporter.Plan, error) {
	req := exporter.Request{Packages: exporter.GivenPackages(list), NoDeps: true, NoIcons: !icons}
	if charms := s.keptCharms(); icons && len(charms) > 0 {
		req.Charms = s.charmRequest(charms)
	}
	if len(list) == 0 && req.Charms == nil {
		return nil, nil
	}
	plan, err := s.exporter.Plan(ctx, req)
	if err != nil {
		return nil, err
	}
	if !icons {
		return plan, s.exporter.FetchAssertions(ctx, plan)
	}
	return plan, s.exporter.Fetch(ctx, plan)
}
